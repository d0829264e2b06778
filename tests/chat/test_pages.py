"""The chat pages: who sees what, and that asking, again, retry, rename, delete and undo work."""

import json
from datetime import timedelta
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.chat import services
from apps.chat.models import Conversation, Message
from apps.core.markdown import render
from apps.libraries.models import Chunk, Library
from apps.metering.errors import QuotaExceeded
from apps.metering.models import Quota, Reservation
from apps.users.models import Team, User
from tests import factories

HTMX = {"HX-Request": "true"}


def answered(conversation: Conversation, chunk: Chunk, **fields: object) -> Message:
    question = factories.MessageFactory(conversation=conversation)
    answer: Message = factories.AnswerFactory(
        conversation=conversation, parent=question, library_ids=[chunk.library_id], **fields
    )
    factories.CitationFactory(message=answer, chunk=chunk, quote="CANARY-T1 content")
    return answer


def test_it_offers_to_make_a_library_where_there_is_none(alice_client: Client) -> None:
    page = alice_client.get(reverse("chat:home"))
    assert page.status_code == 200
    assert reverse("libraries:list") in page.content.decode()


def test_it_begins_a_conversation_without_a_new_page(
    alice_client: Client, library: Library, chat_model: object
) -> None:
    response = alice_client.post(reverse("chat:start"), {"text": "When does water boil?\nPlease."}, headers=HTMX)

    conversation = Conversation.objects.get()
    answer = conversation.messages.get(role=Message.Role.ASSISTANT)
    assert response["HX-Push-Url"] == reverse("chat:conversation", args=[conversation.pk])
    assert f'message="{answer.pk}"' in response.content.decode()
    assert conversation.title == "When does water boil?"
    assert (answer.state, answer.library_ids) == (Message.State.PENDING, [library.pk])


def test_it_rings_for_the_answer_once_it_is_committed(
    alice_client: Client, library: Library, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: object
) -> None:
    rung: list[object] = []
    monkeypatch.setattr(services, "ring", rung.append)

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        alice_client.post(reverse("chat:start"), {"text": "When?"}, headers=HTMX)
        assert rung == []

    assert rung == [Message.objects.get(role=Message.Role.ASSISTANT).pk]


@pytest.mark.parametrize(
    ("text", "code"), [("", "empty-question"), (" \n ", "empty-question"), ("x" * 4_001, "question-too-long")]
)
def test_it_refuses_questions_that_are_none(alice_client: Client, library: Library, text: str, code: str) -> None:
    response = alice_client.post(reverse("chat:start"), {"text": text}, headers={"Accept": "application/json"})

    assert (response.status_code, response.json()["code"]) == (400, code)
    assert not Conversation.objects.exists()


def test_it_refuses_a_question_without_a_library(alice_client: Client) -> None:
    response = alice_client.post(reverse("chat:start"), {"text": "When?"}, headers={"Accept": "application/json"})

    assert (response.status_code, response.json()["code"]) == (409, "nothing-to-search")
    assert not Reservation.objects.filter(state=Reservation.State.OPEN).exists()


def test_it_keeps_the_choices_that_are_allowed(
    alice_client: Client, library: Library, t2: Team, chat_model: object
) -> None:
    foreign = factories.LibraryFactory(team=t2)
    data = {"text": "When?", "library": [str(library.pk), str(foreign.pk), "x"], "mode": "quote"}

    alice_client.post(reverse("chat:start"), data, headers=HTMX)

    conversation = Conversation.objects.get()
    assert list(conversation.libraries.all()) == [library]
    assert (conversation.mode, conversation.model) == ("quote", None)
    assert conversation.messages.get(role=Message.Role.ASSISTANT).library_ids == [library.pk]


def test_it_searches_nothing_where_only_foreign_libraries_are_chosen(
    alice_client: Client, library: Library, t2: Team
) -> None:
    data = {"text": "When?", "library": [str(factories.LibraryFactory(team=t2).pk)]}
    response = alice_client.post(reverse("chat:start"), data, headers={"Accept": "application/json"})
    assert response.json()["code"] == "nothing-to-search"


