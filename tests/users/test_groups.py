"""Groups of a team: made, filled, renamed, deleted, and never reaching into another team."""

import uuid

from django.test import Client

from apps.users.models import Group, GroupMember, Membership, Role, Team, User
from tests import factories


def test_it_makes_fills_renames_and_deletes_a_group(
    t1: Team, ann: User, ed: User, ada_client: Client, ann_client: Client
) -> None:
    made = ada_client.post(f"/teams/{t1.pk}/groups/", {"name": "Staff", "description": "All of them"})
    group = Group.objects.get()
    address = f"/teams/{t1.pk}/groups/{group.pk}/"
    assert made.headers["Location"] == address
    both = [str(Membership.objects.get(user=user).pk) for user in (ann, ed)]

    assert ada_client.post(address + "add/", {"member": both}).status_code == 302
    assert ada_client.post(address + "add/", {"member": both[:1]}).status_code == 302
    assert GroupMember.objects.count() == 2
    assert b"Ann" in ann_client.get(address).content

    assert ada_client.post(address + "change/", {"name": "职员", "description": ""}).status_code == 302
    assert ada_client.post(address + f"members/{both[0]}/take-out/").status_code == 302
    assert ada_client.post(address + f"members/{both[0]}/take-out/").status_code == 302
    assert [one.membership.user for one in GroupMember.objects.all()] == [ed]
    assert ada_client.post(address + "delete/").status_code == 302
    assert not Group.objects.exists()
    assert t1.memberships.count() == 3


def test_it_keeps_names_apart(t1: Team, t2: Team, alice_client: Client) -> None:
    Group.objects.create(team=t2, name="Staff")
    assert alice_client.post(f"/teams/{t1.pk}/groups/", {"name": "Staff"}).status_code == 302
    assert alice_client.post(f"/teams/{t1.pk}/groups/", {"name": "Staff"}).status_code == 409
    assert alice_client.post(f"/teams/{t1.pk}/groups/", {"name": ""}).status_code == 400


def test_it_puts_nobody_of_another_team_into_a_group(
    t1: Team, t2: Team, bob: User, ann: User, alice_client: Client, bob_client: Client
) -> None:
    group = Group.objects.create(team=t1, name="CANARY-T1 group")
    foreign, own = Membership.objects.get(user=bob), Membership.objects.get(user=ann)
    address = f"/teams/{t1.pk}/groups/{group.pk}/"

    for chosen in ([str(foreign.pk)], [str(own.pk), str(foreign.pk)], [str(own.pk), str(uuid.uuid4())]):
        assert alice_client.post(address + "add/", {"member": chosen}).status_code == 404
    assert alice_client.post(address + "add/", {"member": ["x"]}).status_code == 400
    assert not GroupMember.objects.exists()
    for tail in ("", "find/"):
        assert bob_client.get(f"/teams/{t2.pk}/groups/{group.pk}/{tail}").status_code == 404
    for tail in ("delete/", "add/", "change/"):
        form = {"member": str(foreign.pk), "name": "x"}
        assert bob_client.post(f"/teams/{t2.pk}/groups/{group.pk}/{tail}", form).status_code == 404


def test_it_finds_who_is_not_in_the_group(t1: Team, ann: User, ed: User, alice_client: Client) -> None:
    group = Group.objects.create(team=t1, name="Staff")
    GroupMember.objects.create(group=group, membership=Membership.objects.get(user=ann))
    address = f"/teams/{t1.pk}/groups/{group.pk}/find/"

    page = alice_client.get(address).content.decode()
    assert ed.email in page
    assert ann.email not in page
    assert ed.email not in alice_client.get(address, {"find": "nobody"}).content.decode()


def test_it_takes_who_leaves_the_team_out_of_its_groups(t1: Team, ann: User, ann_client: Client) -> None:
    group = Group.objects.create(team=t1, name="Staff")
    GroupMember.objects.create(group=group, membership=Membership.objects.get(user=ann))

    ann_client.post(f"/teams/{t1.pk}/leave/")

    assert not GroupMember.objects.exists()


def test_it_lists_many_groups_by_pages(t1: Team, alice_client: Client) -> None:
    Group.objects.bulk_create(Group(team=t1, name=f"Group {n:03}") for n in range(60))

    page = alice_client.get(f"/teams/{t1.pk}/groups/", {"page": "2"}).content.decode()

    assert "Group 045" in page
    assert "Group 001" not in page
    assert factories.MembershipFactory(team=t1, role=Role.VIEWER).groups.count() == 0
