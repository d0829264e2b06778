"""How to search: what a library saves, a test page tries out and an evaluation compares. Plain Python."""

from dataclasses import dataclass, field
from datetime import date
from typing import Literal
from uuid import UUID

Legs = Literal["both", "dense", "lexical"]
Method = Literal["convex", "rrf"]


@dataclass(frozen=True, slots=True)
class Filters:
    """Which chunks may be found at all, beside the access filter. Everything that is set must hold.

    `tags`, `types`, `folders` and `documents` are alternatives each; `phrases` must all stand in the chunk's text,
    `excluded` terms and phrases must not.
    """

    tags: tuple[str, ...] = ()
    types: tuple[str, ...] = ()  # media types
    folders: tuple[str, ...] = ()  # with what lies below them
    documents: tuple[UUID, ...] = ()
    after: date | None = None  # the document's date: created on that day or later …
    before: date | None = None  # … or earlier
    phrases: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()

    def __bool__(self) -> bool:
        return self != Filters()


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search. The defaults are measured (docs/adr/0004); `dense_weight` is the vectors' share, 0 to 1."""

    method: Method = "convex"
    dense_weight: float = 0.55
    depth: int = 100  # chunks that each leg brings into the fusion
    legs: Legs = "both"
    threshold: float = 0.0  # least fused score of a passage, 0 to 1
    rerank: bool = True  # by the default rerank model, where there is one
    rerank_depth: int = 30  # passages that it reads
    diversity: float = 0.0  # 0: by score alone; 1: as different documents as can be
    freshness: float = 0.0  # share of the score that a document's age decides, 0 to 1
    filters: Filters = field(default_factory=Filters)
