"""Orders: estimated, placed, watched, stopped, tried again."""

import base64
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import AppError
from apps.core.text import uuid_or_none
from apps.images import live as progress
from apps.images import services, token_counts
from apps.images.access import access_job
from apps.images.models import ImageJob
from apps.images.orders import Order
from apps.images.resolving import model_of
from apps.images.runs import LIVE, run_of
from apps.images.standing import Standing, standing
from apps.images.studio_page import left_of
from apps.images.views.shared import posted_order, team_of
from apps.metering.models import Resource
from apps.metering.wording import amount_of
from apps.users.requests import PersonRequest

MOST_ASKED = 50
MINUTE_S = 60
NEVER = {"Cache-Control": "no-store"}


@require_POST
@login_required
def draw(request: PersonRequest) -> JsonResponse:
    """Place the order in the body; return its block for the page."""
    job = services.place_order(user=request.user, team=team_of(request), order=posted_order(request))
    html = render_to_string("images/parts/run.html", {"run": run_of(request.user, job)}, request)
    return JsonResponse({"job": str(job.pk), "html": html})


@require_POST
@login_required
def estimate(request: PersonRequest) -> JsonResponse:
    """Return what the order in the body costs, how long its texts are, and what is left, all in words."""
    team = team_of(request)
    try:
        order = posted_order(request)
        found = services.estimate(user=request.user, team=team, order=order)
        tokens = _tokens(request, order)
    except AppError as error:  # while somebody types, what is not yet complete is no failure of the request
        return JsonResponse({"problem": error.sentence(), "code": error.code})
    left = {"studio": {"left": left_of(request.user, team)}}
    return JsonResponse({
        "cost": _cost(found),
        "pictures": found.pictures,
        "tokens": tokens,
        "left": render_to_string("images/parts/left.html", left, request),
    })  # fmt: skip


@require_safe
@login_required
def live(request: PersonRequest) -> JsonResponse:
    """Return how far the person's own jobs are: those named by `job` that are theirs, the others are left out."""
    asked = [each for text in request.GET.getlist("job")[:MOST_ASKED] if (each := uuid_or_none(text))]
    jobs = list(ImageJob.objects.owned_by(request.user).filter(pk__in=asked))
    standings = standing(jobs)
    shown = progress.progress_of(job.pk for job in jobs)
    found = {str(job.pk): _now(job, standings.get(job.pk), shown.get(job.pk)) for job in jobs}
    return JsonResponse({"jobs": found}, headers=NEVER)


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
    """Take an order that has ended off the page."""
    services.dismiss(user=request.user, job=access_job(request.user, job_id))
    return HttpResponse()


def _block(request: PersonRequest, job: ImageJob) -> HttpResponse:
    return render(request, "images/parts/run.html", {"run": run_of(request.user, job)})


def _now(job: ImageJob, place: Standing | None, shown: progress.Live | None) -> dict[str, Any]:
    picture = "" if shown is None or shown.preview is None else base64.b64encode(shown.preview).decode()
    return {
        "state": job.state,
        "ended": job.state not in LIVE,
        "done": job.done,
        "total": job.total,
        "position": place.position if place else None,
        "seconds": place.seconds if place else None,
        "number": shown.number if shown else job.done,
        "step": shown.step if shown else job.step,
        "steps": shown.steps if shown else job.steps,
        "preview": f"data:image/webp;base64,{picture}" if picture else "",
    }


def _cost(found: services.Estimate) -> str:
    pictures = ngettext("%(n)s picture", "%(n)s pictures", found.pictures) % {"n": found.pictures}
    steps = amount_of(Resource.PIXEL_STEPS, found.pixel_steps)
    time = "" if found.seconds is None else _("about %(time)s") % {"time": _time(found.seconds)}
    return " · ".join(filter(None, (pictures, steps, time)))


def _time(seconds: float) -> str:
    if seconds < 1.5 * MINUTE_S:
        return _("%(n)s s") % {"n": max(1, round(seconds))}
    return _("%(n)s min") % {"n": round(seconds / MINUTE_S)}


def _tokens(request: PersonRequest, order: Order) -> dict[str, dict[str, Any]]:
    model = model_of(request.user, team_of(request), order.model)
    found: dict[str, dict[str, Any]] = {}
    for name, text in (("prompt", order.prompt), ("negative", order.negative)):
        count = token_counts.count(model, text, order.steps)
        if count is None or not text.strip():
            found[name] = {"text": "", "chunks": 0}
        else:
            found[name] = {"text": f"{count.used}/{count.room}", "chunks": token_counts.chunks_of(count)}
    return found
