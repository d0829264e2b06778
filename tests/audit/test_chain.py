"""The audit log is append-only, chained, and told of everything that changes who may do what."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client

from apps.audit.models import AuditEvent
from apps.audit.services import GENESIS, record, verify_chain
from apps.users.access import access_team
from apps.users.invitations import accept_invitation, invite, revoke_invitation
from apps.users.members import change_role, remove_member
from apps.users.models import Membership, Role, Team, User
from apps.users.services import create_team, rename_team, sign_out_everywhere
from tests.factories import PASSWORD


def actions() -> list[str]:
    return list(AuditEvent.objects.values_list("action", flat=True))


def tamper(statement: str) -> None:
    """Change the log as somebody would who may switch the trigger off."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_append_only")
        cursor.execute(statement)
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER audit_append_only")


def test_it_chains_events(alice: User, t1: Team) -> None:
    first = record("library.created", actor=alice, team=t1, target=t1, detail={"name": "手册 \x00 né", "count": 3})
    second = record("library.deleted", actor=None, team=None)

    assert (first.sequence, first.previous_hash) == (1, GENESIS)
    assert second.previous_hash == first.hash
    assert verify_chain() == []


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_auditevent SET action = 'x'", "DELETE FROM audit_auditevent"], ids=["update", "delete"]
)
def test_it_refuses_to_change_the_past(statement: str, alice: User) -> None:
    record("library.created", actor=alice, team=None)

    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)

    assert actions() == ["library.created"]


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        pytest.param(
            "UPDATE audit_auditevent SET actor_email = 'x' WHERE sequence = 2", "2 does not match", id="changed"
        ),
        pytest.param("UPDATE audit_auditevent SET detail = '{\"a\": 1}' WHERE sequence = 3", "3 does not", id="detail"),
        pytest.param("DELETE FROM audit_auditevent WHERE sequence = 2", "2 is missing", id="lost"),
        pytest.param("UPDATE audit_auditevent SET hash = repeat('0', 64) WHERE sequence = 1", "1 does not", id="hash"),
    ],
)
def test_it_notices_tampering(statement: str, found: str, alice: User) -> None:
    for number in range(3):
        record("library.created", actor=alice, team=None, detail={"number": number})

    tamper(statement)

    (broken,) = verify_chain()
    assert found in broken


@pytest.mark.django_db(transaction=True)
def test_it_keeps_one_sequence_under_parallel_writers() -> None:
    def write(number: int) -> None:
        record("library.created", actor=None, team=None, detail={"number": number})
        connection.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(40)))

    assert list(AuditEvent.objects.values_list("sequence", flat=True)) == list(range(1, 41))
    assert verify_chain() == []


def test_it_is_told_of_changes_to_teams_and_members(alice: User, ann: User, bob: User, t1: Team) -> None:
    access = access_team(alice, t1.pk)
    ann_in_t1 = Membership.objects.get(user=ann, team=t1)

    create_team(name="New", owner=alice)
    rename_team(user=alice, access=access, name="Renamed")
    change_role(user=alice, access=access, membership_id=ann_in_t1.pk, role=Role.EDITOR)
    remove_member(user=alice, access=access, membership_id=ann_in_t1.pk)
    _, token = invite(user=alice, access=access, role=Role.VIEWER)
    accept_invitation(user=bob, token=token)
    second, _ = invite(user=alice, access=access, role=Role.VIEWER)
    revoke_invitation(user=alice, access=access, invitation_id=second.pk)
    sign_out_everywhere(user=alice)

    assert actions() == [
        "team.created",
        "team.renamed",
        "member.role",
        "member.removed",
        "invitation.made",
        "member.added",
        "invitation.accepted",
        "invitation.made",
        "invitation.revoked",
        "user.signed-out-everywhere",
    ]
    assert verify_chain() == []


def test_it_rolls_back_with_the_change(alice: User, t1: Team) -> None:
    with transaction.atomic():
        rename_team(user=alice, access=access_team(alice, t1.pk), name="Renamed")
        transaction.set_rollback(True)

    assert actions() == []


def test_it_records_sign_ins_without_what_was_typed(alice: User, anonymous_client: Client) -> None:
    address = "/accounts/login/"
    anonymous_client.post(address, {"login": alice.email, "password": "SECRET-wrong"})
    anonymous_client.post(address, {"login": "SECRET@nobody.test", "password": "SECRET-wrong"})
    anonymous_client.post(address, {"login": alice.email, "password": PASSWORD})

    assert actions() == ["user.sign-in-failed", "user.sign-in-failed", "user.signed-in"]
    assert list(AuditEvent.objects.values_list("target_id", flat=True)) == [str(alice.pk), "", str(alice.pk)]
    assert not any("SECRET" in str(one.__dict__) for one in AuditEvent.objects.all())
