"""Trainings of adapters: begun, watched, cancelled, gone on with."""

from dataclasses import fields as fields_of
from typing import Any
from uuid import UUID

from django.urls import reverse
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import NotFound, sentence_of
from apps.images import services, training_services
from apps.images.access import access_job
from apps.images.api.asked import fields, query
from apps.images.api.base import ImagesView
from apps.images.api.placing import once
from apps.images.api.shown import adapter_json
from apps.images.errors import BadSetting
from apps.images.lessons import Lesson, lesson_from_json, with_preset
from apps.images.models import ImageJob
from apps.images.resolving import model_of
from apps.users.api_auth import asked_team, person_of

SHOWN = 50
FIELDS = frozenset(field.name for field in fields_of(Lesson)) - {"adapter"}  # the name of the result is ours to give


def training_json(job: ImageJob) -> dict[str, Any]:
    """Return a training: how far it is, how well it learns, and what came of it."""
    result = training_services.result_of(job)
    return {
        "id": str(job.pk),
        "state": job.state,
        "is_final": job.state not in ImageJob.LIVE,
        "done": job.done,
        "total": job.total,
        "losses": job.plan,
        "lesson": job.order,
        "adapter": adapter_json(result) if result else None,
        "is_resumable": training_services.is_resumable(job),
        "error": {"code": job.error_code, "detail": sentence_of(job.error_code, job.error_params)}
        if job.error_code
        else None,
        "created_at": job.created_at.isoformat(),
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
    }


def _training(request: Request, job_id: UUID) -> ImageJob:
    job = access_job(person_of(request), job_id)
    if job.kind != ImageJob.Kind.TRAIN:
        raise NotFound
    return job


def _accepted(job: ImageJob) -> Response:
    place = reverse("api:image-training", args=[job.pk])
    return Response(training_json(job), status=202, headers={"Location": place, "Retry-After": "5"})


class TrainingsView(ImagesView):
    """The person's trainings in the key's team."""

    def get(self, request: Request) -> Response:
        """Return the newest."""
        query(request, ())
        rows = ImageJob.objects.owned_by(person_of(request)).filter(team=asked_team(request), kind=ImageJob.Kind.TRAIN)
        return Response({"results": [training_json(row) for row in rows.order_by("-created_at")[:SHOWN]]})

    def post(self, request: Request) -> Response:
        """Begin one; what nothing is said of is set as suits the model and the method."""
        said = fields(request, FIELDS)
        user, team = person_of(request), asked_team(request)
        name = said.get("model", "")
        if not isinstance(name, str):
            raise BadSetting(field="model")
        model = model_of(user, team, name)
        lesson = lesson_from_json(with_preset(said, model))
        return _accepted(once(request, lambda: training_services.place_lesson(user=user, team=team, lesson=lesson)))


class TrainingView(ImagesView):
    """One training."""

    def get(self, request: Request, job_id: UUID) -> Response:
        """Return it."""
        return Response(training_json(_training(request, job_id)))

    def delete(self, request: Request, job_id: UUID) -> Response:
        """Cancel it; what it has learnt so far stays for a while, to go on with."""
        services.cancel(user=person_of(request), job=_training(request, job_id))
        return Response(training_json(_training(request, job_id)))


class ResultView(ImagesView):
    """What a training made."""

    def delete(self, request: Request, job_id: UUID) -> Response:
        """Remove the adapter and its files."""
        adapter = training_services.result_of(_training(request, job_id))
        if adapter is None:
            raise NotFound
        training_services.remove_result(user=person_of(request), adapter=adapter, team=asked_team(request))
        return Response(status=204)


class ResumeView(ImagesView):
    """A training that ended early."""

    def post(self, request: Request, job_id: UUID) -> Response:
        """Go on with it, as a new job."""
        fields(request, ())
        return _accepted(training_services.resume(user=person_of(request), job=_training(request, job_id)))
