"""Teams: who may do what to whom, and invitations."""

import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.libraries.models import Library
from apps.users.access import access_team, role_in
from apps.users.errors import LastOwner
from apps.users.invitations import invite
from apps.users.members import leave_team
from apps.users.models import Invitation, Membership, Role, Team, User
from tests import factories
from tests.factories import PASSWORD
from tests.settings_override import env
from tests.users.signing import signed_in


def member(user: User) -> Membership:
    return Membership.objects.get(user=user)


def post_role(client: Client, membership: Membership, role: str) -> int:
    return client.post(f"/teams/{membership.team_id}/members/{membership.pk}/role/", {"role": role}).status_code


def post_remove(client: Client, membership: Membership) -> int:
    return client.post(f"/teams/{membership.team_id}/members/{membership.pk}/remove/").status_code


def make_link(client: Client, team: Team, **form: object) -> str:
    response = client.post(f"/teams/{team.pk}/invitations/", {"role": "viewer"} | form)
    (token,) = re.findall(r"/teams/join/([\w-]+)/", response.content.decode())
    return f"/teams/join/{token}/"


def test_it_lets_viewers_change_no_role(ann: User, ann_client: Client) -> None:
    assert post_role(ann_client, member(ann), "owner") == 403
    assert member(ann).role == Role.VIEWER


def test_it_lets_owners_and_admins_change_roles_up_to_their_own(
    alice: User, ada: User, ann: User, alice_client: Client, ada_client: Client
) -> None:
    assert post_role(ada_client, member(ann), "owner") == 403
    assert post_role(ada_client, member(ada), "owner") == 403
    assert post_role(ada_client, member(alice), "viewer") == 403
    assert post_remove(ada_client, member(alice)) == 403
    assert post_role(ada_client, member(ann), "nonsense") == 400
    assert [member(user).role for user in (alice, ada, ann)] == [Role.OWNER, Role.ADMIN, Role.VIEWER]

    assert post_role(ada_client, member(ann), "admin") == 302
    assert post_role(alice_client, member(ann), "owner") == 302
    assert member(ann).role == Role.OWNER


def test_it_never_leaves_a_team_without_an_owner(t1: Team, alice: User, ann: User, alice_client: Client) -> None:
    assert post_role(alice_client, member(alice), "viewer") == 409
    assert post_remove(alice_client, member(alice)) == 409
    assert alice_client.post(f"/teams/{t1.pk}/leave/").status_code == 409
    assert role_in(alice, t1.pk) == Role.OWNER


@pytest.mark.django_db(transaction=True)
def test_it_keeps_an_owner_when_all_leave_at_once() -> None:
    team = factories.TeamFactory()
    users = [factories.MembershipFactory(team=team).user for _ in range(4)]

    def leave(user: User) -> bool:
        try:
            leave_team(user=user, access=access_team(user, team.pk))
        except LastOwner:
            return False
        finally:
            connection.close()
        return True

    with ThreadPoolExecutor(4) as pool:
        left = list(pool.map(leave, users))

    assert left.count(False) == 1
    assert team.memberships.count() == 1


def test_it_ends_access_at_once_when_a_member_is_removed(
    t1: Team, library: Library, ann: User, ann_client: Client, alice_client: Client
) -> None:
    assert ann_client.get(f"/teams/{t1.pk}/").status_code == 200

    assert post_remove(alice_client, member(ann)) == 302

    assert ann_client.get(f"/teams/{t1.pk}/").status_code == 404
    assert not Library.objects.readable_by(ann).exists()
    assert b"CANARY-T1" not in ann_client.get("/teams/").content


def test_it_switches_between_own_teams_alone(t1: Team, t2: Team, alice: User, alice_client: Client) -> None:
    mine = factories.MembershipFactory(user=alice, team__name="AAA").team

    assert alice_client.get("/teams/").wsgi_request.team == mine
    assert alice_client.post("/teams/switch/", {"team": str(t1.pk)}).status_code == 302
    assert alice_client.get("/teams/").wsgi_request.team == t1
    assert alice_client.post("/teams/switch/", {"team": str(t2.pk)}).status_code == 404
    assert alice_client.post("/teams/switch/", {"team": "x"}).status_code == 400
    assert alice_client.get("/teams/").wsgi_request.role == Role.OWNER


def test_it_has_no_team_for_a_person_without_one(xen_client: Client) -> None:
    response = xen_client.get("/teams/")

    assert response.wsgi_request.team is None
    assert response.status_code == 200


def test_it_makes_teams_unless_the_operator_reserved_that(ann: User, ann_client: Client) -> None:
    assert ann_client.post("/teams/", {"name": "Mine"}).status_code == 302
    assert role_in(ann, Team.objects.get(name="Mine").pk) == Role.OWNER

    with env(teams_by_members=False):
        assert ann_client.post("/teams/", {"name": "Other"}).status_code == 403
    assert not Team.objects.filter(name="Other").exists()


def test_it_renames_a_team(t1: Team, alice_client: Client, ed_client: Client) -> None:
    assert alice_client.post(f"/teams/{t1.pk}/rename/", {"name": "新名字"}).status_code == 302
    assert ed_client.post(f"/teams/{t1.pk}/rename/", {"name": "x"}).status_code == 403
    assert alice_client.post(f"/teams/{t1.pk}/rename/", {"name": ""}).status_code == 400

    t1.refresh_from_db()
    assert t1.name == "新名字"


