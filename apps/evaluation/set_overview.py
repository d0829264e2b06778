"""What pages show of question sets: the list with the last runs, the counts of one set, its questions by filter."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.catalog.errors import NoModel
from apps.catalog.models import AIModel
from apps.catalog.services import default_model
from apps.evaluation.models import QuestionSet, Run, SetQuestion
from apps.evaluation.set_services import present, sets_of
from apps.libraries.models import Library

State = SetQuestion.State
SMALL_BYTES = 1_000_000_000  # a chat model below this drafts simple questions at best
SPARK_RUNS = 12
SPARK_WIDTH, SPARK_HEIGHT = 96.0, 24.0
FILTERS: Mapping[str, Q] = {
    "all": Q(),
    "accepted": Q(state=State.ACCEPTED),
    "draft": Q(state=State.DRAFT),
    "unanswerable": Q(gold=[], answers=[]),
    "no-passage": Q(gold=[]) & ~Q(answers=[]),
}
NAMES: Mapping[str, str | Promise] = {
    "all": _("All"),
    "draft": _("Drafts"),
    "unanswerable": _("Not answered by the library"),
    "no-passage": _("Without passages"),
}
MAIN = {Run.Kind.RETRIEVAL: "ndcg_at_10", Run.Kind.ANSWERS: "answer_contained"}


@dataclass(frozen=True, slots=True)
class Row:
    """A set in the list: its last finished run, what it gained since the one before, and a line over the last ones."""

    set: QuestionSet
    last: Run | None = None
    live: Run | None = None
    change: float | None = None
    spark: str = ""
    is_alarm: bool = False


@dataclass(frozen=True, slots=True)
class Chip:
    """A filter of the questions with its count."""

    value: str
    name: str | Promise
    count: int


def rows(library: Library) -> list[Row]:
    """Return the sets of a library; two queries however many there are."""
    sets = list(sets_of(library))
    runs = Run.objects.filter(questions__in=sets).exclude(state__in=(Run.State.FAILED, Run.State.CANCELLED))
    by_set: dict[UUID, list[Run]] = {each.pk: [] for each in sets}
    for run in runs.order_by("created_at"):
        by_set[run.questions_id].append(run)
    return [_row(each, by_set[each.pk]) for each in sets]


def _row(questions: QuestionSet, runs: Sequence[Run]) -> Row:
    done = [run for run in runs if run.state == Run.State.DONE]
    live = next((run for run in runs if run.state in Run.LIVE), None)
    if not done:
        return Row(questions, live=live)
    last = done[-1]
    values = [value for run in done if (value := _value(run, "ndcg_at_10")) is not None][-SPARK_RUNS:]
    change = values[-1] - values[-2] if len(values) > 1 else None
    return Row(questions, last, live, change, _spark(values), any(run.is_alarm for run in done))


def _value(run: Run, name: str) -> float | None:
    value: float | None = run.metrics.get(name)
    return value


def _spark(values: Sequence[float]) -> str:
    """Return the points of a small line, "" for fewer than two values."""
    if len(values) < 2:  # noqa: PLR2004
        return ""
    least, most = min(values), max(values)
    room = max(most - least, 0.05)
    step = SPARK_WIDTH / (len(values) - 1)
    height = SPARK_HEIGHT - 4
    return " ".join(
        f"{round(place * step, 1)},{round(2 + height * (1 - (value - least) / room), 1)}"
        for place, value in enumerate(values)
    )


def counts_of(questions: QuestionSet) -> dict[str, int]:
    """Return how many questions, drafts and runs a set has."""
    asked = present(questions).aggregate(
        accepted=Count("pk", filter=FILTERS["accepted"]), drafts=Count("pk", filter=FILTERS["draft"])
    )
    return {**asked, "runs": Run.objects.filter(questions=questions).count()}


def alarms_of(questions: QuestionSet) -> list[Run]:
    """Return the runs of a set whose alarm nobody took note of yet."""
    return list(Run.objects.filter(questions=questions, is_alarm=True).order_by("-created_at")[:3])


def chips(questions: QuestionSet) -> list[Chip]:
    """Return the filters that would show something; the first shows everything."""
    wanted: dict[str, Any] = {
        key.replace("-", "_"): Count("pk", filter=FILTERS[key] or Q(pk__isnull=False)) for key in NAMES
    }
    counts = present(questions).aggregate(**wanted)
    found = [Chip(key, name, counts[key.replace("-", "_")]) for key, name in NAMES.items()]
    return [chip for chip in found if chip.count or chip.value == "all"]


def questions_of(questions: QuestionSet, chosen: str, words: str) -> QuerySet[SetQuestion]:
    """Return the questions of a set by one of FILTERS and by words in them, drafts first."""
    found = present(questions).filter(FILTERS[chosen])
    if words:
        found = found.filter(Q(text__icontains=words) | Q(answers__icontains=words) | Q(note__icontains=words))
    return found.order_by("-state", "created_at", "pk")


def chat_model() -> dict[str, Any] | None:
    """Return the title of the model that drafts and whether it is a small one; None where there is none."""
    try:
        model = default_model(AIModel.Kind.CHAT)
    except NoModel:
        return None
    return {"title": model.title, "is_small": 0 < model.size_bytes < SMALL_BYTES}
