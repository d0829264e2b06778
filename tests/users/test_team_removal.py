"""A deleted team: closed at once, called back in time, and then gone from every place."""

import gzip
import json
import uuid
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.cache import cache
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import Client
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.catalog.models import AIModel
from apps.chat import tasks as chat_tasks
from apps.chat.models import Conversation, Message
from apps.core import events
from apps.core.errors import NotFound
from apps.ingestion.models import WebSource
from apps.ingestion.web import crawl
from apps.libraries.models import Document, DocumentVersion, Library
from apps.users import deletion
from apps.users.access import access_team
from apps.users.models import Group, Membership, Role, Team, User
from tests import factories
from tests.settings_override import env
from tests.users.filling import Filler, Row, kinds, plain
from tests.users.proof import prove_lately

LEDGER = {"metering_usageevent", "metering_usageday", "metering_usagesum", "metering_reservation"}  # amounts by id
LOG = "audit_auditevent"


def close(team: Team, owner: User) -> None:
    deletion.ask_for_deletion(user=owner, access=access_team(owner, team.pk), typed_name=team.name)


def due(team: Team) -> None:
    """Let the days pass in which the team could be called back."""
    Team.objects.filter(pk=team.pk).update(deletion_at=timezone.now())


def stored(content: bytes, folder: str) -> str:
    return default_storage.save(f"{folder}/zz/{uuid.uuid4()}", ContentFile(content))


def fill(canary: str, owner: User) -> Filler:
    """Return a team with a row of every kind, files, an event log and cached values, all with the canary."""
    team = Team.objects.create(name=f"{canary} team")
    member = Membership.objects.create(team=team, user=owner, role=Role.OWNER)
    embedder, chat = factories.AIModelFactory(), factories.ChatModelFactory()
    library = Library.objects.create(team=team, name=f"{canary} library")
    document = factories.DocumentFactory(library=library, name=f"{canary}.txt", content=canary.encode())
    packed = stored(gzip.compress(canary.encode()), "blocks")
    DocumentVersion.objects.filter(document=document).update(blocks=packed, note=canary)
    given = {Team: team, Membership: member, User: owner, Library: library, Document: document}
    made = Filler(
        canary,
        given | {AIModel: embedder, DocumentVersion: document.current_version},
        {
            "libraries.Figure.file": lambda _: stored(canary.encode(), "figures"),
            "libraries.Chunk.source_digest": lambda _: b"",
            "chat.Message.role": lambda _: "assistant",
            "chat.Message.parent": lambda _: None,
            "chat.Conversation.model": lambda _: chat,
            "libraries.Document.parent": lambda _: None,
            "images.ImageJob.plan": lambda _: [{"prompt": canary}],
            "images.ImageJob.order": lambda _: {"prompt": canary},
            "metering.Quota.scope": lambda _: "team",
            "metering.Quota.user": lambda _: None,
            "metering.Quota.group": lambda _: None,
            "metering.Quota.key": lambda _: None,
            "libraries.Grant.group": lambda _: None,
            "catalog.ModelAccess.group": lambda _: None,
            "users.Team.deletion_at": lambda _: None,
        },
    )
    made.fill()
    answer = made.given[Message]
    events.Writer(answer.pk, 1).publish(events.AnswerDelta(text=canary))
    cache.set(f"search-test:{uuid.uuid4()}", json.dumps({"library": str(library.pk), "query": canary}), 600)
    cache.set(f"preview-text:{document.pk}", canary, 600)
    return made


def in_tables(needle: str) -> dict[str, int]:
    """Return the tables that hold the needle in any column, with the number of rows."""
    found = {}
    spelled = [f"%{needle}%", f"%{needle.encode().hex()}%"]
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT count(*) FROM "{table}" AS line WHERE line::text ILIKE ANY(%s)', [spelled])  # noqa: S608  # names of our own tables
            if n := cursor.fetchone()[0]:
                found[table] = n
    return found


