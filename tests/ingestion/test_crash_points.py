"""Processes killed by SIGKILL at each crash point: after that nothing is lost and nothing is there twice.

security-cases section 2, row 2: invariants I1 to I3 hold after a kill at any of twelve points.
"""

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import connection
from django.utils import timezone
from pydantic import ValidationError

from apps.core import crash
from apps.core.invariants import verify
from apps.ingestion import services
from apps.ingestion.models import IngestionJob, StagedChunk
from apps.libraries.models import ChunkEmbedding, Document
from apps.libraries.purge import orphans
from apps.metering.models import Reservation
from kb_project.env import Env
from tests import factories
from tests.ingestion.conftest import long_text
from tests.ingestion.test_killed_workers import settle

UPLOADING = ("after-blob", "after-row", "before-bell")
WORKING = tuple(point for point in crash.POINTS if point not in UPLOADING)
# A process of the product: it uploads the file, or works off what waits; the point that is armed ends it.
PROCESS = """
import sys
import django
django.setup()
from django.conf import settings
settings.CELERY_BROKER_URL = "memory://"
from apps.ingestion import services, tasks
from apps.libraries.models import Library
from django.core.files.base import ContentFile
if sys.argv[1] == "upload":
    library = Library.objects.get(pk=sys.argv[2])
    services.receive_upload(user=None, library=library, file=ContentFile(sys.argv[3].encode()), name="note.txt")
for _ in range(3):
    tasks.read_document()
    tasks.embed_pending()
    tasks.index_document()
"""


def run(*arguments: str, crash_at: str = "*") -> int:
    """Run a process of the product on the test's database and files until it ends; returns its exit code."""
    name, media = connection.settings_dict["NAME"], str(django_settings.MEDIA_ROOT)
    temp, var = str(django_settings.FILE_UPLOAD_TEMP_DIR), str(django_settings.VAR_DIR)
    setup = (
        "from pathlib import Path\nfrom django.conf import settings\n"
        f"settings.DATABASES['default']['NAME'] = {name!r}\nsettings.MEDIA_ROOT = {media!r}\n"
        f"settings.FILE_UPLOAD_TEMP_DIR = {temp!r}\nsettings.VAR_DIR = Path({var!r})\n"
        "settings.ENV.chunk_tokens, settings.ENV.chunk_overlap_tokens, settings.ENV.embed_batch = 32, 0, 4\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", setup + PROCESS, *arguments],
        env=os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "KB_TESTING": "1", "KB_CRASH_AT": crash_at},
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode in (0, -signal.SIGKILL), done.stderr[-2_000:]
    return done.returncode


def end_leases() -> None:
    """Let the time pass after which a silent worker's jobs are taken over."""
    IngestionJob.objects.filter(state="running").update(lease_until=timezone.now() - timedelta(seconds=1))


def is_whole(document: Document) -> bool:
    """Return whether the document is ready, each of its chunks there once with one vector."""
    ordinals = list(document.chunks.order_by("ordinal").values_list("ordinal", flat=True))
    vectors = ChunkEmbedding.objects.filter(chunk__document=document).count()
    return document.status == "ready" and ordinals == list(range(len(ordinals))) and len(ordinals) == vectors > 10


def broken() -> list[str]:
    """Return what does not hold, of all checks but those of the audit's chain."""
    return [found.what for found in verify() if not found.check.startswith("audit.")]


@pytest.fixture
def place(tmp_path: Path, settings: Any) -> None:
    """Give the test a storage and a var directory of its own."""
    settings.MEDIA_ROOT, settings.VAR_DIR = tmp_path / "media", tmp_path
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path / "tmp"
    settings.FILE_UPLOAD_TEMP_DIR.mkdir()


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("rung", "small_chunks", "place")
@pytest.mark.parametrize("point", WORKING)
def test_it_survives_a_worker_killed_at(point: str) -> None:
    """security-cases section 2, row 2: a worker killed at each point; one attempt is recorded at most."""
    factories.AIModelFactory()
    library = factories.LibraryFactory()
    text = long_text(16)
    document = services.receive_upload(user=None, library=library, file=ContentFile(text.encode()), name="note.txt")
    crash.arm(point)

    assert run("work") == -signal.SIGKILL
    assert not crash.is_armed(point)

    end_leases()
    settle(document)
    assert is_whole(document)
    assert document.jobs.get().attempts <= 1
    assert not StagedChunk.objects.exists()
    assert broken() == []


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("rung", "small_chunks", "place")
@pytest.mark.parametrize("point", UPLOADING)
def test_it_loses_nothing_that_an_upload_promised(point: str) -> None:
    """security-cases section 2, row 2: the web process killed while it takes a file; the person sends it again."""
    factories.AIModelFactory()
    library = factories.LibraryFactory()
    text = long_text(16)
    crash.arm(point)

    assert run("upload", str(library.pk), text) == -signal.SIGKILL

    promised = point == "before-bell"  # committed: the poller must find it without being told
    assert Document.objects.filter(library=library).count() == int(promised)
    again = services.receive_upload(user=None, library=library, file=ContentFile(text.encode()), name="note.txt")
    end_leases()
    settle(again)
    assert Document.objects.filter(library=library).count() == 1
    assert is_whole(again)
    assert Reservation.objects.filter(state="open").count() <= 1  # given back by metering's reaper
    left = len(list(orphans(timedelta(0))))
    assert left == (0 if promised else 1)  # the dead process's bytes, removed by the purge
    assert broken() == []
    assert default_storage.exists(again.versions.get().file.name or "")


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("rung", "small_chunks", "place")
def test_it_does_not_die_where_nobody_armed_a_point() -> None:
    factories.AIModelFactory()
    library = factories.LibraryFactory()

    assert run("upload", str(library.pk), long_text(4)) == 0


def test_it_refuses_crash_points_outside_of_tests() -> None:
    with pytest.raises(ValidationError, match="KB_TESTING"):
        Env(crash_at="after-blob", _env_file=None)


def test_it_knows_no_other_points() -> None:
    with pytest.raises(ValueError, match="no crash point"):
        crash.arm("../../elsewhere")
