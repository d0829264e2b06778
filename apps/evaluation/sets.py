"""Evaluation sets: a folder with `corpus.jsonl` {id,title,text} and `queries.jsonl` {id,text,gold,answers}."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


class SetUnreadable(Exception):
    """The folder is no evaluation set; the text says why in one sentence."""


@dataclass(frozen=True, slots=True)
class Source:
    """One entry of the corpus, which becomes one document."""

    id: str
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class Question:
    """One query. `gold` names the entries that answer it; empty: nothing in the corpus does."""

    id: str
    text: str
    gold: tuple[str, ...]
    answers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class EvaluationSet:
    """A corpus and its questions."""

    sources: tuple[Source, ...]
    questions: tuple[Question, ...]


def load(folder: Path, *, limit: int | None = None) -> EvaluationSet:
    """Return the set of a folder, with the first `limit` questions and the whole corpus. Raises SetUnreadable."""
    sources = tuple(
        Source(str(row["id"]), str(row.get("title") or ""), str(row.get("text") or ""))
        for row in _rows(folder / "corpus.jsonl", "id", "text")
    )
    questions = tuple(
        Question(
            str(row.get("id", number)),
            str(row["text"]),
            tuple(map(str, row.get("gold") or ())),
            tuple(map(str, row.get("answers") or ())),
        )
        for number, row in enumerate(_rows(folder / "queries.jsonl", "text"))
    )
    return EvaluationSet(sources, questions if limit is None else questions[:limit])


def _rows(path: Path, *needed: str) -> Iterator[dict[str, Any]]:
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SetUnreadable(f"{path} cannot be read: {error}.") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise SetUnreadable(f"{path}, line {number}: not JSON.") from error
        if not isinstance(row, dict) or any(key not in row for key in needed):
            raise SetUnreadable(f"{path}, line {number}: an object with {', '.join(needed)} is needed.")
        yield row
