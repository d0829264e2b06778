"""Questions in one language to documents in the other: what the ranking finds, and what the vectors alone would.

The set is our own (`data/parallel.jsonl`): 64 short rules of an invented company, each written in Chinese and in
English, with a question in both. House rule: the ranking stays within 0.02 nDCG@10 of the vectors alone, for the words
of the question stand in none of the documents and must not be allowed to guess.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from apps.evaluation.retrieval import measure
from apps.evaluation.scratch import Scratch, scratch_library
from apps.evaluation.sets import Question, Source
from apps.rag.options import SearchOptions
from apps.rag.types import Language

SET = Path(__file__).parent / "data" / "parallel.jsonl"
Documents = Literal["en", "zh", "both"]
LANGUAGES: tuple[Language, ...] = ("zh", "en")


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule and one question about it, each in both languages."""

    id: str
    text: dict[Language, str]
    question: dict[Language, str]


@dataclass(frozen=True, slots=True)
class Row:
    """What was found for the questions of one language among documents of another, or of both; nDCG@10 and recall@1."""

    asked: Language
    documents: Documents
    queries: int
    ndcg: float
    ndcg_dense: float
    recall_at_1: float

    @property
    def difference(self) -> float:
        """Return the gain over the vectors alone."""
        return round(self.ndcg - self.ndcg_dense, 4)


def load_rules(path: Path = SET) -> list[Rule]:
    """Return the rules of the set."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [
        Rule(
            row["id"],
            {language: row[language] for language in LANGUAGES},
            {language: row[f"{language}_question"] for language in LANGUAGES},
        )
        for row in rows
    ]


def evaluate(rules: Sequence[Rule]) -> list[Row]:
    """Ingest the documents of each language, and of both, into scratch libraries and ask in each language."""
    rows: list[Row] = []
    for documents in get_args(Documents):
        with scratch_library(_sources(rules, documents)) as scratch:
            rows += [_row(scratch, rules, asked, documents) for asked in LANGUAGES]
    return rows


def _sources(rules: Sequence[Rule], documents: Documents) -> list[Source]:
    """Return the documents; their names tell nothing, so that the text alone is found."""
    languages = LANGUAGES if documents == "both" else (documents,)
    return [
        Source(f"{language}:{rule.id}", f"{number}-{language}", rule.text[language])
        for number, rule in enumerate(rules, 1)
        for language in languages
    ]


def _row(scratch: Scratch, rules: Sequence[Rule], asked: Language, documents: Documents) -> Row:
    languages = LANGUAGES if documents == "both" else (documents,)
    questions = [
        Question(rule.id, rule.question[asked], tuple(f"{language}:{rule.id}" for language in languages), ())
        for rule in rules
    ]
    fused = measure(scratch, questions, SearchOptions())
    dense = measure(scratch, questions, SearchOptions(legs="dense", links=0.0))
    return Row(asked, documents, len(questions), fused["ndcg_at_10"], dense["ndcg_at_10"], fused["recall_at_1"])
