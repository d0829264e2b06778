"""Real workers, killed by SIGKILL at each stage: the document becomes ready all the same, each chunk once."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.base import ContentFile
from django.db import connection
from django.utils import timezone

from apps.core.invariants import verify
from apps.ingestion import services, tasks
from apps.ingestion.models import IngestionJob, StagedChunk
from apps.libraries.models import ChunkEmbedding, Document
from tests import factories
from tests.ingestion.conftest import long_text

WAIT_S = 60.0
# A worker's process: it does what the task does, and stops for ever at the place that the test names.
WORKER = """
import sys, time
import django
django.setup()
from apps.ingestion import cutting, embedding, indexing, staging, tasks
def hang(*args, **kwargs):
    print("here", flush=True)
    time.sleep(600)
stage = sys.argv[1]
if stage == "read": cutting.prepare = hang
if stage == "index": indexing.store_version = hang
if stage == "embed":
    write, calls = staging.write_vectors, []
    def half(rows, vectors):
        calls.append(1)
        hang() if len(calls) > 2 else write(rows, vectors)
    staging.write_vectors = half
{"read": tasks.read_document, "embed": tasks.embed_pending, "index": tasks.index_document}[stage]()
"""


@contextmanager
def worker(stage: str) -> Iterator[subprocess.Popen[str]]:
    """Run a worker on the test's database until it hangs at `stage`; whatever happens, it is gone afterwards."""
    name = connection.settings_dict["NAME"]
    setup = f"from django.conf import settings; settings.DATABASES['default']['NAME'] = {name!r}\n"
    media, temp = str(settings.MEDIA_ROOT), str(settings.FILE_UPLOAD_TEMP_DIR)
    files = f"settings.MEDIA_ROOT = {media!r}; settings.FILE_UPLOAD_TEMP_DIR = {temp!r}\n"
    limits = "settings.ENV.chunk_tokens, settings.ENV.chunk_overlap_tokens, settings.ENV.embed_batch = 32, 0, 4\n"
    process = subprocess.Popen(
        [sys.executable, "-c", setup + files + limits + WORKER, stage],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"},
        cwd=Path(__file__).resolve().parents[2],
    )
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(10)
        if process.stdout:
            process.stdout.close()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("rung", "small_chunks")
@pytest.mark.parametrize("stage", ["read", "embed", "index"])
def test_it_recovers_from_a_killed_worker(stage: str, tmp_path: Path, settings: Any) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"
    factories.AIModelFactory()
    library = factories.LibraryFactory()
    document = services.receive_upload(
        user=None, library=library, file=ContentFile(long_text(16).encode()), name="note.txt"
    )
    if stage != "read":
        tasks.read_document()
    if stage == "index":
        tasks.embed_pending()

    with worker(stage) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == "here"
        assert document.jobs.get().state == "running"

    IngestionJob.objects.update(lease_until=timezone.now() - timedelta(seconds=1))  # the lease ends
    settle(document)
    assert (document.status, document.jobs.get().attempts) == ("ready", 1)
    ordinals = list(document.chunks.order_by("ordinal").values_list("ordinal", flat=True))
    assert ordinals == list(range(len(ordinals)))
    assert len(ordinals) == ChunkEmbedding.objects.count() > 10
    assert not StagedChunk.objects.exists()
    assert [found for found in verify() if found.check.startswith(("libraries.", "ingestion."))] == []


def settle(document: Document) -> None:
    """Do what beat and the other workers do, until the document is settled."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        tasks.poll()
        tasks.read_document()
        tasks.embed_pending()
        tasks.index_document()
        document.refresh_from_db()
        if document.is_settled:
            return
