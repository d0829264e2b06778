"""Figures of models as short texts in the reader's language."""

from collections.abc import Mapping
from typing import Any

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

_FIGURES = {
    "first_token_ms": gettext_lazy("first word after %(n)s ms"),
    "tokens_per_s": gettext_lazy("%(n)s tokens/s"),
    "passages_per_s": gettext_lazy("%(n)s passages/s"),
    "query_ms": gettext_lazy("a question in %(n)s ms"),
    "pairs_per_s": gettext_lazy("%(n)s pairs/s"),
    "steps_per_s": gettext_lazy("%(n)s drawing steps/s"),
    "side": gettext_lazy("at %(n)s × %(n)s pixels"),
    "load_s": gettext_lazy("loaded in %(n)s s"),
}


def figures(benchmark: Mapping[str, Any]) -> list[str]:
    """Return the figures of a benchmark, each with its unit."""
    found = []
    for name, value in benchmark.items():
        text = _figure(name, value)
        if text:
            found.append(text)
    return found


def _figure(name: str, value: Any) -> str:
    if not isinstance(value, int | float):
        return ""
    number = number_format(value, 0 if value >= 100 or value == round(value) else 1)  # noqa: PLR2004 -- 12.3, 123
    return str(_FIGURES[name]) % {"n": number} if name in _FIGURES else ""


def trial(result: Mapping[str, Any]) -> str:
    """Return what a test brought, as one sentence."""
    if said := result.get("said"):
        return _("It said: “%(said)s”") % {"said": said}
    if "near" in result:
        params = {"near": number_format(result["near"], 2), "far": number_format(result["far"], 2)}
        return _("Related sentences %(near)s, unrelated ones %(far)s.") % params
    if "side" in result:
        params = {"side": number_format(result["side"]), "seconds": number_format(result["seconds"], 1)}
        return _("It drew a picture of %(side)s × %(side)s pixels; with loading that took %(seconds)s s.") % params
    if "adapter" in result:
        return _("Its files are as they were added, and its content is that of an adapter of this kind.")
    return ""