def test_it_answers_one_question_at_a_time(alice_client: Client, conversation: Conversation, library: Library) -> None:
    address = reverse("chat:ask", args=[conversation.pk])
    assert alice_client.post(address, {"text": "One?"}, headers=HTMX).status_code == 200

    second = alice_client.post(address, {"text": "Two?"}, headers={"Accept": "application/json"})

    assert (second.status_code, second.json()["code"]) == (409, "answer-running")
    assert Reservation.objects.filter(state=Reservation.State.OPEN).count() == 1


def test_it_refuses_what_the_quota_does_not_allow(alice: User, t1: Team, library: Library) -> None:
    Quota.objects.create(scope="user", user=alice, resource="questions", window="day", limit=0)
    with pytest.raises(QuotaExceeded):
        services.start(user=alice, team=t1, text="When?", choice=services.Choice())
    assert not Conversation.objects.exists()


def test_it_follows_the_answer_that_was_on_the_screen(alice: User, conversation: Conversation, chunk: Chunk) -> None:
    first = answered(conversation, chunk, text="First.")
    second: Message = factories.AnswerFactory(conversation=conversation, parent=first.parent, text="Second.")

    answer = services.ask(user=alice, conversation=conversation, text="And then?", after=first.pk)

    from apps.chat.thread import history_of, rounds_of  # noqa: PLC0415

    assert [(each.question, each.answer) for each in history_of(answer)] == [("When does water boil?", "First.")]
    rounds = rounds_of(conversation, conversation.owner)
    assert [each.shown.pk for each in rounds] == [first.pk, answer.pk]
    assert (rounds[0].place, rounds[0].following) == (1, second)


def test_it_shows_answers_with_citations_and_a_switch(
    alice_client: Client, conversation: Conversation, chunk: Chunk
) -> None:
    first = answered(conversation, chunk)
    factories.AnswerFactory(conversation=conversation, parent=first.parent, text="<b>Other</b> [1]")

    page = alice_client.get(reverse("chat:conversation", args=[conversation.pk])).content.decode()
    switched = alice_client.get(reverse("chat:answer", args=[first.pk]), headers=HTMX).content.decode()

    assert "&lt;b&gt;Other" in page
    assert "2/2" in page
    assert "1/2" in switched
    assert f'hx-get="{reverse("chat:citation", args=[first.pk, 1])}"' in switched
    assert 'class="cite"' in switched


def test_it_makes_another_answer_beside_the_first(
    alice_client: Client, conversation: Conversation, chunk: Chunk
) -> None:
    answer = answered(conversation, chunk)

    response = alice_client.post(reverse("chat:again", args=[answer.pk]), {"mode": "quote"}, headers=HTMX)

    other = conversation.messages.exclude(pk=answer.pk).get(role=Message.Role.ASSISTANT)
    assert (other.parent_id, other.mode, other.state) == (answer.parent_id, "quote", Message.State.PENDING)
    assert f'message="{other.pk}"' in response.content.decode()


def test_it_retries_only_what_broke(alice_client: Client, conversation: Conversation, chunk: Chunk) -> None:
    done = answered(conversation, chunk)
    assert (
        alice_client.post(reverse("chat:retry", args=[done.pk]), headers={"Accept": "application/json"}).status_code
        == 409
    )

    Message.objects.filter(pk=done.pk).update(state=Message.State.INTERRUPTED, error_code="interrupted")
    page = alice_client.get(reverse("chat:answer", args=[done.pk]), headers=HTMX).content.decode()
    assert reverse("chat:retry", args=[done.pk]) in page

    assert alice_client.post(reverse("chat:retry", args=[done.pk]), headers=HTMX).status_code == 200
    done.refresh_from_db()
    assert (done.state, done.error_code) == (Message.State.PENDING, "")


def test_it_renames(alice_client: Client, conversation: Conversation) -> None:
    address = reverse("chat:rename", args=[conversation.pk])
    response = alice_client.post(address, {"title": "  Boiling <b> points "}, headers=HTMX)
    conversation.refresh_from_db()
    assert conversation.title == "Boiling <b> points"
    assert "Boiling &lt;b&gt; points" in response.content.decode()

    alice_client.post(address, {"title": "  "}, headers=HTMX)
    conversation.refresh_from_db()
    assert conversation.title == "Boiling <b> points"


