"""The second pair of hands for long PDFs: it may make a reading faster, and never another one."""

import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from PIL import Image
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas

from apps.evaluation.bench.parse import book as plain_book
from apps.ingestion import parse_errors
from apps.ingestion.parsers import host, pdf, pdf_pages
from apps.ingestion.parsers.pdf_hands import MIN_PAGES, Sharing
from apps.ingestion.parsers.types import ParseLimits, Refused, Task
from apps.libraries.types import Blob, ParsedDocument
from tests.ingestion import papers

PAGES = 4 * MIN_PAGES


def _draw(canvas: Canvas) -> None:
    """Draw a book: prose on all pages, a table on some, a picture, and an empty page."""
    picture = ImageReader(Image.linear_gradient("L").resize((300, 200)))
    for number in range(PAGES):
        if number != 9:
            papers.write(canvas, [f"Chapter {number}"], 72, 72, size=16)
            papers.write(canvas, [f"{line} {number}" for line in papers.BODY], 72, 120)
        if number % 7 == 0:
            for row in range(5):
                papers.write(canvas, [f"{row}{number}"], 72, 300 + 20 * row)
                papers.write(canvas, [f"value {row}"], 300, 300 + 20 * row)
            canvas.grid([60, 280, 400], [842 - 295 - 20 * row for row in range(6)])
        if number in (20, 40, 50):
            canvas.drawImage(picture, 100, 200, 300, 200)
        canvas.showPage()


@pytest.fixture
def book(tmp_path: Path) -> Path:
    """Write a book of text, tables and pictures."""
    return papers.pdf(tmp_path / "book.pdf", _draw)


def _read(path: Path, hands: int, **limits: int) -> tuple[ParsedDocument, bytes]:
    kept = bytearray()

    def keep(pieces: object) -> Blob:
        start = len(kept)
        for piece in pieces:  # type: ignore[attr-defined]
            kept.extend(piece)
        return Blob(start, len(kept) - start)

    task = Task(os.fspath(path), path.name, None, ParseLimits(ocr_threads=0, **limits), keep=keep, hands=hands)
    return pdf.parse(task), bytes(kept)


def test_it_reads_the_same_with_one_hand_and_with_two(book: Path) -> None:
    """Every block, box, table, figure and page reading is the same."""
    alone = _read(book, 1)

    assert _read(book, 2) == alone
    assert len(alone[0].page_reads) == PAGES
    assert len(alone[0].figures) == 1
    assert any(block.kind == "table" for block in alone[0].blocks)


@pytest.mark.parametrize("left", [0, 3])
def test_it_reads_itself_what_a_helper_left_that_crashed(
    book: Path, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    """A helper that dies, at once or in the middle of its pages, costs time and nothing else."""
    alone = _read(book, 1)

    def dying(sharing: Sharing) -> None:
        indexes = sharing.indexes()
        for _page in range(left):
            next(indexes, None)
        os.kill(os.getpid(), signal.SIGKILL)

    monkeypatch.setattr(pdf_pages, "_help", dying)

    assert _read(book, 2) == alone


def _forked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    pids: list[int] = []
    fork: Callable[[], int] = os.fork

    def noted() -> int:
        pids.append(fork())
        return pids[-1]

    monkeypatch.setattr(os, "fork", noted)
    return pids


def test_it_leaves_no_helper_behind_when_it_refuses(book: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A document with too much text is refused, and its helper is gone then."""
    pids = _forked(monkeypatch)

    with pytest.raises(Refused, match="too-much-text"):
        _read(book, 2, max_chars=2_000)

    assert len(pids) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_it_forks_for_nobody_who_did_not_ask_and_for_no_short_document(
    tmp_path: Path, book: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only the confined child asks for two hands; one page is not worth a fork."""
    pids = _forked(monkeypatch)

    _read(papers.prose_pdf(tmp_path / "note.pdf"), 2)
    _read(book, 1)

    assert not pids


def test_it_deals_out_every_page_once(tmp_path: Path) -> None:
    """Also where a document has more pages than a pipe holds numbers."""
    task = replace(Task("", "", None, ParseLimits()), temp=os.fspath(tmp_path))
    for total in (1, 17, 100_003):
        sharing = Sharing(task, total)
        assert list(sharing.indexes()) == list(range(total))
        sharing.close()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor")
def test_row_69_it_kills_the_helper_with_the_child(tmp_path: Path) -> None:
    """The group of a child that is stopped holds its helper too."""
    path = tmp_path / "book.pdf"
    path.write_bytes(plain_book(1_500))
    seen: set[psutil.Process] = set()
    is_seen = threading.Event()

    def look(_done: int, _total: int) -> None:
        for child in psutil.Process(host._HOST.zygote_pid).children():
            seen.update(child.children())
        if seen:
            is_seen.set()

    with pytest.raises(parse_errors.ParseCancelled):
        host.parse(path, name="book.pdf", on_progress=look, should_stop=is_seen.is_set)

    assert seen
    assert [each for each in psutil.wait_procs(seen, 10)[1] if each.status() != psutil.STATUS_ZOMBIE] == []
