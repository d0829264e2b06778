"""Orders: placed, watched, stopped, tried again."""

import base64
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.core.text import uuid_or_none
from apps.images import live as progress
from apps.images import services
from apps.images.access import access_job
from apps.images.grid_pictures import grid_picture
from apps.images.models import ImageJob
from apps.images.runs import recent_jobs, run_of, runs_of
from apps.images.standing import Standing, standing
from apps.images.views.shared import RUNS, posted_order, saved, team_of, told
from apps.images.wording import time_of
from apps.users.requests import PersonRequest

MOST_ASKED = 50
NEVER = {"Cache-Control": "no-store"}


@require_POST
@login_required
def draw(request: PersonRequest) -> JsonResponse:
    """Place the order in the body; return its block for the page."""
    job = services.place_order(user=request.user, team=team_of(request), order=posted_order(request))
    html = render_to_string("images/parts/run.html", {"run": run_of(request.user, job)}, request)
    return JsonResponse({"job": str(job.pk), "html": html})


@require_safe
@login_required
def live(request: PersonRequest) -> JsonResponse:
    """Return how far the person's own jobs are: those named by `job` that are theirs, the others are left out."""
    asked = [each for text in request.GET.getlist("job")[:MOST_ASKED] if (each := uuid_or_none(text))]
    jobs = list(ImageJob.objects.owned_by(request.user).filter(pk__in=asked))
    standings = standing(jobs)
    shown = progress.progress_of(job.pk for job in jobs)
    found = {str(job.pk): _now(job, standings.get(job.pk), shown.get(job.pk)) for job in jobs}
    return JsonResponse({"jobs": found, "queue": _queue(jobs, standings)}, headers=NEVER)


@require_safe
@login_required
def run(request: PersonRequest, job_id: UUID) -> HttpResponse:
    """Return the block of an order as it is now."""
    return _block(request, access_job(request.user, job_id))


@require_POST
@login_required
def cancel(request: PersonRequest, job_id: UUID) -> HttpResponse:
    """Stop an order; return its block."""
    job = access_job(request.user, job_id)
    services.cancel(user=request.user, job=job)
    return _block(request, access_job(request.user, job_id))


@require_POST
@login_required
def retry(request: PersonRequest, job_id: UUID) -> HttpResponse:
    """Order what is missing once more; return the new block in the place of the old one."""
    again = services.retry(user=request.user, job=access_job(request.user, job_id))
    return _block(request, again)


@require_POST
@login_required
def dismiss(request: PersonRequest, job_id: UUID) -> HttpResponse:
    """Take an order that has ended off the page, with undo."""
    services.dismiss(user=request.user, job=access_job(request.user, job_id))
    return _put_aside(request, [job_id])


@require_POST
@login_required
def dismiss_all(request: PersonRequest) -> HttpResponse:
    """Take all orders that have ended off the page, with undo."""
    return _put_aside(request, services.dismiss_all(user=request.user, team=team_of(request)))


@require_POST
@login_required
def bring_back(request: PersonRequest) -> HttpResponse:
    """Put the orders named by `job` in the address on the page again."""
    asked = [each for text in request.GET.getlist("job") if (each := uuid_or_none(text))]
    services.bring_back(user=request.user, job_ids=asked)
    return told(events={RUNS: True})


@require_POST
@login_required
def cancel_all(request: PersonRequest) -> HttpResponse:
    """Stop all of the person's orders in the team."""
    count = services.cancel_all(user=request.user, team=team_of(request))
    text = ngettext("%(n)s order was stopped.", "%(n)s orders were stopped.", count) % {"n": count}
    return told(" ".join((text, _("What was drawn is kept."))), events={RUNS: True})


@require_safe
@login_required
def runs(request: PersonRequest) -> HttpResponse:
    """Return the blocks of the person's orders as they are now."""
    found = runs_of(request.user, recent_jobs(request.user, team_of(request)))
    return render(request, "images/parts/runs.html", {"runs": found})


@require_safe
@login_required
def sheet(request: PersonRequest, job_id: UUID) -> HttpResponse:
    """Return the grid of an order as one picture, to be saved. Raises NotFound for an order without a grid."""
    job = access_job(request.user, job_id)
    name = f"grid-{timezone.localtime(job.created_at):%Y%m%d-%H%M%S}-{job.pk.hex[:6]}.png"
    return saved(HttpResponse(grid_picture(request.user, job), content_type="image/png"), name)


def _put_aside(request: PersonRequest, job_ids: Sequence[UUID]) -> HttpResponse:
    undo = f"{reverse('images:bring-back')}?{urlencode([('job', each) for each in job_ids])}" if job_ids else ""
    text = _("The order is off this page; its pictures stay in the gallery.")
    if len(job_ids) != 1:
        text = _("Orders that ended are off this page; their pictures stay in the gallery.")
    return told(text, undo=undo, events={RUNS: True})


def _block(request: PersonRequest, job: ImageJob) -> HttpResponse:
    return render(request, "images/parts/run.html", {"run": run_of(request.user, job)})


def _now(job: ImageJob, place: Standing | None, shown: progress.Live | None) -> dict[str, Any]:
    picture = "" if shown is None or shown.preview is None else base64.b64encode(shown.preview).decode()
    return {
        "state": job.state,
        "ended": job.state not in ImageJob.LIVE,
        "done": job.done,
        "total": job.total,
        "position": place.position if place else None,
        "seconds": place.seconds if place else None,
        "number": shown.number if shown else job.done,
        "step": shown.step if shown else job.step,
        "steps": shown.steps if shown else job.steps,
        "preview": f"data:image/webp;base64,{picture}" if picture else "",
    }


def _queue(jobs: Sequence[ImageJob], standings: Mapping[UUID, Standing]) -> str:
    """Return how many of a person's orders are drawn and wait, and when the last one will be done."""
    drawn = sum(job.state == ImageJob.State.RUNNING for job in jobs)
    waiting = sum(job.state == ImageJob.State.QUEUED for job in jobs)
    ends = [place.seconds for place in standings.values()]
    parts = [
        ngettext("%(n)s order being drawn", "%(n)s orders being drawn", drawn) % {"n": drawn} if drawn else "",
        ngettext("%(n)s order waiting", "%(n)s orders waiting", waiting) % {"n": waiting} if waiting else "",
    ]
    if known := [seconds for seconds in ends if seconds is not None and len(ends) > 1]:
        parts.append(_("all done in about %(time)s") % {"time": time_of(max(known))} if len(known) == len(ends) else "")
    return " · ".join(filter(None, parts))
