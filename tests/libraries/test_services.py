"""Libraries and versions: the switch of a document, deletion, the purge, what must always hold."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone

from apps.catalog.models import AIModel
from apps.core.invariants import verify
from apps.libraries import services
from apps.libraries.errors import NameMissing, NameTaken, NotRestorable
from apps.libraries.models import Chunk, ChunkEmbedding, Document, DocumentVersion, Library
from apps.libraries.purge import purge, remove_orphans
from apps.libraries.reading import load_blocks, save_blocks, title_of
from apps.libraries.types import Block, Box, ChunkDraft, ParsedDocument
from apps.libraries.versions import store_version
from apps.users.models import Team, User
from tests import factories

DIMENSIONS = factories.DIMENSIONS


def broken() -> list[str]:
    return [
        f"{found.check}: {found.what}" for found in verify() if found.check.startswith(("libraries.", "ingestion."))
    ]


def drafts(count: int, text: str = "Water boils") -> list[ChunkDraft]:
    return [
        ChunkDraft(n, f"{text} at {n} degrees.", 6, heading_path=("Heat",), page_from=1, boxes=(Box(1, 0, 0, 1, 1),))
        for n in range(count)
    ]


def vectors(count: int) -> np.ndarray:
    return np.eye(count, DIMENSIONS, dtype=np.float32)


def store(document: Document, model: AIModel, count: int = 3, text: str = "Water boils") -> bool:
    version = document.versions.order_by("-number").first()
    assert version is not None
    return store_version(version=version, drafts=drafts(count, text), vectors=vectors(count), model=model, blocks=None)


def age(path: Path, hours: float) -> None:
    then = time.time() - hours * 3600
    os.utime(path, (then, then))


def test_it_switches_a_document_to_what_was_read(document: Document, embedding_model: AIModel) -> None:
    assert store(document, embedding_model, 5)
    assert store(document, embedding_model, 2, "Ice melts")

    texts = list(Chunk.objects.filter(document=document).values_list("text", flat=True))
    assert texts == ["Ice melts at 0 degrees.", "Ice melts at 1 degrees."]
    assert ChunkEmbedding.objects.filter(model=embedding_model).count() == 2
    document.refresh_from_db()
    assert document.current_version.chunk_count == 2
    assert broken() == []


def test_it_stores_nothing_for_a_deleted_document(document: Document, embedding_model: AIModel, alice: User) -> None:
    services.delete_document(user=alice, document=document)

    assert not store(document, embedding_model)
    assert not Chunk.objects.exists()


def test_it_keeps_the_old_chunks_when_the_new_ones_fail(document: Document, embedding_model: AIModel) -> None:
    store(document, embedding_model, 3)
    version = document.versions.get()

    with pytest.raises(ValueError, match="2 chunks, 3 vectors"):
        store_version(version=version, drafts=drafts(2), vectors=vectors(3), model=embedding_model, blocks=None)

    assert Chunk.objects.count() == 3


@pytest.mark.django_db(transaction=True)
def test_it_never_deadlocks_or_shows_half_a_version() -> None:
    """Four writers of two documents of one library, a reader that counts what it sees."""
    model = factories.AIModelFactory()
    library = factories.LibraryFactory()
    documents = [factories.DocumentFactory(library=library) for _ in range(2)]
    for document in documents:
        store(document, model, 8)
    seen: set[int] = set()
    done = threading.Event()

    def write(order: list[Document]) -> None:
        for number in range(4):
            for document in order:
                store(document, model, 8, f"Round {number} of")

    def read() -> None:
        while not done.is_set():
            seen.add(Chunk.objects.filter(document=documents[0]).count())

    with ThreadPoolExecutor(5) as pool:
        reader = pool.submit(own_connection, read)
        writers = [pool.submit(own_connection, write, order) for order in (documents, documents[::-1]) * 2]
        try:
            for writer in writers:
                writer.result(120)
        finally:
            done.set()
        reader.result(30)

    assert seen == {8}
    assert broken() == []


def own_connection(work: Callable[..., None], *arguments: Any) -> None:
    try:
        work(*arguments)
    finally:
        connection.close()


def test_it_purges_what_can_no_longer_be_restored(
    library: Library, embedding_model: AIModel, django_capture_on_commit_callbacks: Callable
) -> None:
    kept, gone, recent = (factories.DocumentFactory(library=library) for _ in range(3))
    for document in (kept, gone, recent):
        store(document, embedding_model, 2)
    files = {document.pk: document.versions.get().file.name for document in (kept, gone, recent)}
    now = timezone.now()
    Document.objects.filter(pk=gone.pk).update(deleted_at=now - timedelta(days=settings.ENV.undo_days + 1))
    Document.objects.filter(pk=recent.pk).update(deleted_at=now - timedelta(days=1))

    with django_capture_on_commit_callbacks(execute=True):
        counts = purge()

    assert counts == (1, 0)
    assert set(Document.objects.values_list("pk", flat=True)) == {kept.pk, recent.pk}
    assert Chunk.objects.count() == ChunkEmbedding.objects.count() == 4
    assert [default_storage.exists(files[document.pk]) for document in (kept, gone, recent)] == [True, False, True]
    assert broken() == []


def test_it_purges_a_deleted_library_whole(
    library: Library, embedding_model: AIModel, django_capture_on_commit_callbacks: Callable
) -> None:
    document = factories.DocumentFactory(library=library)
    store(document, embedding_model)
    Library.objects.update(deleted_at=timezone.now() - timedelta(days=settings.ENV.undo_days + 1))

    with django_capture_on_commit_callbacks(execute=True):
        assert purge() == (1, 1)

    assert not Library.objects.filter(pk=library.pk).exists()
    assert not Chunk.objects.exists()


def test_it_removes_old_files_without_a_row(document: Document) -> None:
    old = default_storage.save("documents/zz/old", ContentFile(b"x"))
    new = default_storage.save("documents/zz/new", ContentFile(b"x"))
    owned = document.versions.get().file.name
    age(Path(settings.MEDIA_ROOT) / old, 48)
    age(Path(settings.MEDIA_ROOT) / owned, 48)

    removed = remove_orphans()

    assert removed >= 1
    assert [default_storage.exists(key) for key in (old, new, owned)] == [False, True, True]


def test_it_refuses_a_second_library_of_one_name(ed: User, t1: Team, t2: Team) -> None:
    services.create_library(user=ed, team=t1, name=" Handbook\n")

    with pytest.raises(NameTaken):
        services.create_library(user=ed, team=t1, name="Handbook")
    assert services.create_library(user=ed, team=t2, name="Handbook").name == "Handbook"
    for name in ("", "  ", "x" * 101):
        with pytest.raises(NameMissing):
            services.create_library(user=ed, team=t1, name=name)


def test_it_restores_no_document_whose_bytes_came_again(document: Document, alice: User) -> None:
    services.delete_document(user=alice, document=document)
    factories.DocumentFactory(library=document.library, content=b"CANARY-T1 content")
    document.refresh_from_db()

    with pytest.raises(NotRestorable):
        services.restore_document(user=alice, document=document)


def test_it_keeps_blocks_as_they_were(document: Document) -> None:
    version = document.versions.get()
    blocks = (
        Block("Titre\nsuite", "heading", 1, Box(1, 0.1, 0.2, 0.3, 0.4), ("Titre",)),
        Block("汉字 \u2028 end"),
        Block("| a |", "table", 2),
    )

    version.blocks.name = save_blocks(version, blocks)

    assert load_blocks(version) == blocks


@pytest.mark.parametrize(
    ("name", "title"),
    [
        ("a.pdf", "a"),
        ("v1.2 notes", "v1.2 notes"),
        (".htaccess", ".htaccess"),
        ("制度.docx", "制度"),
        ("plain", "plain"),
    ],
)
def test_it_titles_a_document_by_its_name(name: str, title: str) -> None:
    assert title_of(name) == title


def _lose_file(document: Document) -> None:
    default_storage.delete(document.versions.get().file.name)


def _lose_vector(document: Document) -> None:
    ChunkEmbedding.objects.filter(chunk__document=document).first().delete()


def _lose_chunk(document: Document) -> None:
    Chunk.objects.filter(document=document, ordinal=1).delete()


def _keep_old_chunk(document: Document) -> None:
    old = DocumentVersion.objects.create(
        document=document, number=9, file=document.versions.get().file.name, size_bytes=17
    )
    Chunk.objects.filter(document=document, ordinal=0).update(version=old)


def _forget_job(document: Document) -> None:
    Document.objects.filter(pk=document.pk).update(status="running")


@pytest.mark.parametrize(
    ("damage", "check"),
    [
        (_lose_file, "libraries.every-version-has-its-file"),
        (_lose_vector, "libraries.every-chunk-has-one-vector"),
        (_lose_chunk, "libraries.ready-documents-are-complete"),
        (_keep_old_chunk, "libraries.chunks-belong-to-the-current-version"),
        (_forget_job, "ingestion.unsettled-documents-have-a-job"),
    ],
)
def test_it_notices_damage(
    damage: Callable[[Document], None], check: str, document: Document, embedding_model: AIModel
) -> None:
    store(document, embedding_model, 3)
    assert broken() == []

    damage(document)

    assert check in {found.check for found in verify()}


def test_it_notices_a_file_without_a_row(document: Document, embedding_model: AIModel) -> None:
    key = default_storage.save("blocks/zz/left-over", ContentFile(b"x"))
    age(Path(settings.MEDIA_ROOT) / key, 2)

    assert any(key in found.what for found in verify())
    default_storage.delete(key)


def test_it_stores_blocks_that_come_along(document: Document, embedding_model: AIModel) -> None:
    parsed = ParsedDocument((Block("Water boils at 0 degrees."),), pages=4)
    version = document.versions.get()

    store_version(version=version, drafts=drafts(1), vectors=vectors(1), model=embedding_model, blocks=parsed)

    version.refresh_from_db()
    assert (version.pages, load_blocks(version)) == (4, parsed.blocks)
