"""Second factors, sessions, lock-out, weak passwords, proven addresses, and proving oneself before dangerous steps."""

import re
import threading
import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from allauth.usersessions.models import UserSession
from django.contrib.auth.password_validation import validate_password
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import connections
from django.test import Client, override_settings
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.users import addresses, mfa, sessions, signin
from apps.users.models import ApiKey, Team, User
from apps.users.passwords import is_breached
from tests.factories import PASSWORD
from tests.settings_override import env

LOGIN, SECURITY = "/accounts/login/", "/accounts/security/"
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
KEY_FORM = {"name": "Robot", "scopes": ["read"], "expires": "30"}


def sign_in(client: Client, user: User, password: str = PASSWORD, **headers: str) -> Any:
    return client.post(LOGIN, {"login": user.email, "password": password}, headers=headers)


def code_now(secret: str = SECRET) -> str:
    counter = next(iter(yield_hotp_counters_from_time()))
    return str(format_hotp_value(hotp_value(secret, counter)))


@pytest.fixture
def with_app(alice: User) -> User:
    """Return the owner, who has an authenticator app and recovery codes."""
    TOTP.activate(alice, SECRET)
    RecoveryCodes.activate(alice)
    return alice


def codes_of(user: User) -> list[str]:
    found = Authenticator.objects.get(user=user, type=Authenticator.Type.RECOVERY_CODES)
    return list(found.wrap().get_unused_codes())


# Second factors


def test_it_asks_for_the_code_before_anything_opens(with_app: User, client: Client) -> None:
    response = sign_in(client, with_app)

    assert response.headers["Location"] == "/accounts/factors/authenticate/"
    assert client.get("/accounts/").status_code == 302
    assert client.post("/accounts/factors/authenticate/", {"code": "000000"}).status_code == 200
    assert client.post("/accounts/factors/authenticate/", {"code": code_now()}).status_code == 302
    assert client.get("/accounts/").status_code == 200


def test_it_takes_a_code_once(with_app: User) -> None:
    code = code_now()
    first, second = Client(), Client()
    for browser in (first, second):
        sign_in(browser, with_app)

    answers = [browser.post("/accounts/factors/authenticate/", {"code": code}) for browser in (first, second)]

    assert [answer.status_code for answer in answers] == [302, 200]


def test_it_keeps_the_secrets_sealed(with_app: User) -> None:
    stored = str(list(Authenticator.objects.values_list("data", flat=True)))

    assert SECRET not in stored
    assert not any(code in stored for code in codes_of(with_app))


def test_it_sets_an_app_up_from_the_page(alice: User, client: Client) -> None:
    sign_in(client, alice)
    page = client.get("/accounts/factors/app/on/")
    secret = re.search(r'id="totp-secret"\s+value="([A-Z2-7]+)"', page.content.decode())
    assert secret is not None

    done = client.post("/accounts/factors/app/on/", {"code": code_now(secret[1])})

    assert done.headers["Location"] == "/accounts/factors/codes/"
    shown = client.get("/accounts/factors/codes/").content.decode()
    assert all(code in shown for code in codes_of(alice))
    assert mfa.has_second_factor(alice)


@pytest.mark.django_db(transaction=True)
def test_case_34_a_recovery_code_works_once_in_twenty_posts_at_once(with_app: User) -> None:
    code = codes_of(with_app)[0]
    variants = [code, f" {code}", f"{code} ", f"{code[:4]} {code[4:]}", f"\t{code}\n"]
    browsers = [Client() for _ in range(20)]
    for browser in browsers:
        sign_in(browser, with_app)
    answers: list[int] = []
    start = threading.Barrier(len(browsers))

    def post(browser: Client, text: str) -> None:
        start.wait()
        try:
            answers.append(browser.post("/accounts/factors/authenticate/", {"code": text}).status_code)
        finally:
            connections.close_all()

    threads = [
        threading.Thread(target=post, args=(browser, variants[number % len(variants)]))
        for number, browser in enumerate(browsers)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert answers.count(302) == 1
    assert code not in codes_of(with_app)


# Who must have one


def test_a_team_that_requires_a_factor_opens_nothing_without_one(ed: User, ed_client: Client, t1: Team) -> None:
    Team.objects.filter(pk=t1.pk).update(requires_mfa=True)

    page = ed_client.get("/libraries/")
    assert page.headers["Location"] == SECURITY + "?needed=1"
    assert ed_client.post("/chat/", {"text": "x"}).status_code == 403
    assert ed_client.get("/jobs/bell/", headers={"hx-request": "true"}).status_code == 403
    assert ed_client.get("/api/v1/libraries").json()["code"] == "second-factor-missing"
    assert ed_client.get(SECURITY).status_code == 200

    TOTP.activate(ed, SECRET)
    assert ed_client.get("/libraries/").status_code == 200


def test_its_keys_stop_too(ed: User, t1: Team) -> None:
    from tests.users.test_keys import get, make  # noqa: PLC0415

    _key, secret = make(ed, t1)
    Team.objects.filter(pk=t1.pk).update(requires_mfa=True)

    assert get(secret).json()["code"] == "second-factor-missing"


def test_staff_need_one_after_the_days_of_grace(root: User) -> None:
    browser = Client()
    browser.force_login(root, backend="allauth.account.auth_backends.AuthenticationBackend")
    assert browser.get("/system/").status_code == 200  # the first days

    User.objects.filter(pk=root.pk).update(date_joined=timezone.now() - timedelta(hours=73))
    assert browser.get("/system/").headers["Location"] == SECURITY + "?needed=1"
    with env(staff_mfa="offered"):
        assert browser.get("/system/").status_code == 200


def test_the_last_factor_stays_where_one_is_required(with_app: User, t1: Team, client: Client) -> None:
    sign_in(client, with_app)
    client.post("/accounts/factors/authenticate/", {"code": code_now()})
    Team.objects.filter(pk=t1.pk).update(requires_mfa=True)

    client.post("/accounts/factors/app/off/")
    assert mfa.has_second_factor(with_app)

    Team.objects.filter(pk=t1.pk).update(requires_mfa=False)
    client.post("/accounts/factors/app/off/")
    assert not mfa.has_second_factor(with_app)


def test_an_administrator_resets_what_somebody_lost(with_app: User, root: User, client: Client) -> None:
    sign_in(client, with_app)
    client.post("/accounts/factors/authenticate/", {"code": code_now()})

    signin.reset_second_factors(user=with_app, actor=root)

    assert not Authenticator.objects.filter(user=with_app).exists()
    assert client.get("/accounts/").status_code == 302
    assert AuditEvent.objects.filter(action="user.factors-reset").exists()


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

    assert sessions.last_seen([alice.pk])[alice.pk] < timezone.now() - timedelta(minutes=59)


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


def test_an_administrator_unlocks(alice: User, root: User, client: Client) -> None:
    for _ in range(8):
        sign_in(client, alice, "wrong")

    signin.unlock(user=alice, actor=root)

    assert not signin.is_locked(alice)
    assert sign_in(client, alice).status_code == 302


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
