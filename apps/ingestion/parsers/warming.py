"""Reads small documents of our own in the zygote, so that each child begins warm.

The first PDF of a process costs a fifth more than the next ones: PDFium looks for the system's fonts, and Python 3.11
adapts its bytecode to what it sees. Forked children inherit both.
"""

import contextlib
import tempfile
from collections.abc import Iterator

from apps.ingestion.parsers import parser_of
from apps.ingestion.parsers.types import Kind, ParseLimits, Refused, Task

_LINES = 30
_PAGES = 2
_FONTS = ("Helvetica", "Helvetica-Bold", "Times-Roman")


def warm_up() -> None:
    """Read one small document of each usual kind; a full disk only makes children begin cold."""
    limits = ParseLimits(ocr_threads=0)
    for kind, data in samples():
        with contextlib.suppress(OSError, Refused), tempfile.NamedTemporaryFile(prefix="zhiku-warm-") as file:
            file.write(data)
            file.flush()
            parser_of(kind)(Task(file.name, f"sample.{kind}", None, limits))


def samples() -> Iterator[tuple[Kind, bytes]]:
    """Yield small documents that every parser of a usual kind can read."""
    prose = "\n\n".join(f"Paragraph {n} is a line of plain prose.\nIt has a second one. 第{n}段。" for n in range(8))
    yield "pdf", _pdf()
    yield "text", prose.encode()
    yield "markdown", f"# Heading\n\n{prose}\n\n- item\n\n| a | b |\n|---|---|\n| 1 | 2 |\n".encode()
    yield "html", f"<!doctype html><title>T</title><h1>Heading</h1><p>{prose}</p><ul><li>item</ul>".encode()


def _pdf() -> bytes:
    """Return pages of text in the fonts that PDFium has to look for."""
    fonts = [f"<</Type/Font/Subtype/Type1/BaseFont/{name}>>" for name in _FONTS]
    names = "".join(f"/F{at} {at + 3} 0 R" for at in range(len(fonts)))
    first = len(fonts) + 3
    kids = " ".join(f"{first + 2 * at} 0 R" for at in range(_PAGES))
    bodies = ["<</Type/Catalog/Pages 2 0 R>>", f"<</Type/Pages/Count {_PAGES}/Kids[{kids}]>>", *fonts]
    for page in range(_PAGES):
        frame = f"/MediaBox[0 0 595 842]/Resources<</Font<<{names}>>>>/Contents {first + 2 * page + 1} 0 R"
        drawn = "\n".join(_line(page, line) for line in range(_LINES))
        bodies.append(f"<</Type/Page/Parent 2 0 R{frame}>>")
        bodies.append(f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream")
    data, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(bodies, 1):
        offsets.append(len(data))
        data += f"{number} 0 obj{body}endobj\n".encode("ascii")
    table = "".join(f"{offset:010d} 00000 n \n" for offset in offsets)
    size = len(bodies) + 1
    end = (
        f"xref\n0 {size}\n0000000000 65535 f \n{table}trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{len(data)}\n%%EOF"
    )
    return data + end.encode("ascii")


def _line(page: int, line: int) -> str:
    place = f"60 {780 - 16 * line - 8 * (line // 5)}"
    return f"BT /F{line % len(_FONTS)} 10 Tf {place} Td (Line {line} of page {page}.) Tj ET"
