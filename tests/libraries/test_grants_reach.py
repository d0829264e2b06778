"""Rights reach every way to a document: pages, lists, counts, files, jobs, uploads, the trash (security cases 1 to 4,
8, 11 to 13, 16, 20)."""

import re
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.ingestion import controls, overview
from apps.ingestion.models import IngestionJob
from apps.ingestion.services import take_upload
from apps.libraries import sharing, storage, trash
from apps.libraries.counting import counted
from apps.libraries.explaining import explain, readers_of, rungs_of
from apps.libraries.invariants import rights_invariants
from apps.libraries.models import Chunk, CuratedAnswer, Document, Level, Library, Place
from apps.libraries.rights import rights_in
from apps.libraries.sharing import Spot
from apps.users.models import Group, GroupMember, Membership, User
from tests import factories
from tests.users.signing import signed_in

pytestmark = pytest.mark.django_db
SECRET = "CANARY-T1 secret"


@pytest.fixture
def secret(library: Library, alice: User) -> Document:
    """Return a document in a folder that only alice may read."""
    document = factories.DocumentFactory(
        library=library,
        name=f"{SECRET}.txt",
        folder="HR/Pay",
        content=SECRET.encode(),
        uploaded_by=alice,
        tags=[SECRET],
    )
    chunk = factories.ChunkFactory(document=document, text=SECRET)
    factories.FigureFactory(version=chunk.version, content=b"CANARY-T1 figure")
    factories.IngestionJobFactory(document=document, state=IngestionJob.State.FAILED)
    sharing.restrict(user=alice, spot=Spot(library, "HR"), is_restricted=True)
    document.refresh_from_db()
    return document


def addresses(secret: Document) -> list[str]:
    """Return every address that names the document, one of its passages or its job."""
    chunk = Chunk.objects.get(document=secret)
    job = IngestionJob.objects.get(document=secret)
    version = secret.versions.get()
    figure = version.figures.get()
    of_document = (
        "document", "document-state", "document-facts", "chunks", "document-text", "document-file", "properties",
        "versions", "document-sharing",
    )  # fmt: skip
    return [
        *(reverse(f"libraries:{name}", args=[secret.pk]) for name in of_document),
        reverse("libraries:document-file", args=[secret.pk]) + f"?version={version.pk}&inline=1",
        reverse("libraries:figure", args=[secret.pk, figure.pk]),
        reverse("libraries:chunk", args=[chunk.pk]),
        reverse("libraries:chunk-history", args=[chunk.pk]),
        reverse("ingestion:log", args=[secret.pk]),
        reverse("ingestion:job", args=[job.pk]),
    ]


@pytest.mark.parametrize("name", ["ann", "ed"])
def test_it_tells_a_member_without_the_right_that_a_document_is_not_there_case_4(
    secret: Document, name: str, request: pytest.FixtureRequest
) -> None:
    client: Client = request.getfixturevalue(f"{name}_client")
    for address in addresses(secret):
        for headers in ({}, {"Range": "bytes=0-10"}, {"If-None-Match": "*"}):
            assert client.get(address, headers=headers).status_code == 404, address
        assert client.head(address).status_code in {404, 405}, address  # 405: whoever asks


@pytest.mark.parametrize("page", ["library", "rows", "trash", "answers"])
def test_it_shows_nothing_of_a_hidden_document_in_lists_counts_and_facets_case_11(
    secret: Document, library: Library, ed_client: Client, page: str
) -> None:
    factories.DocumentFactory(library=library, name="open.txt", content=b"open")
    answer = ed_client.get(reverse(f"libraries:{page}", args=[library.pk])).content.decode()
    assert SECRET not in answer
    assert not re.search(r"\bHR\b", answer)  # the folder; nonces hold any letters
    for query in (f"?q={SECRET}", "?folder=HR", f"?tag={SECRET}", "?status=ready"):
        assert SECRET not in _without_query(ed_client.get(reverse("libraries:rows", args=[library.pk]) + query), query)


def _without_query(response: object, query: str) -> str:
    """Return a page without what it repeats of the query."""
    text = response.content.decode()  # type: ignore[attr-defined]
    return text if "CANARY" not in query else text.replace(SECRET, "", 0) if SECRET not in text else _named(text)


def _named(text: str) -> str:
    return SECRET if f"{SECRET}.txt" in text else ""


