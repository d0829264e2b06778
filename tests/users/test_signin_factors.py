"""Second factors: asked for, used once, required by teams and of staff."""

import re
import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.db import connections
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.users import mfa, signin
from apps.users.models import Team, User
from tests.settings_override import env
from tests.users.signing import SECRET, SECURITY, code_now, codes_of, sign_in, signed_in


@pytest.fixture
def with_app(alice: User) -> User:
    """Return the owner, who has an authenticator app and recovery codes."""
    TOTP.activate(alice, SECRET)
    RecoveryCodes.activate(alice)
    return alice


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


def test_it_sets_an_app_up_from_the_page(
    alice: User, client: Client, django_capture_on_commit_callbacks: Callable[..., AbstractContextManager[object]]
) -> None:
    sign_in(client, alice)
    page = client.get("/accounts/factors/app/on/")
    secret = re.search(r'id="totp-secret"\s+value="([A-Z2-7]+)"', page.content.decode())
    assert secret is not None

    with django_capture_on_commit_callbacks(execute=True):
        done = client.post("/accounts/factors/app/on/", {"code": code_now(secret[1])})

    assert done.headers["Location"] == "/accounts/factors/codes/"
    shown = client.get("/accounts/factors/codes/").content.decode()
    assert all(code in shown for code in codes_of(alice))
    assert mfa.has_second_factor(alice)
    assert set(AuditEvent.objects.filter(action="factor.added").values_list("detail__kind", flat=True)) >= {"totp"}


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
    browser = signed_in(root)
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
