"""`manage.py ingest PATH… --library NAME`: puts files and folders into a library and waits until they are read."""

import json
import os
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import UUID

from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import AppError, sentence_of
from apps.ingestion.inline import run_jobs
from apps.ingestion.models import IngestionJob
from apps.ingestion.services import take_upload
from apps.libraries.models import Library
from apps.libraries.services import create_library
from apps.users.models import Team


class Command(BaseCommand):
    help = "Puts files and folders into a library of a team and reads them in this process; workers are not needed."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="files, or folders with all below them")
        parser.add_argument("--library", required=True, help="name of the library; made where it does not exist")
        parser.add_argument("--team", default="", help="name of the team; may be left out where there is only one")
        parser.add_argument("--json", action="store_true", help="print one JSON object")

    def handle(self, *args: Any, **options: Any) -> None:
        library = _library(_team(options["team"]), options["library"])
        outcomes: list[dict[str, Any]] = []
        for path, folder in _files(options["paths"]):
            outcomes.append(_upload(library, path, folder))
        settled = _settle(library)
        for outcome in outcomes:
            _complete(outcome, library, settled)
        self._report(library, outcomes, as_json=options["json"])
        if any(outcome["status"] == "failed" for outcome in outcomes):
            raise SystemExit(1)

    def _report(self, library: Library, outcomes: list[dict[str, Any]], *, as_json: bool) -> None:
        if as_json:
            documents = sum(outcome["status"] == "ready" for outcome in outcomes)
            body = {"library": library.name, "documents": documents, "files": outcomes}
            self.stdout.write(json.dumps(body, ensure_ascii=False))
            return
        for outcome in outcomes:
            reason = f": {outcome['reason']}" if outcome["reason"] else f", {outcome['chunks']} passages"
            self.stdout.write(f"{outcome['status']:8} {outcome['path']}{reason}")


def _settle(library: Library) -> dict[UUID, IngestionJob]:
    """Carry out the library's jobs, those of the files inside files included; returns the last job of each document."""
    settled: dict[UUID, IngestionJob] = {}
    live = IngestionJob.objects.filter(document__library=library, state__in=IngestionJob.LIVE)
    while ids := list(live.values_list("pk", flat=True)):
        settled |= {job.document_id: job for job in run_jobs(ids)}
    return settled


def _team(name: str) -> Team:
    teams = list(Team.objects.filter(name=name) if name else Team.objects.order_by("created_at")[:2])
    if not teams:
        raise CommandError(
            f"There is no team named {name!r}." if name else "There is no team yet; run create_team first."
        )
    if len(teams) > 1:
        raise CommandError("There are several teams; name one with --team.")
    return teams[0]


def _library(team: Team, name: str) -> Library:
    library = Library.objects.filter(team=team, name=name, deleted_at=None).first()
    return library or create_library(user=None, team=team, name=name)


def _files(paths: list[Path]) -> Iterator[tuple[Path, str]]:
    """Yield every file with its folder as a label, relative to the folder that was named; hidden ones are left out."""
    for path in paths:
        if path.is_file():
            yield path, ""
        elif path.is_dir():
            for inside in sorted(path.rglob("*")):
                relative = inside.relative_to(path.parent)
                if inside.is_file() and not any(part.startswith(".") for part in relative.parts[1:]):
                    yield inside, os.fspath(relative.parent)
        else:
            raise CommandError(f"There is no file or folder {path}.")


def _upload(library: Library, path: Path, folder: str) -> dict[str, Any]:
    outcome: dict[str, Any] = {
        "path": str(path),
        "document": None,
        "status": "failed",
        "code": "",
        "reason": "",
        "chunks": 0,
    }
    try:
        with path.open("rb") as source:
            upload = take_upload(user=None, library=library, file=File(source), name=path.name, folder=folder)
    except AppError as error:
        return outcome | {"code": error.code, "reason": error.sentence()}
    except OSError as error:
        return outcome | {"code": "unreadable", "reason": error.strerror or str(error)}
    return outcome | {"document": str(upload.document.pk), "outcome": upload.outcome}


def _complete(outcome: dict[str, Any], library: Library, settled: dict[Any, IngestionJob]) -> None:
    """Fill in how the reading of an uploaded file ended."""
    if outcome["document"] is None:
        return
    document = library.documents.select_related("current_version").get(pk=outcome["document"])
    outcome["status"] = document.status
    outcome["chunks"] = document.current_version.chunk_count if document.current_version else 0
    if document.error_code:
        outcome |= {"code": document.error_code, "reason": sentence_of(document.error_code, document.error_params)}
    job = settled.get(document.pk)
    if job is not None:
        outcome["seconds"] = job.seconds
