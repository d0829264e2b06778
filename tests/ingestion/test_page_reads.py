"""Pages of a scan through jobs: shifts, retries from the failed page, settings of people, figures, passwords."""

from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.core.files.storage import default_storage
from django.test import Client

from apps.ingestion import jobs, page_reads, pages, pipeline, tasks
from apps.ingestion.errors import NotLocked, StillReading
from apps.ingestion.parse_errors import Encrypted, Unfinished, WrongPassword
from apps.ingestion.parsers.host import Reading, Watch
from apps.ingestion.parsers.types import PageSetting, Task
from apps.libraries.models import Chunk, Document, Figure, PageReading
from apps.libraries.types import Blob, Block, Box, FigureFound, PageRead, ParsedDocument, RecognisedLine
from apps.users.models import User
from tests.ingestion.conftest import Upload
from tests.ingestion.test_jobs import work_off


@dataclass
class Scanner:
    """A parser of scans of three pages without a child: it recognises `shift` pages, then ends its shift."""

    shift: int = 1
    recognised: list[int] = field(default_factory=list)
    dies_at: int = 0
    password: str = ""

    def __call__(self, task: Task, watch: Watch, *, is_whole: bool = True) -> Reading:
        if self.password and task.password != self.password:
            raise WrongPassword if task.password else Encrypted
        known, done = dict(task.known), 0
        for number in (1, 2, 3):
            if number in known:
                continue
            if done == self.shift:
                raise Unfinished(done=number - 1, total=3)
            if number == self.dies_at:
                message = "the worker was killed"
                raise RuntimeError(message)
            done += 1
            self.recognised.append(number)
            known[number] = self._page(number, task.pages.get(number, PageSetting()))
            watch.on_page(known[number])
        return self._reading([known[number] for number in (1, 2, 3)])

    def _page(self, number: int, setting: PageSetting) -> PageRead:
        text = f"Page {number} by {setting.method}, turned by {setting.rotation}."
        line = RecognisedLine(Box(number, 0.1, 0.1, 0.9, 0.2), text, 0.5 + number / 10)
        return PageRead(number, "ocr", len(text), line.confidence, setting.rotation or 0, (line,))

    def _reading(self, read: list[PageRead]) -> Reading:
        blocks = tuple(Block(page.lines[0].text, page=page.page, box=page.lines[0].box) for page in read)
        picture = FigureFound(Blob(0, 7), "image/png", 30, 20, 1, 2, Box(2, 0, 0, 1, 1), "A fox")
        file = (Path(default_storage.path("")) / "result").open("w+b")
        file.write(b"PICTURE")
        file.flush()
        parsed = ParsedDocument(blocks, 3, page_reads=tuple(read), figures=(picture,))
        return Reading("pdf", parsed, 0.0, 0.0, file)


@pytest.fixture
def scanner(monkeypatch: pytest.MonkeyPatch, upload: Upload) -> Scanner:
    found = Scanner()
    monkeypatch.setattr(pipeline, "read", found)
    monkeypatch.setattr(pages, "ring", lambda *_: None)
    return found


@pytest.fixture
def scan(scanner: Scanner, upload: Upload) -> Document:
    return upload("scan", name="scan.pdf")


def methods(document: Document) -> list[tuple[int, str]]:
    return list(PageReading.objects.filter(version__document=document).values_list("page", "method"))


def test_it_recognises_a_scan_in_shifts_and_lets_other_jobs_go_between(scan: Document, scanner: Scanner) -> None:
    held = jobs.claim_next("read")
    assert held is not None
    tasks.attempt(held, tasks.read)

    job = scan.jobs.get()
    assert (job.state, job.stage, job.done, job.total, job.attempts) == ("queued", "read", 1, 3, 0)
    assert methods(scan) == [(1, "ocr")]
    work_off()
    scan.refresh_from_db()
    assert scan.status == "ready"
    assert scanner.recognised == [1, 2, 3]
    assert [page.confidence for page in PageReading.objects.filter(version=scan.current_version)] == [0.6, 0.7, 0.8]