def test_it_deletes_with_undo(alice_client: Client, conversation: Conversation, chunk: Chunk) -> None:
    address = reverse("chat:conversation", args=[conversation.pk])
    response = alice_client.post(reverse("chat:delete", args=[conversation.pk]), headers=HTMX)
    undo = json.loads(response["HX-Trigger"])["kb:toast"]["undo"]
    assert alice_client.get(address).status_code == 404

    restored = alice_client.post(undo, headers=HTMX)

    assert restored["HX-Redirect"] == address
    assert alice_client.get(address).status_code == 200


def test_it_stops_what_runs_when_the_conversation_is_deleted(
    alice_client: Client, conversation: Conversation, library: Library, django_capture_on_commit_callbacks: object
) -> None:
    alice_client.post(reverse("chat:ask", args=[conversation.pk]), {"text": "One?"}, headers=HTMX)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        alice_client.post(reverse("chat:delete", args=[conversation.pk]), headers=HTMX)
    assert conversation.messages.get(role=Message.Role.ASSISTANT).state == Message.State.STOPPED


def test_it_shows_the_passage_in_its_text(alice_client: Client, conversation: Conversation, chunk: Chunk) -> None:
    from apps.libraries.reading import save_blocks  # noqa: PLC0415
    from apps.libraries.types import Block  # noqa: PLC0415

    version = chunk.version
    version.blocks = save_blocks(version, [Block("Before <i>", "heading"), Block("CANARY-T1 content"), Block("After")])
    version.save()
    answer = answered(conversation, chunk)
    answer.citations.update(char_from=12, char_to=29)

    page = alice_client.get(reverse("chat:citation", args=[answer.pk, 1]), headers=HTMX).content.decode()

    assert "<h4>Before &lt;i&gt;</h4>" in page
    assert '<mark data-weight="quote">CANARY-T1 content</mark>' in page
    assert reverse("libraries:document", args=[chunk.document_id]) in page


def test_it_shows_the_page_of_a_pdf(alice_client: Client, conversation: Conversation, chunk: Chunk) -> None:
    type(chunk.version).objects.filter(pk=chunk.version_id).update(media_type="application/pdf")
    answer = answered(conversation, chunk)
    answer.citations.update(page_from=3, page_to=3, boxes=[[3, 0.1, 0.2, 0.9, 0.3]])

    page = alice_client.get(reverse("chat:citation", args=[answer.pk, 1]), headers=HTMX).content.decode()

    assert 'page="3"' in page
    assert 'boxes="[[3, 0.1, 0.2, 0.9, 0.3]]"' in page
    assert f"?version={chunk.version_id}" in page


def test_it_shows_the_stored_copy_when_the_document_is_gone(
    alice_client: Client, conversation: Conversation, chunk: Chunk
) -> None:
    answer = answered(conversation, chunk)
    chunk.document.delete()

    page = alice_client.get(reverse("chat:citation", args=[answer.pk, 1]), headers=HTMX).content.decode()

    assert "<mark>CANARY-T1 content</mark>" in page
    assert "no longer here" in page


ADDRESSES = [
    ("get", "chat:conversation", "conversation"),
    ("post", "chat:ask", "conversation"),
    ("post", "chat:rename", "conversation"),
    ("post", "chat:delete", "conversation"),
    ("post", "chat:restore", "conversation"),
    ("get", "chat:answer", "answer"),
    ("post", "chat:stop", "answer"),
    ("post", "chat:again", "answer"),
    ("post", "chat:retry", "answer"),
    ("get", "chat:citation", "citation"),
]


