"""One attempt at an answer: every end it can have, and what stays."""

from collections.abc import Iterator
from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.utils import timezone

from apps.chat import answering, pipeline, recovery, services, tasks
from apps.chat.models import Conversation, Message
from apps.core import events
from apps.core.errors import AppError
from apps.libraries.models import Chunk, Library
from apps.metering.models import Reservation
from apps.metering.services import reserve
from apps.rag.types import Delta, Step
from apps.runtimes.contracts import RuntimeFailure
from apps.users.models import User
from tests.chat.conftest import Script, steps

WORDS = ["Water ", "boils ", "at 100 degrees [1].", "\n\nThat ", "is all [7]."]


def log_of(message: Message, attempt: int = 1) -> list[events.Event]:
    raw = events.connection().xrange(events._key(message.pk), f"{attempt}-0", f"{attempt}-{2**60}")
    entries = [events._entry(each) for each in raw]  # type: ignore[union-attr]
    assert [entry.cursor.seq for entry in entries if entry] == list(range(1, len(entries) + 1))
    return [entry.event for entry in entries if entry]


def run(message: Message) -> Message:
    tasks.answer_message(str(message.pk))
    message.refresh_from_db()
    return message


def test_it_streams_and_stores_an_answer(pending: Message, chunk: Chunk, script: Script) -> None:
    script(lambda _message: steps(chunk, WORDS))

    answer = run(pending)

    log = log_of(answer)
    assert [event.type for event in log[:3]] == ["answer.condensed", "answer.retrieved", "answer.delta"]
    assert "".join(event.text for event in log if isinstance(event, events.AnswerDelta)) == "".join(WORDS)
    assert isinstance(log[-1], events.AnswerFinished)
    blocks = [event for event in log if isinstance(event, events.AnswerBlock)]
    assert 'data-cite="1"' in blocks[0].html
    assert answer.state == Message.State.DONE
    assert answer.text == "".join(WORDS)
    assert answer.lease_until is None
    assert answer.steps["libraries"] == 1
    citation = answer.citations.get()
    assert (citation.number, citation.chunk_id, citation.passage) == (1, chunk.pk, chunk.text)


def test_it_sends_the_first_piece_at_once(pending: Message, chunk: Chunk, script: Script) -> None:
    seen: list[int] = []

    def slow(_message: Message) -> Iterator[Step]:
        for step in steps(chunk, WORDS):
            yield step
            if isinstance(step, Delta):
                seen.append(sum(isinstance(event, events.AnswerDelta) for event in log_of(pending)))

    script(slow)
    run(pending)

    assert seen[0] == 1


def test_it_stops_within_one_token_and_keeps_the_text(pending: Message, chunk: Chunk, script: Script) -> None:
    closed: list[str] = []

    def stopped(message: Message) -> Iterator[Step]:
        try:
            yield from steps(chunk, ["Water [1]", " boils"], finish=False)
            services.stop(message=message)
            yield Delta(" at")
            yield Delta(" NEVER")
        except GeneratorExit:
            closed.append("closed")
            raise

    script(stopped)
    answer = run(pending)

    assert answer.state == Message.State.STOPPED
    assert answer.text == "Water [1] boils at"
    assert closed == ["closed"]
    assert isinstance(log_of(answer)[-1], events.AnswerStopped)
    assert answer.citations.get().chunk_id == chunk.pk


def test_it_stops_a_waiting_answer_at_once_and_no_worker_begins_it(
    pending: Message, chunk: Chunk, script: Script
) -> None:
    script(lambda _message: steps(chunk, ["NEVER"]))

    services.stop(message=pending)
    answer = run(pending)

    assert (answer.state, answer.text) == (Message.State.STOPPED, "")
    assert isinstance(log_of(answer, 1)[-1], events.AnswerStopped)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (RuntimeFailure("x"), "model-failed"),
        (AppError(), "bad-request"),
        (pipeline.AccessEnded(), "access-ended"),
        (KeyError("x"), "internal"),
    ],
)
def test_it_says_why_an_answer_failed(
    pending: Message, chunk: Chunk, script: Script, error: Exception, code: str
) -> None:
    def broken(_message: Message) -> Iterator[Step]:
        yield from steps(chunk, ["Half ", "of it"], finish=False)
        raise error

    script(broken)
    answer = run(pending)

    assert (answer.state, answer.error_code, answer.text) == (Message.State.FAILED, code, "Half of it")
    assert log_of(answer)[-1] == events.AnswerFailed(code)


def test_it_makes_an_answer_once_however_often_it_is_delivered(pending: Message, chunk: Chunk, script: Script) -> None:
    script(lambda _message: steps(chunk, WORDS))

    run(pending)
    run(pending)

    assert pending.attempt == 1
    assert len([event for event in log_of(pending) if isinstance(event, events.AnswerFinished)]) == 1


