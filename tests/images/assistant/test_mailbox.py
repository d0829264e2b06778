"""Themes between the page and a worker: written, refused, stopped, paid for, nobody else's."""

import json
import uuid
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.catalog.models import AIModel
from apps.images.assistant import mailbox, words
from apps.images.assistant.asking import prompt_of
from apps.images.models import AssistantWords, ImagePolicy
from apps.metering.models import Reservation, UsageEvent
from apps.runtimes.contracts import Piece, RuntimeFailure
from apps.runtimes.fake import FakeChat, replies
from apps.users.models import Membership, Team, User
from tests import factories

GOOD = json.dumps({
    "subject": ["(a fox:1.2)"], "material": ["fur"], "detail": ["snow"], "quality": ["sharp"], "style": ["photo"],
    "colour": ["red"], "light": ["dusk"], "negative": ["cars"],
})  # fmt: skip
FOX = "(a fox:1.2), fur, snow, sharp, photo, red, dusk"


def asked(user: User, team: Team, **fields: Any) -> mailbox.Wish:
    return mailbox.ask(user, team, mailbox.Theme(**{"text": "雪里的狐狸"} | fields), lambda _token: None)


def outcome(user: User, wish: mailbox.Wish) -> mailbox.Letter:
    return mailbox.look(user, uuid.UUID(wish.token))


def used(wish: mailbox.Wish, resource: str) -> int:
    """Return what the wish was counted with in the end: what was held and given back is among the events."""
    rows = UsageEvent.objects.filter(reservation=wish.reservation, resource=resource)
    return sum(rows.values_list("amount", flat=True))


def test_it_writes_a_prompt_and_counts_its_tokens(alice: User, t1: Team, writer: AIModel) -> None:
    words.keep(alice, t1, "hats")
    wish = asked(alice, t1)
    assert outcome(alice, wish).is_open

    with replies(GOOD):
        mailbox.run(wish.token)

    found = outcome(alice, wish)
    assert found.written is not None
    assert found.written.prompt == FOX
    assert found.written.negative.startswith("hats, low quality")
    held = Reservation.objects.get(pk=wish.reservation)
    assert held.state == Reservation.State.SETTLED
    assert used(wish, "output_tokens") > 0
    assert used(wish, "generations") == 0


def test_it_tries_once_more_and_then_says_so(alice: User, t1: Team, writer: AIModel) -> None:
    wish = asked(alice, t1)
    with replies("no JSON", GOOD):
        mailbox.run(wish.token)
    again = asked(alice, t1)
    with replies("no JSON", '{"subject": []}'):
        mailbox.run(again.token)

    assert outcome(alice, wish).written is not None
    assert outcome(alice, again).error == "assistant-not-written"


def test_a_model_that_breaks_is_told_and_costs_nothing_more(alice: User, t1: Team, writer: AIModel) -> None:
    wish = asked(alice, t1)
    with replies(RuntimeFailure("gone")):
        mailbox.run(wish.token)

    assert outcome(alice, wish).error == "assistant-failed"
    assert Reservation.objects.get(pk=wish.reservation).state == Reservation.State.SETTLED


def test_stopping_before_a_worker_began_gives_the_quota_back(alice: User, t1: Team, writer: AIModel) -> None:
    wish = asked(alice, t1)
    mailbox.give_up(alice, uuid.UUID(wish.token))
    with replies(GOOD):
        mailbox.run(wish.token)

    assert Reservation.objects.get(pk=wish.reservation).state == Reservation.State.RELEASED