@pytest.mark.parametrize(("method", "name", "kind"), ADDRESSES)
def test_it_hides_everything_from_everybody_else(  # noqa: PLR0913, PLR0917
    bob_client: Client,
    xen_client: Client,
    ann_client: Client,
    conversation: Conversation,
    chunk: Chunk,
    method: str,
    name: str,
    kind: str,
) -> None:
    answer = answered(conversation, chunk, state=Message.State.INTERRUPTED)
    Conversation.objects.filter(pk=conversation.pk).update(updated_at=timezone.now() - timedelta(days=1))
    before = list(Conversation.objects.values()), list(Message.objects.order_by("pk").values())
    arguments = {"conversation": [conversation.pk], "answer": [answer.pk], "citation": [answer.pk, 1]}[kind]
    unknown = [uuid4(), *arguments[1:]]

    for client in (bob_client, xen_client, ann_client):
        mine, random = (
            getattr(client, method)(reverse(name, args=args), {"text": "x", "title": "x"})
            for args in (arguments, unknown)
        )
        assert (mine.status_code, mine.content) == (404, random.content)
        assert b"CANARY" not in mine.content

    assert (list(Conversation.objects.values()), list(Message.objects.order_by("pk").values())) == before


@pytest.mark.parametrize(("method", "name", "kind"), ADDRESSES)
def test_it_sends_the_anonymous_to_sign_in(
    anonymous_client: Client, conversation: Conversation, method: str, name: str, kind: str
) -> None:
    arguments = [uuid4(), 1] if kind == "citation" else [uuid4()]
    assert getattr(anonymous_client, method)(reverse(name, args=arguments)).status_code == 302


def test_it_groups_the_rail_by_time_in_one_query(
    alice: User, t1: Team, t2: Team, bob: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for days in (0, 0, 1, 5, 20, 90):
        made = factories.ConversationFactory(owner=alice, team=t1)
        Conversation.objects.filter(pk=made.pk).update(last_at=timezone.now() - timedelta(days=days))
    factories.ConversationFactory(owner=bob, team=t2)
    factories.ConversationFactory(owner=alice, team=t2)

    with django_assert_num_queries(1):
        groups = services.rail(alice, t1)

    assert [len(group.conversations) for group in groups] == [2, 1, 1, 1, 1]
    assert [group.label for group in groups[:4]] == ["Today", "Yesterday", "Last 7 days", "Last 30 days"]


def test_it_asks_the_same_number_of_queries_however_long_the_chat_is(
    alice_client: Client,
    conversation: Conversation,
    chunk: Chunk,
    django_assert_max_num_queries: DjangoAssertNumQueries,
) -> None:
    for _ in range(6):
        answered(conversation, chunk)
    with django_assert_max_num_queries(22):
        alice_client.get(reverse("chat:conversation", args=[conversation.pk]))


def test_it_finds_own_chats_by_words_of_their_title(alice: User, t1: Team, conversation: Conversation) -> None:
    assert services.find(alice, t1, "canary conversation") == [conversation]
    assert services.find(alice, t1, "canary nothing") == []


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("Short?", "Short?"),
        ("First line\nsecond", "First line"),
        ("word " * 30, "word " * 11 + "word…"),
        ("很" * 90, "很" * 60 + "…"),
    ],
)
def test_it_makes_a_title_of_the_first_question(question: str, title: str) -> None:
    assert services.title_of(question) == title


def test_it_escapes_what_a_model_wrote_everywhere(
    alice_client: Client, conversation: Conversation, chunk: Chunk
) -> None:
    payload = "<img src=x onerror=alert(1)> [x](javascript:alert(1)) ![](http://sink.test/)"
    answer = answered(conversation, chunk, text=payload)
    answer.citations.update(document_name=payload, passage=payload, quote=payload)
    Message.objects.filter(pk=answer.pk).update(
        steps={"passages": ["x"], "libraries": 1, "was_rewritten": True, "question": payload}
    )
    Conversation.objects.filter(pk=conversation.pk).update(title=payload)

    page = alice_client.get(reverse("chat:conversation", args=[conversation.pk])).content.decode()
    drawer = alice_client.get(reverse("chat:citation", args=[answer.pk, 1]), headers=HTMX).content.decode()

    for html in (page, drawer):
        assert "<img src=x" not in html
        assert 'href="javascript' not in html
        assert 'src="http://sink' not in html
    assert render(payload).count("<a ") == 1
