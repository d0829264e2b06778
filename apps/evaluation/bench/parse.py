"""How fast documents are read: the isolated parser against PDFium's bare text extraction, on the same PDF."""

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pypdfium2

from apps.ingestion.parsers import host
from apps.ingestion.parsers.types import Task

PAGES = 200
ROUNDS = 3
SMALL_READS = 20
_LINES = 44
_SENTENCE = "The committee decided that every member keeps a written record of item {number}, page {page}."


def parse_ratio() -> dict[str, float]:
    """Return pages per second of the product and of raw pypdfium2, their ratio, and the time of a small file.

    The product also finds boxes, order, paragraphs and headings, in a child process; raw text is the least there is.
    """
    with tempfile.TemporaryDirectory(prefix="zhiku-bench-") as folder:
        path = Path(folder) / "book.pdf"
        path.write_bytes(book(PAGES))
        note = Path(folder) / "note.md"
        note.write_text("# Note\n\nA short text.\n")
        _read(note)  # starts the zygote
        raw_s, ours_s = [], []
        for _ in range(ROUNDS):  # in turns, so that a busy machine slows both
            raw_s.append(_seconds(_raw_text, path))
            ours_s.append(_seconds(_read, path))
        small_s = min(_seconds(_read, note) for _ in range(SMALL_READS))
    return {
        "parse_ratio": round(min(raw_s) / min(ours_s), 3),
        "parse_pages_per_s": round(PAGES / min(ours_s), 1),
        "parse_raw_pages_per_s": round(PAGES / min(raw_s), 1),
        "parse_small_file_ms": round(small_s * 1_000, 1),
    }


def _seconds(run: Callable[[Path], None], path: Path) -> float:
    started = time.perf_counter()
    run(path)
    return time.perf_counter() - started


def _read(path: Path) -> None:
    host.read(Task(os.fspath(path), path.name, None, host.limits_from_settings())).close()


def _raw_text(path: Path) -> None:
    document = pypdfium2.PdfDocument(path)
    for page in document:
        text = page.get_textpage()
        text.get_text_range()
        text.close()
        page.close()
    document.close()


def book(pages: int) -> bytes:
    """Return a PDF of full pages of prose: a heading, paragraphs and a page number on each."""
    kids = " ".join(f"{4 + 2 * number} 0 R" for number in range(pages))
    objects = [
        "<</Type/Catalog/Pages 2 0 R>>",
        f"<</Type/Pages/Count {pages}/Kids[{kids}]>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    for number in range(pages):
        stream = _page(number)
        frame = "/MediaBox[0 0 595 842]/Resources<</Font<</F 3 0 R>>>>"
        objects.append(f"<</Type/Page/Parent 2 0 R{frame}/Contents {5 + 2 * number} 0 R>>")
        objects.append(f"<</Length {len(stream)}>>stream\n{stream}\nendstream")
    data, offsets = "%PDF-1.4\n", []
    pieces = [data]
    length = len(data)
    for at, body in enumerate(objects, 1):
        offsets.append(length)
        pieces.append(f"{at} 0 obj{body}endobj\n")
        length += len(pieces[-1])
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    pieces.append(f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}")
    pieces.append(f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{length}\n%%EOF")
    return "".join(pieces).encode("ascii")


def _page(number: int) -> str:
    """Return the drawing of one page."""
    lines = [f"BT /F 16 Tf 60 790 Td (Chapter {number + 1}) Tj ET"]
    for at in range(_LINES):
        gap = 8 * (at // 6)  # a blank line after each paragraph of six
        text = _SENTENCE.format(number=at, page=number + 1)
        lines.append(f"BT /F 10 Tf 60 {755 - 14 * at - gap} Td ({text}) Tj ET")
    lines.append(f"BT /F 8 Tf 290 30 Td ({number + 1}) Tj ET")
    return "\n".join(lines)
