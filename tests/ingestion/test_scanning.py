"""The malware scanner looks at a file before any parser does; without its word nothing is read."""

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import override_settings

from apps.core import clamd
from apps.ingestion import pipeline, tasks
from apps.ingestion.models import IngestionJob
from tests.ingestion.conftest import Upload

EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" + "-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
Daemon = Callable[[str], str]


class FakeDaemon:
    """A scanner that knows one virus, on a unix socket."""

    def __init__(self, path: Path, answer: str = "", limit: int = 1 << 30) -> None:
        self.heard: list[bytes] = []
        self._answer, self._limit = answer, limit
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.bind(str(path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                channel, _ = self._socket.accept()
            except OSError:
                return
            with channel, channel.makefile("rb") as stream:
                assert stream.read(10) == b"zINSTREAM\0"
                data = b""
                while size := struct.unpack("!I", stream.read(4))[0]:
                    data += stream.read(size)
                    if len(data) > self._limit:
                        break
                self.heard.append(data)
                channel.sendall(self._verdict(data).encode() + b"\0")

    def _verdict(self, data: bytes) -> str:
        if len(data) > self._limit:
            return "INSTREAM size limit exceeded. ERROR"
        return self._answer or ("stream: Eicar-Signature FOUND" if EICAR.encode() in data else "stream: OK")

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[FakeDaemon]:
    fake = FakeDaemon(tmp_path / "clamd.ctl")
    with override_settings(ENV=settings.ENV.model_copy(update={"clamd": f"unix:{tmp_path}/clamd.ctl"})):
        yield fake
    fake.close()


def test_it_reads_what_the_scanner_lets_pass(daemon: FakeDaemon, upload: Upload) -> None:
    document = upload("Harmless words.")

    tasks.read_document()

    assert daemon.heard == [b"Harmless words."]
    assert document.jobs.get().stage == "embed"


def test_it_refuses_what_the_scanner_knows_before_any_parser_sees_it(
    daemon: FakeDaemon, upload: Upload, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "read", lambda *_, **__: pytest.fail("parsed"))
    document = upload(EICAR)

    tasks.read_document()

    document.refresh_from_db()
    assert (document.status, document.error_code) == ("failed", "malware")
    assert document.error_params == {"name": "Eicar-Signature"}


def test_it_waits_for_a_scanner_that_is_down_and_then_goes_on(tmp_path: Path, upload: Upload) -> None:
    document = upload("Harmless words.")
    with override_settings(ENV=settings.ENV.model_copy(update={"clamd": f"unix:{tmp_path}/clamd.ctl"})):
        tasks.read_document()
        job = document.jobs.get()
        assert (job.state, job.attempts) == ("queued", 0)
        assert job.due_at is not None
        IngestionJob.objects.update(due_at=None)
        fake = FakeDaemon(tmp_path / "clamd.ctl")
        tasks.read_document()
        fake.close()

    assert document.jobs.get().stage == "embed"


def test_it_says_when_a_file_is_larger_than_the_scanner_takes(tmp_path: Path) -> None:
    fake = FakeDaemon(tmp_path / "s", limit=1_000)

    with pytest.raises(clamd.TooLargeToScan):
        clamd.scan(f"unix:{tmp_path}/s", [bytes(600), bytes(600)])
    fake.close()


@pytest.mark.parametrize("answer", ["nonsense", "stream: Can't allocate memory ERROR"])
def test_it_takes_no_unclear_word_for_a_yes(tmp_path: Path, answer: str) -> None:
    fake = FakeDaemon(tmp_path / "s", answer=answer)

    with pytest.raises(clamd.ScannerUnavailable):
        clamd.scan(f"unix:{tmp_path}/s", [b"x"])
    fake.close()


@pytest.mark.parametrize("address", ["unix:/nowhere/at/all", "127.0.0.1:1"])
def test_it_says_when_the_scanner_is_not_there(address: str) -> None:
    with pytest.raises(clamd.ScannerUnavailable):
        clamd.scan(address, [b"x"])
