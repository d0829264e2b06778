"""Versions: new bytes for a document that keeps its address, going back, renaming, reading again."""

import io
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse

from apps.core.invariants import verify
from apps.ingestion import jobs, replacing, rereading, tasks
from apps.ingestion.errors import EmptyUpload
from apps.ingestion.inline import run_jobs
from apps.ingestion.models import IngestionJob
from apps.ingestion.replacing import Replacement, replace_upload, restore_version
from apps.libraries.diffs import diff
from apps.libraries.errors import AlreadyInLibrary
from apps.libraries.models import Chunk, Document, PageReading
from apps.libraries.services import delete_document
from apps.metering.limits import Limit, set_limit
from apps.metering.models import Resource, Scope, Window
from apps.metering.usage import used_in_all
from apps.users.models import Team, User
from tests import factories
from tests.ingestion.conftest import Upload, long_text

LIVE = IngestionJob.LIVE


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ring nobody."""
    for module in (replacing, rereading, tasks):
        monkeypatch.setattr(module, "ring", lambda *_arguments: None)


def broken() -> list[str]:
    return [found.what for found in verify() if found.check.startswith(("libraries.", "ingestion.", "metering."))]


def stored_files() -> int:
    return sum(1 for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file())


def fresh(document: Document) -> Document:
    return Document.objects.select_related("library__team", "current_version").get(pk=document.pk)


def read(document: Document) -> Document:
    run_jobs(list(document.jobs.filter(state__in=LIVE).values_list("pk", flat=True)))
    return fresh(document)


def replace(user: User, document: Document, text: str, **more: Any) -> Replacement:
    return replace_upload(user=user, document=document, file=ContentFile(text.encode()), **more)


@pytest.mark.usefixtures("small_chunks")
def test_it_replaces_a_document_at_its_address(upload: Upload, alice: User) -> None:
    document = read(upload(long_text(12), name="rules.txt"))
    first, before = document.current_version, {chunk.text: chunk.pk for chunk in document.chunks.all()}
    text = long_text(12).replace("Paragraph 5:", "Paragraph five, now other:")

    done = replace(alice, document, text, name="new rules.md", note="Clause 5\nis new")
    waiting = fresh(document)
    assert (waiting.current_version, waiting.status) == (first, "queued")
    assert {chunk.text for chunk in waiting.chunks.all()} == set(before)

    after = read(document)
    assert (after.name, after.status, after.current_version) == ("rules.md", "ready", done.version)
    assert (done.version.number, done.version.note, done.version.created_by) == (2, "Clause 5 is new", alice)
    kept = [chunk for chunk in after.chunks.all() if before.get(chunk.text) == chunk.pk]
    assert len(kept) >= len(before) - 2
    assert first is not None
    counts = diff(first, done.version).counts
    assert (counts.changed + counts.added, counts.same) == (len(before) - len(kept), len(kept))
    assert broken() == []


def test_it_changes_nothing_for_the_same_bytes(upload: Upload, alice: User) -> None:
    document = read(upload("Some text."))
    files = stored_files()

    assert replace(alice, document, "Some text.").outcome == "same"
    assert (document.versions.count(), stored_files(), fresh(document).status) == (1, files, "ready")


def test_it_tries_the_same_bytes_again_after_a_failure(upload: Upload, alice: User) -> None:
    document = upload("Some text.")
    jobs.cancel(document.jobs.get())

    assert replace(alice, document, "Some text.").outcome == "retried"
    assert read(document).status == "ready"


@pytest.mark.usefixtures("rung")
def test_it_keeps_nothing_of_what_it_refuses(upload: Upload, alice: User, t1: Team) -> None:
    document, other = upload("One."), upload("Another.", name="other.txt")
    files = stored_files()

    with pytest.raises(AlreadyInLibrary, match=r"other\.txt"):
        replace(alice, document, "Another.")
    with pytest.raises(EmptyUpload):
        replace(alice, document, "")
    set_limit(Limit(Scope.TEAM, Resource.STORAGE_BYTES, Window.TOTAL, 20, team=t1))
    with pytest.raises(Exception, match=r".+") as refused:
        replace(alice, document, "Much more than was allowed to this team.")
    assert getattr(refused.value, "code", "") == "quota-exceeded"
    assert stored_files() == files
    assert (fresh(document).sha256, document.versions.count(), other.versions.count()) == (document.sha256, 1, 1)
    assert broken() == []


def test_it_reads_only_the_last_of_several_versions(upload: Upload, alice: User) -> None:
    document = upload("First.")
    replace(alice, document, "Second.")
    replace(alice, document, "Third.")

    assert document.jobs.filter(state__in=LIVE).count() == 1
    after = read(document)
    assert after.current_version is not None
    assert (after.current_version.number, after.status) == (3, "ready")
    assert [chunk.text for chunk in Chunk.objects.filter(document=document)] == ["Third."]
    assert broken() == []


def test_it_lets_a_late_worker_of_a_replaced_version_change_nothing(upload: Upload, alice: User) -> None:
    """A worker that was reading version 1 stops after version 2 came: the document goes on showing version 2's job."""
    document = upload("First.")
    held = jobs.claim(document.jobs.get().pk, "read")
    assert held is not None
    replace(alice, document, "Second.")

    jobs.drop(held)

    assert fresh(document).status == "queued"
    assert read(document).status == "ready"
    assert broken() == []


