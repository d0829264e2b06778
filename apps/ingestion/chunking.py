"""The rule by which a library's documents are cut: its strategy and sizes, as stored in `Library.chunking`."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast, get_args

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError
from apps.ingestion.splitting import RESERVED_TOKENS
from apps.libraries.models import Library
from apps.libraries.types import text_digest

Strategy = Literal["structure", "parent_child", "row", "qa", "whole"]
STRATEGIES = cast("tuple[Strategy, ...]", get_args(Strategy))
NAMES: Mapping[Strategy, Promise] = {
    "structure": _("By structure"),
    "parent_child": _("Parent and child"),
    "row": _("One row each"),
    "qa": _("Questions and answers"),
    "whole": _("Whole document"),
}
HINTS: Mapping[Strategy, Promise] = {
    "structure": _("Follows headings, paragraphs, tables and code. Right for most documents."),
    "parent_child": _("Small passages are searched, and the larger section around a found one is read."),
    "row": _("Each row of a table is a passage with the names of its columns. Right for lists and exports."),
    "qa": _("Each question with its answer is a passage. Right for FAQs; other text is cut by structure."),
    "whole": _("A document that fits the model is one passage. Right for notes and short messages."),
}
TARGET_MIN = 32
OVERLAP_SHARE = 3  # a chunk repeats at most a third of the one before it
PARENT_MIN, PARENT_MAX, PARENT_DEFAULT = 200, 4_000, 1_200
CHILD_DEFAULT = 128
VERSION = 1  # raise it when the same rule cuts differently


class RuleInvalid(AppError):
    """A rule for cutting cannot be like this."""

    status = 400
    code = "chunking-invalid"
    title = _("Documents cannot be cut like this")
    detail = _("“%(name)s” must be between %(least)s and %(most)s tokens. Nothing was changed.")


class StrategyUnknown(AppError):
    """There is no such strategy."""

    status = 400
    code = "chunking-unknown"
    title = _("There is no such way of cutting")
    detail = _("Choose one of the ways that the list offers.")


@dataclass(frozen=True, slots=True)
class Rule:
    """How documents are cut; sizes in tokens of the embedding model.

    `parent_tokens` counts for parent and child only: what is read around a found passage of `target_tokens`.
    """

    strategy: Strategy
    target_tokens: int
    overlap_tokens: int
    parent_tokens: int = PARENT_DEFAULT

    @property
    def digest(self) -> str:
        """Return what tells this rule from others."""
        return text_digest(f"{VERSION}:{sorted(asdict(self).items())}")[:32]

    def as_json(self) -> dict[str, Any]:
        """Return what is stored in `Library.chunking`."""
        return asdict(self)


def default_rule(strategy: Strategy = "structure") -> Rule:
    """Return a strategy with the sizes of the settings; children are smaller."""
    target, overlap = settings.ENV.chunk_tokens, settings.ENV.chunk_overlap_tokens
    if strategy == "parent_child":
        return Rule(strategy, min(target, CHILD_DEFAULT), 0)
    return Rule(strategy, target, min(overlap, target // OVERLAP_SHARE))


def rule_of(library: Library) -> Rule:
    """Return a library's rule; what is not stored, or cannot be used any more, is the default."""
    return stored_rule(library.chunking)


def stored_rule(stored: Mapping[str, Any]) -> Rule:
    """Return a rule as it was stored, the default one for nothing or for what a later release wrote."""
    try:
        return make_rule(stored, max_tokens=None) if stored else default_rule()
    except AppError:
        return default_rule()


def make_rule(given: Mapping[str, Any], *, max_tokens: int | None) -> Rule:
    """Return the rule of a form or of JSON. Raises StrategyUnknown or RuleInvalid.

    `max_tokens` is the embedding model's; None checks the target against nothing: chunks are made to fit anyway.
    """
    strategy = given.get("strategy") or "structure"
    if strategy not in STRATEGIES:
        raise StrategyUnknown
    base = default_rule(strategy)
    most = target_limit(max_tokens) if max_tokens else 100_000
    target = _number(given, "target_tokens", base.target_tokens, (TARGET_MIN, most), _("Size of a passage"))
    overlaps = (0, target // OVERLAP_SHARE)
    overlap = _number(given, "overlap_tokens", min(base.overlap_tokens, overlaps[1]), overlaps, _("Overlap"))
    parents = (max(PARENT_MIN, target), max(PARENT_MAX, target))
    parent = _number(given, "parent_tokens", max(PARENT_DEFAULT, target), parents, _("Size of a section"))
    return Rule(strategy, target, overlap, parent)


def target_limit(max_tokens: int) -> int:
    """Return the largest passage for a model that reads `max_tokens`; its place in the document needs room too."""
    return max(TARGET_MIN, max_tokens - RESERVED_TOKENS)


def _number(given: Mapping[str, Any], key: str, default: int, limits: tuple[int, int], name: Promise) -> int:
    value = given.get(key)
    if value in (None, ""):
        return min(max(default, limits[0]), limits[1])
    text = str(value).strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 7 and limits[0] <= int(text) <= limits[1]):  # noqa: PLR2004
        raise RuleInvalid(name=str(name), least=limits[0], most=limits[1])
    return int(text)
