"""What became of answers whose worker died or whose bell was lost."""

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import F
from django.db.models.expressions import Combinable
from django.db.models.functions import Now

from apps.chat.answering import MARK, LostLease, settle
from apps.chat.models import Conversation, Message
from apps.core import events
from apps.libraries.models import Chunk
from apps.libraries.types import Box
from apps.rag.types import Cite, Passage

RING_AGAIN_S = 30  # a pending answer that nobody began is told to the broker again


def interrupt_dead() -> int:
    """Mark the answers whose lease ran out, with all their text; return how many."""
    dead = Message.objects.filter(state=Message.State.RUNNING, lease_until__lt=Now())
    return sum(_interrupt(message) for message in dead.select_related("conversation"))


def _interrupt(message: Message) -> bool:
    """End the log first, which fences a worker that is only slow; then nothing can be added to what is read."""
    events.append_final(message.pk, message.attempt, events.AnswerFailed("interrupted"))
    text = events.text_of(message.pk, message.attempt)
    fields = {"error_code": "interrupted", "text": text if len(text) > len(message.text) else message.text}
    try:
        settle(message, Message.State.INTERRUPTED, _cites(message, fields["text"]), fields)
    except LostLease:  # it ended by itself meanwhile
        return False
    return True


def _cites(message: Message, text: str) -> list[Cite]:
    """Return what the marks of a broken-off text point to, from the passages that its steps name."""
    chunk_ids = [UUID(each) for each in message.steps.get("passages", [])]
    chunks = Chunk.objects.select_related("document").in_bulk(chunk_ids)
    numbers = {int(number) for number in MARK.findall(text)}
    return [
        Cite(number, _passage(chunks[chunk_id]))
        for number, chunk_id in enumerate(chunk_ids, 1)
        if number in numbers and chunk_id in chunks
    ]


def _passage(chunk: Chunk) -> Passage:
    return Passage(
        chunk_id=chunk.pk,
        document_id=chunk.document_id,
        version_id=chunk.version_id,
        library_id=chunk.library_id,
        document_name=chunk.document.name,
        text=chunk.text,
        heading_path=tuple(chunk.heading_path),
        page_from=chunk.page_from,
        page_to=chunk.page_to,
        boxes=tuple(Box(*box) for box in chunk.boxes),
        char_from=chunk.char_from,
        char_to=chunk.char_to,
    )


def unheard() -> list[UUID]:
    """Return the pending answers that nobody began in time, each once in RING_AGAIN_S."""
    late = Message.objects.filter(state=Message.State.PENDING, lease_until__lt=Now())
    ids = list(late.values_list("pk", flat=True))
    late.filter(pk__in=ids).update(lease_until=ring_again_at(), updated_at=F("updated_at"))
    return ids


def ring_again_at() -> Combinable:
    """Return the time after which a pending answer counts as unheard, by the database's clock."""
    return Now() + timedelta(seconds=RING_AGAIN_S)


def purge() -> int:
    """Remove what was deleted longer than `undo_days` ago; return how many conversations."""
    old = Conversation.objects.filter(deleted_at__lt=Now() - timedelta(days=settings.ENV.undo_days))
    ids = list(old.values_list("pk", flat=True)[:500])
    Conversation.objects.filter(pk__in=ids).delete()
    return len(ids)
