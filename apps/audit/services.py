"""Writing to the audit log, and checking that nobody changed it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

from django.db import connection, models, transaction
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.core.logging import current_id
from apps.core.postgres.last import LastThings
from apps.users.models import Team, User

LOCK = 0x7A68696B75  # "zhiku"; one writer at a time, so that the sequence has no gaps
GENESIS = "0" * 64
BATCH = 10_000
LONGEST = 500
Value = str | int | bool | None
# What the fingerprint is made of besides the sequence number and the fingerprint before it.
TOLD = (
    "at", "action", "actor_id", "actor_email", "team_id", "target_type", "target_id", "detail", "request_id",
)  # fmt: skip
_ENCODED = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
# Foreign keys are checked before the lock is taken: the check may wait for somebody who waits for the lock. The last
# event is read by a statement of its own, whose snapshot is taken when the lock is there.
_LAST = """
SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED;
SELECT pg_advisory_xact_lock(%s);
SELECT sequence, hash FROM audit_auditevent ORDER BY sequence DESC LIMIT 1
"""


@transaction.atomic
def record(
    action: str,
    *,
    actor: User | None,
    team: Team | None,
    target: models.Model | None = None,
    detail: Mapping[str, Value] | None = None,
) -> AuditEvent:
    """Append one event, as the last thing that the transaction does; it is rolled back with it.

    Only then it gets its place in the chain: there is one writer at a time, and a long transaction must not keep all
    others waiting. A change that cannot be recorded does not happen. See docs/adr/0038.
    """
    event = AuditEvent(
        at=timezone.now(),
        action=action,
        actor_id=actor.pk if actor else None,
        actor_email=actor.email if actor else "",
        team_id=team.pk if team else None,
        target_type=target._meta.label_lower if target is not None else "",
        target_id=str(target.pk) if target is not None else "",
        detail={key: _clean(value) for key, value in (detail or {}).items()},
        request_id=current_id.get(),
    )
    cast("LastThings", connection).do_last(_chain, event)
    return event


def _chain(events: Sequence[AuditEvent]) -> None:
    """Write the events of one transaction behind the last one there is; two statements."""
    with connection.cursor() as cursor:
        cursor.execute(_LAST, [LOCK])
        while cursor.nextset():
            pass
        sequence, previous = cursor.fetchone() or (0, GENESIS)
    for event in events:
        sequence += 1
        event.sequence, event.previous_hash = sequence, previous
        event.hash = previous = digest(event)
    AuditEvent.objects.bulk_create(events)


def _clean(value: Value) -> Value:
    """Return what jsonb gives back unchanged, so that the hash can be computed again: no NUL, no float, no novel."""
    if value is None or isinstance(value, bool | int):
        return value
    return str(value).replace("\x00", "")[:LONGEST]


def digest(event: AuditEvent) -> str:
    """Return the SHA-256, in hex, over the event's canonical JSON with the hash before it."""
    return _digest(event.sequence, event.previous_hash, [getattr(event, name) for name in TOLD])


def _digest(sequence: int, previous: str, told: Sequence[Any]) -> str:
    """Return the fingerprint; `told` are the values of TOLD."""
    canonical = dict(zip(TOLD, told, strict=True))
    canonical["at"] = canonical["at"].isoformat(timespec="microseconds")
    canonical["actor_id"] = str(canonical["actor_id"] or "")
    canonical["team_id"] = str(canonical["team_id"] or "")
    canonical |= {"sequence": sequence, "previous_hash": previous}
    return hashlib.sha256(_ENCODED(canonical).encode()).hexdigest()


def verify_chain() -> list[str]:
    """Return one sentence for the first event that was changed, lost or put in; empty when the chain holds."""
    expected, previous = 1, GENESIS
    rows = AuditEvent.objects.order_by("sequence").values_list("sequence", "previous_hash", "hash", *TOLD)
    while batch := list(rows.filter(sequence__gte=expected)[:BATCH]):
        for sequence, said, fingerprint, *told in batch:
            if sequence != expected:
                return [f"audit event {expected} is missing"]
            if said != previous or fingerprint != _digest(sequence, previous, told):
                return [f"audit event {sequence} does not match the chain"]
            expected, previous = expected + 1, fingerprint
    return []
