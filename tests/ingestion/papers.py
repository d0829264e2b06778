"""Small documents that the parser tests make for themselves."""

import io
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfgen.canvas import Canvas

HAN = "STSong-Light"
W, H = A4
BODY = (
    "The committee met in the spring of that year and decided that every member should keep a written",
    "record of the work done, so that those who came later could see what had been tried before and what",
    "had come of it. The records were to be kept in the library, where anybody might read them at leisure.",
)
WORD = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"


def pdf(path: Path, draw: Callable[[Canvas], None], **options: object) -> Path:
    """Write a PDF that `draw` fills; it calls showPage itself between pages."""
    canvas = Canvas(str(path), pagesize=A4, **options)
    pdfmetrics.registerFont(UnicodeCIDFont(HAN))
    draw(canvas)
    canvas.save()
    return path


def write(
    canvas: Canvas, lines: Sequence[str], x: float, top: float, *, size: float = 10, font: str = "Helvetica"
) -> float:
    """Write lines from `top` points below the page's upper edge; return where the next would go."""
    canvas.setFont(font, size)
    for line in lines:
        canvas.drawString(x, H - top - size, line)
        top += size * 1.25
    return top


def prose_pdf(path: Path, text: str = "A walrus lives here.", **options: object) -> Path:
    """Write a PDF of one short page."""
    return pdf(path, lambda canvas: (write(canvas, [text], 72, 72), canvas.showPage())[1], **options)  # type: ignore[func-returns-value]


def document_xml(body: str, head: str = '<?xml version="1.0" encoding="UTF-8"?>') -> bytes:
    """Return the main part of a Word document."""
    return f'{head}<w:document xmlns:w="{WORD}"><w:body>{body}</w:body></w:document>'.encode()


def paragraph(text: str, properties: str = "") -> str:
    """Return a paragraph's XML."""
    return f"<w:p><w:pPr>{properties}</w:pPr><w:r><w:t xml:space='preserve'>{text}</w:t></w:r></w:p>"


def word(path: Path, main: bytes, **parts: bytes) -> Path:
    """Write a Word document from its main part; more parts by their name below word/, `_` for the dot."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("word/document.xml", main)
        for name, data in parts.items():
            archive.writestr(f"word/{name.replace('_', '.')}", data)
    return path


def bomb(member_bytes: int) -> bytes:
    """Return a zip with one member of so many NUL bytes, packed a thousand to one."""
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive,
        archive.open("word/document.xml", "w", force_zip64=True) as member,
    ):
        for _ in range(member_bytes >> 20):
            member.write(bytes(1 << 20))
    return packed.getvalue()
