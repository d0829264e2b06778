"""What helps to fill in the axes of a grid: an example of the values, and the values to choose from."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _

from apps.catalog.models import AIModel
from apps.images.grammar.samplers import SAMPLERS, SCHEDULES
from apps.images.models import Style

_EXAMPLES: Mapping[str, str] = {
    "steps": "10, 20, 30",
    "guidance": "1-9 (+2)",
    "seed": "1-4",
    "strength": "0.3-0.9 [4]",
    "variation_strength": "0-0.6 [4]",
    "lora_weight": "0, 0.5, 1",
    "size": "512x512, 512x768",
    "clip_skip": "1-2",
}


def axis_hints(models: Sequence[AIModel], styles: Sequence[Style]) -> dict[str, dict[str, Any]]:
    """Return by kind of axis {"example": text, "choices": [[value, label], …]}; choices only where names are asked."""
    named: Mapping[str, list[tuple[str, str]]] = {
        "sampler": [(each.label, each.label) for each in SAMPLERS.values()],
        "schedule": [(each.label, each.label) for each in SCHEDULES.values()],
        "model": [(model.name, model.title) for model in models],
        "style": [(style.name, style.name) for style in styles],
    }
    hints: dict[str, dict[str, Any]] = {kind: {"example": text, "choices": []} for kind, text in _EXAMPLES.items()}
    hints["prompt_sr"] = {"example": _("red, blue, green: the first stands in the prompt"), "choices": []}
    for kind, choices in named.items():
        hints[kind] = {"example": ", ".join(value for value, _label in choices[:2]), "choices": choices}
    return hints