def test_a_worker_stops_at_its_next_word(
    alice: User, t1: Team, writer: AIModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = asked(alice, t1)
    told = []

    def stream(self: FakeChat, *_: Any) -> Any:
        for number in range(50):
            if number == 3:
                mailbox.give_up(alice, uuid.UUID(wish.token))
            told.append(number)
            yield Piece("x", 1)

    monkeypatch.setattr(FakeChat, "stream", stream)
    mailbox.run(wish.token)

    assert told == [0, 1, 2, 3]
    assert used(wish, "output_tokens") == 4


def test_what_nobody_answers_in_time_fails_and_gives_the_quota_back(
    alice: User, t1: Team, writer: AIModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    wish = asked(alice, t1)
    monkeypatch.setattr(mailbox, "WAIT_S", -1.0)

    assert outcome(alice, wish).error == "assistant-too-slow"
    assert Reservation.objects.get(pk=wish.reservation).state == Reservation.State.RELEASED


def test_nobody_elses_theme_is_there(
    alice: User, t1: Team, writer: AIModel, ada_client: Client, bob_client: Client, alice_client: Client
) -> None:
    wish = asked(alice, t1)
    letter = reverse("images:assist-letter", args=[wish.token])
    stop = reverse("images:assist-stop", args=[wish.token])

    for client in (ada_client, bob_client):
        assert client.get(letter).status_code == client.post(stop).status_code == 404
    assert alice_client.get(letter).status_code == 200


def test_who_left_the_team_meanwhile_gets_nothing(alice: User, t1: Team, writer: AIModel) -> None:
    wish = asked(alice, t1)
    Membership.objects.filter(user=alice, team=t1).delete()
    with replies(GOOD):
        mailbox.run(wish.token)

    assert outcome(alice, wish).error == "image-right-lost"


def test_a_chinese_theme_is_for_a_model_that_knows_chinese(alice: User, t1: Team, writer: AIModel) -> None:
    AIModel.objects.filter(pk=writer.pk).update(languages="en")
    factories.ChatModelFactory(name="knows", title="Knows", languages="en zh", is_default=False)

    assert asked(alice, t1).model == "knows"
    assert asked(alice, t1, text="a fox").model == writer.name
    assert asked(alice, t1, chat_model=writer.name).model == writer.name


def test_a_blocked_theme_is_refused_before_anything_is_held(
    alice: User, t1: Team, writer: AIModel, alice_client: Client
) -> None:
    ImagePolicy.objects.create(team=t1, blocked_words="fox")

    answer = alice_client.post(reverse("images:assist"), {"theme": "a fox"})

    assert answer.status_code == 422
    assert not Reservation.objects.exists()


def test_the_demonstration_models_words_need_no_model_where_a_theme_says_all(
    alice: User, t1: Team, writer: AIModel, image_model: AIModel
) -> None:
    AIModel.objects.filter(pk=image_model.pk).update(capabilities={"demonstration": True})
    wish = asked(alice, t1, text="白色背景上的红色圆形")
    mailbox.run(wish.token)
    other = asked(alice, t1, text="大海")
    mailbox.run(other.token)

    found, asked_for = outcome(alice, wish).written, outcome(alice, other).written
    assert found is not None
    assert asked_for is not None
    assert (found.prompt, found.negative) == ("a red circle on white background", "")
    assert asked_for.prompt == "a red circle on white background"  # the fake's plainest choice
    assert Reservation.objects.get(pk=wish.reservation).state == Reservation.State.RELEASED


def test_the_page_shows_the_difference(alice: User, t1: Team, writer: AIModel, alice_client: Client) -> None:
    form = alice_client.get(reverse("images:assist-form")).content.decode()
    assert "Fake chat" in form
    posted = {"theme": "狐狸", "old_prompt": "a fox in a hat", "own": "hats", "old_negative": ""}
    waiting = alice_client.post(reverse("images:assist"), posted).content.decode()
    token = waiting.split("/assist/")[1].split("/")[0]
    assert AssistantWords.objects.get().negative == "hats"
    with replies(GOOD):
        mailbox.run(token)

    shown = alice_client.get(reverse("images:assist-letter", args=[token])).content.decode()

    assert "<del>a fox in a hat</del>" in shown
    assert f"<ins>{FOX}</ins>" in shown
    assert "data-assistant-use" in shown
    assert alice_client.post(reverse("images:assist"), {"theme": " "}).status_code == 422


def test_base_models_read_the_examples_as_a_text() -> None:
    base, chat = FakeChat(is_instruct=False), FakeChat()

    assert prompt_of(base, "狐狸").endswith("\nTheme: fox (狐狸)\nTags:")
    assert prompt_of(chat, "狐狸").endswith("<user>\nfox (狐狸)\n\n<assistant>\n")
