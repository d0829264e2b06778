"""What pages show of runs: figures with their change, plots, results by what became of them, compared questions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.fields.json import KeyTransform
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.evaluation import search_settings
from apps.evaluation.comparing import LESS_IS_BETTER, Comparison, Row
from apps.evaluation.models import QuestionSet, Run, RunResult
from apps.evaluation.plots import Plot, Point, histogram, shares
from apps.rag.options import stored_settings

LEAST = 0.0005
PLOTTED = 40  # runs
WORDS: Mapping[str, str | Promise] = {
    "ndcg_at_10": _("Ranking (nDCG@10)"),
    "recall_at_1": _("Found first"),
    "recall_at_5": _("Found in 5"),
    "recall_at_10": _("Found in 10"),
    "mrr_at_10": _("First place (MRR)"),
    "answer_contained": _("Answer contained"),
    "exact_match": _("Answer exact"),
    "f1": _("Answer F1"),
    "citation_precision": _("Citations right"),
    "citation_recall": _("Citations complete"),
    "refusal_accuracy": _("Refused rightly"),
    "false_refusal_rate": _("Refused wrongly"),
    "search_p50_ms": _("Search, half within"),
    "search_p95_ms": _("Search, 95 % within"),
    "first_token_p50_ms": _("First word, half within"),
    "first_token_p95_ms": _("First word, 95 % within"),
    "answer_p50_ms": _("Answer, half within"),
    "answer_p95_ms": _("Answer, 95 % within"),
}
HINTS: Mapping[str, str | Promise] = {
    "ndcg_at_10": _("How near the passages are to the top of the first ten; 1 is best."),
    "recall_at_1": _("Share of the passages that stand at the first place."),
    "recall_at_5": _("Share of the passages among the first five."),
    "recall_at_10": _("Share of the passages among the first ten."),
    "mrr_at_10": _("One divided by the place of the first right passage."),
    "answer_contained": _("A right answer stands in the answer, word for word."),
    "exact_match": _("The answer is a right answer and nothing else."),
    "f1": _("Words that the answer and a right answer share."),
    "citation_precision": _("Share of the citations that show a right passage."),
    "citation_recall": _("Share of the right passages that are cited."),
    "refusal_accuracy": _("Of the questions that the library does not answer, the share refused."),
    "false_refusal_rate": _("Of the questions that the library answers, the share refused; 0 is best."),
}
FACTS: Mapping[str, str | Promise] = {
    "documents": _("Documents"), "passages": _("Passages"), "embedding": _("Embedding model"), "chat": _("Chat model"),
    "mode": _("Answers"), "kind": _("Kind"),
}  # fmt: skip
MODE_WORDS: Mapping[str, str | Promise] = {
    "auto": _("Automatic"), "quote": _("Quotes only"), "generate": _("Written answer"),
}  # fmt: skip
PLOT_LINES = {
    Run.Kind.RETRIEVAL: ("ndcg_at_10", "recall_at_5", "mrr_at_10", "refusal_accuracy"),
    Run.Kind.ANSWERS: ("answer_contained", "f1", "citation_precision", "refusal_accuracy"),
}
NOT_FIRST = Q(metrics__recall_at_1__lt=1)
FILTERS: Mapping[str, Q] = {
    "all": Q(),
    "missed": Q(metrics__recall_at_10__lt=1),
    "low": Q(metrics__recall_at_10=1) & NOT_FIRST,
    "wrong": Q(metrics__answer_contained=0),
    "refused": Q(metrics__false_refusal_rate=1),
    "answered": Q(metrics__refusal_accuracy=0),
}
NAMES: Mapping[str, str | Promise] = {
    "all": _("All"),
    "missed": _("Not found"),
    "low": _("Found, but not first"),
    "wrong": _("Answer not contained"),
    "refused": _("Refused wrongly"),
    "answered": _("Should have been refused"),
}
VERDICT_WORDS: Mapping[str, str | Promise] = {
    "worse": _("Worse"), "better": _("Better"), "same": _("The same"), "new": _("Only now"), "gone": _("Only before"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Figure:
    """A measure of a run with what it gained against another."""

    name: str
    label: str | Promise
    hint: str | Promise
    value: float
    change: float | None
    is_time: bool

    @property
    def shown(self) -> str:
        """Return the value as people read it."""
        return _milliseconds(self.value) if self.is_time else f"{self.value:.3f}"

    @property
    def change_shown(self) -> str:
        """Return the change with its sign; "" where there is none."""
        if self.change is None or self.is_time or abs(self.change) < LEAST:
            return ""
        return f"{self.change:+.3f}".replace("-", "\u2212")

    @property
    def is_better(self) -> bool:
        """Return whether the change is a gain."""
        return bool(self.change) and ((self.change or 0) > 0) != (self.name in LESS_IS_BETTER)


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter with its count."""

    value: str
    name: str | Promise
    count: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """A plot of runs with its heading."""

    title: str | Promise
    plot: Plot


