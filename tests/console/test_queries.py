"""Pages that list many ask the database as often for many rows as for few; with `bench --only console` for the time."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.chat.models import ChatOpening
from apps.metering.models import Price, Quota, Resource, Scope, UsageDay, Window
from apps.users.models import ApiKey, Group, GroupMember, Invitation, Membership, Role, Team, User
from tests import factories
from tests.users.signing import signed_in

pytestmark = pytest.mark.django_db
MOST = 30  # of any of these pages
FEW, MANY = 2, 12


def _same_for_many(client: Client, address: str, grow: Callable[[int], object]) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    for number in range(FEW):
        grow(number)
    client.get(address)
    few = queries()
    for number in range(FEW, MANY):
        grow(number)
    assert queries() == few
    assert few <= MOST


def _member(team: Team, number: int) -> None:
    group = Group.objects.create(team=team, name=f"Group {number}")
    membership = factories.MembershipFactory(team=team, user=factories.UserFactory())
    GroupMember.objects.create(group=group, membership=membership)


def _invitation(team: Team, user: User, number: int) -> None:
    Invitation.objects.create(
        team=team, role=Role.VIEWER, token_hash=f"{number:064}", created_by=user, email=f"n{number}@example.test",
        expires_at=timezone.now() + timedelta(days=1),
    )  # fmt: skip


def _key(team: Team, number: int) -> None:
    user = factories.UserFactory()
    Membership.objects.create(team=team, user=user)
    ApiKey.objects.create(
        team=team, user=user, name=f"Key {number}", prefix=f"zk_{number}", secret_hash="0", is_shared=True
    )


def _used(team: Team, user: User | None, number: int) -> None:
    person = user or factories.UserFactory()
    where = team if user is None else factories.TeamFactory()
    if user is None:
        Membership.objects.create(team=team, user=person)
    UsageDay.objects.create(
        day=timezone.now().date() - timedelta(days=number), team_key=where.pk, user_key=person.pk,
        model=f"model-{number}", resource=Resource.QUESTIONS, amount=5,
    )  # fmt: skip


def _limit(number: int, team: Team | None = None) -> None:
    if team is not None:
        person = factories.MembershipFactory(team=team, user=factories.UserFactory()).user
        Quota.objects.create(
            scope=Scope.MEMBER, team=team, user=person, resource=Resource.QUESTIONS, window=Window.DAY, limit=number + 1
        )
    else:
        Quota.objects.create(
            scope=Scope.TEAM, team=factories.TeamFactory(), resource=Resource.QUESTIONS, window=Window.DAY, limit=9
        )


def _price(number: int) -> None:
    today = timezone.now().date()
    Price.objects.create(model=f"m{number}", resource=Resource.QUESTIONS, micros_per_million=1, starts_on=today)


def _opening(root: User) -> None:
    conversation = factories.ConversationFactory()
    ChatOpening.objects.create(conversation=conversation, asked_by=root, reason="because")


@pytest.mark.parametrize("page", ["", "groups/"])
def test_it_lists_members_and_groups(page: str, alice: User, t1: Team) -> None:
    _same_for_many(signed_in(alice), f"/teams/{t1.pk}/{page}", lambda number: _member(t1, number))


def test_it_lists_invitations(alice: User, t1: Team) -> None:
    _same_for_many(signed_in(alice), f"/teams/{t1.pk}/invitations/", lambda number: _invitation(t1, alice, number))


def test_it_lists_the_keys_of_a_team(alice: User, t1: Team) -> None:
    _same_for_many(signed_in(alice), f"/teams/{t1.pk}/keys/", lambda number: _key(t1, number))


def test_it_lists_the_limits_of_a_team(alice: User, t1: Team) -> None:
    _same_for_many(signed_in(alice), f"/teams/{t1.pk}/limits/", lambda number: _limit(number, t1))


def test_it_lists_the_teams_of_a_person(alice: User) -> None:
    _same_for_many(
        signed_in(alice),
        "/teams/",
        lambda _number: factories.MembershipFactory(team=factories.TeamFactory(), user=alice),
    )


@pytest.mark.parametrize("period", ["24h", "7", "30", "90", "all"])
def test_it_sums_up_the_use_of_a_team(period: str, alice: User, t1: Team) -> None:
    address = f"/teams/{t1.pk}/usage/?period={period}"
    _same_for_many(signed_in(alice), address, lambda number: _used(t1, None, number))


@pytest.mark.parametrize("period", ["24h", "7", "30", "90", "all"])
def test_it_sums_up_the_use_of_all(period: str, root: User, t1: Team) -> None:
    _same_for_many(signed_in(root), f"/system/usage/?period={period}", lambda number: _used(t1, None, number))


def test_it_sums_up_the_use_of_a_person(alice: User, t1: Team) -> None:
    _same_for_many(signed_in(alice), "/accounts/usage/", lambda number: _used(t1, alice, number))


@pytest.mark.parametrize(("page", "grow"), [("quotas/", _limit), ("prices/", _price)], ids=["quotas", "prices"])
def test_it_lists_limits_and_prices(page: str, grow: Callable[[int], object], root: User) -> None:
    _same_for_many(signed_in(root), f"/system/{page}", grow)


def test_it_lists_openings(root: User) -> None:
    _same_for_many(signed_in(root), "/system/openings/", lambda _number: _opening(root))
