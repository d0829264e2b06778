"""Models from a hub: fetched, resumed, compared; against a hub on the loopback."""

import hashlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from apps.catalog import jobs, managing, work
from apps.catalog.models import AIModel, ModelJob
from apps.runtimes import registry
from apps.users.models import User
from tests import settings_override
from tests.runtimes.tiny_bert import write

pytestmark = pytest.mark.django_db
SHA = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the hub has, and how it behaves."""

    files: dict[str, bytes] = field(default_factory=dict)
    break_after: int = 0  # bytes of each answer, until `breaks` are used up
    breaks: int = 0
    lies: bool = False
    redirect: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, *_: Any) -> None:
        return

    def do_GET(self) -> None:
        self.close_connection = True
        self.hub.asked.append((self.path, self.headers.get("Range", "")))
        if self.path.startswith("/api/models/acme/tiny/"):
            return self._send(json.dumps(self._about()).encode())
        name = self.path.partition(f"/resolve/{SHA}/")[2]
        if name not in self.hub.files:
            self.send_error(404)
            return None
        if self.hub.redirect:
            self.send_response(302)
            self.send_header("Location", self.hub.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return None
        return self._send_file(self.hub.files[name])

    def _about(self) -> dict[str, Any]:
        rows = []
        for name, content in self.hub.files.items():
            digest = "0" * 64 if self.hub.lies else hashlib.sha256(content).hexdigest()
            row: dict[str, Any] = {"rfilename": name, "size": len(content)}
            rows.append(row | ({"lfs": {"size": len(content), "sha256": digest}} if "safetensors" in name else {}))
        return {"sha": SHA, "siblings": rows, "cardData": {"license": "mit"}}

    def _send(self, data: bytes) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _send_file(self, content: bytes) -> None:
        given = self.headers.get("Range", "")
        start = int(given.removeprefix("bytes=").removesuffix("-")) if given else 0
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        if self.hub.breaks and len(content) - start > self.hub.break_after:
            self.hub.breaks -= 1
            self.wfile.write(content[start : start + self.hub.break_after])
            self.connection.close()
            return
        self.wfile.write(content[start:])


@pytest.fixture(autouse=True)
def models_dir(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.MODELS_DIR = tmp_path / "models"
    settings.MODELS_DIR.mkdir()
    yield settings.MODELS_DIR
    registry.close_all()


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    folder = tmp_path / "source"
    write(folder)
    (folder / "manifest.json").unlink()
    found = Hub({p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()})
    found.files |= {
        "README.md": b"---\nlicense: mit\n---\n# Tiny",
        "pytorch_model.bin": b"\x80\x04x",
        "onnx/m.json": b"{}",
    }
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (Handler,), {"hub": found}))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    with settings_override.env(hub_url=f"http://127.0.0.1:{server.server_port}"):
        yield found
    server.shutdown()
    server.server_close()


def begin(root: User) -> AIModel:
    job = managing.fetch(user=root, hub_id="acme/tiny", kind="embedding")
    assert job.model is not None
    return job.model


def test_it_fetches_checks_and_takes_a_model_into_use(root: User, hub: Hub, models_dir: Path) -> None:
    model = begin(root)

    assert work.work_one("fetch")

    model.refresh_from_db()
    assert (model.state, model.licence, model.dimensions, model.error) == ("ready", "mit", 16, "")
    names = {path.name for path in (models_dir / "tiny").rglob("*")}
    assert "model.safetensors" in names
    assert not {"pytorch_model.bin", "m.json", ".plan.json"} & names
    assert not list(models_dir.glob(".fetching-*"))
    assert ModelJob.objects.get().state == "done"


def test_it_goes_on_from_the_last_byte_after_a_break(root: User, hub: Hub) -> None:
    hub.break_after, hub.breaks = 1_000, 3
    begin(root)

    work.work_one("fetch")

    assert ModelJob.objects.get().state == "done"
    assert {"bytes=1000-", "bytes=2000-"} <= {given for _path, given in hub.asked}


def test_it_goes_on_after_it_failed_and_somebody_tries_again(root: User, hub: Hub, models_dir: Path) -> None:
    hub.break_after, hub.breaks = 0, 1_000
    model = begin(root)
    work.work_one("fetch")
    job = ModelJob.objects.get()
    assert (job.state, job.error_code) == ("failed", "hub-unreachable")
    model.refresh_from_db()
    assert "cannot" in model.error or "no way" in model.error
    assert list(models_dir.glob(".fetching-tiny"))

    hub.breaks = 0
    jobs.start(model, "fetch", user=root)
    work.work_one("fetch")

    model.refresh_from_db()
    assert model.state == "ready"


def test_it_throws_away_what_is_not_what_the_hub_announced(root: User, hub: Hub, models_dir: Path) -> None:
    hub.lies = True
    begin(root)

    work.work_one("fetch")

    assert ModelJob.objects.get().error_code == "hub-damaged"
    assert not (models_dir / "tiny").exists()


def test_it_follows_no_hub_to_hosts_that_are_not_allowed(root: User, hub: Hub) -> None:
    """Security case 62: a hub may not send the worker to an internal host."""
    hub.redirect = "http://169.254.169.254/latest/meta-data"
    begin(root)

    work.work_one("fetch")

    job = ModelJob.objects.get()
    assert (job.error_code, job.error_params) == ("hub-unreachable", {"reason": "KB_HUB_HOSTS"})


def test_it_stops_when_it_is_cancelled(root: User, hub: Hub) -> None:
    begin(root)
    job = ModelJob.objects.get()
    ModelJob.objects.filter(pk=job.pk).update(cancel_asked_at=job.created_at)

    work.work_one("fetch")

    assert ModelJob.objects.get().state == "cancelled"


def test_it_says_that_there_is_no_network(root: User, models_dir: Path) -> None:
    with settings_override.env(hub_url="http://127.0.0.1:9"):
        begin(root)
        work.work_one("fetch")

    job = ModelJob.objects.get()
    assert (job.error_code, job.error_params["reason"]) == ("hub-unreachable", "connection")


def test_it_fetches_nothing_where_no_hub_is_set(root_client: Client) -> None:
    assert "KB_HUB_URL" in root_client.get("/system/models/add/").content.decode()

    answer = root_client.post("/system/models/add/hub/", {"hub_id": "acme/tiny", "kind": "chat"})

    assert answer.status_code == 422
    assert not AIModel.objects.exists()


@pytest.mark.parametrize("hub_id", ["../x", "a", "http://x/y", "a/b/c", "a/..", "a/b@../../c", "/a/b"])
def test_it_takes_no_path_for_an_id(root_client: Client, hub: Hub, hub_id: str) -> None:
    """Security case 80."""
    answer = root_client.post("/system/models/add/hub/", {"hub_id": hub_id, "kind": "chat"})

    assert answer.status_code == 400
    assert hub.asked == []
    assert not AIModel.objects.exists()


def test_it_refuses_a_model_of_pickles(root: User, hub: Hub) -> None:
    """Security case 77."""
    hub.files = {"config.json": b"{}", "pytorch_model.bin": b"\x80\x04x"}
    begin(root)

    work.work_one("fetch")

    assert ModelJob.objects.get().error_code == "model-code"
    assert len(hub.asked) == 1