@dataclass(frozen=True, slots=True)
class ResultRow:
    """A result as a list shows it: what was found where, in a few words, and whether that is good."""

    result: RunResult
    words: str
    state: str  # ready · warn · failed: the dot


def figures(run: Run, against: Run | None) -> list[Figure]:
    """Return the measures of a run in the order of WORDS."""
    past: Mapping[str, Any] = against.metrics if against else {}
    now = run.metrics
    present = [name for name in WORDS if name in now]
    return [_figure(name, now[name], now[name] - past[name] if name in past else None) for name in present]


def timeline(questions: QuestionSet, kind: str) -> Timeline:
    """Return how the measures went over the last runs of a kind."""
    done = Run.objects.filter(questions=questions, kind=kind, state=Run.State.DONE).order_by("-created_at")[:PLOTTED]
    rows = list(done)[::-1]
    series = {str(WORDS[name]): [_point(run, name) for run in rows] for name in PLOT_LINES[Run.Kind(kind)]}
    days = [date_format(timezone.localtime(run.created_at), "SHORT_DATE_FORMAT") for run in rows]
    labels = [day if place == 0 or days[place - 1] != day else "" for place, day in enumerate(days)]
    return Timeline(Run.Kind(kind).label, shares(series, labels) if len(rows) > 1 else Plot())


def _point(run: Run, name: str) -> Point:
    value = run.metrics.get(name)
    when = date_format(timezone.localtime(run.created_at), "SHORT_DATETIME_FORMAT")
    words = f"{when} · {run.label} · " if run.label else f"{when} · "
    address = reverse("evaluation:run", args=[run.questions.library_id, run.pk])
    return Point(value, f"{words}{WORDS[name]} {value:.3f}" if value is not None else "", address)


def curve(run: Run, against: Run | None) -> Plot:
    """Return the recall at each depth, of one run or of two."""
    series = {}
    for name, each in ((gettext("this run"), run), (gettext("before"), against)):
        values = each.metrics.get("recall_curve", []) if each else []
        if values:
            series[name] = [Point(value, f"{place}: {value:.3f}") for place, value in enumerate(values, 1)]
    longest = max((len(points) for points in series.values()), default=0)
    return shares(series, [str(place) for place in range(1, longest + 1)]) if longest else Plot()


def times(run: Run) -> Plot:
    """Return the spread of the search times; of whole answers where the run made them."""
    rows = RunResult.objects.filter(run=run)
    if run.kind == Run.Kind.ANSWERS:
        found = [value for value in rows.values_list("metrics__answer_ms", flat=True) if value is not None]
        return histogram(found)
    return histogram(list(rows.values_list("milliseconds", flat=True)))


def results_of(run: Run, chosen: str) -> QuerySet[RunResult]:
    """Return the results by one of FILTERS, the worst first."""
    rows = RunResult.objects.filter(run=run).filter(FILTERS.get(chosen, Q()))
    wrongly = KeyTransform("false_refusal_rate", "metrics").desc(nulls_last=True)
    return rows.order_by(KeyTransform("ndcg_at_10", "metrics").asc(nulls_last=True), wrongly, "pk")


