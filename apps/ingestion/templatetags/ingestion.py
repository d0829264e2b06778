"""Words and figures of jobs: what one does now, when it will be ready, how long its stages took."""

from collections.abc import Sequence
from dataclasses import dataclass

from django import template
from django.template import Context
from django.utils.formats import number_format
from django.utils.translation import get_language, gettext, ngettext

from apps.core.errors import sentence_of
from apps.ingestion import estimates
from apps.ingestion.estimates import Estimate
from apps.ingestion.journal import Line, lines
from apps.ingestion.models import IngestionJob
from apps.libraries.models import Document

register = template.Library()

MOMENT_S, MINUTE_S, HOUR_S = 8, 55, 3_300
_TEN, _HUNDRED = 10, 100
_ENDINGS, _TH = {1: "st", 2: "nd", 3: "rd"}, "th"
_STAGES = (IngestionJob.Stage.READ, IngestionJob.Stage.EMBED, IngestionJob.Stage.INDEX)


@dataclass(frozen=True, slots=True)
class Timing:
    """A stage of a job and the seconds it took; `share` is its part of the whole, 0 to 100."""

    stage: str
    label: str
    seconds: float
    share: int


@register.filter
def job_words(job: IngestionJob) -> str:
    """Return what a job is at: `Reading 12 of 80 pages`, `Embedding 340 of 900`, `Waits to be embedded`, `Done`."""
    if job.state == IngestionJob.State.QUEUED:
        return _waiting(job)
    if job.state != IngestionJob.State.RUNNING:
        return str(job.get_state_display())
    counts = {"done": job.done, "total": job.total}
    if job.stage == IngestionJob.Stage.READ:
        return gettext("Reading %(done)s of %(total)s pages") % counts if job.total else gettext("Reading")
    if job.stage == IngestionJob.Stage.EMBED:
        return gettext("Embedding %(done)s of %(total)s") % counts if job.total else gettext("Embedding")
    return str(job.get_stage_display())


def _waiting(job: IngestionJob) -> str:
    if job.document.library.is_paused:
        return gettext("Paused")
    if job.stage == IngestionJob.Stage.EMBED:
        return gettext("Waits for embedding")
    return gettext("Waits for indexing") if job.stage == IngestionJob.Stage.INDEX else gettext("Waiting")


@register.filter
def when_ready(estimate: Estimate | None) -> str:
    """Return `3rd in line, about 2 min`, or the time alone for what is under way."""
    if estimate is None:
        return ""
    time = about_time(estimate.seconds)
    if estimate.place:
        return gettext("%(place)s in line, %(time)s") % {"place": _ordinal(estimate.place), "time": time}
    return time


@register.simple_tag(takes_context=True)
def time_left(context: Context, document: Document) -> str:
    """Return `3rd in line, about 2 min` for a document that is not settled; a page asks the database once."""
    request = context["request"]
    if not hasattr(request, "estimates"):
        request.estimates = estimates.of_team(document.library.team_id, key="document_id")
    return when_ready(request.estimates.get(document.pk))


@register.filter
def about_time(seconds: float) -> str:
    """Return a time left in words that promise no more than an estimate can: `about 20 s`, `about 3 min`."""
    if seconds < MOMENT_S:
        return gettext("a few seconds")
    if seconds < MINUTE_S:
        return gettext("about %(count)s s") % {"count": max(10, round(seconds / 10) * 10)}
    if seconds < HOUR_S:
        return gettext("about %(count)s min") % {"count": max(1, round(seconds / 60))}
    hours = max(1, round(seconds / 3_600))
    return ngettext("about %(count)s hour", "about %(count)s hours", hours) % {"count": hours}


def _ordinal(number: int) -> str:
    """Return 1st, 2nd, 3rd in English, the number alone elsewhere."""
    if not (get_language() or "en").startswith("en"):
        return str(number)
    if number % _HUNDRED // _TEN == 1:
        return f"{number}th"
    return f"{number}{_ENDINGS.get(number % _TEN, _TH)}"


@register.filter
def timings(job: IngestionJob) -> Sequence[Timing]:
    """Return the seconds of the stages that a job has behind it."""
    whole = sum(job.seconds.get(stage, 0) for stage in _STAGES) or 1
    return [
        Timing(stage, str(stage.label), job.seconds[stage], round(100 * job.seconds[stage] / whole))
        for stage in _STAGES
        if stage in job.seconds
    ]


@register.filter
def duration(job: IngestionJob) -> str:
    """Return how long a settled job took from its first start."""
    if job.started_at is None or job.finished_at is None:
        return ""
    seconds = (job.finished_at - job.started_at).total_seconds()
    if seconds < 2 * 60:
        return f"{number_format(round(seconds, 1), 1)} s"
    return gettext("%(count)s min") % {"count": round(seconds / 60)}


@register.filter
def reason(job: IngestionJob) -> str:
    """Return why a job failed or waits, in the reader's language."""
    return sentence_of(job.error_code, job.error_params) if job.error_code else ""


@register.filter
def log_lines(job: IngestionJob) -> Sequence[Line]:
    """Return the log sheet, oldest line first."""
    return lines(job)
