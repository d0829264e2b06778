"""Break-glass: nobody reads a private conversation without a reason and a second administrator, nor unseen."""

from datetime import timedelta

import pytest
from django.core import mail
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.chat import openings
from apps.chat.errors import NoSecondAdmin, OpeningDecided, OpeningNotYours, OpeningWithoutReason
from apps.chat.models import ChatOpening, Conversation, Message
from apps.core.errors import NotFound
from apps.users.models import Team, User
from tests.factories import UserFactory
from tests.users.signing import signed_in

pytestmark = pytest.mark.django_db
REASON = "Court order 12/2026 of the labour court"
CANARY = "CANARY-T1-chat-private"


@pytest.fixture
def talk(alice: User, t1: Team) -> Conversation:
    conversation = Conversation.objects.create(team=t1, owner=alice, title=f"{CANARY} title")
    question = Message.objects.create(conversation=conversation, role=Message.Role.USER, text=f"{CANARY} question?")
    Message.objects.create(
        conversation=conversation, parent=question, role=Message.Role.ASSISTANT, text=f"{CANARY} answer.", state="done"
    )
    return conversation


@pytest.fixture
def second(db: None) -> User:
    return UserFactory(email="second@example.test", is_staff=True, is_superuser=True)


def _opened(root: User, second: User, talk: Conversation) -> ChatOpening:
    opening = openings.ask(admin=root, conversation_id=talk.pk, reason=REASON)
    return openings.decide(admin=second, opening_id=opening.pk, allow=True)


def test_it_shows_administrators_dates_and_lengths_but_no_words(root: User, alice: User, talk: Conversation) -> None:
    page = signed_in(root).get(f"/system/people/{alice.pk}/conversations/").content.decode()
    assert CANARY not in page
    assert talk.team.name in page


def test_it_opens_for_the_one_who_asked_when_another_allows(root: User, second: User, talk: Conversation) -> None:
    opening = _opened(root, second, talk)
    page = signed_in(root).get(f"/system/openings/{opening.pk}/")
    assert f"{CANARY} answer" in page.content.decode()
    assert page.headers["Cache-Control"] == "no-store"
    assert signed_in(second).get(f"/system/openings/{opening.pk}/").status_code == 404  # allowing is not reading


@pytest.mark.parametrize("reason", ["", "test", " " * 40, "x" * 501])
def test_it_needs_a_reason(root: User, second: User, talk: Conversation, reason: str) -> None:
    with pytest.raises(OpeningWithoutReason):
        openings.ask(admin=root, conversation_id=talk.pk, reason=reason)


def test_it_is_impossible_for_a_single_administrator(root: User, talk: Conversation) -> None:
    with pytest.raises(NoSecondAdmin):
        openings.ask(admin=root, conversation_id=talk.pk, reason=REASON)


def test_it_does_not_count_a_suspended_administrator_or_the_owner(root: User, alice: User, talk: Conversation) -> None:
    UserFactory(is_superuser=True, is_active=False)
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    with pytest.raises(NoSecondAdmin):
        openings.ask(admin=root, conversation_id=talk.pk, reason=REASON)


def test_it_is_never_decided_by_who_asked_or_who_owns_it(
    root: User, second: User, alice: User, talk: Conversation
) -> None:
    User.objects.filter(pk=alice.pk).update(is_superuser=True)
    alice.refresh_from_db()
    opening = openings.ask(admin=root, conversation_id=talk.pk, reason=REASON)
    for person in (root, alice):
        with pytest.raises(OpeningNotYours):
            openings.decide(admin=person, opening_id=opening.pk, allow=True)
    assert ChatOpening.objects.get().state == ChatOpening.State.ASKED


def test_it_is_decided_once(root: User, second: User, talk: Conversation) -> None:
    opening = openings.ask(admin=root, conversation_id=talk.pk, reason=REASON)
    openings.decide(admin=second, opening_id=opening.pk, allow=False)
    with pytest.raises(OpeningDecided):
        openings.decide(admin=second, opening_id=opening.pk, allow=True)
    with pytest.raises(NotFound):
        openings.access_opening(root, opening.pk)