def test_it_marks_an_answer_whose_worker_died_with_all_its_text(pending: Message, chunk: Chunk, script: Script) -> None:
    message = answering.claim(pending.pk)
    assert message is not None
    attempt = answering.Attempt(message)
    for step in steps(chunk, ["Water [1] ", "boils ", "at"], finish=False):
        attempt._take(step)
    attempt._send()
    Message.objects.filter(pk=message.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    tasks.reap()

    message.refresh_from_db()
    assert (message.state, message.error_code) == (Message.State.INTERRUPTED, "interrupted")
    assert message.text == "Water [1] boils at"
    assert message.citations.get().chunk_id == chunk.pk
    assert log_of(message)[-1] == events.AnswerFailed("interrupted")


def test_it_fences_a_worker_that_was_only_slow(pending: Message, chunk: Chunk) -> None:
    message = answering.claim(pending.pk)
    assert message is not None
    attempt = answering.Attempt(message)
    Message.objects.filter(pk=message.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
    recovery.interrupt_dead()

    with pytest.raises((events.LostLog, answering.LostLease)):
        attempt.run(steps(chunk, WORDS))

    message.refresh_from_db()
    assert message.state == Message.State.INTERRUPTED


def test_it_leaves_living_answers_alone(pending: Message) -> None:
    answering.claim(pending.pk)

    tasks.reap()

    pending.refresh_from_db()
    assert pending.state == Message.State.RUNNING


def test_it_retries_in_place_with_a_new_attempt(
    pending: Message, chunk: Chunk, script: Script, alice: User, django_capture_on_commit_callbacks: object
) -> None:
    script(lambda _message: steps(chunk, ["Half"], finish=False))
    Message.objects.filter(pk=pending.pk).update(
        state=Message.State.INTERRUPTED, attempt=1, text="Half", error_code="interrupted"
    )
    pending.refresh_from_db()

    retried = services.retry(user=alice, message=pending)
    script(lambda _message: steps(chunk, WORDS))
    answer = run(retried)

    assert (answer.pk, answer.state, answer.attempt, answer.text) == (pending.pk, Message.State.DONE, 2, "".join(WORDS))
    assert isinstance(log_of(answer, 2)[-1], events.AnswerFinished)


def test_it_rings_again_for_what_the_broker_lost(pending: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    rung: list[UUID] = []
    monkeypatch.setattr(tasks, "ring", rung.append)
    Message.objects.filter(pk=pending.pk).update(lease_until=timezone.now() - timedelta(seconds=1))

    tasks.reap()
    tasks.reap()

    assert rung == [pending.pk]


def test_it_settles_the_quota_with_the_real_counts(pending: Message, chunk: Chunk, script: Script, alice: User) -> None:
    reservation = Reservation.objects.get(pk=reserve(user=alice, team=pending.conversation.team, amounts={}).pk)
    Message.objects.filter(pk=pending.pk).update(reservation=reservation.pk)
    script(lambda _message: steps(chunk, WORDS))

    run(pending)

    reservation.refresh_from_db()
    assert reservation.state == Reservation.State.SETTLED


def test_it_releases_the_quota_of_a_failure(pending: Message, script: Script, alice: User) -> None:
    reservation = Reservation.objects.get(pk=reserve(user=alice, team=pending.conversation.team, amounts={}).pk)
    Message.objects.filter(pk=pending.pk).update(reservation=reservation.pk)

    def broken(_message: Message) -> Iterator[Step]:
        raise RuntimeFailure("x")
        yield Delta("")

    script(broken)
    run(pending)

    reservation.refresh_from_db()
    assert reservation.state == Reservation.State.RELEASED


def test_it_answers_nothing_after_the_membership_ended(pending: Message, alice: User) -> None:
    alice.memberships.all().delete()

    answer = run(pending)

    assert (answer.state, answer.error_code) == (Message.State.FAILED, "access-ended")


def test_it_searches_only_what_is_readable_now(pending: Message, library: Library) -> None:
    stranger_library = uuid4()
    Message.objects.filter(pk=pending.pk).update(library_ids=[library.pk, stranger_library])
    pending.refresh_from_db()

    assert pipeline.scope_of(pending).library_ids == (library.pk,)


def test_it_keeps_the_citation_of_a_chunk_that_was_deleted_meanwhile(
    pending: Message, chunk: Chunk, script: Script
) -> None:
    made = list(steps(chunk, WORDS))
    chunk.delete()
    script(lambda _message: (step for step in made))

    answer = run(pending)

    citation = answer.citations.get()
    assert (citation.chunk_id, citation.passage) == (None, "CANARY-T1 content")


def test_it_survives_a_lost_log(pending: Message, chunk: Chunk, script: Script) -> None:
    def forgetful(message: Message) -> Iterator[Step]:
        for step in steps(chunk, WORDS):
            yield step
            events.connection().delete(events._key(message.pk))

    script(forgetful)

    assert run(pending).text == "".join(WORDS)


def test_it_purges_only_what_was_deleted_long_ago(conversation: Conversation) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(deleted_at=timezone.now() - timedelta(days=1))
    assert recovery.purge() == 0

    Conversation.objects.filter(pk=conversation.pk).update(
        deleted_at=timezone.now() - timedelta(days=settings.ENV.undo_days + 1)
    )
    assert recovery.purge() == 1
