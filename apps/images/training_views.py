"""The pages on which adapters are trained: begun, watched, stopped, gone on with, removed."""

from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.core.errors import AppError, Forbidden, NotFound
from apps.core.text import uuid_or_none
from apps.images import services, training_services
from apps.images.access import access_pictures
from apps.images.addresses import address_of
from apps.images.lessons import preset
from apps.images.limits import MIB, limits
from apps.images.models import Picture
from apps.images.studio_page import left_of
from apps.images.training_forms import LessonForm
from apps.images.training_page import teachable, training_of, trainings_of
from apps.images.views.shared import team_of
from apps.users.requests import PersonRequest

MOST_CHOSEN = 100


@require_safe
@login_required
def trainings(request: PersonRequest) -> HttpResponse:
    """Show the form and the person's trainings; `picture` names pictures of the gallery to begin with."""
    if request.team is None:
        return render(request, "chat/no_team.html")
    models = teachable(request.user, request.team)
    return _page(request, LessonForm(models=models), models, _chosen(request, request.GET.getlist("picture"), []))


def _page(
    request: PersonRequest,
    form: LessonForm,
    models: list[AIModel],
    chosen: list[dict[str, Any]],
    error: AppError | None = None,
) -> HttpResponse:
    team = team_of(request)
    context = {
        "form": form,
        "models": models,
        "best": preset(models[0], "lora") if models else None,
        "chosen": chosen,
        "trainings": trainings_of(request.user, team),
        "left": left_of(request.user, team),
        "max_mib": limits().source_bytes // MIB,
        "most": settings.ENV.image_training_pictures,
        "error": error,
    }
    status = error.status if error else 400 if form.errors else 200
    return render(request, "images/trainings.html", context, status=status)


def _chosen(request: PersonRequest, ids: list[str], captions: list[str]) -> list[dict[str, Any]]:
    """Return the pictures that are chosen, with their descriptions and addresses; what is not theirs is left out."""
    wanted = [(uuid_or_none(text), number) for number, text in enumerate(ids[:MOST_CHOSEN])]
    found = []
    for pk, number in wanted:
        picture = _seen(request, pk) if pk else None
        if picture is not None:
            own = captions[number] if number < len(captions) else picture.prompt
            address = address_of(picture, request.user, "thumb")
            found.append({"id": picture.pk, "caption": own, "address": address})
    return found


def _seen(request: PersonRequest, pk: UUID) -> Picture | None:
    try:
        (picture,) = access_pictures(request.user, [pk])
    except (NotFound, Forbidden):
        return None
    return picture if picture.team_id == team_of(request).pk else None


@require_POST
@login_required
def begin(request: PersonRequest) -> HttpResponse:
    """Begin a training."""
    team = team_of(request)
    models = teachable(request.user, team)
    taken = training_services.taught_words(request.user, team)
    form = LessonForm(request.POST, models=models, taken=taken)
    ids, captions = request.POST.getlist("picture"), request.POST.getlist("caption")
    if not form.is_valid():
        return _page(request, form, models, _chosen(request, ids, captions))
    try:
        job = training_services.place_lesson(user=request.user, team=team, lesson=form.lesson(ids, captions))
    except NotFound:
        raise
    except AppError as error:
        return _page(request, form, models, _chosen(request, ids, captions), error)
    return redirect("images:training", job.pk)


@require_safe
@login_required
def training(request: PersonRequest, training_id: UUID) -> HttpResponse:
    """Show how far a training is, and what came of it."""
    found = training_of(request.user, training_id)
    return render(request, "images/training.html", {"training": found, "job": found.job, "lesson": found.lesson})


@require_POST
@login_required
def cancel(request: PersonRequest, training_id: UUID) -> HttpResponse:
    """Stop a training; what was learnt so far is kept to go on with."""
    services.cancel(user=request.user, job=training_of(request.user, training_id).job)
    return redirect("images:training", training_id)


@require_POST
@login_required
def resume(request: PersonRequest, training_id: UUID) -> HttpResponse:
    """Go on with a training that ended early."""
    job = training_services.resume(user=request.user, job=training_of(request.user, training_id).job)
    return redirect("images:training", job.pk)


@require_POST
@login_required
def remove(request: PersonRequest, adapter_id: UUID) -> HttpResponse:
    """Remove an adapter that was trained in the team."""
    team = team_of(request)
    usable = usable_models(AIModel.Kind.ADAPTER, team_id=team.pk, user=request.user)
    adapter = usable.filter(pk=adapter_id).first()
    if adapter is None:
        raise NotFound
    training_services.remove_result(user=request.user, adapter=adapter, team=team)
    return redirect("images:trainings")