def test_it_lapses_when_nobody_decides(root: User, second: User, talk: Conversation) -> None:
    opening = openings.ask(admin=root, conversation_id=talk.pk, reason=REASON)
    ChatOpening.objects.update(created_at=timezone.now() - timedelta(days=openings.ASKED_DAYS, minutes=1))
    with pytest.raises(OpeningDecided):
        openings.decide(admin=second, opening_id=opening.pk, allow=True)


def test_it_closes_by_itself_and_by_hand(root: User, second: User, talk: Conversation) -> None:
    opening = _opened(root, second, talk)
    ChatOpening.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert signed_in(root).get(f"/system/openings/{opening.pk}/").status_code == 404
    ChatOpening.objects.update(expires_at=timezone.now() + timedelta(hours=1))
    assert signed_in(second).post(f"/system/openings/{opening.pk}/end/").status_code == 302
    assert signed_in(root).get(f"/system/openings/{opening.pk}/").status_code == 404


def test_it_ends_with_the_rights_of_who_asked(root: User, second: User, talk: Conversation) -> None:
    opening = _opened(root, second, talk)
    User.objects.filter(pk=root.pk).update(is_superuser=False)
    assert signed_in(User.objects.get(pk=root.pk)).get(f"/system/openings/{opening.pk}/").status_code == 404


def test_it_gives_members_and_team_admins_nothing(
    alice: User, ada: User, bob: User, root: User, second: User, talk: Conversation
) -> None:
    opening = _opened(root, second, talk)
    for person in (alice, ada, bob):
        client = signed_in(person)
        for address in (
            f"/system/openings/{opening.pk}/",
            "/system/openings/",
            f"/system/people/{alice.pk}/conversations/",
        ):
            assert client.get(address).status_code == 404
        assert client.post(f"/system/conversations/{talk.pk}/ask/", {"reason": REASON}).status_code == 404


def test_it_tells_the_owner_in_the_product_and_by_mail(
    root: User, second: User, alice: User, talk: Conversation, monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: object,
) -> None:  # fmt: skip
    monkeypatch.setattr("apps.core.mail.is_configured", lambda: True)
    opening = openings.ask(admin=root, conversation_id=talk.pk, reason=REASON)
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        openings.decide(admin=second, opening_id=opening.pk, allow=True)
    assert [message.to for message in mail.outbox] == [[alice.email]]
    assert REASON in mail.outbox[0].body
    client = signed_in(alice)
    assert REASON in client.get("/").content.decode()
    assert client.post(f"/chat/openings/{opening.pk}/seen/").status_code == 200
    assert REASON not in client.get("/").content.decode()
    assert signed_in(root).post(f"/chat/openings/{opening.pk}/seen/").status_code == 404


def test_it_puts_every_step_into_the_log(root: User, second: User, talk: Conversation) -> None:
    opening = _opened(root, second, talk)
    signed_in(root).get(f"/system/openings/{opening.pk}/")
    openings.end(admin=second, opening_id=opening.pk)
    actions = AuditEvent.objects.filter(target_id=str(talk.pk)).order_by("sequence").values_list("action", flat=True)
    assert list(actions) == ["opening.asked", "opening.allowed", "opening.read", "opening.ended"]
    assert not any(CANARY in str(detail) for detail in AuditEvent.objects.values_list("detail", flat=True))


def test_it_asks_once_however_often_the_button_is_pressed(root: User, second: User, talk: Conversation) -> None:
    client = signed_in(root)
    for _ in range(3):
        assert client.post(f"/system/conversations/{talk.pk}/ask/", {"reason": REASON}).status_code == 302
    assert ChatOpening.objects.count() == 1
    assert AuditEvent.objects.filter(action="opening.asked").count() == 1
