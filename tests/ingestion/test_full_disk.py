"""A disk without space: uploads are refused with a reason and keep nothing (security-cases section 2, row 16)."""

import errno
from typing import Any

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile, TemporaryUploadedFile
from django.test import Client
from django.urls import reverse

from apps.ingestion import temp
from apps.libraries.models import Document, Library


@pytest.mark.parametrize("method", ["write", "flush"])
def test_it_refuses_an_upload_that_the_temporary_disk_cannot_take(
    method: str, ed_client: Client, library: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row 16: Django writes the upload before any view runs; that failure is a 507 with a reason, no plain 500."""

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(TemporaryUploadedFile, method, full, raising=False)

    response = ed_client.post(
        reverse("ingestion:upload", args=[library.pk]),
        {"file": SimpleUploadedFile("a.txt", b"water" * 1_000)},
        headers={"Accept": "application/json"},
    )

    assert response.status_code == 507
    assert response.json()["type"].endswith("storage-full")
    assert not Document.objects.filter(library=library).exists()
    assert not list(temp.leftovers(temp.timedelta(0)))


def test_it_leaves_no_temporary_file_behind(paragraphs: None) -> None:
    """I8: the directory of a parse goes with it, whatever is in it."""
    with temp.workspace() as place:
        (place / "deep").mkdir()
        (place / "deep" / "file").write_bytes(b"x")
        assert place.parent == settings.FILE_UPLOAD_TEMP_DIR

    assert not place.exists()


def test_it_sweeps_what_killed_processes_left(tmp_path: Any, settings: Any) -> None:
    """I8: a killed process removes nothing itself."""
    settings.FILE_UPLOAD_TEMP_DIR = tmp_path
    (tmp_path / "parse-x").mkdir()
    (tmp_path / "parse-x" / "page.png").write_bytes(b"x")
    (tmp_path / "abc.upload.pdf").write_bytes(b"x")

    assert temp.sweep() == 0  # somebody may be at it
    assert temp.sweep(temp.timedelta(0)) == 2
    assert not list(tmp_path.iterdir())
