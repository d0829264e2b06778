"""Question sets and results as CSV and JSONL. No cell of a CSV can be run as a formula (security case 76)."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from apps.core.spreadsheets import BOM, csv_line
from apps.evaluation.models import Run, RunResult, SetQuestion

COLUMNS = ("question", "answers", "document", "quote", "note")
METRICS = (
    "recall_at_1", "recall_at_5", "recall_at_10", "mrr_at_10", "ndcg_at_10", "exact_match", "f1", "answer_contained",
    "citation_precision", "citation_recall", "refusal_accuracy", "false_refusal_rate", "first_token_ms", "answer_ms",
)  # fmt: skip
AFTER = ("search_ms", "refused", "support", "answer")
PLACES = 3  # of the ranking that an export names


def questions_csv(questions: Iterable[SetQuestion]) -> Iterator[str]:
    """Yield the lines of a set, one per question; an import reads them back."""
    yield BOM + csv_line(COLUMNS)
    for question in questions:
        documents = "|".join(entry["name"] for entry in question.gold)
        quotes = "|".join(entry["quote"].replace("|", " ") for entry in question.gold)
        answers = "|".join(answer.replace("|", " ") for answer in question.answers)
        yield csv_line([question.text, answers, documents, quotes.strip("|") and quotes, question.note])


def questions_jsonl(questions: Iterable[SetQuestion]) -> Iterator[str]:
    """Yield a set with every detail, one JSON object per line."""
    for question in questions:
        gold = [{"document": entry["name"], "quote": entry["quote"]} for entry in question.gold]
        row = {"question": question.text, "answers": question.answers, "gold": gold, "note": question.note}
        yield json.dumps(row, ensure_ascii=False) + "\n"


def template_csv() -> str:
    """Return an empty file with two examples, for people who write questions in a spreadsheet."""
    examples = (
        ("How long is the warranty?", "24 months|two years", "warranty.pdf", "The warranty lasts 24 months", ""),
        ("Who won the race of 1950?", "", "", "", "The library does not answer this: refusing is right"),
    )
    return BOM + csv_line(COLUMNS) + "".join(csv_line(row) for row in examples)


def results_csv(run: Run) -> Iterator[str]:
    """Yield the results of a run, one line per question."""
    yield BOM + csv_line(["question", "expected", "places", *METRICS, *AFTER, *_tops()])
    for result in RunResult.objects.filter(run=run).iterator():
        yield csv_line(_cells(result))


def _tops() -> list[str]:
    return [f"place_{place}" for place in range(1, PLACES + 1)]


def _cells(result: RunResult) -> list[Any]:
    places = [str(place or "–") for place in result.metrics.get("places", [])]
    tops = [hit["name"] for hit in result.ranking[:PLACES]]
    return [
        result.text,
        "|".join(entry["name"] for entry in result.gold),
        " ".join(places),
        *(_number(result.metrics.get(name)) for name in METRICS),
        round(result.milliseconds, 1),
        "yes" if result.is_refusal else "no",
        round(result.support, 3),
        result.answer,
        *tops,
        *[""] * (PLACES - len(tops)),
    ]


def _number(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
