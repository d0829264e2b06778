"""How an answer is made, stage by stage: the time of each, and what went in and came out. Plain Python."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from apps.rag.options import Filters
from apps.rag.types import Condensed, Found, Passage, Sentence, Stage

SHOWN_PASSAGES = 20  # of a search; a trace is read by people
SHOWN_CHARS = 160  # of a passage
SHOWN_TERMS = 6  # matched ones of a passage


@dataclass(slots=True)
class Stopwatch:
    """Seconds per stage, each of which ends where the next begins, and the stages with their facts."""

    seconds: dict[str, float] = field(default_factory=dict)
    last: float = field(default_factory=time.perf_counter)
    kept: list[Stage] = field(default_factory=list)

    def lap(self, stage: str, **facts: Any) -> None:
        """End a stage; `facts` are JSON values. A stage that comes again adds to its first time."""
        now = time.perf_counter()
        seconds = now - self.last
        self.seconds[stage] = round(self.seconds.get(stage, 0.0) + seconds, 4)
        self.kept.append(Stage(stage, round(seconds * 1000, 2), facts))
        self.last = now

    def within(self, stages: Sequence[Stage]) -> None:
        """Add the parts of the stage that ended last; they are named after it, `search.terms`."""
        outer = self.kept[-1].name
        self.kept += [Stage(f"{outer}.{part.name}", part.milliseconds, part.facts) for part in stages]

    @property
    def stages(self) -> tuple[Stage, ...]:
        """Return the stages so far."""
        return tuple(self.kept)


def facts_of_condensed(asked: str, condensed: Condensed, turns: int) -> dict[str, Any]:
    """Return what became of the question; `turns` is the number of earlier exchanges."""
    facts = {"asked": asked, "searched": condensed.question, "rewritten": condensed.was_rewritten, "turns": turns}
    return facts | ({"parts": list(condensed.parts)} if condensed.parts else {})


def facts_of_found(found: Found, filters: Filters | None = None) -> dict[str, Any]:
    """Return what a search gave: support, language and the scores of the best passages."""
    facts: dict[str, Any] = {
        "support": round(found.support, 4),
        "language": found.language,
        "passages": [facts_of_passage(rank, each) for rank, each in enumerate(found.passages[:SHOWN_PASSAGES], 1)],
    }
    return facts | ({"filters": _plain(asdict(filters))} if filters else {})


def facts_of_passage(rank: int, passage: Passage) -> dict[str, Any]:
    """Return a passage's place, scores and beginning."""
    return {
        "rank": rank,
        "document": passage.document_name,
        "document_id": str(passage.document_id),
        "chunk_id": str(passage.chunk_id),
        "page": passage.page_from,
        "score": round(passage.score, 4),
        "cosine": None if passage.cosine is None else round(passage.cosine, 4),
        "bm25": None if passage.bm25 is None else round(passage.bm25, 3),
        "dense_rank": passage.dense_rank,
        "lexical_rank": passage.lexical_rank,
        "terms": list(passage.matched_terms[:SHOWN_TERMS]),
        "text": " ".join(passage.text.split())[:SHOWN_CHARS],
    }


def facts_of_given(passages: Sequence[Passage]) -> dict[str, Any]:
    """Return which passages are read, by number."""
    return {
        "given": [
            {"number": number, "document": each.document_name, "page": each.page_from, "characters": len(each.reading)}
            for number, each in enumerate(passages, 1)
        ]
    }


def facts_of_sentences(sentences: Sequence[Sentence]) -> dict[str, Any]:
    """Return how well each sentence is borne out."""
    return {
        "sentences": [
            {"state": each.state, "support": round(each.support, 3), "numbers": list(each.numbers)}
            for each in sentences
            if each.state != "plain"
        ]
    }


def _plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters that are set, as JSON values."""
    return {
        name: [str(each) for each in value] if isinstance(value, tuple) else str(value)
        for name, value in values.items()
        if value
    }