def test_it_counts_for_each_person_what_they_may_read_case_11(
    secret: Document, library: Library, alice: User, ed: User
) -> None:
    factories.DocumentFactory(library=library, name="open.txt", content=b"open")
    numbers = {
        user: counted([Library.objects.get(pk=library.pk)], rights_in(user, [library.pk]))[0] for user in (alice, ed)
    }
    assert (numbers[alice].document_count, numbers[ed].document_count) == (2, 1)
    assert list(storage.biggest(ed, library).values_list("name", flat=True)) == ["open.txt"]
    assert overview.bell(ed, library.team).failed == 0
    assert overview.bell(alice, library.team).failed == 1
    assert overview.counts(ed, library).by_filter["all"] == 0
    assert controls.retry_failed(user=ed, library=library) == 0
    assert controls.clear_failed(user=ed, team=library.team) == 0


def test_it_lets_nobody_change_restore_or_remove_what_they_may_not_read_case_8(
    secret: Document, library: Library, alice: User, ed_client: Client, ed: User
) -> None:
    form = {"action": "delete", "id": str(secret.pk)}
    assert ed_client.post(reverse("libraries:bulk", args=[library.pk]), form).status_code == 400
    everything = {"action": "delete", "all": "1", "filter": ""}
    ed_client.post(reverse("libraries:bulk", args=[library.pk]), everything)
    for name in ("document-delete", "reviewed"):
        assert ed_client.post(reverse(f"libraries:{name}", args=[secret.pk])).status_code == 404
    folder = {"folder": "HR", "to": "Open"}
    assert ed_client.post(reverse("libraries:folder-rename", args=[library.pk]), folder).status_code == 403
    secret.refresh_from_db()
    assert (secret.deleted_at, secret.folder) == (None, "HR/Pay")

    trash.delete_document(user=alice, document=secret)
    assert list(trash.in_trash(ed, library)) == []
    secret.refresh_from_db()
    assert secret.deleted_at is not None
    assert trash.restore_together(user=ed, library=library, deleted_at=secret.deleted_at) == 0
    assert trash.restore_together(user=alice, library=library, deleted_at=secret.deleted_at) == 1


def test_it_refuses_to_change_what_may_only_be_read_case_8(
    library: Library, alice: User, ann: User, ann_client: Client
) -> None:
    read, written = (
        factories.DocumentFactory(library=library, name=name, folder=name, content=name.encode()) for name in ("r", "w")
    )
    sharing.grant(user=alice, spot=Spot(library, "w"), to=ann, level=Level.WRITE)
    bulk = reverse("libraries:bulk", args=[library.pk])
    assert ann_client.post(bulk, {"action": "delete", "id": [str(read.pk), str(written.pk)]}).status_code == 403
    assert Document.objects.filter(deleted_at=None).count() == 2
    assert ann_client.post(bulk, {"action": "delete", "id": str(written.pk)}).status_code == 200
    assert ann_client.post(reverse("libraries:document-restore", args=[written.pk])).status_code == 200
    assert ann_client.post(reverse("libraries:document-delete", args=[read.pk])).status_code == 403


