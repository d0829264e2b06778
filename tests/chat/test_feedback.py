"""Votes on answers: one of the asker, changed in place, followed by the log of questions."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.chat.models import Conversation, Feedback, Message
from apps.libraries import asked
from apps.libraries.models import AskedQuestion, Chunk
from apps.users.models import User
from tests import factories


@pytest.fixture
def answer(conversation: Conversation, chunk: Chunk, alice: User) -> Message:
    """Return an answer of alice's that was logged."""
    made: Message = factories.AnswerFactory(conversation=conversation)
    asked.record(
        asked.Asked(
            team_id=conversation.team_id,
            user=alice,
            library_ids=[chunk.library_id],
            source=AskedQuestion.Source.CHAT,
            question="When does water boil?",
            message_id=made.pk,
        )
    )
    return made


def vote(client: Client, answer: Message, value: str, **fields: object) -> str:
    response = client.post(reverse("chat:vote", args=[answer.pk]), {"vote": value} | fields)
    assert response.status_code == 200
    return response.content.decode()


def test_a_vote_up_is_kept_and_shown(answer: Message, alice_client: Client) -> None:
    shown = vote(alice_client, answer, "up")

    assert 'aria-pressed="true"' in shown
    assert Feedback.objects.get().vote == 1
    assert AskedQuestion.objects.get().vote == 1


def test_a_vote_down_counts_at_once_and_then_asks_why(answer: Message, alice_client: Client) -> None:
    asks = vote(alice_client, answer, "down")
    thanks = vote(alice_client, answer, "down", said="1", reason=["source", "made-up"], comment="Page 3\nsays 90.")

    assert "What is wrong with it?" in asks
    assert "What is wrong with it?" not in thanks
    row = Feedback.objects.get()
    assert (row.vote, row.reasons, row.comment) == (-1, ["source"], "Page 3 says 90.")
    assert AskedQuestion.objects.get().vote == -1


def test_a_vote_is_changed_and_taken_back(answer: Message, alice_client: Client) -> None:
    vote(alice_client, answer, "down", reason=["wrong"], said="1")
    vote(alice_client, answer, "up")
    assert (Feedback.objects.get().vote, Feedback.objects.get().reasons) == (1, [])

    vote(alice_client, answer, "none")

    assert not Feedback.objects.exists()
    assert AskedQuestion.objects.get().vote == 0


def test_nobody_else_votes(answer: Message, ada_client: Client, bob_client: Client) -> None:
    """Case: a vote on somebody else's private answer."""
    for client in (ada_client, bob_client):
        assert client.post(reverse("chat:vote", args=[answer.pk]), {"vote": "up"}).status_code == 404
    assert not Feedback.objects.exists()


def test_a_question_and_a_growing_answer_have_no_vote(answer: Message, alice_client: Client) -> None:
    assert alice_client.post(reverse("chat:vote", args=[answer.parent_id]), {"vote": "up"}).status_code == 404
    Message.objects.filter(pk=answer.pk).update(state=Message.State.RUNNING)
    assert alice_client.post(reverse("chat:vote", args=[answer.pk]), {"vote": "up"}).status_code == 409
