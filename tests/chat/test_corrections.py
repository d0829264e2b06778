"""What was searched for can be put right, answers can be strict, and doubtful sentences are marked."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.chat import services
from apps.chat.answering import Attempt, claim
from apps.chat.errors import EmptyQuestion
from apps.chat.models import Conversation, Message
from apps.chat.sentences import stretches_of
from apps.chat.services import Choice
from apps.libraries.models import Chunk
from apps.rag.types import Cite, Condensed, Delta, Finished, Found, Retrieved, Sentence
from apps.users.models import User
from tests import factories
from tests.chat.conftest import passage_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def rewritten(conversation: Conversation, chunk: Chunk) -> Message:
    """Return an answer whose question was rewritten before the search."""
    question = factories.MessageFactory(conversation=conversation, text="And how long?")
    answer: Message = factories.AnswerFactory(
        conversation=conversation,
        parent=question,
        text="It takes nine minutes.",
        library_ids=[chunk.library_id],
        steps={"question": "And how long? (ferry)", "was_rewritten": True, "passages": [str(chunk.pk)], "libraries": 1},
    )
    return answer


def test_it_shows_what_was_searched_for(alice_client: Client, rewritten: Message) -> None:
    page = alice_client.get(reverse("chat:answer", args=[rewritten.pk])).content.decode()

    assert "And how long? (ferry)" in page
    assert reverse("chat:correct", args=[rewritten.pk]) in page


def test_a_correction_makes_another_answer_that_searches_for_it(alice_client: Client, rewritten: Message) -> None:
    data = {"question": "How long does the ferry take?"}
    page = alice_client.post(reverse("chat:correct", args=[rewritten.pk]), data, headers=HTMX)

    assert page.status_code == 200
    corrected = Message.objects.get(parent=rewritten.parent, corrected="How long does the ferry take?")
    assert corrected.pk != rewritten.pk
    assert corrected.state == Message.State.PENDING


def test_an_empty_correction_is_refused(alice: User, rewritten: Message) -> None:
    with pytest.raises(EmptyQuestion):
        services.correct(user=alice, message=rewritten, text="  ")


def test_a_stranger_cannot_correct(bob_client: Client, rewritten: Message) -> None:
    address = reverse("chat:correct", args=[rewritten.pk])
    assert bob_client.post(address, {"question": "Mine?"}, headers=HTMX).status_code == 404


def test_the_choice_of_strict_answers_is_kept_with_the_conversation(
    alice: User, conversation: Conversation, chunk: Chunk
) -> None:
    choice = Choice(library_ids=(chunk.library_id,), is_strict=True)
    services.ask(user=alice, conversation=conversation, text="When?", choice=choice)

    conversation.refresh_from_db()
    assert conversation.is_strict


def test_an_answer_keeps_how_well_its_sentences_are_borne_out(pending: Message, chunk: Chunk) -> None:
    passage = passage_of(chunk)
    text = "Water boils. [1] It sings."
    sentences = (
        Sentence(0, 12, 0.9, "supported", (1,)),
        Sentence(17, 26, 0.5, "weak", (1,)),
        Sentence(26, 26, 0.1, "removed", (), "It dances."),
    )
    message = claim(pending.pk)
    assert message is not None
    Attempt(message).run(
        step
        for step in (
            Condensed("When?", parts=("a", "b")),
            Retrieved(Found((passage,), 0.5, "en"), (passage,), libraries=1),
            Delta(text),
            Finished(text, (Cite(1, passage, "CANARY", 0.9),), sentences=sentences),
        )
    )

    pending.refresh_from_db()
    assert [each["state"] for each in pending.sentences] == ["supported", "weak", "removed"]
    assert stretches_of(pending) == ((17, 26, "weak"),)
    assert pending.citations.get().support == 0.9
    assert pending.steps["parts"] == ["a", "b"]
    assert pending.steps["support"] == 0.5


def test_a_page_marks_weak_sentences_and_says_what_was_left_out(alice_client: Client, rewritten: Message) -> None:
    """What a model wrote stays text wherever it is shown."""
    rewritten.text = "It takes <b>nine</b> minutes. Surely."
    rewritten.sentences = [
        {"start": 0, "end": 29, "state": "weak", "support": 0.5, "numbers": [], "text": ""},
        {"start": 37, "end": 37, "state": "removed", "support": 0.0, "numbers": [], "text": "<i>It</i> flies."},
    ]
    rewritten.save()

    page = alice_client.get(reverse("chat:answer", args=[rewritten.pk])).content.decode()

    assert '<span data-support="weak">It takes &lt;b&gt;nine&lt;/b&gt; minutes.</span> Surely.' in page
    assert "1 sentence is weakly supported" in page
    assert "&lt;i&gt;It&lt;/i&gt; flies." in page
