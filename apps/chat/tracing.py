"""How an answer was made, as its asker sees it: a waterfall of stages, each with what went in and came out."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.chat.closed import closed_documents
from apps.chat.models import AnswerTrace, Message
from apps.libraries.lexical import WORD_MARK
from apps.users.models import User

LEAST_WIDTH = 0.6  # per cent of the bar: a fast stage is still seen
LABELS: dict[str, str | Promise] = {
    "condense": _("Read the question"),
    "curated": _("Look for a curated answer"),
    "search": _("Search"),
    "terms": _("Terms of the question"),
    "embed": _("Vector of the question"),
    "embedding": _("Vector of the question"),
    "legs": _("Vectors and words"),
    "fusion": _("Fuse the scores"),
    "rank": _("Rank"),
    "ranking": _("Rank"),
    "links": _("Follow names"),
    "rerank": _("Rerank"),
    "loading": _("Load the passages"),
    "prompt": _("Choose the passages"),
    "first_token": _("Until the first word"),
    "generate": _("Write the answer"),
    "sentences": _("Check the sentences"),
    "support": _("Support of the question"),
    "grounding": _("Check the sentences"),
}
FACTS: dict[str, str | Promise] = {
    "asked": _("Asked"),
    "searched": _("Searched for"),
    "turns": _("Earlier questions"),
    "support": _("Support of the question"),
    "language": _("Language"),
    "answers": _("Curated answers compared"),
    "prompt_tokens": _("Tokens in the prompt"),
    "trimmed_turns": _("Earlier questions left out"),
    "tokens": _("Tokens written"),
    "mode": _("Way"),
    "quotes": _("Quotes"),
    "refused": _("Refused"),
    "part": _("Part of the comparison"),
    "rewritten": _("Rewritten"),
    "given": _("Given"),
    "dense": _("Found by vectors"),
    "lexical": _("Found by words"),
    "both": _("Found by both"),
    "chunks": _("Passages searched"),
    "libraries": _("Libraries"),
    "candidates": _("Passages compared"),
    "legs.searched": _("Searched by"),
    "read": _("Passages read"),
    "method": _("Method"),
    "dense_weight": _("Share of the vectors"),
    "signs": _("Signs"),
    "depth": _("Candidates of each"),
    "k": _("Passages wanted"),
    "plan": _("Plan"),
    "model": _("Model"),
    "named": _("Named documents"),
    "freshness": _("Freshness"),
    "parts": _("Compared"),
}
FILTERS: dict[str, str | Promise] = {
    "tags": _("Tag"),
    "types": _("Type"),
    "folders": _("Folder"),
    "places": _("Place"),
    "after": _("Added on or after"),
    "before": _("Added on or before"),
    "phrases": _("With the words"),
    "preferred": _("First with the words"),
    "excluded": _("Without"),
}
VALUES: dict[str, str | Promise] = {
    "legs.searched.both": _("Both"),
    "legs.searched.dense": _("Meaning"),
    "legs.searched.lexical": _("Words"),
    "fusion.method.convex": _("Scores"),
    "fusion.method.rrf": _("Ranks"),
    "generate.mode.quote": _("Quotes only"),
    "generate.mode.generate": _("Written answer"),
    "search.language.zh": _("Chinese"),
    "search.language.en": _("English"),
    "support.signs.nearness": _("nearest in meaning"),
    "support.signs.words": _("words"),
    "support.signs.coverage": _("terms that stand there"),
    "support.signs.names": _("names and numbers"),
    "support.signs.title": _("title"),
    "support.signs.links": _("Named documents"),
    "support.signs.apart": _("ahead of the rest"),
    "support.signs.unnamed": _("names nothing"),
    "support.signs.quoted_nearness": _("nearest sentence"),
    "support.signs.quoted_coverage": _("terms in the sentences"),
}
AGAINST: dict[str, str | Promise] = {
    "cosine": _("meaning"),
    "language": _("language"),
    "numbers": _("numbers"),
    "codes": _("names and codes"),
    "negation": _("negation"),
    "opposites": _("opposites"),
    "kind": _("what is asked for"),
    "words": _("words"),
}
PASSAGES = ("passages", "given")  # facts that name documents
TABLES = frozenset({"passages", "nearest", "sentences", "terms", "filters", "given", "scores"})  # drawn in another way


@dataclass(frozen=True, slots=True)
class Line:
    """A stage: where its bar begins and how wide it is, in per cent; `depth` 1 is a part of the stage above it."""

    name: str
    label: str | Promise
    milliseconds: float
    start: float
    width: float
    depth: int
    facts: Mapping[str, Any]

    @property
    def plain(self) -> list[tuple[str, Any]]:
        """Return the facts that are shown as label and value."""
        inner = self.name.rpartition(".")[2]
        return [
            (
                str(FACTS.get(f"{inner}.{name}", FACTS.get(name, name.replace("_", " ")))),
                _shown(value, f"{inner}.{name}."),
            )
            for name, value in self.facts.items()
            if value not in (None, "", [], {}, False) and (name not in TABLES or isinstance(value, str))
        ]

    @property
    def terms(self) -> list[dict[str, Any]]:
        """Return the terms of the question with their weights, the most telling first."""
        rows = [_term(each) for each in _items(self.facts.get("terms"))]
        top = max((float(row["idf"]) for row in rows), default=0.0) or 1.0
        ordered = sorted(rows, key=lambda row: -float(row["idf"]))
        return [row | {"percent": round(100 * float(row["idf"]) / top)} for row in ordered]

    @property
    def filters(self) -> list[tuple[str, str]]:
        """Return the filters as name and value."""
        found = self.facts.get("filters")
        if not isinstance(found, Mapping):
            return []
        return [(str(FILTERS.get(name, name)), _shown(value)) for name, value in found.items()]

    @property
    def passages(self) -> list[dict[str, Any]]:
        """Return the table of what was found."""
        return [each for each in _items(self.facts.get("passages")) if isinstance(each, dict)]

    @property
    def given(self) -> list[dict[str, Any]]:
        """Return the passages that were read."""
        return [each for each in _items(self.facts.get("given")) if isinstance(each, dict)]

    @property
    def nearest(self) -> list[dict[str, Any]]:
        """Return the wordings of curated answers that were compared."""
        rows = [each for each in _items(self.facts.get("nearest")) if isinstance(each, dict)]
        return [row | {"against": AGAINST.get(str(row.get("against")), row.get("against"))} for row in rows]

    @property
    def sentences(self) -> list[dict[str, Any]]:
        """Return the support of each sentence."""
        rows = [each for each in _items(self.facts.get("sentences")) if isinstance(each, dict)]
        return [row | {"percent": round(100 * float(row.get("support") or 0))} for row in rows]


@dataclass(frozen=True, slots=True)
class Trace:
    """All stages of an answer, and how long they took together."""

    lines: Sequence[Line]
    milliseconds: float


def trace_of(message: Message, reader: User) -> Trace:
    """Return how an answer was made, without passages closed to the reader; no lines where that was not kept."""
    stored = AnswerTrace.objects.filter(message=message).values_list("stages", flat=True).first() or []
    stored = _without_closed(stored, reader)
    outer = [stage for stage in stored if "." not in stage["name"]]
    total = sum(float(stage["milliseconds"]) for stage in outer)
    lines: list[Line] = []
    at = inner_at = 0.0
    for stage in stored:
        milliseconds, is_part = float(stage["milliseconds"]), "." in stage["name"]
        start = inner_at if is_part else at
        lines.append(_line(stage, start, total))
        if is_part:
            inner_at += milliseconds
        else:
            inner_at, at = at, at + milliseconds
    return Trace(lines, round(total, 1))


def _without_closed(stages: Sequence[Mapping[str, Any]], reader: User) -> list[Mapping[str, Any]]:
    rows = [row for stage in stages for name in PASSAGES for row in _items(stage["facts"].get(name))]
    closed = closed_documents(reader, (row for row in rows if isinstance(row, dict)))
    return [{**stage, "facts": _open_facts(stage["facts"], closed)} for stage in stages] if closed else list(stages)


def _open_facts(facts: Mapping[str, Any], closed: Collection[str]) -> dict[str, Any]:
    return {
        name: [row for row in value if not (isinstance(row, dict) and row.get("document_id") in closed)]
        if name in PASSAGES and isinstance(value, list)
        else value
        for name, value in facts.items()
    }


def _line(stage: Mapping[str, Any], start: float, total: float) -> Line:
    name = str(stage["name"])
    inner = name.rpartition(".")[2]
    milliseconds = float(stage["milliseconds"])
    whole = total or 1.0
    left = min(100 - LEAST_WIDTH, 100 * start / whole)
    width = min(max(LEAST_WIDTH, 100 * milliseconds / whole), 100 - left)
    label = LABELS.get(inner, inner.replace("_", " ").capitalize())
    return Line(name, label, round(milliseconds, 1), round(left, 2), round(width, 2), int("." in name), stage["facts"])


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _term(each: Any) -> dict[str, Any]:
    """Return a term, its idf and the number of its passages: from [term, idf, chunks] or a mapping."""
    if isinstance(each, dict):
        row = {"term": each.get("term", ""), "idf": each.get("idf") or 0, "chunks": each.get("chunks")}
    elif isinstance(each, list):
        term, idf, chunks = (*each, None, None)[:3]
        row = {"term": term, "idf": idf or 0, "chunks": chunks}
    else:
        row = {"term": each, "idf": 0, "chunks": None}
    return row | {"term": str(row["term"]).removeprefix(WORD_MARK)}


def _shown(value: Any, at: str = "") -> str:
    """Return a value as people read it; `at` is where VALUES has words for it, `stage.fact.`."""
    if value is True:
        return str(_("yes"))
    if isinstance(value, float):
        return f"{value:.3f}".rstrip("0").rstrip(".")
    if isinstance(value, Mapping):
        return ", ".join(f"{VALUES.get(at + name, name)}: {_shown(each)}" for name, each in value.items())
    if isinstance(value, list):
        return ", ".join(_shown(each) for each in value)
    return str(VALUES.get(f"{at}{value}", value))
