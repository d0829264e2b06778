"""Reading the log: filters, pages, exports. Pages go by sequence number: the last is as fast as the first."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, datetime, time, timedelta
from uuid import UUID

from django.db import models
from django.utils import timezone

from apps.audit.actions import FAMILIES
from apps.audit.models import AuditEvent
from apps.core.spreadsheets import BOM, csv_line
from apps.core.text import typed, uuid_or_none
from apps.users.models import Team, User

PAGE = 50
MOST_PEOPLE = 200  # whose address matches what was typed
COLUMNS = (
    "sequence", "at", "action", "actor_id", "actor_email", "team_id", "target_type", "target_id", "detail",
    "request_id", "previous_hash", "hash",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Asked:
    """What to show; an empty field asks nothing. `since` and `until` both count."""

    who: str = ""
    family: str = ""
    action: str = ""
    team: UUID | None = None
    target: str = ""
    since: date | None = None
    until: date | None = None

    @property
    def count(self) -> int:
        """Return how many filters are set."""
        return sum(bool(getattr(self, one.name)) for one in fields(self))


def asked_of(query: Mapping[str, str]) -> Asked:
    """Return the filters of a query string; what cannot be read asks nothing."""
    return Asked(
        who=typed(query.get("who", ""), 200),
        family=query.get("family", "") if query.get("family") in FAMILIES else "",
        action=typed(query.get("action", ""), 60),
        team=uuid_or_none(query.get("team", "")),
        target=typed(query.get("target", ""), 60),
        since=_day(query.get("since", "")),
        until=_day(query.get("until", "")),
    )


def events(asked: Asked, *, team: Team | None = None) -> models.QuerySet[AuditEvent]:
    """Return the events asked for, newest first; with `team` never one of another."""
    rows = AuditEvent.objects.order_by("-sequence")
    exact = {"team_id": team.pk if team else asked.team, "action": asked.action, "target_id": asked.target}
    rows = rows.filter(**{name: value for name, value in exact.items() if value})
    if asked.who:
        rows = rows.filter(_by(asked.who))
    if asked.family:
        rows = rows.filter(_begins(FAMILIES[asked.family].prefixes))
    return _between(rows, asked.since, asked.until)


def _between(rows: models.QuerySet[AuditEvent], since: date | None, until: date | None) -> models.QuerySet[AuditEvent]:
    if since:
        rows = rows.filter(at__gte=_midnight(since))
    return rows.filter(at__lt=_midnight(until + timedelta(days=1))) if until else rows


def page_of(rows: models.QuerySet[AuditEvent], before: int | None) -> tuple[list[AuditEvent], int | None]:
    """Return one page of events and the number before which the next begins; None at the end."""
    if before is not None:
        rows = rows.filter(sequence__lt=before)
    page = list(rows[: PAGE + 1])
    return page[:PAGE], page[PAGE - 1].sequence if len(page) > PAGE else None


def as_csv(rows: models.QuerySet[AuditEvent]) -> Iterator[str]:
    """Yield the events as CSV, no cell of which runs as a formula."""
    yield BOM + csv_line(COLUMNS)
    for event in rows.iterator(chunk_size=2_000):
        yield csv_line([_text(event, column) for column in COLUMNS])


def as_jsonl(rows: models.QuerySet[AuditEvent]) -> Iterator[str]:
    """Yield the events as JSON, one a line, with all that their hashes are made of."""
    for event in rows.iterator(chunk_size=2_000):
        row = {column: _text(event, column) for column in COLUMNS} | {"detail": event.detail}
        yield json.dumps(row, ensure_ascii=False) + "\n"


def _text(event: AuditEvent, column: str) -> object:
    value = getattr(event, column)
    if isinstance(value, datetime):
        return value.isoformat(timespec="microseconds")
    if isinstance(value, dict):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value if isinstance(value, int) else str(value or "")


def _by(who: str) -> models.Q:
    """Return the events of the people whose name or address holds the text; of a deleted one by the whole address."""
    people = User.objects.filter(models.Q(email__icontains=who) | models.Q(name__icontains=who))
    found = list(people.values_list("pk", flat=True)[:MOST_PEOPLE])
    return models.Q(actor_id__in=found) if found else models.Q(actor_email=who.lower())


def _begins(prefixes: tuple[str, ...]) -> models.Q:
    condition = models.Q()
    for prefix in prefixes:
        condition |= models.Q(action__startswith=prefix)
    return condition


def _midnight(day: date) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def _day(text: str) -> date | None:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if day.year < date.max.year else None
