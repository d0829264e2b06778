"""The log sheet of a job: what happened to it, line by line, in words of the reader's language."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext, gettext_noop

from apps.core.errors import Value, sentence_of
from apps.ingestion.models import IngestionJob

MAX_EVENTS = 200  # of one job; then the oldest give way
BAD = frozenset({"failed", "worker-lost", "given-back", "postponed", "page-failed"})
SENTENCES: dict[str, str] = {
    "queued": gettext_noop("Waits to be read"),
    "started": gettext_noop("%(stage)s begins, on %(host)s"),
    "finished-stage": gettext_noop("%(stage)s took %(seconds)s s"),
    "parsed": gettext_noop("Read as %(kind)s: %(pages)s pages, %(blocks)s blocks; the reader used %(mib)s MiB"),
    "split": gettext_noop("Split into %(chunks)s passages; the vectors of %(known)s were known"),
    "read-on": gettext_noop("A part is read (%(done)s of %(total)s pages); other files go first, then the rest"),
    "given-back": gettext_noop("Did not work and is tried again (%(attempts)s so far)"),
    "postponed": gettext_noop("Waits until it can go on; tried again by itself"),
    "released": gettext_noop("Given back by a worker that stops; what is done stays done"),
    "worker-lost": gettext_noop("The worker died; the job goes on with another one (%(attempts)s so far)"),
    "asked-to-stop": gettext_noop("Asked to stop"),
    "cancelled": gettext_noop("Stopped"),
    "failed": gettext_noop("Failed"),
    "done": gettext_noop("Ready"),
}
# The events of a row and one more, which `as_json` gives; the oldest gives way.
APPENDED = f"(CASE WHEN jsonb_array_length(events) < {MAX_EVENTS} THEN events ELSE events - 0 END) || %(event)s::jsonb"
_WRITE = f"UPDATE ingestion_ingestionjob SET events = {APPENDED} WHERE id = %(id)s"  # noqa: S608  (a constant)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the log sheet. `reason` is the sentence of an error, else empty."""

    at: datetime | None
    text: str
    is_bad: bool
    reason: str = ""


def event(code: str, params: Mapping[str, Value]) -> dict[str, Any]:
    """Return an event as it is stored."""
    return {"at": timezone.now().isoformat(timespec="milliseconds"), "code": code, "params": dict(params)}


def as_json(code: str, params: Mapping[str, Value]) -> str:
    """Return an event as `APPENDED` takes it."""
    return json.dumps([event(code, params)])


def write(job_id: UUID, code: str, **params: Value) -> None:
    """Add an event to a row in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, {"id": job_id, "event": as_json(code, params)})


def append(job: IngestionJob, code: str, **params: Value) -> None:
    """Add an event to a row that the caller has locked and will save."""
    job.events = [*job.events, event(code, params)][-MAX_EVENTS:]


def lines(job: IngestionJob) -> list[Line]:
    """Return the log sheet in the active language, oldest first."""
    return [_line(entry) for entry in job.events]


def _line(entry: Mapping[str, Any]) -> Line:
    code, params = str(entry.get("code", "")), dict(entry.get("params", {}))
    if "stage" in params:
        params["stage"] = _stage(str(params["stage"]))
    template = gettext(SENTENCES[code]) if code in SENTENCES else code
    try:
        text = template % params if params and "%(" in template else template
    except (KeyError, TypeError, ValueError):  # written by another release
        text = template
    error = str(params.get("error", ""))
    reason = sentence_of(error, params) if error else ""
    return Line(parse_datetime(str(entry.get("at", ""))), text, code in BAD, reason)


def _stage(value: str) -> str:
    return str(IngestionJob.Stage(value).label) if value in IngestionJob.Stage.values else value