def test_it_goes_back_to_an_earlier_version(upload: Upload, alice: User) -> None:
    document = read(upload("First."))
    first = document.current_version
    assert first is not None
    PageReading.objects.update_or_create(version=first, page=1, defaults={"method": "text", "rotation": 90})
    replace(alice, document, "Second.")
    document = read(document)

    done = restore_version(user=alice, document=document, version=first)
    assert PageReading.objects.get(version=done.version).rotation == 90
    after = read(document)

    assert after.current_version == done.version
    assert (done.version.number, done.version.sha256) == (3, first.sha256)
    assert [chunk.text for chunk in after.chunks.all()] == ["First."]
    assert broken() == []


def test_it_counts_the_bytes_of_all_versions(upload: Upload, alice: User, t1: Team) -> None:
    document = upload("12345")
    replace(alice, document, "1234567")

    assert used_in_all(t1.pk) == {Resource.STORAGE_BYTES: 12, Resource.DOCUMENTS: 1}


def test_it_takes_no_new_version_of_a_deleted_document(upload: Upload, alice: User, ed_client: Client) -> None:
    document = upload("First.")
    delete_document(user=alice, document=document)

    answer = ed_client.post(reverse("ingestion:replace", args=[document.pk]), {"file": io.BytesIO(b"Second.")})
    assert answer.status_code == 404
    assert document.versions.count() == 1


def test_it_indexes_a_document_under_its_new_title(upload: Upload, alice: User, ed_client: Client) -> None:
    document = read(upload("Water boils at 100 degrees.", name="note.txt"))
    before = document.chunks.get()
    address = reverse("ingestion:rename", args=[document.pk])

    assert ed_client.post(address, {"name": "thermodynamics.txt"}).status_code == 200
    after = read(document).chunks.get()

    assert after.pk == before.pk
    assert "thermodynam" in str(Chunk.objects.values_list("terms", flat=True).get(pk=after.pk))
    assert ed_client.post(address, {"name": "\x00 "}).status_code == 400
    assert ed_client.post(address, {"name": "thermodynamics.md"}).status_code == 200
    assert not document.jobs.filter(state__in=LIVE).exists()
    assert broken() == []


def test_it_reads_a_selection_again(upload: Upload, ed_client: Client) -> None:
    documents = [read(upload(f"Text {number}.")) for number in range(3)]
    busy = upload("Busy.")
    form = {"all": "1", "filter": "q=note"}

    answer = ed_client.post(reverse("ingestion:reread", args=[busy.library_id]), form)

    assert "3 documents" in answer["HX-Trigger"]
    assert {fresh(document).status for document in documents} == {"queued"}
    assert IngestionJob.objects.filter(document=busy, state__in=LIVE).count() == 1
    assert {read(document).status for document in documents} == {"ready"}
    assert broken() == []


def test_it_shows_versions_and_what_changed(upload: Upload, alice: User, ed_client: Client, ann_client: Client) -> None:
    document = read(upload("Water boils at 100 degrees."))
    first = document.current_version
    assert first is not None
    form = {"file": ContentFile(b"Water boils at 99 degrees.", name="x.txt"), "note": "Measured anew"}
    answer = ed_client.post(reverse("ingestion:replace", args=[document.pk]), form)
    assert (answer.status_code, answer.json()["outcome"], answer.json()["version"]) == (201, "replaced", 2)
    document = read(document)

    listed = ann_client.get(reverse("libraries:versions", args=[document.pk])).content.decode()
    compared = ann_client.get(reverse("libraries:compare", args=[document.pk])).content.decode()

    assert "Measured anew" in listed
    assert reverse("ingestion:version-restore", args=[document.pk, first.pk]) not in listed
    assert "<ins>99</ins>" in compared
    assert "<del>100</del>" in compared
    other = factories.DocumentFactory(library=document.library).current_version
    assert other is not None
    foreign = {"from": str(other.pk)}
    assert ann_client.get(reverse("libraries:compare", args=[document.pk]), foreign).status_code == 404