def test_it_tries_again_from_the_page_that_failed(scan: Document, scanner: Scanner, alice: User) -> None:
    scanner.shift, scanner.dies_at = 9, 3
    work_off()
    scan.refresh_from_db()
    assert scan.status == "failed"

    scanner.dies_at = 0
    jobs.queue(scan, scan.versions.get())
    work_off()

    scan.refresh_from_db()
    assert scan.status == "ready"
    assert scanner.recognised == [1, 2, 3]


def test_it_reads_chosen_pages_again_and_embeds_only_what_changed(
    scan: Document, scanner: Scanner, alice: User, small_chunks: None
) -> None:
    scanner.shift = 9
    work_off()
    before = dict(Chunk.objects.filter(document=scan).values_list("text", "pk"))
    scanner.recognised.clear()

    pages.reread(document=scan, pages={2: PageSetting("ocr", 90)}, user=alice)
    work_off()

    assert scanner.recognised == [2]
    after = Chunk.objects.filter(document=scan)
    assert "Page 2 by ocr, turned by 90." in "".join(after.values_list("text", flat=True))
    row = PageReading.objects.get(version__document=scan, page=2)
    assert (row.rotation, row.setting["method"]) == (90, "ocr")
    assert before


def test_it_keeps_the_setting_of_a_page_when_everything_is_read_anew(
    scan: Document, scanner: Scanner, alice: User
) -> None:
    scanner.shift = 9
    work_off()
    pages.reread(document=scan, pages={2: PageSetting("ocr", 180)}, user=alice)
    work_off()
    scanner.recognised.clear()

    jobs.queue(scan, scan.versions.get())
    work_off()

    assert scanner.recognised == [1, 2, 3]
    assert PageReading.objects.get(version__document=scan, page=2).rotation == 180


def test_it_reads_no_pages_again_of_a_document_that_is_being_read(scan: Document, alice: User) -> None:
    with pytest.raises(StillReading):
        pages.reread(document=scan, pages={1: PageSetting()}, user=alice)


def test_it_keeps_figures_and_drops_those_of_the_reading_before(
    scan: Document, scanner: Scanner, django_capture_on_commit_callbacks: object
) -> None:
    scanner.shift = 9
    work_off()

    figure = Figure.objects.get(version__document=scan)

    assert (figure.page, figure.box, figure.caption, figure.width) == (2, [0, 0, 1, 1], "A fox", 30)
    assert figure.char_at == len("Page 1 by auto, turned by None.") + 2
    with figure.file.open("rb") as stored:
        assert stored.read() == b"PICTURE"
    jobs.queue(scan, scan.versions.get())
    work_off()
    assert Figure.objects.filter(version__document=scan).count() == 1
    assert not Figure.objects.filter(pk=figure.pk).exists()


def test_it_opens_a_locked_file_by_the_password_that_an_editor_gives(
    scan: Document, scanner: Scanner, alice_client: Client, ann_client: Client
) -> None:
    scanner.password, scanner.shift = "schloß", 9
    work_off()
    scan.refresh_from_db()
    assert (scan.status, scan.error_code) == ("failed", "encrypted")
    address = f"/documents/{scan.pk}/unlock/"
    assert b"password" in alice_client.get(address).content

    alice_client.post(address, {"password": "wrong"})
    work_off()
    scan.refresh_from_db()
    assert scan.error_code == "wrong-password"
    alice_client.post(address, {"password": "schloß"})
    work_off()

    scan.refresh_from_db()
    assert scan.status == "ready"
    version = scan.versions.get()
    assert "schloß" not in version.password
    assert page_reads.password_of(version) == "schloß"
    shown = ann_client.get(f"/libraries/documents/{scan.pk}/password/")
    assert shown.json() == {"password": "schloß"}
    assert "no-store" in shown.headers["Cache-Control"]


def test_it_takes_no_password_for_a_file_that_opened_without(scan: Document, scanner: Scanner, alice: User) -> None:
    scanner.shift = 9
    work_off()

    with pytest.raises(NotLocked):
        pages.unlock(user=alice, document=scan, password="sesame")