def in_files(needle: str) -> list[str]:
    """Return the files below the media folder that hold the needle, also inside gzip."""

    def texts(path: Path) -> Iterator[bytes]:
        raw = path.read_bytes()
        yield raw
        if raw[:2] == b"\x1f\x8b":
            yield gzip.decompress(raw)

    files = (path for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file())
    return [str(path) for path in files if any(needle.encode() in text for text in texts(path))]


def in_valkey(needle: str) -> list[bytes]:
    """Return the keys whose dump or name holds the needle."""
    client = events.connection()
    kept = []
    for key in client.scan_iter(count=1000):
        kind = client.type(key)
        value = client.xrange(key) if kind == b"stream" else client.get(key) if kind == b"string" else key
        if needle.encode() in key + repr(value).encode() or needle in repr(value):
            kept.append(key)
    return kept


def test_it_leaves_nothing_of_a_deleted_team_but_the_audit_log(
    alice: User, t1: Team, t2: Team, bob: User, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    canary, other = f"CANARY-T1-{uuid.uuid4()}", f"CANARY-T2-{uuid.uuid4()}"
    made, untouched = fill(canary, alice), fill(other, bob)
    team = made.given[Team]
    close(team, alice)
    before, others = in_tables(canary), in_tables(other)
    assert {model._meta.db_table for model in kinds() if _has_text(model)} <= set(before)
    assert in_files(canary)
    assert in_valkey(canary)

    due(team)
    with django_capture_on_commit_callbacks(execute=True):
        assert deletion.remove_due() == 1

    assert set(in_tables(canary)) == {LOG}
    assert set(in_tables(str(team.pk))) <= LEDGER | {LOG}
    assert in_files(canary) == []
    assert in_valkey(canary) == []
    assert AuditEvent.objects.filter(team_id=team.pk, action="team.removed").count() == 1
    assert in_tables(other) == others
    assert in_files(other)
    assert in_valkey(other)
    assert Team.objects.filter(pk__in=[untouched.given[Team].pk, t1.pk, t2.pk]).count() == 3
    assert User.objects.filter(pk=alice.pk).exists()
    assert deletion.remove_due() == 0


def _has_text(model: type[Row]) -> bool:
    """Return whether a row of the model holds text of people: not only ids, numbers, choices and short names."""
    canary = f"CANARY-T1-{uuid.uuid4()}"
    values = [plain(field, canary) for field in model._meta.concrete_fields if not field.choices]
    return any(canary in repr(value) for value in values)


def test_it_shuts_everybody_out_at_once(t1: Team, alice: User, alice_client: Client, ann_client: Client) -> None:
    library = Library.objects.create(team=t1, name="Handbook")
    group = Group.objects.create(team=t1, name="Staff")
    assert alice_client.get(f"/libraries/{library.pk}/").status_code == 200

    prove_lately(alice_client)
    assert alice_client.post(f"/teams/{t1.pk}/delete/", {"typed_name": "wrong"}).status_code == 400
    assert alice_client.post(f"/teams/{t1.pk}/delete/", {"typed_name": t1.name}).status_code == 302

    for client in (alice_client, ann_client):
        for address in (f"/teams/{t1.pk}/", f"/libraries/{library.pk}/", f"/teams/{t1.pk}/groups/{group.pk}/"):
            assert client.get(address).status_code == 404
    page = alice_client.get("/teams/").content.decode()
    assert f"/teams/{t1.pk}/call-back/" in page
    assert "/call-back/" not in ann_client.get("/teams/").content.decode()


def test_it_calls_a_team_back_in_time(t1: Team, alice: User, alice_client: Client, ann_client: Client) -> None:
    close(t1, alice)
    assert deletion.remove_due() == 0
    assert ann_client.post(f"/teams/{t1.pk}/call-back/").status_code == 404

    assert alice_client.post(f"/teams/{t1.pk}/call-back/").status_code == 302

    assert alice_client.get(f"/teams/{t1.pk}/").status_code == 200
    assert alice_client.post(f"/teams/{t1.pk}/call-back/").status_code == 404


def test_it_calls_no_team_back_whose_removal_began(t1: Team, alice: User, alice_client: Client) -> None:
    close(t1, alice)
    due(t1)

    assert alice_client.post(f"/teams/{t1.pk}/call-back/").status_code == 409
    assert deletion.remove_due() == 1
    assert not Team.objects.filter(pk=t1.pk).exists()


def test_it_lets_only_owners_and_administrators_delete_a_team(
    t1: Team, ada_client: Client, bob: User, bob_client: Client, root: User
) -> None:
    form = {"typed_name": t1.name}
    assert ada_client.post(f"/teams/{t1.pk}/delete/", form).status_code == 403
    assert bob_client.post(f"/teams/{t1.pk}/delete/", form).status_code == 404
    with pytest.raises(NotFound):
        deletion.ask_for_deletion_as_admin(actor=bob, team_id=t1.pk, typed_name=t1.name)
    assert Team.objects.get(pk=t1.pk).deletion_at is None

    deletion.ask_for_deletion_as_admin(actor=root, team_id=t1.pk, typed_name=t1.name)
    deletion.call_back(user=root, team_id=t1.pk)
    assert Team.objects.get(pk=t1.pk).deletion_at is None


def test_it_goes_on_where_a_worker_died(t1: Team, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    close(t1, alice)
    due(t1)

    def dies(_team_id: object, _beat: object) -> None:
        raise ConnectionError

    monkeypatch.setitem(deletion._removers, (95, "dies"), dies)
    with pytest.raises(ConnectionError):
        deletion.remove_due()
    assert Team.objects.filter(pk=t1.pk).exists()
    assert deletion.remove_due() == 0  # its lease still runs

    monkeypatch.delitem(deletion._removers, (95, "dies"))
    Team.objects.filter(pk=t1.pk).update(removal_lease_until=timezone.now() - timedelta(seconds=1))
    assert deletion.remove_due() == 1


def test_it_stops_when_another_worker_took_the_lease(t1: Team, alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    close(t1, alice)
    due(t1)

    def slow(team_id: object, beat: deletion.Beat) -> None:
        Team.objects.filter(pk=team_id).update(removal_lease_until=timezone.now() + timedelta(hours=1))
        monkeypatch.setattr(deletion, "LEASE", timedelta(days=1))
        beat()

    monkeypatch.setitem(deletion._removers, (1, "slow"), slow)

    assert deletion.remove_due() == 0
    assert Team.objects.filter(pk=t1.pk).exists()


def test_it_takes_a_removed_team_out_of_sessions(t1: Team, alice: User, alice_client: Client) -> None:
    alice_client.post("/teams/switch/", {"team": str(t1.pk)})
    assert alice_client.session["team_id"] == str(t1.pk)
    close(t1, alice)
    due(t1)

    deletion.remove_due()

    assert "team_id" not in alice_client.session
    assert alice_client.get("/teams/").status_code == 200


def test_it_deletes_at_once_where_the_operator_wants_that(t1: Team, alice: User) -> None:
    with env(team_undo_days=0):
        close(t1, alice)

    assert deletion.remove_due() == 1


def test_it_visits_no_site_for_a_closed_team(t1: Team, library: Library, alice: User) -> None:
    source = WebSource.objects.create(
        team=t1, library=library, kind="pages", urls=["https://example.test/"], state=WebSource.State.QUEUED
    )
    assert crawl.wake() == [source.pk]

    close(t1, alice)

    assert crawl.wake() == []


def test_it_asks_no_model_for_a_suspended_member(
    t1: Team, library: Library, ann: User, conversation: Conversation, alice_client: Client
) -> None:
    Conversation.objects.filter(pk=conversation.pk).update(owner=ann)
    answer = factories.AnswerFactory(conversation=conversation, text="", state=Message.State.PENDING)
    member = Membership.objects.get(user=ann)
    alice_client.post(f"/teams/{t1.pk}/members/{member.pk}/suspend/")

    chat_tasks.answer_message(str(answer.pk))

    answer.refresh_from_db()
    assert answer.state == Message.State.FAILED
    assert answer.text == ""
