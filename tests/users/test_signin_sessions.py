"""The list of sessions, and the lock-out of guessers."""

from datetime import timedelta
from typing import Any

import pytest
from allauth.usersessions.models import UserSession
from django.contrib.auth.hashers import get_hasher
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.users import sessions, signin
from apps.users.models import Team, User
from tests.factories import PASSWORD
from tests.users.signing import KEY_FORM, LOGIN, SECURITY, sign_in

# Sessions


def test_it_lists_where_one_is_signed_in_and_ends_one(alice: User) -> None:
    here, there = Client(), Client()
    sign_in(here, alice, **{"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
    sign_in(
        there, alice, **{"user-agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/1"}
    )

    page = here.get(SECURITY).content.decode()
    assert "Firefox on Linux" in page
    assert "Safari on iPhone" in page

    other = UserSession.objects.get(session_key=there.session.session_key)
    assert here.post(f"/accounts/sessions/{other.pk}/end/").status_code == 302
    assert there.get("/accounts/").status_code == 302
    assert here.get("/accounts/").status_code == 200


def test_it_ends_nobody_elses_session(alice: User, bob: User, client: Client) -> None:
    other = Client()
    sign_in(other, bob)
    sign_in(client, alice)

    row = UserSession.objects.get(user=bob)

    assert client.post(f"/accounts/sessions/{row.pk}/end/").status_code == 404
    assert other.get("/accounts/").status_code == 200


def test_it_keeps_its_own_row_through_a_new_password(alice: User, client: Client) -> None:
    sign_in(client, alice)
    fresh = "another quite long one"

    client.post("/accounts/password/change/", {"oldpassword": PASSWORD, "password1": fresh, "password2": fresh})

    assert [device.is_current for device in sessions.devices(alice, client.session.session_key)] == [True]


def test_it_writes_the_last_use_of_a_session_at_most_once_a_minute(alice: User, client: Client) -> None:
    sign_in(client, alice)
    UserSession.objects.update(last_seen_at=timezone.now() - timedelta(hours=1))

    client.get("/accounts/")
    client.get("/accounts/")

    assert UserSession.objects.get(user=alice).last_seen_at < timezone.now() - timedelta(minutes=59)


@pytest.mark.parametrize(
    ("ip", "place"), [("127.0.0.1", "This machine"), ("192.168.1.7", "Local network"), ("8.8.8.8", "Internet")]
)
def test_it_says_where_an_address_is(ip: str, place: str) -> None:
    assert sessions.place_of(ip) == place


# Lock-out


def test_it_locks_an_account_from_one_address_alone(alice: User, client: Client) -> None:
    for _ in range(8):
        sign_in(client, alice, "wrong")
    assert signin.is_locked(alice)
    assert AuditEvent.objects.filter(action="user.locked-out", target_id=str(alice.pk)).exists()

    locked = sign_in(client, alice)
    assert locked.status_code == 429
    assert locked.headers["Retry-After"] == "900"

    elsewhere = Client(REMOTE_ADDR="198.51.100.7")
    assert sign_in(elsewhere, alice).status_code == 302


def test_case_35_it_locks_accounts_that_do_not_exist_alike(alice: User) -> None:
    answers = []
    for number, email in enumerate((alice.email, "nobody@example.test")):
        client = Client(REMOTE_ADDR=f"198.51.100.{number}")
        for _ in range(8):
            last = client.post(LOGIN, {"login": email, "password": "wrong"})
        locked = client.post(LOGIN, {"login": email, "password": PASSWORD})
        answers.append((last.status_code, locked.status_code, locked.content))

    assert answers[0] == answers[1]


def test_case_35_an_unknown_address_costs_one_hash_as_well(
    alice: User, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    hasher = type(get_hasher())
    calls: list[str] = []
    encode = hasher.encode

    def counted(self: Any, password: str, *rest: Any, **more: Any) -> str:
        calls.append(password)
        return str(encode(self, password, *rest, **more))

    monkeypatch.setattr(hasher, "encode", counted)
    counts = []
    for email in (alice.email, "nobody@example.test"):
        calls.clear()
        client.post(LOGIN, {"login": email, "password": "wrong"})
        counts.append(len(calls))

    assert counts == [1, 1]


def test_who_comes_by_single_sign_on_alone_is_not_sent_in_circles(ed: User, t1: Team, client: Client) -> None:
    sign_in(client, ed)
    ed.set_unusable_password()
    ed.save()
    client.force_login(ed, backend="allauth.account.auth_backends.AuthenticationBackend")

    assert client.post("/accounts/keys/", KEY_FORM).status_code == 201


def test_an_administrator_unlocks(alice: User, root: User, client: Client) -> None:
    for _ in range(8):
        sign_in(client, alice, "wrong")

    signin.unlock(user=alice, actor=root)

    assert not signin.is_locked(alice)
    assert sign_in(client, alice).status_code == 302
