"""Cases 33 to 35: links in mails lead where the operator said, work once, for one account, and tell of no account."""

import re

import pytest
from django.core import mail
from django.test import Client, override_settings

from apps.users.models import User
from kb_project.env import Env
from tests.settings_override import env

HOSTILE = (
    {"host": "evil.test"},
    {"host": "localhost:80@evil.test"},
    {"host": "evil.test:8000"},
    {"host": "localhost", "x-forwarded-host": "evil.test"},
    {"host": "localhost", "x-forwarded-proto": "https", "forwarded": "host=evil.test"},
)


@pytest.mark.parametrize("headers", HOSTILE, ids=range(len(HOSTILE)))
@override_settings(PUBLIC_URL="https://kb.example.test")
def test_case_33_links_lead_to_the_configured_address(headers: dict[str, str], alice: User) -> None:
    response = Client().post("/accounts/password/reset/", {"email": alice.email}, headers=headers)

    assert response.status_code in {302, 400}
    for message in mail.outbox:
        assert "evil" not in message.subject + str(message.body) + str(message.message())
        assert "https://kb.example.test/accounts/password/reset/key/" in message.body


@pytest.mark.parametrize("hosts", ["*", "localhost, *"])
def test_case_33_it_does_not_start_for_any_host(hosts: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KB_ALLOWED_HOSTS", hosts)

    with pytest.raises(ValueError, match="must name hosts"):
        Env()


def link_for(user: User) -> str:
    """Return the path of the link that is mailed to somebody who forgot the password."""
    mail.outbox.clear()
    Client().post("/accounts/password/reset/", {"email": user.email})
    found = re.search(r"/accounts/password/reset/key/[^\s]+", str(mail.outbox[0].body))
    assert found is not None
    return found[0]


def set_password(path: str, password: str = "another battery horse") -> int:  # noqa: S107  (of a test)
    browser = Client()
    form = browser.get(path)
    where = form.headers["Location"] if form.status_code == 302 else path
    return browser.post(where, {"password1": password, "password2": password}).status_code


def test_case_34_a_link_works_once(alice: User) -> None:
    path = link_for(alice)

    set_password(path)
    alice.refresh_from_db()
    assert alice.check_password("another battery horse")

    set_password(path, "yet another battery horse")
    alice.refresh_from_db()
    assert alice.check_password("another battery horse")


def test_case_34_a_link_is_of_one_account(alice: User, bob: User) -> None:
    mine, theirs = link_for(alice), link_for(bob)
    start, _dash, secret = mine.rpartition("/key/")[2].partition("-")
    other = theirs.rpartition("/key/")[2].partition("-")[0]

    for path in (
        f"/accounts/password/reset/key/{other}-{secret}",
        f"/accounts/password/reset/key/{start}-x-{'0' * 32}/",
    ):
        set_password(path)

    bob.refresh_from_db()
    alice.refresh_from_db()
    assert not bob.check_password("another battery horse")
    assert not alice.check_password("another battery horse")


def test_case_34_an_old_link_is_dead(alice: User) -> None:
    path = link_for(alice)

    with override_settings(PASSWORD_RESET_TIMEOUT=-1):
        set_password(path)

    alice.refresh_from_db()
    assert not alice.check_password("another battery horse")


@pytest.mark.parametrize("alike", ["al\u0131ce@example.test", "alice@example\u3002test", "\uff41lice@example.test"])
def test_case_34_mail_goes_to_the_stored_address_alone(alike: str, alice: User) -> None:
    Client().post("/accounts/password/reset/", {"email": alike})

    assert [message.to for message in mail.outbox] in ([], [[alice.email]])


@pytest.mark.parametrize("sign_up", ["closed", "open"])
def test_case_35_answers_do_not_tell_of_accounts(sign_up: str, alice: User) -> None:
    """Of an open sign-up only the reset is silent: whoever may open an account learns that an address has one."""
    answers = []
    with env(signup_open=sign_up == "open"):
        for email in (alice.email, "nobody@example.test"):
            fields = {"email": email, "password1": "correct horse staple", "password2": "correct horse staple"}
            for path in ["/accounts/password/reset/", *(["/accounts/signup/"] if sign_up == "closed" else [])]:
                response = Client().post(path, fields)
                body = re.sub(rb'value="[A-Za-z0-9]{64}"|[a-z]+@example\.test', b"", response.content)
                answers.append((path, response.status_code, response.headers.get("Location"), body))

    half = len(answers) // 2
    assert answers[:half] == answers[half:]
