"""What a transaction does as its last: with it or not at all."""

from typing import Any, cast

import pytest
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.audit import services
from apps.audit.models import AuditEvent
from apps.audit.services import record, verify_chain
from apps.core.postgres.last import LastThings
from apps.users.models import Team
from tests.factories import TeamFactory

LAST = cast("LastThings", connection)


@pytest.mark.django_db(transaction=True)
def test_it_waits_until_the_transaction_ends() -> None:
    done: list[list[Any]] = []
    note = done.append
    with transaction.atomic():
        with transaction.atomic():
            LAST.do_last(note, 1)
        assert done == []
        LAST.do_last(note, 2)
    assert done == [[1, 2]]


@pytest.mark.django_db(transaction=True)
def test_it_forgets_what_was_rolled_back() -> None:
    done: list[list[Any]] = []
    note = done.append
    with transaction.atomic():
        LAST.do_last(note, "kept")
        with transaction.atomic():
            LAST.do_last(note, "undone")
            transaction.set_rollback(True)
    with transaction.atomic():
        LAST.do_last(note, "never")
        transaction.set_rollback(True)
    with transaction.atomic():
        pass
    assert done == [["kept"]]


@transaction.atomic
def _made() -> None:
    record("team.created", actor=None, team=TeamFactory())


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("error", [DatabaseError("no place"), RuntimeError("a bug")], ids=["database", "bug"])
def test_a_change_that_cannot_be_recorded_does_not_happen(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_events: object) -> None:
        raise error

    monkeypatch.setattr(services, "_chain", fail)
    with pytest.raises(type(error)):
        _made()
    monkeypatch.undo()
    assert not Team.objects.exists()
    record("team.created", actor=None, team=None)  # the connection works as before
    assert AuditEvent.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_long_transaction_keeps_no_other_writer_waiting() -> None:
    other = connection.copy()
    try:
        with transaction.atomic():
            record("team.created", actor=None, team=None)
            with other.cursor() as cursor:
                cursor.execute("SELECT pg_try_advisory_lock(%s)", [services.LOCK])
                assert cursor.fetchone() == (True,)
                cursor.execute("SELECT pg_advisory_unlock(%s)", [services.LOCK])
    finally:
        other.close()
    assert verify_chain() == []


@pytest.mark.django_db(transaction=True)
def test_it_writes_the_events_of_one_transaction_together() -> None:
    with CaptureQueriesContext(connection) as captured, transaction.atomic():
        for number in range(20):
            record("library.created", actor=None, team=None, detail={"n": number})
    assert sum("audit_auditevent" in query["sql"] for query in captured.captured_queries) == 2
    assert [event.detail["n"] for event in AuditEvent.objects.all()] == list(range(20))
    assert verify_chain() == []
