"""Two runs of one set, question by question: what is better now, what is worse, and what differed in how they ran."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from django.db.models import QuerySet

from apps.evaluation.judging import summarise
from apps.evaluation.models import Run, RunResult

Verdict = Literal["better", "worse", "same", "new", "gone"]
VERDICTS: tuple[Verdict, ...] = ("worse", "better", "same", "new", "gone")
LEAST = 0.005  # a smaller difference of a measure is none
# What a question is judged by where nobody chose: the first of these that both results have.
MAIN: Mapping[str, Sequence[str]] = {
    Run.Kind.RETRIEVAL: ("ndcg_at_10", "refusal_accuracy", "false_refusal_rate"),
    Run.Kind.ANSWERS: ("f1", "citation_recall", "ndcg_at_10", "refusal_accuracy", "false_refusal_rate"),
}
MEASURES = (
    "ndcg_at_10", "recall_at_1", "recall_at_5", "recall_at_10", "mrr_at_10", "f1", "exact_match", "answer_contained",
    "citation_precision", "citation_recall", "refusal_accuracy", "false_refusal_rate",
)  # fmt: skip
LESS_IS_BETTER = frozenset({"false_refusal_rate"})


@dataclass(frozen=True, slots=True)
class Row:
    """One question in both runs; `measure` is what it was judged by."""

    text: str
    before: RunResult | None
    after: RunResult | None
    measure: str = ""
    was: float | None = None
    now: float | None = None
    verdict: Verdict = "same"

    @property
    def change(self) -> float:
        """Return by how much the measure rose."""
        return (self.now or 0.0) - (self.was or 0.0)


@dataclass(frozen=True, slots=True)
class Change:
    """A mean of both runs over the questions that both have."""

    measure: str
    was: float
    now: float
    is_better: bool
    is_same: bool


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both runs side by side."""

    rows: Sequence[Row]
    means: Sequence[Change]
    counts: Mapping[str, int]
    measures: Sequence[str]  # that at least one question has in both
    differences: Sequence[tuple[str, Any, Any]] = field(default=())  # of settings and facts


def compare(before: Run, after: Run, *, measure: str = "") -> Comparison:
    """Return how `after` did against `before`, by `measure` or by what fits each question."""
    past, present = _results(before), _results(after)
    keys = list(dict.fromkeys([*present, *past]))
    wanted = (measure,) if measure in MEASURES else MAIN[after.kind if before.kind == after.kind else "retrieval"]
    rows = [_row(past.get(key), present.get(key), wanted) for key in keys]
    rows.sort(key=lambda row: (VERDICTS.index(row.verdict), -abs(row.change)))
    common = [key for key in keys if key in past and key in present]
    was, now = (summarise(_numbers(side[key]) for key in common) for side in (past, present))
    shown = [name for name in MEASURES if name in was and name in now]
    counts: dict[str, int] = {verdict: sum(row.verdict == verdict for row in rows) for verdict in VERDICTS}
    changes = [_change(name, was[name], now[name]) for name in shown]
    return Comparison(rows, changes, counts, shown, differences(before, after))


def differences(before: Run, after: Run) -> list[tuple[str, Any, Any]]:
    """Return the settings and facts in which two runs differ."""
    past, present = _flat(before), _flat(after)
    names = dict.fromkeys([*present, *past])
    return [(name, past.get(name), present.get(name)) for name in names if past.get(name) != present.get(name)]


def _flat(run: Run) -> dict[str, Any]:
    facts = {name: value for name, value in run.facts.items() if name != "digest"}
    return {**run.settings.get("search", {}), "mode": run.settings.get("mode", "auto"), **facts, "kind": run.kind}


def _results(run: Run) -> dict[str, RunResult]:
    rows: QuerySet[RunResult] = RunResult.objects.filter(run=run)
    return {str(row.question_id or row.text): row for row in rows}


def _numbers(result: RunResult) -> dict[str, float]:
    return {name: result.metrics[name] for name in MEASURES if name in result.metrics}


def _row(before: RunResult | None, after: RunResult | None, wanted: Sequence[str]) -> Row:
    shown = after or before
    text = shown.text if shown else ""
    if before is None or after is None:
        return Row(text, before, after, verdict="new" if before is None else "gone")
    measure = next((name for name in wanted if name in before.metrics and name in after.metrics), "")
    if not measure:
        return Row(text, before, after)
    was, now = float(before.metrics[measure]), float(after.metrics[measure])
    return Row(text, before, after, measure, was, now, _verdict(measure, was, now))


def _verdict(measure: str, was: float, now: float) -> Verdict:
    if abs(now - was) < LEAST:
        return "same"
    return "better" if (now > was) != (measure in LESS_IS_BETTER) else "worse"


def _change(measure: str, was: float, now: float) -> Change:
    verdict = _verdict(measure, was, now)
    return Change(measure, was, now, verdict == "better", verdict == "same")
