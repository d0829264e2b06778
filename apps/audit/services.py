"""Writing to the audit log, and checking that nobody changed it."""

import hashlib
import json
from collections.abc import Mapping

from django.db import connection, models, transaction
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.core.logging import current_id
from apps.users.models import Team, User

LOCK = 0x7A68696B75  # "zhiku"; one writer at a time, so that the sequence has no gaps
GENESIS = "0" * 64
BATCH = 2_000
LONGEST = 500
Value = str | int | bool | None


@transaction.atomic
def record(
    action: str,
    *,
    actor: User | None,
    team: Team | None,
    target: models.Model | None = None,
    detail: Mapping[str, Value] | None = None,
) -> AuditEvent:
    """Append one event. It waits for other writers until their transactions end, and is rolled back with its own."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    last = AuditEvent.objects.order_by("-sequence").first()
    event = AuditEvent(
        sequence=last.sequence + 1 if last else 1,
        at=timezone.now(),
        action=action,
        actor_id=actor.pk if actor else None,
        actor_email=actor.email if actor else "",
        team_id=team.pk if team else None,
        target_type=target._meta.label_lower if target is not None else "",
        target_id=str(target.pk) if target is not None else "",
        detail={key: _clean(value) for key, value in (detail or {}).items()},
        request_id=current_id.get(),
        previous_hash=last.hash if last else GENESIS,
    )
    event.hash = digest(event)
    event.save(force_insert=True)
    return event


def _clean(value: Value) -> Value:
    """Return what jsonb gives back unchanged, so that the hash can be computed again: no NUL, no float, no novel."""
    if value is None or isinstance(value, bool | int):
        return value
    return str(value).replace("\x00", "")[:LONGEST]


def digest(event: AuditEvent) -> str:
    """Return the SHA-256, in hex, over the event's canonical JSON with the hash before it."""
    canonical = {
        "sequence": event.sequence,
        "at": event.at.isoformat(timespec="microseconds"),
        "action": event.action,
        "actor_id": str(event.actor_id or ""),
        "actor_email": event.actor_email,
        "team_id": str(event.team_id or ""),
        "target_type": event.target_type,
        "target_id": event.target_id,
        "detail": event.detail,
        "request_id": event.request_id,
        "previous_hash": event.previous_hash,
    }
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def verify_chain() -> list[str]:
    """Return one sentence for the first event that was changed, lost or put in; empty when the chain holds."""
    expected, previous = 1, GENESIS
    while batch := list(AuditEvent.objects.filter(sequence__gte=expected).order_by("sequence")[:BATCH]):
        for event in batch:
            if event.sequence != expected:
                return [f"audit event {expected} is missing"]
            if event.previous_hash != previous or event.hash != digest(event):
                return [f"audit event {event.sequence} does not match the chain"]
            expected, previous = expected + 1, event.hash
    return []
