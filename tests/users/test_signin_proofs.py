"""Weak passwords, proven addresses, and proving oneself before dangerous steps."""

import re
import time

import pytest
from allauth.account.models import EmailAddress
from django.contrib.auth.password_validation import validate_password
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client, override_settings

from apps.audit.models import AuditEvent
from apps.users import addresses
from apps.users.models import ApiKey, Team, User
from apps.users.passwords import is_breached
from tests.factories import PASSWORD
from tests.settings_override import env
from tests.users.signing import KEY_FORM, sign_in

# Passwords


@pytest.mark.parametrize(
    "weak",
    ["qwertyuiop", "Password123!", "1234567890", "woaini1314", "iloveyou2", "aaaaaaaaaaaa", "qwertyuiop1", "short1"],
)
def test_it_refuses_weak_passwords(weak: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(weak, User(email="ann@example.test", name="Ann"))


@pytest.mark.parametrize(
    "good", ["correct horse battery", "xkcd-pine-Ulm-42", "四个毫无关联的词语组成的密码", "k9$Vq!2mZr7p"]
)
def test_it_takes_good_ones(good: str) -> None:
    validate_password(good, User(email="ann@example.test", name="Ann"))


def test_it_knows_passwords_of_breaches_offline() -> None:
    assert all(map(is_breached, ("password", "PassWord", "123456", "letmein", "dragon", "qwerty123")))
    assert not any(map(is_breached, ("correct horse battery", "", "ünïcode", "x" * 10_000)))


def test_it_judges_a_very_long_password_by_its_beginning() -> None:
    with pytest.raises(ValidationError):
        validate_password("a1!" * 100_000)
    validate_password("correct horse battery" + "x" * 300_000)


# Addresses


def test_a_link_by_mail_proves_an_address(alice: User, client: Client) -> None:
    sign_in(client, alice)
    with env(smtp_host="mail.test"), override_settings(PUBLIC_URL="https://kb.example.test"):
        client.post("/accounts/security/address/", headers={"host": "localhost"})
    for _ in range(100):  # it is sent behind the answer
        if mail.outbox:
            break
        time.sleep(0.05)
    link = re.search(r"https://kb\.example\.test(/accounts/address/\S+)", str(mail.outbox[0].body))
    assert link is not None
    assert mail.outbox[0].to == [alice.email]
    assert not addresses.is_proven(alice)

    assert client.get(link[1]).status_code == 200
    assert not addresses.is_proven(alice)  # looking is not enough: mail programs look as well
    client.post(link[1])

    assert addresses.is_proven(alice)
    assert AuditEvent.objects.filter(action="user.address-proven").exists()


def test_case_34_a_wrong_link_proves_nothing(alice: User, client: Client) -> None:
    sign_in(client, alice)
    EmailAddress.objects.create(user=alice, email=alice.email, primary=True)

    for key in ("x", "MQ:1aaaaa:bbbbbbbb", "MQ"):
        client.post(f"/accounts/address/{key}/")

    assert not addresses.is_proven(alice)


# Proof before dangerous steps


def stale(client: Client) -> None:
    """Let the sign-in lie an hour back."""
    session = client.session
    session["account_authentication_methods"] = [
        each | {"at": time.time() - 3_600} for each in session["account_authentication_methods"]
    ]
    session.save()


def test_it_asks_who_somebody_is_before_a_key_is_made(ed: User, t1: Team, client: Client) -> None:
    sign_in(client, ed)
    stale(client)

    asked = client.post("/accounts/keys/", KEY_FORM)
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/")
    assert not ApiKey.objects.exists()

    made = client.post(asked.headers["Location"], {"password": PASSWORD, "next": "/accounts/keys/"})
    assert made.status_code == 201  # what was asked for is done now
    assert ApiKey.objects.get().user == ed


@pytest.mark.parametrize("path", ["/accounts/factors/app/on/", "/accounts/factors/passkeys/add/"])
def test_it_asks_who_somebody_is_before_a_factor_changes(path: str, ed: User, client: Client) -> None:
    sign_in(client, ed)
    assert client.get(path).status_code == 200

    stale(client)
    assert client.get(path).headers["Location"].startswith("/accounts/reauthenticate/")


def test_it_shows_a_key_once_and_lists_it(ed: User, t1: Team, client: Client) -> None:
    sign_in(client, ed)

    made = client.post("/accounts/keys/", KEY_FORM | {"calls": "100"})

    secret = re.search(r"zk_[A-Za-z0-9]{10}_[A-Za-z0-9]{40}", made.content.decode())
    assert secret is not None
    assert "no-store" in made.headers["Cache-Control"]
    page = client.get("/accounts/keys/").content.decode()
    assert secret[0] not in page
    assert secret[0][:13] in page
    assert "100" in page

    again = re.search(r'name="once" value="([^"]+)"', page)
    assert again is not None
    assert client.post("/accounts/keys/", KEY_FORM | {"once": again[1]}).status_code == 201
    assert client.post("/accounts/keys/", KEY_FORM | {"once": again[1]}).status_code == 302  # loaded again
    assert ApiKey.objects.count() == 2

    client.post(f"/accounts/keys/{ApiKey.objects.get(prefix=secret[0][:13]).pk}/revoke/")
    from tests.users.test_keys import get  # noqa: PLC0415

    assert get(secret[0]).status_code == 401


def test_admins_see_and_revoke_every_key_of_their_team(
    ada: User, ed: User, bob: User, t1: Team, client: Client
) -> None:
    from tests.users.test_keys import make  # noqa: PLC0415

    key, _secret = make(ed, t1)
    sign_in(client, ada)
    assert key.prefix in client.get(f"/teams/{t1.pk}/keys/").content.decode()

    stranger = Client()
    sign_in(stranger, bob)
    assert stranger.post(f"/teams/{t1.pk}/keys/{key.pk}/revoke/").status_code == 404
    client.post(f"/teams/{t1.pk}/keys/{key.pk}/revoke/")

    key.refresh_from_db()
    assert not key.is_open