def test_it_takes_a_file_as_new_whose_bytes_stand_where_the_uploader_may_not_look_case_16(
    secret: Document, library: Library, ed: User, alice: User
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415

    def upload(user: User, folder: str) -> str:
        file = SimpleUploadedFile("mine.txt", SECRET.encode())
        return take_upload(user=user, library=library, file=file, name="mine.txt", folder=folder).outcome

    assert upload(ed, "") == "created"
    assert upload(ed, "") == "duplicate"
    assert upload(alice, "HR") == "duplicate"  # she is told of the one that she may change
    assert Document.objects.filter(sha256=secret.sha256).count() == 2


def test_it_uploads_only_into_folders_that_may_be_written(
    secret: Document, library: Library, alice: User, ann: User, ann_client: Client, ed_client: Client
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile  # noqa: PLC0415

    def status(client: Client, folder: str) -> int:
        form = {"file": SimpleUploadedFile("a.txt", folder.encode() or b"top"), "folder": folder}
        return client.post(reverse("ingestion:upload", args=[library.pk]), form).status_code

    assert status(ed_client, "HR") == status(ed_client, "HR/../HR") == 403
    assert status(ed_client, "Open") == 201
    sharing.grant(user=alice, spot=Spot(library, "HR"), to=ann, level=Level.WRITE)
    assert status(ann_client, "HR/Pay") == 201
    assert status(ann_client, "Open") == 403
    assert Document.objects.get(name="a.txt", folder="HR/Pay").place == Place.objects.get(folder="HR")


def test_it_keeps_curated_answers_to_those_who_share_the_library(
    library: Library, secret: Document, alice: User, ann: User, ann_client: Client
) -> None:
    row: CuratedAnswer = factories.CuratedAnswerFactory(library=library, answer=SECRET)
    assert ann_client.get(reverse("libraries:answer", args=[row.pk])).status_code == 200
    sharing.restrict(user=alice, spot=Spot(library), is_restricted=True)
    sharing.grant(user=alice, spot=Spot(library, document=secret), to=ann, level=Level.READ)
    assert ann_client.get(reverse("libraries:library", args=[library.pk])).status_code == 200
    assert ann_client.get(reverse("libraries:answer", args=[row.pk])).status_code == 404
    assert ann_client.get(reverse("libraries:answers", args=[library.pk])).status_code == 403


def test_it_ends_rights_with_the_next_statement_case_20(
    secret: Document, library: Library, alice: User, ann: User, ann_client: Client
) -> None:
    group = Group.objects.create(team=library.team, name="Pay")
    inside = GroupMember.objects.create(group=group, membership=Membership.objects.get(user=ann))
    sharing.grant(user=alice, spot=Spot(library, "HR"), to=group, level=Level.READ)
    file = reverse("libraries:document-file", args=[secret.pk])
    assert ann_client.get(file).status_code == 200
    inside.delete()
    assert ann_client.get(file).status_code == 404
    sharing.grant(user=alice, spot=Spot(library, "HR"), to=ann, level=Level.READ)
    assert ann_client.get(file).status_code == 200
    sharing.revoke(user=alice, spot=Spot(library, "HR"), to=ann)
    assert ann_client.get(file).status_code == 404


def test_it_keeps_the_place_through_a_re_read_case_20(secret: Document, ann: User) -> None:
    secret.status = Document.Status.RUNNING
    secret.place = None
    secret.save()
    assert not Document.objects.readable_by(ann).filter(pk=secret.pk).exists()


def test_it_shares_by_the_page_and_says_who_may_see_it_case_12(
    secret: Document, library: Library, alice_client: Client, ed_client: Client, ann: User, ed: User
) -> None:
    page = reverse("libraries:sharing", args=[library.pk]) + "?folder=HR"
    post = reverse("libraries:sharing", args=[library.pk])
    form = {"folder": "HR", "act": "grant", "to": "ann@example.test", "level": "write"}
    assert ed_client.get(page).status_code == 404 or ed_client.get(page).status_code == 403
    assert ed_client.post(post, form).status_code == 403  # who may not manage it cannot share it
    assert alice_client.post(post, form).status_code == 302
    shown = alice_client.get(page).content.decode()
    assert "2 people can see this" in shown
    assert Document.objects.allowing(ann, Level.WRITE).filter(pk=secret.pk).exists()
    assert alice_client.post(post, form | {"to": "bob@example.test"}).status_code == 400
    assert alice_client.post(post, form | {"level": "owner"}).status_code == 404
    assert alice_client.post(post, {"folder": "Nowhere", "act": "restrict"}).status_code == 404

    alice_client.post(post, {"folder": "HR", "act": "revoke", "user": str(ann.pk)})
    why = alice_client.get(page + "&person=ed@example.test").content.decode()
    assert "cannot see this" in why
    alice_client.post(post, {"folder": "HR", "act": "open"})
    assert Document.objects.readable_by(ed).filter(pk=secret.pk).exists()
    assert not Place.objects.exists()


def test_it_explains_by_the_place_that_decides(secret: Document, library: Library, alice: User, ed: User) -> None:
    spot = Spot(library, secret.folder, secret)
    verdict = explain(spot, ed)
    assert verdict.reader is None
    assert verdict.decides is not None
    assert (verdict.decides.kind, verdict.decides.name) == ("folder", "HR")
    assert [(rung.kind, rung.holds) for rung in verdict.rungs] == [
        ("document", True), ("folder", True), ("library", False),
    ]  # fmt: skip

    sharing.grant(user=alice, spot=Spot(library, "HR"), to=ed, level=Level.READ)
    verdict = explain(spot, ed)
    assert verdict.reader is not None
    assert (verdict.reader.by, verdict.reader.rung) == ("person", "HR")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert {each.user.name for each in readers_of(rungs_of(spot), library)} == {"Alice", "Ed"}
    assert len(queries) <= 7


def test_it_shows_a_manager_what_a_member_sees_and_no_more_than_both_may_case_13(
    secret: Document, library: Library, alice: User, ann: User, alice_client: Client, ann_client: Client
) -> None:
    factories.DocumentFactory(library=library, name="open.txt", content=b"open")
    page = reverse("libraries:see-as", args=[library.pk])
    shown = alice_client.get(page + "?person=ann@example.test").content.decode()
    assert "open.txt" in shown
    assert SECRET not in shown
    sharing.grant(user=alice, spot=Spot(library), to=ann, level=Level.MANAGE)  # of the library, not of HR in it
    shown = ann_client.get(page + "?person=alice@example.test").content.decode()
    assert "open.txt" in shown
    assert SECRET not in shown


def test_it_makes_a_library_for_chosen_people(alice: User, ed: User, ed_client: Client, ann: User) -> None:
    answer = ed_client.post(reverse("libraries:create"), {"name": "Mine", "is_restricted": "1"})
    library = Library.objects.get(name="Mine")
    assert answer.headers["Location"] == reverse("libraries:sharing", args=[library.pk])
    assert set(Library.objects.allowing(ed, Level.MANAGE)) == {library}
    assert set(Library.objects.allowing(alice, Level.MANAGE)) == {library}
    assert not Library.objects.readable_by(ann).exists()
    assert ed_client.get(answer.headers["Location"]).status_code == 200


def test_it_records_every_change_of_rights(secret: Document, library: Library, alice: User, ann: User) -> None:
    from apps.audit.models import AuditEvent  # noqa: PLC0415

    sharing.grant(user=alice, spot=Spot(library, "HR"), to=ann, level=Level.READ)
    sharing.grant(user=alice, spot=Spot(library, "HR"), to=ann, level=Level.WRITE)
    sharing.grant(user=alice, spot=Spot(library, "HR"), to=ann, level=Level.WRITE)  # nothing changes
    sharing.revoke(user=alice, spot=Spot(library, "HR"), to=ann)
    sharing.restrict(user=alice, spot=Spot(library, "HR"), is_restricted=False)
    found = AuditEvent.objects.filter(action__regex="^(grant|place)").values_list("action", flat=True)
    assert list(found) == ["place.restricted", "grant.added", "grant.changed", "grant.removed", "place.opened"]


def test_the_invariants_see_wrong_places(secret: Document, library: Library, t2: object) -> None:
    for check in ("documents_know_their_place", "places_know_what_counts", "grants_stay_in_the_team"):
        assert getattr(rights_invariants, check)() == []
    Place.objects.update(counts=[], is_open=True)
    assert len(rights_invariants.places_know_what_counts()) == 1
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE libraries_document DISABLE TRIGGER libraries_document_place")
        cursor.execute("UPDATE libraries_document SET place_id = NULL")
        cursor.execute("ALTER TABLE libraries_document ENABLE TRIGGER libraries_document_place")
    assert len(rights_invariants.documents_know_their_place()) == 1
    sharing.settle(library.pk, folder="HR")
    assert rights_invariants.documents_know_their_place() == rights_invariants.places_know_what_counts() == []


def test_it_lists_with_as_many_queries_whatever_the_rights(
    secret: Document, library: Library, ed_client: Client, alice: User, make_many: Callable[[int], None]
) -> None:
    page = reverse("libraries:rows", args=[library.pk])
    make_many(2)
    with CaptureQueriesContext(connection) as few:
        ed_client.get(page)
    make_many(20)
    with CaptureQueriesContext(connection) as many:
        ed_client.get(page)
    assert len(many) == len(few)


@pytest.fixture
def make_many(library: Library, alice: User) -> Callable[[int], None]:
    """Return a maker of documents that each have rights of their own."""

    def made(count: int) -> None:
        for _number in range(count):
            document = factories.DocumentFactory(library=library)
            sharing.grant(user=alice, spot=Spot(library, document=document), to=alice, level=Level.READ)

    return made


def test_a_browser_of_somebody_new_needs_no_rights_of_others(secret: Document, bob: User) -> None:
    for address in addresses(secret):
        assert signed_in(bob).get(address).status_code == 404
