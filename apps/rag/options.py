"""How to search: what a library saves, a test page tries out and an evaluation compares. Plain Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import date
from typing import Any, Literal, get_args
from uuid import UUID

Legs = Literal["both", "dense", "lexical"]
Method = Literal["convex", "rrf"]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which chunks may be found at all, beside the access filter. Everything that is set must hold.

    `tags`, `types`, `folders`, `places` and `documents` are alternatives each; `phrases` must all stand in what is
    searched of the chunk (its text, headings, keywords and the document's name), `excluded` terms and phrases must not.
    """

    tags: tuple[str, ...] = ()
    types: tuple[str, ...] = ()  # media types, their families ("sheet") or suffixes of names ("docx")
    folders: tuple[str, ...] = ()  # with what lies below them
    documents: tuple[UUID, ...] = ()
    after: date | None = None  # the document's date: created on that day or later …
    before: date | None = None  # … or earlier
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    places: tuple[str, ...] = ()  # a folder, or a part of a document's name
    preferred: tuple[str, ...] = ()  # phrases like `phrases`, but where too few have them, others follow
    also: tuple["Filters", ...] = ()  # further filters that must hold

    def __bool__(self) -> bool:
        return self != Filters()


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search. The defaults are measured (docs/adr/0024); `dense_weight` is the vectors' share, 0 to 1."""

    method: Method = "convex"
    dense_weight: float = 0.75
    depth: int = 100  # chunks that each leg brings into the fusion
    legs: Legs = "both"
    links: float = 0.25  # share of a passage's score that lifts the documents which it names, 0 to 1
    threshold: float = 0.0  # least fused score of a passage, 0 to 1
    rerank: bool = True  # by the default rerank model, where there is one
    rerank_depth: int = 30  # passages that it reads
    diversity: float = 0.0  # 0: by score alone; 1: as different documents as can be
    freshness: float = 0.0  # share of the score that a document's age decides, 0 to 1
    filters: Filters = field(default_factory=Filters)


@dataclass(frozen=True, slots=True)
class SearchSettings:
    """What a library saves (`Library.search`). `passages` is what an answer reads; None: what the installation says.

    A strict answer has no sentence that its passages do not bear out, and is refused sooner.
    """

    options: SearchOptions = field(default_factory=SearchOptions)
    passages: int | None = None
    is_strict: bool = False


LIMITS: Mapping[str, tuple[float, float]] = {
    "dense_weight": (0, 1),
    "depth": (10, 500),
    "links": (0, 1),
    "threshold": (0, 1),
    "rerank_depth": (5, 100),
    "diversity": (0, 1),
    "freshness": (0, 1),
    "passages": (1, 30),
}
CHOICES: Mapping[str, tuple[str, ...]] = {"method": get_args(Method), "legs": get_args(Legs)}
WHOLE = frozenset({"depth", "rerank_depth", "passages"})  # the others are shares
_OPTIONS = tuple(each.name for each in fields(SearchOptions) if each.name != "filters")
_DEFAULTS = SearchSettings()


def as_json(settings: SearchSettings) -> dict[str, Any]:
    """Return what is stored: what differs from the defaults alone, so that better defaults reach every library."""
    options = {name: getattr(settings.options, name) for name in _OPTIONS}
    stored = {name: value for name, value in options.items() if value != getattr(_DEFAULTS.options, name)}
    if settings.passages is not None:
        stored["passages"] = settings.passages
    return stored | ({"strict": True} if settings.is_strict else {})


def stored_settings(stored: Mapping[str, Any]) -> SearchSettings:
    """Return settings as they were stored; what is unknown or out of its range is at its default."""
    options = {name: stored[name] for name in _OPTIONS if name in stored and is_valid(name, stored[name])}
    passages = stored.get("passages")
    return SearchSettings(
        SearchOptions(**options),
        passages if is_valid("passages", passages) else None,
        stored.get("strict") is True,
    )


def agreed(several: Sequence[SearchSettings]) -> SearchSettings:
    """Return the settings for a search in several libraries: those they agree on, the others at their defaults.

    One strict library makes the answer strict: whoever made it so relies on that.
    """
    if not several:
        return _DEFAULTS
    rows = [as_json(settings) for settings in several]
    same = {name: value for name, value in rows[0].items() if all(row.get(name) == value for row in rows)}
    return stored_settings(same | {"strict": any(settings.is_strict for settings in several)})


def is_valid(name: str, value: object) -> bool:
    """Return whether a setting may have this value."""
    if name in CHOICES:
        return value in CHOICES[name]
    if name == "rerank":
        return isinstance(value, bool)
    if name not in LIMITS or isinstance(value, bool) or not isinstance(value, int | float):
        return False
    least, most = LIMITS[name]
    return least <= value <= most and (isinstance(value, int) or name not in WHOLE)


def filters_as_json(filters: Filters) -> dict[str, Any]:
    """Return the filters that are set, as JSON values."""
    values = {each.name: getattr(filters, each.name) for each in fields(Filters)}
    return {name: _plain(value) for name, value in values.items() if value}


def stored_filters(stored: Mapping[str, Any]) -> Filters:
    """Return filters from their JSON. Raises ValueError for what `filters_as_json` never gives."""
    names = ("tags", "types", "folders", "places", "phrases", "preferred", "excluded")
    values: dict[str, Any] = {name: tuple(stored[name]) for name in names if name in stored}
    values |= {name: date.fromisoformat(stored[name]) for name in ("after", "before") if name in stored}
    values["documents"] = tuple(UUID(each) for each in stored.get("documents", ()))
    values["metadata"] = tuple((key, value) for key, value in stored.get("metadata", ()))
    values["also"] = tuple(stored_filters(each) for each in stored.get("also", ()))
    return Filters(**values)


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain_part(each) for each in value]
    return value.isoformat() if isinstance(value, date) else value


def _plain_part(value: Any) -> Any:
    if isinstance(value, Filters):
        return filters_as_json(value)
    return list(value) if isinstance(value, tuple) else str(value)
