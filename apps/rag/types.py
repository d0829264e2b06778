"""The values of the answer pipeline. Plain Python."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from apps.libraries.types import Box

Mode = Literal["generate", "quote"]
Language = Literal["zh", "en"]


@dataclass(frozen=True, slots=True)
class Scope:
    """Where to search. What is in it was checked by a gate; the SQL filters by it as well.

    `readable` names the libraries and the places in them whose documents may be read (`libraries.rights`); None is all
    that is in the libraries, for work of the system and never for a person. `is_partial`: something in the libraries
    is not readable.
    """

    team_id: UUID
    library_ids: tuple[UUID, ...]
    readable: tuple[UUID, ...] | None
    is_partial: bool = False

    @property
    def shared(self) -> tuple[UUID, ...]:
        """Return the libraries whose own rights hold, not only those of some places in them."""
        return tuple(each for each in self.library_ids if self.readable is None or each in self.readable)

    @classmethod
    def whole(cls, team_id: UUID, library_ids: tuple[UUID, ...]) -> "Scope":
        """Return all of the libraries: for work of the system, never for a person."""
        return cls(team_id, library_ids, None)


@dataclass(frozen=True, slots=True)
class Section:
    """What is read in place of a found chunk: its parent."""

    section_id: UUID
    text: str
    heading_path: tuple[str, ...] = ()
    page_from: int | None = None
    page_to: int | None = None
    char_from: int = 0
    char_to: int = 0


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk that was found, with the evidence for it.

    `score` is what ranks it, about 0..1, and `parts` what it is made of, by name ("vectors", "words", "links",
    "freshness", "rerank"); `cosine` is that of the vectors (-1..1), `bm25` the lexical score (0 and up), `rerank` that
    of the rerank model (0..1). The ranks count from 1 and are None where a leg did not find the chunk.
    """

    chunk_id: UUID
    document_id: UUID
    version_id: UUID
    library_id: UUID
    document_name: str
    text: str
    heading_path: tuple[str, ...] = ()
    ordinal: int = 0
    page_from: int | None = None
    page_to: int | None = None
    boxes: tuple[Box, ...] = ()
    char_from: int = 0
    char_to: int = 0
    score: float = 0.0
    cosine: float | None = None
    bm25: float | None = None
    dense_rank: int | None = None
    lexical_rank: int | None = None
    matched_terms: tuple[str, ...] = ()
    section: Section | None = None
    rerank: float | None = None
    parts: tuple[tuple[str, float], ...] = ()

    @property
    def reading(self) -> str:
        """Return what the model reads: the section where there is one, else the chunk itself."""
        return self.section.text if self.section else self.text


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of a search or an answer, for the trace: its time, and its inputs and outputs as JSON values."""

    name: str
    milliseconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Found:
    """What a search gave: passages, best first, and the calibrated support of the question by both legs (0..1).

    `signs` are what that support was told by (`rag.support.Signs`); `idf` holds the terms of the question and how rare
    each is in what was searched. `said` is the question with the synonyms that the passages have for its terms; empty:
    as it was asked.
    """

    passages: tuple[Passage, ...]
    support: float
    language: Language
    milliseconds: float = 0.0
    stages: tuple[Stage, ...] = ()
    signs: Mapping[str, float] = field(default_factory=dict)
    idf: Mapping[str, float] = field(default_factory=dict)
    said: str = ""


@dataclass(frozen=True, slots=True)
class Cite:
    """One citation of an answer: the number shown, and the passage, and the words it leans on.

    `support` says how well the passage bears out the weakest sentence that cites it, 0..1; None where none was judged.
    """

    number: int
    passage: Passage
    quote: str = ""
    support: float | None = None
    curated_id: UUID | None = None  # of the curated answer that stands in for the passage


@dataclass(frozen=True, slots=True)
class Curated:
    """An answer that an editor wrote for this very question; it is given in place of a search.

    `matched` is the wording that the question is close to, `likeness` how sure that is (0..1).
    """

    curated_id: UUID
    library_id: UUID
    library: str
    question: str
    matched: str
    answer: str  # markdown
    likeness: float
    cosine: float
    author: str  # who changed it last
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of an answer with how well its cited passages bear it out.

    `start` and `end` are offsets in the answer's text; `support` is calibrated, 0..1; a `removed` sentence (strict
    mode) is not in the text any more and has start == end.
    """

    start: int
    end: int
    support: float
    state: Literal["supported", "weak", "unsupported", "removed", "plain"]  # plain: claims nothing (a heading, code)
    numbers: tuple[int, ...] = ()  # the citations it leans on
    text: str = ""  # of a removed one


@dataclass(frozen=True, slots=True)
class Condensed:
    """The question as it was searched for; differs from the one asked where a follow-up was rewritten.

    `is_corrected`: the asker wrote it. `parts`: the questions that a comparison was split into, each searched for.
    `operators`: the pieces of the question that narrowed the search (`asking`), as they were written.
    """

    question: str
    was_rewritten: bool = False
    is_corrected: bool = False
    parts: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Retrieved:
    """The passages given to the model (or quoted from), numbered from 1 in this order."""

    found: Found
    passages: tuple[Passage, ...]
    libraries: int
    trimmed_turns: int = 0  # oldest turns of the history that no longer fit the context
    mode: Mode = "generate"  # what answers, chosen by the question's language where the mode is automatic


@dataclass(frozen=True, slots=True)
class Delta:
    """A piece of the answer's markdown, to be appended."""

    text: str
    tokens: int = 0


@dataclass(frozen=True, slots=True)
class Finished:
    """The whole answer with citation marks `[n]`, only of passages that were really given."""

    text: str
    citations: tuple[Cite, ...]
    is_refusal: bool = False
    prompt_tokens: int = 0
    output_tokens: int = 0
    seconds: dict[str, float] = field(
        default_factory=dict
    )  # per stage: condense, search, prompt, first_token, generate
    sentences: tuple[Sentence, ...] = ()
    stages: tuple[Stage, ...] = ()
    curated: Curated | None = None


Step = Condensed | Curated | Retrieved | Delta | Finished


@dataclass(frozen=True, slots=True)
class Exchange:
    """One earlier question and its answer."""

    question: str
    answer: str


History = Sequence[Exchange]
