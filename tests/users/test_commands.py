"""The commands that make teams and people, and the one that checks what must hold."""

import json
from io import StringIO

import pytest
from django.contrib.auth import authenticate
from django.core.management import CommandError, call_command
from django.test import RequestFactory

from apps.core.invariants import names
from apps.metering.models import Counter
from apps.users.access import role_in
from apps.users.models import Role, Team, User
from tests import factories
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db


def run(*arguments: str) -> str:
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def can_sign_in(email: str, password: str) -> bool:
    return authenticate(RequestFactory().get("/"), email=email, password=password) is not None


def test_it_makes_a_team_with_an_owner(bob: User) -> None:
    made = json.loads(run("create_team", "研究部", "--owner", bob.email.upper(), "--json"))

    assert Team.objects.get(pk=made["id"]).name == "研究部"
    assert role_in(bob, Team.objects.get(pk=made["id"]).pk) == Role.OWNER


def test_it_makes_a_person_with_a_random_password_that_is_printed_once(t1: Team) -> None:
    made = json.loads(
        run("create_user", "New@Example.test", "--team", t1.name, "--role", "editor", "--language", "zh-hans", "--json")
    )

    user = User.objects.get(email="new@example.test")
    assert role_in(user, t1.pk) == Role.EDITOR
    assert user.language == "zh-hans"
    assert not user.is_staff
    assert can_sign_in("new@example.test", made["password"])


def test_it_takes_a_given_password_and_prints_none() -> None:
    made = json.loads(run("create_user", "new@example.test", "--password", PASSWORD, "--admin", "--json"))

    assert "password" not in made
    assert User.objects.get().is_superuser
    assert can_sign_in("new@example.test", PASSWORD)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        pytest.param(["create_team", "X", "--owner", "nobody@example.test"], "no account with the address", id="owner"),
        pytest.param(["create_team", " "], "1 to 100 characters", id="name"),
        pytest.param(["create_user", "not an address"], "valid email", id="address"),
        pytest.param(["create_user", "a@example.test", "--password", "123"], "too short", id="password"),
        pytest.param(["create_user", "a@example.test", "--team", "none"], "no team none", id="team"),
        pytest.param(["create_user", "TAKEN@example.test"], "address", id="taken"),
    ],
)
def test_it_fails_with_one_sentence(arguments: list[str], sentence: str) -> None:
    factories.UserFactory(email="taken@example.test")

    with pytest.raises(CommandError, match=sentence):
        run(*arguments)

    assert User.objects.count() == 1


def test_it_verifies_what_must_hold() -> None:
    result = json.loads(run("verify_invariants", "--json"))

    assert result == {"ok": True, "checks": names(), "broken": []}
    assert {"audit.chain", "metering.ledger-equals-counters"} <= set(result["checks"])


def test_it_exits_with_1_where_something_does_not_hold(t1: Team) -> None:
    Counter.objects.create(
        scope="user", subject=t1.pk, resource="questions", window="day", starts_at="2026-01-01T00:00:00Z", used=3
    )
    out = StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("verify_invariants", "--json", stdout=out)

    result = json.loads(out.getvalue())
    assert ended.value.code == 1
    assert not result["ok"]
    assert result["broken"][0]["check"] == "metering.ledger-equals-counters"
