"""What an upload stores, refuses and finds again."""

import hashlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.test import override_settings

from apps.catalog.models import AIModel
from apps.ingestion import services
from apps.ingestion.errors import EmptyUpload, UploadTooLarge
from apps.ingestion.models import IngestionJob
from apps.ingestion.names import display_name
from apps.libraries.models import Document, Library
from apps.libraries.services import delete_document
from apps.users.models import Role, Team, User
from tests import factories
from tests.ingestion.conftest import Upload


def stored_files() -> int:
    return sum(1 for path in Path(settings.MEDIA_ROOT).rglob("*") if path.is_file())


def content(document: Document) -> bytes:
    with default_storage.open(document.versions.get().file.name) as stored:
        return stored.read()


def test_it_keeps_the_bytes_and_queues_their_reading(
    upload: Upload, django_capture_on_commit_callbacks: Any, rung: list[str]
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        document = upload("Some text.", name="a.md", folder="notes/2024")

    version = document.versions.get()
    assert (document.name, document.folder, document.status) == ("a.md", "notes/2024", "queued")
    assert document.sha256 == version.sha256 == hashlib.sha256(b"Some text.").hexdigest()
    assert content(document) == b"Some text."
    assert document.jobs.get().state == "queued"
    assert rung == ["read_document"]


def test_it_takes_the_same_bytes_as_one_document(upload: Upload, library: Library) -> None:
    first = upload(name="a.txt")
    files = stored_files()
    again = upload(name="b.txt")

    assert again.pk == first.pk
    assert library.documents.count() == IngestionJob.objects.count() == 1
    assert stored_files() == files


def test_it_keeps_the_same_bytes_apart_between_libraries(upload: Upload, t2: Team, bob: User) -> None:
    mine = upload()
    other = factories.LibraryFactory(team=t2)

    done = services.take_upload(user=bob, library=other, file=ContentFile(b"Water boils at 100 degrees."), name="x.txt")

    assert done.outcome == "created"
    assert done.document.pk != mine.pk


def test_it_brings_a_deleted_document_back(upload: Upload, alice: User, library: Library) -> None:
    document = upload()
    delete_document(user=alice, document=document)

    done = services.take_upload(
        user=alice, library=library, file=ContentFile(b"Water boils at 100 degrees."), name="n.txt"
    )

    assert done.outcome == "restored"
    assert done.document.pk == document.pk
    assert Document.objects.get(pk=document.pk).deleted_at is None


def test_it_reads_a_failed_document_again_when_its_bytes_come_again(upload: Upload) -> None:
    document = upload()
    IngestionJob.objects.update(state="failed")
    Document.objects.update(status="failed", error_code="worker-lost")

    upload()

    document.refresh_from_db()
    assert (document.status, document.error_code) == ("queued", "")
    assert list(document.jobs.order_by("created_at").values_list("state", flat=True)) == ["failed", "queued"]


def test_it_stops_at_the_limit_and_keeps_nothing(alice: User, library: Library) -> None:
    seen = 0

    class Endless:
        def chunks(self, chunk_size: int = 65_536) -> Iterator[bytes]:
            nonlocal seen
            while True:
                seen += chunk_size
                yield b"x" * chunk_size

    files = stored_files()
    with (
        override_settings(ENV=settings.ENV.model_copy(update={"upload_max_mib": 1})),
        pytest.raises(UploadTooLarge) as refused,
    ):
        services.receive_upload(user=alice, library=library, file=Endless(), name="big.bin")

    assert refused.value.params == {"limit_mib": 1}
    assert seen <= 2 * 1024 * 1024
    assert stored_files() == files
    assert not Document.objects.exists()


def test_it_refuses_an_empty_file(alice: User, library: Library) -> None:
    files = stored_files()
    with pytest.raises(EmptyUpload):
        services.receive_upload(user=alice, library=library, file=ContentFile(b""), name="e.txt")
    assert stored_files() == files


def test_it_keeps_nothing_when_the_transaction_fails(upload: Upload, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("the database is gone")

    monkeypatch.setattr(services.audit, "record", broken)
    files = stored_files()
    with pytest.raises(RuntimeError):
        upload()
    assert stored_files() == files


@pytest.mark.django_db(transaction=True)
def test_it_makes_one_document_of_twenty_parallel_uploads(rung: list[str]) -> None:
    team = factories.TeamFactory()
    user = factories.MembershipFactory(team=team, role=Role.EDITOR).user
    library = factories.LibraryFactory(team=team)
    outcomes: list[str] = []
    errors: list[BaseException] = []
    gate = threading.Barrier(20)

    def send() -> None:
        try:
            gate.wait(timeout=30)
            done = services.take_upload(
                user=user, library=library, file=ContentFile(b"the same bytes"), name="same.txt"
            )
            outcomes.append(done.outcome)
        except BaseException as error:  # shown by the assertion below
            errors.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert not errors
    assert sorted(outcomes) == ["created"] + ["duplicate"] * 19
    assert Document.objects.count() == IngestionJob.objects.count() == 1
    assert default_storage.exists(Document.objects.get().versions.get().file.name)


@pytest.mark.django_db(transaction=True)
def test_it_keeps_parallel_uploads_of_one_name_apart(rung: list[str]) -> None:
    user = factories.UserFactory()
    library = factories.LibraryFactory()

    def send(number: int) -> None:
        try:
            services.take_upload(
                user=user, library=library, file=ContentFile(f"body {number}".encode()), name="same.txt"
            )
        finally:
            connection.close()

    threads = [threading.Thread(target=send, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    bodies = {content(document) for document in Document.objects.all()}
    assert bodies == {f"body {number}".encode() for number in range(12)}


@pytest.mark.parametrize(
    ("name", "folder", "shown"),
    [
        pytest.param("../../etc/passwd", "", ("passwd", "etc"), id="dots"),
        pytest.param("..\\..\\x.txt", "", ("x.txt", ""), id="backslashes"),
        pytest.param("/abs/x.txt", "", ("x.txt", "abs"), id="absolute"),
        pytest.param("C:\\Users\\x.txt", "", ("x.txt", "Users"), id="drive"),
        pytest.param("a\x00b\r\nSet-Cookie: x.txt", "", ("abSet-Cookie: x.txt", ""), id="nul-crlf"),
        pytest.param("cod\u202efdp.exe", "", ("codfdp.exe", ""), id="bidi"),
        pytest.param("..", "", ("unnamed", ""), id="only-dots"),
        pytest.param("", "a/b", ("unnamed", "a/b"), id="empty"),
        pytest.param("制度 2024.docx", "人事/规章", ("制度 2024.docx", "人事/规章"), id="han"),
        pytest.param(".htaccess", "", (".htaccess", ""), id="htaccess"),
        pytest.param("\ud800x.txt", "", ("x.txt", ""), id="lone-surrogate"),
    ],
)
def test_it_shows_a_name_without_its_tricks(name: str, folder: str, shown: tuple[str, str]) -> None:
    assert display_name(name, folder) == shown


def test_it_shortens_a_long_name_and_keeps_its_end() -> None:
    name, folder = display_name("x" * 5_000 + ".pdf", "y" * 5_000)

    assert len(name) <= 255
    assert name.endswith(".pdf")
    assert len(folder) <= 1_000


def test_it_stores_hostile_names_under_random_keys(upload: Upload, embedding_model: AIModel) -> None:
    document = upload("x", name="../../../../tmp/evil.txt")

    key = document.versions.get().file.name
    assert key == f"documents/{document.versions.get().pk.hex[:2]}/{document.versions.get().pk.hex}"
    assert document.name == "evil.txt"
