"""A scripted pipeline behind the real task, log and socket."""

from collections.abc import Callable, Iterable, Iterator
from uuid import uuid4

import pytest

from apps.chat import pipeline
from apps.chat.models import Conversation, Message
from apps.libraries.models import Chunk
from apps.rag.types import Cite, Condensed, Delta, Finished, Found, Passage, Retrieved, Step
from tests import factories


def passage_of(chunk: Chunk) -> Passage:
    return Passage(
        chunk_id=chunk.pk,
        document_id=chunk.document_id,
        version_id=chunk.version_id,
        library_id=chunk.library_id,
        document_name=chunk.document.name,
        text=chunk.text,
        char_to=len(chunk.text),
    )


def steps(chunk: Chunk, words: Iterable[str], *, finish: bool = True) -> Iterator[Step]:
    """Yield the steps of an answer that cites one chunk."""
    passage = passage_of(chunk)
    found = Found((passage,), support=0.9, language="en", milliseconds=3.0)
    yield Condensed("When does water boil?")
    yield Retrieved(found, (passage,), libraries=1)
    text = ""
    for word in words:
        text += word
        yield Delta(text=word, tokens=1)
    if finish:
        cites = (Cite(1, passage, "CANARY"),) if "[1]" in text else ()
        yield Finished(text, cites, output_tokens=len(text.split()), seconds={"search": 0.01})


Script = Callable[[Callable[[Message], Iterator[Step]]], None]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> Script:
    """Return a function that replaces the pipeline by another source of steps."""

    def replace(make: Callable[[Message], Iterator[Step]]) -> None:
        monkeypatch.setattr(pipeline, "steps_of", make)

    return replace


@pytest.fixture
def pending(conversation: Conversation, chunk: Chunk) -> Message:
    """Return an answer that waits for a worker."""
    question = factories.MessageFactory(conversation=conversation)
    return pending_answer(conversation, question, chunk)


def pending_answer(conversation: Conversation, question: Message, chunk: Chunk) -> Message:
    answer: Message = factories.AnswerFactory(
        conversation=conversation,
        parent=question,
        text="",
        state=Message.State.PENDING,
        mode="auto",
        library_ids=[chunk.library_id],
        reservation=uuid4(),
    )
    return answer