def test_it_shows_an_invitation_once_and_stores_its_hash_alone(t1: Team, alice_client: Client) -> None:
    link = make_link(alice_client, t1, role="editor", days="3")

    token = link.split("/")[3]
    invitation = Invitation.objects.get()
    assert token not in str(invitation.__dict__)
    assert invitation.expires_at - timezone.now() < timedelta(days=3)
    assert token not in alice_client.get(f"/teams/{t1.pk}/invitations/").content.decode()


def test_it_links_to_the_configured_address(t1: Team, alice_client: Client) -> None:
    page = alice_client.post(f"/teams/{t1.pk}/invitations/", {"role": "viewer"}, headers={"host": "localhost"})

    assert f'value="{settings.PUBLIC_URL}/teams/join/' in page.content.decode()


def test_it_brings_a_signed_in_person_in_once(t1: Team, bob: User, bob_client: Client, alice_client: Client) -> None:
    link = make_link(alice_client, t1, role="editor")

    assert b"CANARY-T1 team" in bob_client.get(link).content
    assert role_in(bob, t1.pk) is None
    assert bob_client.post(link).status_code == 302
    assert role_in(bob, t1.pk) == Role.EDITOR
    assert bob_client.post(link).status_code == 410
    assert Client().get(link).status_code == 410


@pytest.mark.django_db(transaction=True)
def test_it_lets_one_of_many_use_a_link() -> None:
    owner = factories.MembershipFactory()
    _, token = invite(user=owner.user, access=access_team(owner.user, owner.team_id), role=Role.VIEWER)
    browsers = [signed_in(factories.UserFactory()) for _ in range(6)]

    def join(browser: Client) -> int:
        try:
            return browser.post(f"/teams/join/{token}/").status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(join, browsers))

    assert sorted(answers) == [302] + [410] * 5
    assert owner.team.memberships.count() == 2


def test_it_creates_an_account_through_a_link(t1: Team, alice_client: Client, anonymous_client: Client) -> None:
    link = make_link(alice_client, t1)
    form = {"name": "New", "email": "New@example.test", "password": PASSWORD, "role": "owner", "is_staff": "1"}

    assert anonymous_client.get(link).status_code == 200
    assert anonymous_client.post(link, form | {"password": "123"}).status_code == 400
    assert anonymous_client.post(link, form).status_code == 302

    user = User.objects.get(email="new@example.test")
    assert role_in(user, t1.pk) == Role.VIEWER
    assert not user.is_staff
    assert anonymous_client.get(f"/teams/{t1.pk}/").status_code == 200


def test_it_takes_over_no_account_through_a_link(
    t1: Team, bob: User, alice_client: Client, anonymous_client: Client
) -> None:
    link = make_link(alice_client, t1)
    form = {"name": "Bob", "email": bob.email.upper(), "password": "another horse battery"}

    response = anonymous_client.post(link, form)

    assert response.status_code == 400
    assert anonymous_client.get("/accounts/").status_code == 302
    assert bob.check_password(PASSWORD)
    assert Invitation.objects.get().is_open


def test_it_keeps_a_bound_link_for_its_address(
    t1: Team, bob: User, bob_client: Client, alice_client: Client, anonymous_client: Client
) -> None:
    link = make_link(alice_client, t1, emails="New@example.test")

    assert bob_client.post(link).status_code == 403
    anonymous_client.post(link, {"name": "X", "email": "other@example.test", "password": PASSWORD})

    assert role_in(bob, t1.pk) is None
    assert role_in(User.objects.get(email="new@example.test"), t1.pk) == Role.VIEWER
    assert not User.objects.filter(email="other@example.test").exists()


@pytest.mark.parametrize("end", ["revoked", "expired", "maker-removed", "maker-demoted"])
def test_it_ends_a_link(
    end: str, ada: User, ada_client: Client, alice_client: Client, bob: User, bob_client: Client
) -> None:
    t1 = member(ada).team
    link = make_link(ada_client, t1, role="admin")
    invitation = Invitation.objects.get()
    if end == "revoked":
        assert alice_client.post(f"/teams/{t1.pk}/invitations/{invitation.pk}/revoke/").status_code == 302
    elif end == "expired":
        Invitation.objects.update(expires_at=timezone.now())
    elif end == "maker-removed":
        post_remove(alice_client, member(ada))
    else:
        post_role(alice_client, member(ada), "editor")

    assert bob_client.post(link).status_code == 410
    assert bob_client.get(link).status_code == 410
    assert role_in(bob, t1.pk) is None


def test_it_invites_up_to_the_own_role(t1: Team, ada_client: Client, ed_client: Client) -> None:
    address = f"/teams/{t1.pk}/invitations/"

    assert ada_client.post(address, {"role": "owner"}).status_code == 400
    assert ed_client.post(address, {"role": "viewer"}).status_code == 403
    assert not Invitation.objects.exists()


def test_it_reveals_nothing_by_wrong_links(anonymous_client: Client, alice: User) -> None:
    answers = {
        anonymous_client.get(f"/teams/join/{token}/").status_code for token in ("x" * 43, str(uuid.uuid4()), "'--")
    }

    assert answers == {404}


def test_it_does_not_reach_into_another_team(
    t1: Team, t2: Team, bob: User, ann: User, bob_client: Client, alice_client: Client
) -> None:
    make_link(alice_client, t1)
    foreign = Invitation.objects.get()

    assert bob_client.post(f"/teams/{t2.pk}/members/{member(ann).pk}/role/", {"role": "viewer"}).status_code == 404
    assert bob_client.post(f"/teams/{t2.pk}/members/{member(ann).pk}/remove/").status_code == 404
    assert bob_client.post(f"/teams/{t2.pk}/invitations/{foreign.pk}/revoke/").status_code == 404
    assert role_in(ann, t1.pk) == Role.VIEWER
    assert Invitation.objects.get().is_open