def chips(run: Run) -> list[Chip]:
    """Return the filters that would show something."""
    rows = RunResult.objects.filter(run=run)
    found = [Chip(key, name, rows.filter(FILTERS[key]).count()) for key, name in NAMES.items()]
    return [chip for chip in found if chip.count or chip.value == "all"]


def row_of(result: RunResult) -> ResultRow:
    """Return a result in words."""
    metrics = result.metrics
    if metrics.get("false_refusal_rate") and not metrics.get("places"):
        return ResultRow(result, gettext("Refused, though there is an answer"), "failed")
    if "refusal_accuracy" in metrics:
        good = bool(metrics["refusal_accuracy"])
        words = gettext("Refused, and rightly so") if good else gettext("Answered, though the library does not know")
        return ResultRow(result, words, "ready" if good else "failed")
    return _found_row(result, metrics.get("places", []))


def _found_row(result: RunResult, places: Sequence[int]) -> ResultRow:
    if not places:
        return ResultRow(result, "", "ready" if result.metrics.get("answer_contained") else "warn")
    found = sorted(place for place in places if place)
    if not found:
        return ResultRow(result, gettext("Not found"), "failed")
    words = gettext("Place %(places)s") % {"places": ", ".join(map(str, found))}
    if len(found) < len(places):
        words += gettext(", %(n)s not found") % {"n": len(places) - len(found)}
    if result.metrics.get("false_refusal_rate"):
        return ResultRow(result, words + gettext(", but refused"), "failed")
    is_best = max(found) <= len(places) == len(found)
    return ResultRow(result, words, "ready" if is_best else "warn")


def falls(run: Run) -> list[tuple[str | Promise, float, float]]:
    """Return what fell in a run, in words."""
    return [(WORDS.get(name, name), past, now) for name, past, now in run.alarm.get("falls", [])]


def changes_of(found: Comparison) -> list[Figure]:
    """Return the means of the later run with their change."""
    return [_figure(each.measure, each.now, each.now - each.was) for each in found.means]


def _figure(name: str, value: float, change: float | None) -> Figure:
    return Figure(name, WORDS[name], HINTS.get(name, ""), value, change, name.endswith("_ms"))


def differences_of(found: Comparison) -> list[tuple[str | Promise, str, str]]:
    """Return settings and facts that differ, in words."""
    labels: dict[str, str | Promise] = {each.name: each.label for each in search_settings.SETTINGS}
    return [
        (FACTS.get(name, labels.get(name, name)), _words(name, was), _words(name, now))
        for name, was, now in found.differences
    ]


def _words(name: str, value: Any) -> str:
    setting = next((each for each in search_settings.SETTINGS if each.name == name), None)
    if setting is not None:
        return search_settings.words_of(stored_settings({} if value is None else {name: value}), setting)
    if name == "mode":
        return str(MODE_WORDS.get(value, value))
    if name == "kind":
        return str(Run.Kind(value).label)
    return "–" if value in {None, ""} else str(value)


def verdict_chips(found: Comparison) -> list[Chip]:
    """Return the filters of a comparison."""
    changed = sum(count for verdict, count in found.counts.items() if verdict != "same")
    named = [Chip(verdict, name, found.counts[verdict]) for verdict, name in VERDICT_WORDS.items()]
    return [
        Chip("changed", _("Changed"), changed),
        *(chip for chip in named if chip.count),
        Chip("all", _("All"), len(found.rows)),
    ]


@dataclass(frozen=True, slots=True)
class Compared:
    """A compared question in words."""

    row: Row
    label: str | Promise
    verdict: str | Promise
    before: ResultRow | None
    after: ResultRow | None


def compared(row: Row) -> Compared:
    """Return a compared question as a list shows it."""
    return Compared(
        row,
        WORDS.get(row.measure, ""),
        VERDICT_WORDS[row.verdict],
        row_of(row.before) if row.before else None,
        row_of(row.after) if row.after else None,
    )


def _milliseconds(value: float) -> str:
    return f"{value / 1000:.1f} s" if value >= 1000 else f"{value:.0f} ms"  # noqa: PLR2004  (a second)
