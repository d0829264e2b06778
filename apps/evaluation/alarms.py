"""When a run is worse than what it is measured against, and where the alarms are shown."""

from collections.abc import Mapping
from typing import Any

from django.db.models import QuerySet

from apps.evaluation.judging import summarise
from apps.evaluation.models import QuestionSet, Run, RunResult
from apps.libraries.models import Level, Library
from apps.users.models import Team, User

# What is watched, and whether more of it is better. Times are not: they depend on what else the machine does.
WATCHED: Mapping[str, bool] = {
    "ndcg_at_10": True,
    "recall_at_10": True,
    "answer_contained": True,
    "f1": True,
    "citation_precision": True,
    "citation_recall": True,
    "refusal_accuracy": True,
    "false_refusal_rate": False,
}


def baseline_of(run: Run) -> Run | None:
    """Return the run of its kind that a run is measured against: the set's baseline, else the one done before it.

    A nightly run is rather measured against the night before than against what somebody tried meanwhile.
    """
    chosen = run.questions.baseline
    if chosen is not None and chosen.kind == run.kind and chosen.pk != run.pk and chosen.state == Run.State.DONE:
        return chosen
    done = Run.objects.filter(questions=run.questions_id, kind=run.kind, state=Run.State.DONE)
    earlier = done.filter(created_at__lt=run.created_at).exclude(pk=run.pk)
    return earlier.order_by(*(["-is_nightly"] if run.is_nightly else []), "-created_at").first()


def judge(run: Run) -> dict[str, Any]:
    """Return what fell by more than the set allows, over the questions that both runs asked; {} where nothing did."""
    baseline = baseline_of(run)
    if baseline is None:
        return {}
    now, before = _by_question(run), _by_question(baseline)
    common = now.keys() & before.keys()
    present, past = summarise(now[key] for key in common), summarise(before[key] for key in common)
    falls = [
        [name, past[name], present[name]]
        for name, more_is_better in WATCHED.items()
        if name in present and name in past
        if (past[name] - present[name] if more_is_better else present[name] - past[name]) > run.questions.alarm_drop
    ]
    return {"run": str(baseline.pk), "questions": len(common), "falls": falls} if falls else {}


def _by_question(run: Run) -> dict[Any, dict[str, Any]]:
    rows = RunResult.objects.filter(run=run).exclude(question=None).values_list("question", "metrics")
    return {key: {name: metrics[name] for name in WATCHED if name in metrics} for key, metrics in rows}


def open_alarms(user: User, team: Team | None) -> QuerySet[Run]:
    """Return the alarms of a team that nobody took note of yet, for its editors; the latest first.

    It stands on every page, and alarms are rare: only then is it asked where the person may write.
    """
    if team is None or not Run.objects.filter(is_alarm=True, questions__library__team=team).exists():
        return Run.objects.none()
    libraries = Library.objects.allowing(user, Level.WRITE).filter(team=team)
    found = Run.objects.filter(is_alarm=True, questions__deleted_at=None, questions__library__in=libraries)
    return found.select_related("questions__library").order_by("-finished_at")


def take_note(questions: QuestionSet) -> int:
    """Forget the alarms of a set; the runs still say what fell."""
    return Run.objects.filter(questions=questions, is_alarm=True).update(is_alarm=False)
