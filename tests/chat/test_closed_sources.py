"""A right that ends closes what was cited and stops what is being written (security case 20)."""

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from apps.chat import answering, tasks
from apps.chat.closed import closed_documents, shown_of
from apps.chat.models import AnswerTrace, Citation, Conversation, Message
from apps.libraries import sharing
from apps.libraries.models import Chunk, Document, Level, Library
from apps.libraries.sharing import Spot
from apps.rag.types import Step
from apps.users.models import Membership, Role, Team, User
from tests import factories
from tests.chat.conftest import Script, pending_answer, steps

pytestmark = pytest.mark.django_db
SECRET = "CANARY-T1 content"


@pytest.fixture
def mine(t1: Team, ann: User) -> Conversation:
    """Return a conversation of ann, a viewer."""
    found: Conversation = factories.ConversationFactory(team=t1, owner=ann)
    return found


@pytest.fixture
def cited(mine: Conversation, chunk: Chunk) -> Citation:
    """Return a citation of the document in an answer to ann."""
    answer = factories.AnswerFactory(conversation=mine, text="Answer [1]")
    found: Citation = factories.CitationFactory(message=answer, chunk=chunk, number=1, passage=SECRET, quote=SECRET)
    AnswerTrace.objects.create(
        message=answer,
        stages=[
            {
                "name": "search",
                "milliseconds": 1.0,
                "facts": {"passages": [{"document_id": str(chunk.document_id), "document": chunk.document.name}]},
            }
        ],
    )
    return found


def close(document: Document, user: User) -> None:
    sharing.restrict(user=user, spot=Spot(document.library, document=document), is_restricted=True)


def test_it_closes_the_source_of_an_old_answer_and_opens_it_again(
    cited: Citation, document: Document, alice: User, ann: User, ann_client: Client
) -> None:
    drawer = reverse("chat:citation", args=[cited.message_id, 1])
    page = reverse("chat:conversation", args=[cited.message.conversation_id])
    assert SECRET in ann_client.get(drawer).content.decode()
    close(document, alice)
    for address in (drawer, page):
        answer = ann_client.get(address)
        text = answer.content.decode()
        assert answer.status_code == 200
        assert SECRET not in text
        assert document.name not in text
        assert "No longer shared with you" in text
    assert "Answer" in ann_client.get(page).content.decode()  # its own text stays
    trace = ann_client.get(reverse("chat:trace", args=[cited.message_id])).content.decode()
    assert document.name not in trace
    sharing.grant(user=alice, spot=Spot(document.library, document=document), to=ann, level=Level.READ)
    assert SECRET in ann_client.get(drawer).content.decode()


def test_it_keeps_the_copy_of_a_document_that_was_deleted(
    cited: Citation, document: Document, ann_client: Client
) -> None:
    document.delete()
    assert SECRET in ann_client.get(reverse("chat:citation", args=[cited.message_id, 1])).content.decode()


def test_it_blanks_what_a_frame_tells_of_closed_passages(document: Document, alice: User, ann: User) -> None:
    rows = [
        {"number": 1, "document": document.name, "document_id": str(document.pk), "snippet": SECRET},
        {"number": 2, "document": "curated", "document_id": "nonsense", "snippet": "open"},
    ]
    frame = {"type": "answer.retrieved", "passages": rows}
    assert shown_of(ann, frame) == frame
    close(document, alice)
    assert SECRET not in str(shown_of(ann, frame))
    assert shown_of(ann, frame)["passages"][1] == rows[1]
    assert closed_documents(alice, rows) == set()


def test_it_stops_writing_when_the_right_ends_meanwhile(
    mine: Conversation, chunk: Chunk, script: Script, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "FLUSH_S", 0.0)
    monkeypatch.setattr(answering, "COALESCE_S", 0.0)
    answer = pending_answer(mine, factories.MessageFactory(conversation=mine), chunk)

    def narrowing(_message: Message) -> Iterator[Step]:
        for number, step in enumerate(steps(chunk, ["Water ", "boils ", "LATER ", "LATEST"])):
            if number == 4:
                close(chunk.document, alice)
            yield step

    script(narrowing)
    tasks.answer_message(str(answer.pk))

    answer.refresh_from_db()
    assert (answer.state, answer.error_code) == (Message.State.FAILED, "access-ended")
    assert "LATEST" not in answer.text
    assert answer.text.startswith("Water")


def test_it_begins_no_answer_in_a_library_that_was_closed(
    mine: Conversation, chunk: Chunk, alice: User, library: Library
) -> None:
    answer = pending_answer(mine, factories.MessageFactory(conversation=mine), chunk)
    sharing.restrict(user=alice, spot=Spot(library), is_restricted=True)
    tasks.answer_message(str(answer.pk))
    answer.refresh_from_db()
    assert (answer.state, answer.error_code) == (Message.State.FAILED, "access-ended")


def test_it_lets_who_may_write_a_library_keep_answers_there(
    library: Library, alice: User, ann: User, cited: Citation
) -> None:
    from apps.chat.keeping import libraries_for, may_keep  # noqa: PLC0415

    assert not may_keep(ann, library.team_id)
    sharing.grant(user=alice, spot=Spot(library), to=ann, level=Level.WRITE)
    assert may_keep(ann, library.team_id)
    assert list(libraries_for(ann, cited.message)) == [library]
    Membership.objects.filter(user=ann).update(role=Role.VIEWER)
