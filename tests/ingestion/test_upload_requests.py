"""Uploads over HTTP: answers, roles, and bodies that are too large."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.core.bodylimit import MIB, BodyLimit
from apps.libraries.models import Document, Library
from apps.metering.models import Quota


def address(library: Library) -> str:
    return reverse("ingestion:upload", args=[library.pk])


def file(data: bytes = b"Some text.", name: str = "a.txt") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data)


def test_it_answers_with_the_document(ed_client: Client, library: Library, rung: list[str]) -> None:
    answer = ed_client.post(address(library), {"file": file(), "name": "制度.md", "folder": "人事/规章"})
    again = ed_client.post(address(library), {"file": file()})

    document = Document.objects.get()
    assert (answer.status_code, again.status_code) == (201, 200)
    assert answer.json() == {"id": str(document.pk), "name": "制度.md", "status": "queued", "outcome": "created"}
    assert again.json()["outcome"] == "duplicate"
    assert (document.folder, document.uploaded_by.name) == ("人事/规章", "Ed")


@pytest.mark.parametrize(
    ("data", "code"), [({}, "no-file"), ({"file": ""}, "no-file"), ({"file": file(b"")}, "empty-file")]
)
def test_it_refuses_nothing_with_a_code(data: dict[str, Any], code: str, ed_client: Client, library: Library) -> None:
    answer = ed_client.post(address(library), data, headers={"Accept": "application/json"})

    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["code"] == code


def test_it_refuses_what_exceeds_the_teams_quota(ed_client: Client, library: Library, rung: list[str]) -> None:
    Quota.objects.create(scope="team", team=library.team, resource="documents", window="total", limit=1)

    assert ed_client.post(address(library), {"file": file(b"one")}).status_code == 201
    assert ed_client.post(address(library), {"file": file(b"two")}).status_code == 429
    assert ed_client.post(address(library), {"file": file(b"one")}).status_code == 200
    assert Document.objects.count() == 1


async def _send(limit: BodyLimit, bodies: list[bytes], path: str, headers: list[tuple[bytes, bytes]]) -> int:
    sent: list[dict[str, Any]] = []
    messages = [{"type": "http.request", "body": body, "more_body": True} for body in bodies]

    async def receive() -> dict[str, Any]:
        return messages.pop(0) if messages else {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await limit({"type": "http", "path": path, "headers": headers}, receive, send)
    return int(sent[0]["status"])


async def _reader(scope: Any, receive: Any, send: Any) -> None:
    while (await receive())["more_body"]:
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})


@pytest.mark.parametrize(
    ("mib", "path", "declared", "status"),
    [
        pytest.param(1, "/x/upload/", b"", 200, id="small"),
        pytest.param(4, "/x/upload/", b"", 413, id="chunked-too-large"),
        pytest.param(0, "/x/upload/", str(9 * MIB).encode(), 413, id="declared-too-large"),
        pytest.param(3, "/x/upload/", b"nonsense", 200, id="declared-nonsense"),
        pytest.param(5, "/libraries/new/", b"", 413, id="form-too-large"),
    ],
)
async def test_it_stops_a_body_that_is_too_large(mib: int, path: str, declared: bytes, status: int) -> None:
    limit = BodyLimit(_reader, upload_mib=2)
    headers = [(b"content-length", declared)] if declared else []

    assert await _send(limit, [b"x" * MIB] * mib, path, headers) == status
