"""What programs see of models, jobs, pictures and boards: these fields and no others (a test holds them)."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.urls import reverse

from apps.catalog.models import AIModel
from apps.catalog.suiting import is_demo, suits
from apps.core.errors import sentence_of
from apps.images import live
from apps.images.live import Live
from apps.images.models import Board, ImageJob, Picture, PictureReport, Style, WordList
from apps.images.standing import Standing, standing
from apps.users.models import User


def model_json(model: AIModel) -> dict[str, Any]:
    """Return an image model."""
    return {
        "name": model.name,
        "title": model.title,
        "is_default": model.is_default,
        "is_demonstration": is_demo(model),
        "family": str(model.capabilities.get("family") or ""),
        "licence": model.licence,
        "suits": suits(model),
    }


def adapter_json(adapter: AIModel) -> dict[str, Any]:
    """Return an adapter."""
    return {
        "name": adapter.name,
        "title": adapter.title,
        "kind": adapter.adapter,
        "token": adapter.token or None,
        "family": str(adapter.capabilities.get("family") or ""),
        "licence": adapter.licence,
    }


def jobs_json(user: User, jobs: Iterable[ImageJob]) -> list[dict[str, Any]]:
    """Return jobs of the person, each with its pictures; a fixed number of queries however many there are."""
    found = list(jobs)
    places, shown = standing(found), live.progress_of(job.pk for job in found)
    pictures: dict[UUID | None, list[Picture]] = {}
    for picture in Picture.objects.owned_by(user).filter(job__in=found, deleted_at=None).order_by("number"):
        pictures.setdefault(picture.job_id, []).append(picture)
    return [job_json(job, places.get(job.pk), shown.get(job.pk), pictures.get(job.pk, ())) for job in found]


def job_json(job: ImageJob, place: Standing | None, shown: Live | None, pictures: Iterable[Picture]) -> dict[str, Any]:
    """Return a job: its state, its place, how long it will take, and what is drawn."""
    return {
        "id": str(job.pk),
        "kind": job.kind,
        "state": job.state,
        "is_final": job.state not in ImageJob.LIVE,
        "position": place.position if place else None,
        "seconds_left": place.seconds if place else None,
        "done": job.done,
        "total": job.total,
        "step": shown.step if shown else job.step,
        "steps": shown.steps if shown else job.steps,
        "model": job.model.name if job.model else None,
        "order": job.order,
        "pictures": [picture_json(picture) for picture in pictures],
        "error": _error(job),
        "created_at": job.created_at.isoformat(),
        "finished_at": job.finished_at.isoformat() if job.finished_at else None,
    }


def _error(job: ImageJob) -> Mapping[str, str] | None:
    if not job.error_code:
        return None
    return {"code": job.error_code, "detail": sentence_of(job.error_code, job.error_params)}


def picture_json(picture: Picture) -> dict[str, Any]:
    """Return a picture; `settings` is an order that draws it again."""
    return {
        "id": str(picture.pk),
        "kind": picture.kind,
        "job": str(picture.job_id) if picture.job_id else None,
        "number": picture.number,
        "board": str(picture.board_id) if picture.board_id else None,
        "width": picture.width,
        "height": picture.height,
        "size_bytes": picture.size_bytes,
        "sha256": picture.sha256,
        "seed": picture.seed,
        "prompt": picture.prompt,
        "negative": picture.negative,
        "settings": picture.settings,
        "model": picture.model_name or None,
        "model_sha256": picture.model_sha256 or None,
        "is_starred": picture.is_starred,
        "is_deleted": picture.deleted_at is not None,
        "file": reverse("api:image-file", args=[picture.pk]),
        "created_at": picture.created_at.isoformat(),
    }


def style_json(style: Style) -> dict[str, Any]:
    """Return a style."""
    return {
        "id": str(style.pk),
        "name": style.name,
        "prompt": style.prompt,
        "negative": style.negative,
        "settings": style.settings,
    }


def list_json(row: WordList) -> dict[str, Any]:
    """Return a word list."""
    return {"id": str(row.pk), "name": row.name, "words": row.words}


def report_json(report: PictureReport) -> dict[str, Any]:
    """Return a report as the team's admins see it; the picture itself is at its own address while it is open."""
    owner = report.picture.owner
    return {
        "id": str(report.pk),
        "picture": str(report.picture_id),
        "owner": owner.email if owner else None,
        "reporter": report.reporter.email if report.reporter else None,
        "reason": report.reason,
        "state": report.state,
        "decision": report.decision,
        "decided_at": report.decided_at.isoformat() if report.decided_at else None,
        "created_at": report.created_at.isoformat(),
    }


def notice_json(report: PictureReport) -> dict[str, Any]:
    """Return why a picture was taken down, as its owner is told."""
    return {"id": str(report.pk), "picture": str(report.picture_id), "reason": report.decision}


def board_json(board: Board, user: User) -> dict[str, Any]:
    """Return a board; `pictures` is known in lists alone."""
    return {
        "id": str(board.pk),
        "name": board.name,
        "is_shared": board.is_shared,
        "is_mine": board.owner_id == user.pk,
        "pictures": getattr(board, "picture_count", None),
        "created_at": board.created_at.isoformat(),
    }
