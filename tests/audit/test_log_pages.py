"""The log as pages: who may see it, what the filters do, exports."""

import json

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.audit.actions import OTHERS, family_of, words_of
from apps.audit.models import AuditEvent
from apps.audit.reading import PAGE
from apps.audit.services import record
from apps.users.models import Team, User
from tests.factories import UserFactory
from tests.users.signing import signed_in

pytestmark = pytest.mark.django_db


def test_it_shows_a_team_only_its_own_events(alice: User, bob: User, t1: Team, t2: Team) -> None:
    record("member.added", actor=alice, team=t1, detail={"who": "CANARY-ONE"})
    record("member.added", actor=bob, team=t2, detail={"who": "CANARY-TWO"})
    page = signed_in(alice).get(f"/teams/{t1.pk}/audit/").content.decode()
    assert "CANARY-ONE" in page
    assert "CANARY-TWO" not in page
    other = signed_in(alice).get(f"/teams/{t1.pk}/audit/?team={t2.pk}&who=bob").content.decode()
    assert "CANARY-TWO" not in other


def test_it_is_for_admins_of_the_team(ed: User, bob: User, t1: Team) -> None:
    assert signed_in(ed).get(f"/teams/{t1.pk}/audit/").status_code == 403
    assert signed_in(bob).get(f"/teams/{t1.pk}/audit/").status_code == 404


def test_it_hides_the_log_of_the_installation_from_all_but_its_administrators(alice: User, root: User) -> None:
    assert signed_in(alice).get("/system/audit/").status_code == 404
    assert signed_in(root).get("/system/audit/").status_code == 200


def test_it_filters_by_person_kind_and_day(root: User, alice: User, bob: User, t1: Team) -> None:
    record("member.added", actor=alice, team=t1, detail={"mark": "MARK-ALICE"})
    record("library.created", actor=bob, team=t1, detail={"mark": "MARK-BOB"})
    client = signed_in(root)

    def marks(query: str) -> set[str]:
        text = client.get(f"/system/audit/?{query}").content.decode()
        return {mark for mark in ("MARK-ALICE", "MARK-BOB") if mark in text}

    assert marks("") == {"MARK-ALICE", "MARK-BOB"}
    assert marks("who=alice") == {"MARK-ALICE"}
    assert marks("family=libraries") == {"MARK-BOB"}
    assert marks("action=member.added") == {"MARK-ALICE"}
    assert marks("until=2001-01-01") == set()
    assert marks("since=2001-01-01") == {"MARK-ALICE", "MARK-BOB"}


@pytest.mark.parametrize(
    "query", ["since=yesterday", "until=9999-12-31", "team=1", "before=x", "before=" + "9" * 30, "who=%00", "family=x"]
)
def test_it_survives_filters_that_say_nothing(root: User, query: str) -> None:
    record("member.added", actor=root, team=None)
    assert signed_in(root).get(f"/system/audit/?{query}").status_code == 200


def test_it_goes_from_page_to_page_by_number(root: User, t1: Team) -> None:
    for number in range(PAGE + 5):
        record("view.saved", actor=root, team=t1, detail={"n": f"<{number}>"})
    client = signed_in(root)
    first = client.get("/system/audit/?action=view.saved").content.decode()
    assert first.count("audit-event") == PAGE
    before = AuditEvent.objects.filter(action="view.saved").order_by("-sequence")[PAGE - 1].sequence
    assert f"before={before}" in first
    rest = client.get(f"/system/audit/?action=view.saved&before={before}", headers={"HX-Request": "true"})
    assert rest.content.decode().count("audit-event") == 5
    assert "&lt;4&gt;" in rest.content.decode()
    assert first.count(f"· {t1.name}") == PAGE
    assert rest.content.decode().count(f"· {t1.name}") == 5


def test_it_exports_without_formulas_and_says_so_in_the_log(root: User) -> None:
    """Security case 76."""
    record("library.renamed", actor=root, team=None, detail={"to": "x"})
    record("=cmd|' /C calc'!A0", actor=root, team=None)
    client = signed_in(root)
    text = b"".join(client.get("/system/audit/?export=csv")).decode()  # type: ignore[arg-type]
    assert ",'=cmd" in text or ",\"'=cmd" in text
    lines = b"".join(client.get("/system/audit/?export=jsonl")).decode().splitlines()  # type: ignore[arg-type]
    assert {"hash", "previous_hash", "detail"} <= set(json.loads(lines[0]))
    assert AuditEvent.objects.filter(action="audit.exported", actor_id=root.pk).count() == 2


def test_it_asks_the_database_the_same_number_of_times_for_any_length(root: User, t1: Team) -> None:
    people = [UserFactory() for _ in range(5)]
    for person in people:
        record("user.signed-in", actor=person, team=t1)
    client = signed_in(root)
    client.get("/system/audit/")
    with CaptureQueriesContext(connection) as few:
        client.get("/system/audit/")
    for person in people * 5:
        record("user.signed-in", actor=person, team=t1)
    with CaptureQueriesContext(connection) as many:
        client.get("/system/audit/")
    assert len(few) == len(many)


def test_it_verifies_the_chain_from_the_shell(root: User, capsys: pytest.CaptureFixture[str]) -> None:
    event = record("member.added", actor=root, team=None)
    call_command("verify_audit", "--json", anchor=event.hash)
    said = json.loads(capsys.readouterr().out)
    assert said["ok"] is True
    assert said["head"] == event.hash
    with pytest.raises(SystemExit):
        call_command("verify_audit", "--json", anchor="0" * 63 + "1")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE audit_auditevent DISABLE TRIGGER audit_append_only")
        cursor.execute("UPDATE audit_auditevent SET actor_email = 'x' WHERE sequence = %s", [event.sequence])
        cursor.execute("ALTER TABLE audit_auditevent ENABLE TRIGGER audit_append_only")
    with pytest.raises(SystemExit):
        call_command("verify_audit", "--json")


def test_it_has_words_for_actions() -> None:
    assert words_of("member.added") == "Member added"
    assert words_of("strange.thing-done") == "strange: thing done"
    assert family_of("strange.thing-done") is OTHERS
    assert family_of("member.added").icon == "users"
