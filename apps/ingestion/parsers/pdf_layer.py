"""Tells whether the text layer of a page can be trusted, and draws pages whose layer cannot."""

import ctypes
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import pypdfium2.raw as pdfium

from apps.ingestion.parsers.pdf_calls import address_of, kind_of, object_at
from apps.ingestion.parsers.pdf_lines import Frame, Line

if TYPE_CHECKING:
    from apps.runtimes.contracts import Picture

MAX_PIXELS = 12_000_000  # of a drawn page: A4 at 300 dpi has 8.7 million
MAX_OBJECTS = 4_000  # of one page that are looked at
_PATH, _IMAGE = pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE
MAX_CHARS = 4_000  # that are looked at
SPARSE = 60  # letters: so few beside a picture that fills the page are a stamp, a page number or a watermark
FILLS = 0.4  # of the page's area
_BROKEN_SHARE = 0.15
_SYMBOL_SHARE = 0.3
_BLANK_DPI = 36
_BLANK_RANGE = 24  # of 255 between the darkest and the brightest spot
_STRANGE = re.compile("[\ue000-\uf8ff\ufffd\U000f0000-\U0010fffd]")  # private use, and what stands for the unknown
_SYMBOL = re.compile("[\x80-\xa9\xab-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7]")  # signs of Latin-1: text of another encoding
_LETTER = re.compile(r"[^\W_]")
_POINTS_PER_INCH = 72
_BGR = 2  # FPDFBitmap_BGR


def letters(lines: Sequence[Line]) -> int:
    """Return how many letters and digits there are."""
    return sum(len(_LETTER.findall(line.text)) for line in lines)


def is_sparse(lines: Sequence[Line]) -> bool:
    """Return whether a page has fewer letters than a line of prose or two; quick for pages that have more."""
    count = 0
    for line in lines:
        count += len(_LETTER.findall(line.text))
        if count >= SPARSE:
            return False
    return True


def is_broken(lines: Sequence[Line]) -> bool:
    """Return whether many characters cannot be what is printed: fonts without, or with a wrong, mapping."""
    strange = symbols = letters = seen = 0
    for line in lines:
        text = line.text
        seen += len(text)
        if text.isascii():  # what has no business in a text was dropped when it was cleaned
            letters += len(text)
        else:
            strange += len(_STRANGE.findall(text))
            symbols += len(_SYMBOL.findall(text))
            letters += len(_LETTER.findall(text))
        if seen > MAX_CHARS:
            break
    return strange > _BROKEN_SHARE * seen or (symbols > _SYMBOL_SHARE * seen and letters < seen / 2)


def drawn_objects(page: object) -> tuple[list[object], list[object]]:
    """Return the paths and the pictures on a page, in one pass: text has nearly all of the objects."""
    paths: list[object] = []
    pictures: list[object] = []
    address = address_of(page)
    for at in range(min(MAX_OBJECTS, pdfium.FPDFPage_CountObjects(page))):
        kind = kind_of(object_at(address, at))
        if kind in (_PATH, _IMAGE):
            found = pdfium.FPDFPage_GetObject(page, at)
            (paths if kind == _PATH else pictures).append(found)
    return paths, pictures


def picture_share(page: object, frame: Frame) -> float:
    """Return the share of the page that its largest picture covers."""
    width, height = frame.size
    edges = [ctypes.c_float() for _edge in range(4)]
    largest = 0.0
    for at in range(min(MAX_OBJECTS, pdfium.FPDFPage_CountObjects(page))):
        each = pdfium.FPDFPage_GetObject(page, at)
        if pdfium.FPDFPageObj_GetType(each) not in (pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_FORM):
            continue
        if pdfium.FPDFPageObj_GetBounds(each, *(ctypes.byref(edge) for edge in edges)):
            left, bottom, right, top = (edge.value for edge in edges)
            x0, y0, x1, y1 = frame.shown(left, top, right, bottom)
            area = max(0.0, min(x1, width) - max(x0, 0.0)) * max(0.0, min(y1, height) - max(y0, 0.0))
            largest = max(largest, area / (width * height))
    return largest


def is_blank(page: object, frame: Frame) -> bool:
    """Return whether nothing is to be seen on a page."""
    small = draw(page, frame, _BLANK_DPI)
    return int(small.max()) - int(small.min()) < _BLANK_RANGE


def draw(page: object, frame: Frame, dpi: int, part: tuple[float, float, float, float] | None = None) -> "Picture":
    """Return the page as seen, or a `part` of it (points from the top left), as RGB. Raises MemoryError."""
    import numpy as np  # noqa: PLC0415  most documents are never drawn

    width, height = frame.size
    x0, y0, x1, y1 = part or (0.0, 0.0, width, height)
    scale = dpi / _POINTS_PER_INCH
    scale *= min(1.0, (MAX_PIXELS / max(1.0, (x1 - x0) * (y1 - y0) * scale * scale)) ** 0.5)
    columns, rows = max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale))
    bitmap = pdfium.FPDFBitmap_CreateEx(columns, rows, _BGR, None, 0)
    if not bitmap:
        raise MemoryError
    try:
        pdfium.FPDFBitmap_FillRect(bitmap, 0, 0, columns, rows, 0xFFFFFFFF)
        whole = round(width * scale), round(height * scale)
        pdfium.FPDF_RenderPageBitmap(bitmap, page, -round(x0 * scale), -round(y0 * scale), *whole, 0, pdfium.FPDF_ANNOT)
        stride = pdfium.FPDFBitmap_GetStride(bitmap)
        buffer = ctypes.cast(pdfium.FPDFBitmap_GetBuffer(bitmap), ctypes.POINTER(ctypes.c_uint8 * (stride * rows)))
        raw = np.frombuffer(buffer.contents, np.uint8).reshape(rows, stride)[:, : columns * 3]
        return np.ascontiguousarray(raw.reshape(rows, columns, 3)[:, :, ::-1])
    finally:
        pdfium.FPDFBitmap_Destroy(bitmap)
