"""Members who are suspended, removed, handed the team; and what each role may do to whom."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.chat.models import Conversation
from apps.core.errors import Forbidden, NotFound
from apps.libraries.models import Document, Library
from apps.users import members, services
from apps.users.access import access_team, role_in
from apps.users.errors import LastOwner
from apps.users.models import Group, Invitation, Membership, PastMember, Role, Team, TeamDomain, User
from apps.users.permissions import LEAST, Action, matrix
from tests import factories
from tests.settings_override import env
from tests.users.proof import prove_lately

Form = dict[str, str]


@dataclass(frozen=True)
class World:
    """What the replayed actions are done to."""

    team: Team
    library: Library
    document: Document
    victim: Membership
    invitation: Invitation
    group: Group
    domain: TeamDomain


@pytest.fixture
def world(t1: Team, library: Library, document: Document, alice: User) -> World:
    return World(
        team=t1,
        library=library,
        document=document,
        victim=factories.MembershipFactory(team=t1, role=Role.VIEWER),
        invitation=Invitation.objects.create(
            team=t1, token_hash="x" * 64, created_by=alice, expires_at="2099-01-01T00:00Z", email="new@example.test"
        ),
        group=Group.objects.create(team=t1, name="Staff"),
        domain=TeamDomain.objects.create(team=t1, domain="example.test"),
    )


def _in_team(tail: str, **form: str) -> Callable[[World], tuple[str, Form]]:
    return lambda world: (f"/teams/{world.team.pk}/{tail}", form)


def _member(tail: str, **form: str) -> Callable[[World], tuple[str, Form]]:
    return lambda world: (f"/teams/{world.team.pk}/members/{world.victim.pk}/{tail}/", form)


def _typed(world: World) -> Form:
    return {"typed_name": world.team.name}


# Each action of the table as the request that its button makes; security case 19.
# Actions without a request of their own here, by why.
ELSEWHERE = {
    Action.ASK: "every member may: tests/test_routes.py",
    Action.SEE_MEMBERS: "every member may: tests/test_routes.py",
    Action.OWN_KEYS: "every member may: tests/users/test_keys.py",
}
POSTS: list[tuple[Action, Callable[[World], tuple[str, Form]]]] = [
    (Action.CREATE_LIBRARY, lambda _: (reverse("libraries:create"), {"name": "New"})),
    (Action.CHANGE_DOCUMENTS, lambda world: (reverse("libraries:document-delete", args=[world.document.pk]), {})),
    (Action.CURATE, lambda world: (reverse("libraries:answer-new", args=[world.library.pk]), {"question": "?"})),
    (Action.PURGE, lambda world: (reverse("libraries:trash-remove", args=[world.library.pk]), {})),
    (
        Action.MANAGE_LIBRARY,
        lambda world: (reverse("libraries:delete", args=[world.library.pk]), {"typed_name": world.library.name}),
    ),
    (Action.INVITE, _in_team("invitations/", role="viewer")),
    (Action.INVITE, lambda world: (f"/teams/{world.team.pk}/invitations/{world.invitation.pk}/revoke/", {})),
    (Action.INVITE, lambda world: (f"/teams/{world.team.pk}/invitations/{world.invitation.pk}/resend/", {})),
    (Action.CHANGE_ROLES, _member("role", role="viewer")),
    (Action.SUSPEND_MEMBERS, _member("suspend")),
    (Action.SUSPEND_MEMBERS, _member("resume")),
    (Action.SUSPEND_MEMBERS, _member("remove")),
    (Action.MAKE_OWNERS, lambda world: (f"/teams/{world.team.pk}/members/{world.victim.pk}/hand-over/", _typed(world))),
    (Action.MANAGE_GROUPS, _in_team("groups/", name="Other")),
    (Action.MANAGE_GROUPS, lambda world: (f"/teams/{world.team.pk}/groups/{world.group.pk}/change/", {"name": "x"})),
    (Action.MANAGE_GROUPS, lambda world: (f"/teams/{world.team.pk}/groups/{world.group.pk}/delete/", {})),
    (
        Action.MANAGE_GROUPS,
        lambda world: (f"/teams/{world.team.pk}/groups/{world.group.pk}/add/", {"member": str(world.victim.pk)}),
    ),
    (Action.MANAGE_GROUPS, _member("groups")),
    (Action.MANAGE_DOMAINS, lambda world: (f"/teams/{world.team.pk}/domains/{world.domain.pk}/remove/", {})),
    (Action.CHANGE_SETTINGS, _in_team("rename/", name="Other")),
    (Action.CHANGE_SETTINGS, _in_team("second-factor/")),
    (Action.DELETE_TEAM, lambda world: (f"/teams/{world.team.pk}/delete/", _typed(world))),
]


PAGES: list[tuple[Action, str]] = [
    (Action.INVITE, "users:invitations"),
    (Action.CHANGE_SETTINGS, "users:team_settings"),
    (Action.READ_AUDIT, "audit:team"),
    (Action.TEAM_KEYS, "keys:team"),
    (Action.SET_LIMITS, "metering:team_limits"),
    (Action.SET_LIMITS, "metering:team_usage"),
    (Action.CHOOSE_MODELS, "catalog:team"),
]


def test_it_replays_every_action_of_the_table() -> None:
    assert {action for action, _request in POSTS} | {action for action, _name in PAGES} | set(ELSEWHERE) == set(Action)


@pytest.mark.parametrize(("action", "name"), PAGES)
def test_it_shows_a_page_from_the_least_role_on_case_19(world: World, action: Action, name: str) -> None:
    address = reverse(name, args=[world.team.pk])
    lower = list(Role)[LEAST[action].rank - 1]

    assert _as(world.team, lower).get(address).status_code == 403
    assert _as(world.team, LEAST[action]).get(address).status_code == 200


def _as(team: Team, role: Role) -> Client:
    client = Client()
    client.force_login(factories.MembershipFactory(team=team, role=role).user)
    return client


@pytest.mark.parametrize("position", range(len(POSTS)))
@pytest.mark.parametrize("who", ["lower", "least"])
def test_it_replays_each_action_as_the_lower_role_case_19(world: World, position: int, who: str) -> None:
    is_enough = who == "least"
    action, request = POSTS[position]
    address, form = request(world)
    roles = list(Role)
    role = LEAST[action] if is_enough else roles[LEAST[action].rank - 1]
    factories.MembershipFactory(team=world.team, role=Role.OWNER)

    status = _as(world.team, role).post(address, form).status_code

    assert (status == 403) is not is_enough, (action, role, status)
    assert status < 500


def test_it_shows_the_table_by_which_the_gates_judge(t1: Team, ann_client: Client) -> None:
    page = ann_client.get(f"/teams/{t1.pk}/").content.decode()

    assert {line.action for _title, lines in matrix() for line in lines} == set(Action) == set(LEAST)
    for _title, lines in matrix():
        for line in lines:
            assert str(line.action.label).replace("'", "&#x27;") in page
            assert [role.covers(LEAST[line.action]) for role in Role] == list(line.allowed)


@pytest.mark.parametrize("field", ["role", "is_staff", "is_superuser", "team", "email_verified", "suspended_at"])
@pytest.mark.parametrize("value", ["owner", "true", "1", '{"role": "owner"}'])
def test_it_lets_nobody_raise_themselves_case_29(ann: User, ann_client: Client, field: str, value: str) -> None:
    ann_client.post("/accounts/", {"name": "Ann", "language": "", "theme": "light", field: value})
    ann_client.post("/accounts/", f'{{"{field}": "{value}"}}', content_type="application/json")

    ann.refresh_from_db()
    member = Membership.objects.get(user=ann)
    assert (member.role, member.suspended_at, ann.is_staff, ann.is_superuser) == (Role.VIEWER, None, False, False)


def test_it_shuts_a_suspended_member_out_at_once_and_lets_them_in_again(
    t1: Team, library: Library, ann: User, ann_client: Client, ada_client: Client
) -> None:
    member = Membership.objects.get(user=ann)
    own = Conversation.objects.create(team=t1, owner=ann, title="mine")
    assert ann_client.get(f"/libraries/{library.pk}/").status_code == 200

    assert ada_client.post(f"/teams/{t1.pk}/members/{member.pk}/suspend/").status_code == 302

    assert ann_client.get(f"/libraries/{library.pk}/").status_code == 404
    assert ann_client.get(f"/teams/{t1.pk}/").status_code == 404
    assert not Conversation.objects.readable_by(ann).exists()
    assert role_in(ann, t1.pk) is None
    assert "suspended" in ann_client.get("/teams/").content.decode()

    assert ada_client.post(f"/teams/{t1.pk}/members/{member.pk}/resume/").status_code == 302
    assert ann_client.get(f"/libraries/{library.pk}/").status_code == 200
    assert Conversation.objects.readable_by(ann).get() == own


def test_it_suspends_nobody_above_nor_oneself_nor_the_last_owner(
    t1: Team, alice: User, ada: User, alice_client: Client, ada_client: Client
) -> None:
    owner, admin = Membership.objects.get(user=alice), Membership.objects.get(user=ada)

    assert ada_client.post(f"/teams/{t1.pk}/members/{owner.pk}/suspend/").status_code == 403
    assert ada_client.post(f"/teams/{t1.pk}/members/{admin.pk}/suspend/").status_code == 409
    assert alice_client.post(f"/teams/{t1.pk}/members/{owner.pk}/suspend/").status_code == 409


def test_it_counts_no_suspended_owner(t1: Team, alice: User, alice_client: Client) -> None:
    second = factories.MembershipFactory(team=t1, role=Role.OWNER)
    assert alice_client.post(f"/teams/{t1.pk}/members/{second.pk}/suspend/").status_code == 302

    assert alice_client.post(f"/teams/{t1.pk}/leave/").status_code == 409
    assert role_in(alice, t1.pk) == Role.OWNER


def test_it_hands_a_team_over(t1: Team, alice: User, ada: User, ann: User, alice_client: Client) -> None:
    member = Membership.objects.get(user=ann)
    address = f"/teams/{t1.pk}/members/{member.pk}/hand-over/"

    assert alice_client.post(address, {"typed_name": "no"}).status_code == 400
    assert "reauthenticate" in alice_client.post(address, {"typed_name": t1.name}).headers["Location"]
    assert role_in(ann, t1.pk) == Role.VIEWER
    assert prove_lately(alice_client).post(address, {"typed_name": t1.name}).status_code == 302

    assert (role_in(ann, t1.pk), role_in(alice, t1.pk)) == (Role.OWNER, Role.ADMIN)
    assert alice_client.post(address, {"typed_name": t1.name}).status_code == 403


def test_it_hands_nothing_to_a_suspended_member(t1: Team, alice: User, alice_client: Client, sue: User) -> None:
    member = Membership.objects.get(user=sue)
    address = f"/teams/{t1.pk}/members/{member.pk}/hand-over/"

    assert prove_lately(alice_client).post(address, {"typed_name": t1.name}).status_code == 409
    assert role_in(alice, t1.pk) == Role.OWNER


def test_it_opens_and_closes_a_team_for_all(t1: Team, root: User, ann: User, ann_client: Client) -> None:
    services.suspend_team(actor=root, team_id=t1.pk, reason="unpaid")
    assert ann_client.get(f"/teams/{t1.pk}/").status_code == 404
    assert ann_client.get("/teams/").wsgi_request.team is None

    services.resume_team(actor=root, team_id=t1.pk)
    assert ann_client.get(f"/teams/{t1.pk}/").status_code == 200


def test_it_remembers_who_was_taken_out(t1: Team, ann: User, alice_client: Client) -> None:
    member = Membership.objects.get(user=ann)

    alice_client.post(f"/teams/{t1.pk}/members/{member.pk}/remove/")

    assert PastMember.objects.filter(team=t1, user=ann).exists()


def _together(calls: list[Callable[[], object]]) -> list[object]:
    def run(call: Callable[[], object]) -> object:
        try:
            return call()
        except (Forbidden, LastOwner, NotFound) as error:
            return type(error)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


@pytest.mark.django_db(transaction=True)
def test_it_keeps_an_owner_whatever_owners_do_to_each_other_at_once() -> None:
    team = factories.TeamFactory()
    owners = [factories.MembershipFactory(team=team) for _ in range(4)]

    def act(position: int) -> Callable[[], object]:
        actor, other = owners[position].user, owners[(position + 1) % 4].pk
        access = access_team(actor, team.pk)
        return [
            lambda: members.change_role(user=actor, access=access, membership_id=other, role=Role.VIEWER),
            lambda: members.suspend_member(user=actor, access=access, membership_id=other),
            lambda: members.remove_member(user=actor, access=access, membership_id=other),
            lambda: members.hand_over(user=actor, access=access, membership_id=other),
        ][position]

    _together([act(position) for position in range(4)])

    left = Membership.objects.live().filter(team=team, role=Role.OWNER)
    assert left.count() >= 1


@pytest.mark.django_db(transaction=True)
def test_it_lets_nobody_act_by_a_role_they_lost_meanwhile() -> None:
    team = factories.TeamFactory()
    owner = factories.MembershipFactory(team=team)
    admin = factories.MembershipFactory(team=team, role=Role.ADMIN)
    victim = factories.MembershipFactory(team=team, role=Role.VIEWER)
    held = access_team(admin.user, team.pk)  # read before the demotion
    access = access_team(owner.user, team.pk)
    members.change_role(user=owner.user, access=access, membership_id=admin.pk, role=Role.VIEWER)

    with pytest.raises(Forbidden):
        members.change_role(user=admin.user, access=held, membership_id=victim.pk, role=Role.ADMIN)
    with pytest.raises(Forbidden):
        members.remove_member(user=admin.user, access=held, membership_id=victim.pk)


@pytest.mark.django_db(transaction=True)
def test_it_changes_roles_one_after_the_other() -> None:
    team = factories.TeamFactory()
    first, second = (factories.MembershipFactory(team=team) for _ in range(2))
    member = factories.MembershipFactory(team=team, role=Role.VIEWER)

    def give(actor: Membership, role: Role) -> Callable[[], object]:
        access = access_team(actor.user, team.pk)
        return lambda: members.change_role(user=actor.user, access=access, membership_id=member.pk, role=role)

    _together([give(first, Role.EDITOR), give(second, Role.ADMIN), give(first, Role.OWNER), give(second, Role.VIEWER)])

    assert Membership.objects.filter(team=team).count() == 3


@pytest.mark.django_db(transaction=True)
def test_it_makes_no_administrator_of_first_sign_ups_case_36() -> None:
    User.objects.all().delete()

    def sign_up(number: int) -> Callable[[], object]:
        form = {
            "email": f"first{number}@example.test",
            "password1": factories.PASSWORD,
            "password2": factories.PASSWORD,
        }
        return lambda: Client().post("/accounts/signup/", form).status_code

    with env(signup_open=True):
        _together([sign_up(number) for number in range(20)])

    assert User.objects.exists()
    assert not User.objects.filter(is_superuser=True).exists()
    assert not User.objects.filter(is_staff=True).exists()


def test_it_finds_members_by_name_role_state_and_group(
    t1: Team, alice: User, ann: User, sue: User, ada: User, alice_client: Client
) -> None:
    group = Group.objects.create(team=t1, name="Staff")
    group.members.create(membership=Membership.objects.get(user=ann))

    def shown(query: str) -> set[str]:
        page = alice_client.get(f"/teams/{t1.pk}/?{query}").context["page"]
        return {member.user.name for member in page}

    assert shown("") == {"Alice", "Ann", "Sue", "Ada"}
    assert shown("q=AN") == {"Ann"}
    assert shown("role=owner") == {"Alice"}
    assert shown("state=suspended") == {"Sue"}
    assert shown(f"group={group.pk}") == {"Ann"}
    assert shown("role=nonsense&state=x&group=y&page=z") == {"Alice", "Ann", "Sue", "Ada"}


def test_it_asks_the_same_queries_for_few_members_and_for_many(t1: Team, alice_client: Client) -> None:
    alice_client.get(f"/teams/{t1.pk}/")
    few = _queries(alice_client, t1)
    group = Group.objects.create(team=t1, name="Staff")
    for member in factories.MembershipFactory.create_batch(60, team=t1, role=Role.VIEWER):
        group.members.create(membership=member)

    assert _queries(alice_client, t1) - few <= 1


def _queries(client: Client, team: Team) -> int:
    with CaptureQueriesContext(connection) as caught:
        assert client.get(f"/teams/{team.pk}/").status_code == 200
    return len(caught)


def _drawer(team: Team, role: Role, shown: Membership) -> str:
    address = f"/teams/{team.pk}/members/{shown.pk}/"
    return _as(team, role).get(address, headers={"hx-request": "true"}).content.decode()


def test_it_shows_a_member_in_the_drawer_with_what_can_be_done(
    t1: Team, alice: User, ann: User, ann_client: Client
) -> None:
    Group.objects.create(team=t1, name="Staff")
    owner, viewer = Membership.objects.get(user=alice), Membership.objects.get(user=ann)

    page = _drawer(t1, Role.OWNER, viewer)
    assert all(verb in page for verb in ("/suspend/", "/hand-over/", "/remove/", "/groups/"))
    assert "/hand-over/" not in _drawer(t1, Role.ADMIN, viewer)
    assert "/suspend/" not in _drawer(t1, Role.ADMIN, owner)
    assert not any(verb in _drawer(t1, Role.VIEWER, owner) for verb in ("/suspend/", "/remove/", "/groups/"))
    own = ann_client.get(f"/teams/{t1.pk}/members/{viewer.pk}/", headers={"hx-request": "true"}).content.decode()
    assert "/leave/" in own


def test_it_puts_a_member_into_exactly_the_chosen_groups(t1: Team, t2: Team, ann: User, alice_client: Client) -> None:
    first, second, third = (Group.objects.create(team=t1, name=name) for name in "abc")
    foreign = Group.objects.create(team=t2, name="a")
    member = Membership.objects.get(user=ann)
    address = f"/teams/{t1.pk}/members/{member.pk}/groups/"

    assert alice_client.post(address, {"group": [str(first.pk), str(second.pk)]}).status_code == 302
    assert alice_client.post(address, {"group": [str(second.pk), str(third.pk)]}).status_code == 302
    assert alice_client.post(address, {"group": [str(first.pk), str(foreign.pk)]}).status_code == 404
    assert {one.group for one in member.groups.all()} == {second, third}
    assert alice_client.post(address, {}).status_code == 302
    assert not member.groups.exists()
