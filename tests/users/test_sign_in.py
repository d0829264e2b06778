"""Signing in, out, and out everywhere; accounts are closed to strangers."""

import re

import pytest
from django.conf import settings
from django.core import mail
from django.test import Client

from apps.users.models import User
from tests.factories import PASSWORD
from tests.settings_override import env

LOGIN = "/accounts/login/"
ACCOUNT = "/accounts/"


def sign_in(client: Client, email: str, password: str = PASSWORD) -> int:
    return client.post(LOGIN, {"login": email, "password": password}).status_code


def without_token(body: bytes) -> bytes:
    return re.sub(rb'value="[A-Za-z0-9]{64}"', b"", body)


def test_it_signs_in_by_address_in_any_case(alice: User, anonymous_client: Client) -> None:
    assert sign_in(anonymous_client, alice.email.upper()) == 302

    assert anonymous_client.get(ACCOUNT).status_code == 200


def test_it_answers_an_unknown_address_like_a_wrong_password(alice: User, anonymous_client: Client) -> None:
    known = anonymous_client.post(LOGIN, {"login": alice.email, "password": "wrong"})
    unknown = anonymous_client.post(LOGIN, {"login": "alicf@example.test", "password": "wrong"})

    assert known.status_code == unknown.status_code
    same = known.content.replace(alice.email.encode(), b"alicf@example.test")
    assert without_token(same) == without_token(unknown.content)


def test_it_slows_down_guessing(alice: User, anonymous_client: Client) -> None:
    for _ in range(8):
        sign_in(anonymous_client, alice.email, "wrong")

    assert sign_in(anonymous_client, alice.email) == 429
    assert anonymous_client.get(ACCOUNT).status_code == 302


def test_it_does_not_believe_a_forwarded_address(alice: User, anonymous_client: Client) -> None:
    for number in range(12):
        anonymous_client.post(
            LOGIN,
            {"login": f"person{number}@example.test", "password": "wrong"},
            headers={"x-forwarded-for": f"203.0.113.{number}"},
        )

    assert sign_in(anonymous_client, alice.email) == 200


def test_it_keeps_a_suspended_person_out(sue: User, anonymous_client: Client) -> None:
    sign_in(anonymous_client, sue.email)

    assert anonymous_client.get(ACCOUNT).status_code == 302


def test_it_ends_the_sessions_of_a_suspended_person(ann: User, ann_client: Client) -> None:
    assert ann_client.get(ACCOUNT).status_code == 200

    User.objects.filter(pk=ann.pk).update(is_active=False)

    assert ann_client.get(ACCOUNT).status_code == 302


def test_it_signs_out_everywhere_but_here(alice: User, alice_client: Client) -> None:
    other = Client()
    sign_in(other, alice.email)

    alice_client.post("/accounts/sign-out-everywhere/")

    assert alice_client.get(ACCOUNT).status_code == 200
    assert other.get(ACCOUNT).status_code == 302


def test_it_signs_others_out_when_the_password_changes(alice: User, alice_client: Client) -> None:
    other = Client()
    sign_in(other, alice.email)
    new = "another horse battery"

    response = alice_client.post(
        "/accounts/password/change/", {"oldpassword": PASSWORD, "password1": new, "password2": new}
    )

    assert response.status_code == 302
    assert alice_client.get(ACCOUNT).status_code == 200
    assert other.get(ACCOUNT).status_code == 302
    assert sign_in(Client(), alice.email, new) == 302


def test_it_signs_out_by_post_alone(alice_client: Client) -> None:
    alice_client.get("/accounts/logout/")
    assert alice_client.get(ACCOUNT).status_code == 200

    alice_client.post("/accounts/logout/")
    assert alice_client.get(ACCOUNT).status_code == 302


def test_it_lets_no_stranger_sign_up(anonymous_client: Client) -> None:
    form = {"email": "new@example.test", "password1": PASSWORD, "password2": PASSWORD}

    assert anonymous_client.get("/accounts/signup/").status_code == 200
    anonymous_client.post("/accounts/signup/", form)

    assert not User.objects.filter(email="new@example.test").exists()


def test_it_lets_strangers_sign_up_where_the_operator_opened_it(anonymous_client: Client) -> None:
    form = {"email": "New@Example.test", "password1": PASSWORD, "password2": PASSWORD}

    with env(signup_open=True):
        response = anonymous_client.post("/accounts/signup/", form | {"is_staff": "1", "is_superuser": "1"})

    person = User.objects.get(email="new@example.test")
    assert response.status_code == 302
    assert not person.is_staff
    assert not person.is_superuser


def test_it_resets_a_password_by_a_link_to_the_configured_address(alice: User, anonymous_client: Client) -> None:
    new = "another horse battery"
    anonymous_client.post("/accounts/password/reset/", {"email": alice.email}, headers={"host": "localhost"})

    (message,) = mail.outbox
    (link,) = re.findall(r"http\S+", message.body)
    assert message.to == [alice.email]
    assert link.startswith(settings.PUBLIC_URL + "/accounts/password/reset/key/")
    page = anonymous_client.get(link.removeprefix(settings.PUBLIC_URL), follow=True)
    anonymous_client.post(page.request["PATH_INFO"], {"password1": new, "password2": new})
    assert sign_in(Client(), alice.email, new) == 302
    again = Client().get(link.removeprefix(settings.PUBLIC_URL), follow=True)
    assert again.context["token_fail"]


def test_it_does_not_tell_by_the_reset_whether_an_account_exists(alice: User, anonymous_client: Client) -> None:
    known = anonymous_client.post("/accounts/password/reset/", {"email": alice.email})
    unknown = anonymous_client.post("/accounts/password/reset/", {"email": "nobody@example.test"})

    assert (known.status_code, known.headers["Location"]) == (unknown.status_code, unknown.headers["Location"])
    assert [message.to for message in mail.outbox] == [[alice.email]]


@pytest.mark.parametrize("host", ["evil.test", "localhost.evil.test", "user:pw@localhost@evil.test"])
def test_it_refuses_a_foreign_host(host: str, anonymous_client: Client) -> None:
    assert anonymous_client.get(LOGIN, headers={"host": host}).status_code == 400


def test_it_follows_no_link_out_of_the_product_after_sign_in(alice: User, anonymous_client: Client) -> None:
    response = anonymous_client.post(
        LOGIN + "?next=https://evil.test/", {"login": alice.email, "password": PASSWORD, "next": "https://evil.test/"}
    )

    assert response.headers["Location"] == "/"
