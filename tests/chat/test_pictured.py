"""Pictures of the studio in questions: shown as cards, searched by their description, never a foreign address."""

import uuid

import pytest
from django.test import Client
from django.urls import reverse

from apps.chat.models import Conversation, Message
from apps.chat.pictured import MOST, Shown, described, pieces_of

ID = uuid.UUID("0b0e7bb1-6f2a-4a51-9d0e-0f4b1e6d2c11")
PICTURE = f"![a red fox](/images/pictures/{ID}/)"


def test_it_reads_text_and_pictures_in_order() -> None:
    assert list(pieces_of(f"Look:\n{PICTURE}\nWhere is it?")) == [
        Shown("Look:"),
        Shown("a red fox", ID),
        Shown("Where is it?"),
    ]
    assert described(f"{PICTURE}\nWhere is it?") == "a red fox\nWhere is it?"
    assert described(f"![](/images/pictures/{ID}/)") == f"![](/images/pictures/{ID}/)"


@pytest.mark.parametrize(
    "text",
    [
        "![x](https://elsewhere.test/x/images/pictures/0b0e7bb1-6f2a-4a51-9d0e-0f4b1e6d2c11/)",
        "![x](/images/pictures/../../account/)",
        "![x](/images/pictures/not-an-id/)",
        "![x](//elsewhere.test/x.png)",
        "[x](/images/pictures/0b0e7bb1-6f2a-4a51-9d0e-0f4b1e6d2c11/)",
    ],
)
def test_other_addresses_stay_text(text: str) -> None:
    assert list(pieces_of(text)) == [Shown(text)]


def test_of_a_copied_address_the_id_alone_is_used() -> None:
    text = PICTURE.replace("(/", "(https://zhiku.test:8443/")

    assert list(pieces_of(text)) == [Shown("a red fox", ID)]


def test_a_flood_of_pictures_stays_text() -> None:
    shown = list(pieces_of(PICTURE * 50))

    assert sum(piece.picture is not None for piece in shown) == MOST
    assert shown[-1].picture is None


def test_the_question_shows_a_card_that_the_studio_guards(conversation: Conversation, alice_client: Client) -> None:
    question = Message.objects.create(conversation=conversation, role="user", text=f"<b>{PICTURE}</b> Where?")
    Message.objects.create(conversation=conversation, role="assistant", parent=question, text="There. & more")

    page = alice_client.get(reverse("chat:conversation", args=[conversation.pk])).content.decode()

    assert f'src="/images/pictures/{ID}/small/"' in page
    assert "&lt;b&gt;" in page
    assert "/images/?theme=There.%20%26%20more" in page


def test_another_page_prefills_a_question_and_sends_nothing(alice_client: Client, embedding_model: object) -> None:
    page = alice_client.get(reverse("chat:home"), {"text": "<script>x</script>"}).content.decode()

    assert "&lt;script&gt;x&lt;/script&gt;</textarea>" in page
    assert not Message.objects.exists()
