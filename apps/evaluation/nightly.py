"""Which sets run by themselves at night: those that are to, where anything changed since their last run."""

import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.utils import timezone

from apps.evaluation import facts, runs
from apps.evaluation.models import QuestionSet, Run
from apps.evaluation.runs import Settings
from apps.evaluation.set_errors import NothingToRun, RunUnderWay

logger = logging.getLogger(__name__)
WINDOW_H = 6  # hours from KB_NIGHT_HOUR on in which runs may begin: beat may have been down at the hour itself


def start_due(now: datetime | None = None) -> int:
    """Queue tonight's runs; return how many. Called every few minutes; each set runs once a night."""
    now = timezone.localtime(now)
    begins = now.replace(hour=settings.ENV.night_hour, minute=0, second=0, microsecond=0)
    if begins > now:
        begins -= timedelta(days=1)
    if now - begins > timedelta(hours=WINDOW_H):
        return 0
    sets = QuestionSet.objects.filter(is_nightly=True, deleted_at=None, library__deleted_at=None)
    sets = sets.filter(library__team__suspended_at=None, library__team__deletion_at=None)
    waiting = sets.exclude(runs__is_nightly=True, runs__created_at__gte=begins)
    return sum(_start(questions) for questions in waiting.select_related("library__team", "baseline"))


def _start(questions: QuestionSet) -> bool:
    """Queue a run like the last one of the set, where that would measure something else."""
    last = Run.objects.filter(questions=questions, state=Run.State.DONE).order_by("-created_at").first()
    mode = Settings.stored(last.settings).mode if last else "auto"
    chosen = Settings.of_library(questions.library, mode)
    digest = facts.of(questions, chosen.as_json())["digest"]
    if Run.objects.filter(questions=questions, state=Run.State.DONE, facts__digest=digest).exists():
        return False
    try:
        kind = last.kind if last else Run.Kind.RETRIEVAL
        runs.start(user=None, questions=questions, kind=kind, chosen=chosen, nightly=True)
    except (NothingToRun, RunUnderWay):
        return False
    logger.info("a nightly run is queued", extra={"set": str(questions.pk)})
    return True
