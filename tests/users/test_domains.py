"""Joining by mail domain: only by proven addresses, of domains that are the team's own."""

import pytest
from allauth.account.models import EmailAddress
from django.test import Client

from apps.users import domains
from apps.users.access import access_team, role_in
from apps.users.addresses import prove
from apps.users.errors import DomainNotYours, PublicMailDomain
from apps.users.models import Membership, Role, Team, TeamDomain, User
from tests import factories


def proven(user: User) -> User:
    prove(user)
    return user


def add(client: Client, team: Team, domain: str, role: str = "viewer") -> int:
    return client.post(f"/teams/{team.pk}/domains/", {"domain": domain, "role": role}).status_code


def test_it_lets_people_of_the_domain_join_once_their_address_is_proven(
    t1: Team, alice: User, alice_client: Client
) -> None:
    proven(alice)
    assert add(alice_client, t1, "@Example.TEST", "editor") == 302
    newcomer = factories.UserFactory(email="new@example.test")
    stranger = proven(factories.UserFactory(email="new@sub.example.test"))
    assert domains.join_by_domain(newcomer) == []
    assert role_in(newcomer, t1.pk) is None

    prove(newcomer)

    assert role_in(newcomer, t1.pk) == Role.EDITOR
    assert role_in(stranger, t1.pk) is None


def test_it_lets_them_in_when_they_sign_in(t1: Team, alice: User) -> None:
    person = proven(factories.UserFactory(email="new@example.test"))
    TeamDomain.objects.create(team=t1, domain="example.test")

    Client().post("/accounts/login/", {"login": person.email, "password": factories.PASSWORD})

    assert role_in(person, t1.pk) == Role.VIEWER


@pytest.mark.parametrize(
    "email", ["x@evil.test", "x@example.test.evil.test", '"x@example.test"@evil.test', "x@examp1e.test"]
)
def test_it_lets_nobody_in_by_an_address_that_looks_alike(t1: Team, email: str) -> None:
    TeamDomain.objects.create(team=t1, domain="example.test")
    person = proven(factories.UserFactory(email=email))

    assert domains.join_by_domain(person) == []


def test_it_lets_nobody_in_by_somebody_elses_proof(t1: Team, alice: User, bob: User) -> None:
    TeamDomain.objects.create(team=t1, domain="corp.test")
    EmailAddress.objects.create(user=alice, email="x@corp.test", verified=True)
    EmailAddress.objects.create(user=bob, email="bob@corp.test", verified=False)

    assert domains.join_by_domain(bob) == []


def test_it_does_not_bring_back_who_was_taken_out_or_left(t1: Team, alice_client: Client) -> None:
    TeamDomain.objects.create(team=t1, domain="example.test")
    person = proven(factories.UserFactory(email="new@example.test"))
    member = Membership.objects.get(user=person)

    alice_client.post(f"/teams/{t1.pk}/members/{member.pk}/remove/")

    assert domains.join_by_domain(person) == []
    assert role_in(person, t1.pk) is None


def test_it_leaves_suspended_members_suspended(t1: Team, alice_client: Client) -> None:
    TeamDomain.objects.create(team=t1, domain="example.test")
    person = proven(factories.UserFactory(email="new@example.test"))
    member = Membership.objects.get(user=person)
    alice_client.post(f"/teams/{t1.pk}/members/{member.pk}/suspend/")

    assert domains.join_by_domain(person) == []
    assert role_in(person, t1.pk) is None


@pytest.mark.parametrize("domain", ["gmail.com", "QQ.com", "163.com", "outlook.com"])
def test_it_refuses_domains_where_anybody_has_an_address(
    t1: Team, alice: User, alice_client: Client, domain: str
) -> None:
    EmailAddress.objects.create(user=alice, email=f"alice@{domain.lower()}", verified=True)

    assert add(alice_client, t1, domain) == 400
    with pytest.raises(PublicMailDomain):
        domains.add_domain(user=alice, access=access_team(alice, t1.pk), domain=domain, role=Role.VIEWER)


def test_it_lets_nobody_claim_a_domain_they_do_not_belong_to(t1: Team, alice: User, alice_client: Client) -> None:
    assert add(alice_client, t1, "example.test") == 403  # her own, but not proven
    proven(alice)
    assert add(alice_client, t1, "bigcorp.test") == 403
    with pytest.raises(DomainNotYours):
        domains.add_domain(user=alice, access=access_team(alice, t1.pk), domain="bigcorp.test", role=Role.VIEWER)
    assert not TeamDomain.objects.exists()


@pytest.mark.parametrize(
    ("domain", "role"),
    [
        ("nodot", "viewer"),
        ("a b.test", "viewer"),
        ("-x.test", "viewer"),
        ("example.test", "admin"),
        ("example.test", "owner"),
        ("", "viewer"),
        ("x" * 250 + ".test", "viewer"),
        ("1.2.3.4", "viewer"),
    ],
)
def test_it_refuses_what_is_no_domain_and_roles_that_are_too_high(
    t1: Team, alice: User, alice_client: Client, domain: str, role: str
) -> None:
    proven(alice)

    assert add(alice_client, t1, domain, role) == 400


def test_it_takes_a_domain_away(t1: Team, alice_client: Client, bob_client: Client) -> None:
    row = TeamDomain.objects.create(team=t1, domain="example.test")

    assert bob_client.post(f"/teams/{t1.pk}/domains/{row.pk}/remove/").status_code == 404
    assert alice_client.post(f"/teams/{t1.pk}/domains/{row.pk}/remove/").status_code == 302
    assert not TeamDomain.objects.exists()
