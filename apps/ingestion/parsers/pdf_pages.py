"""Reads the pages of a PDF: their text layer where it can be trusted, recognised where it cannot."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pypdfium2
import pypdfium2.raw as pdfium

from apps.ingestion.parsers.pdf_figures import Figures, worth_keeping
from apps.ingestion.parsers.pdf_furniture import Page
from apps.ingestion.parsers.pdf_hands import MIN_PAGES, Row, Sharing, shared
from apps.ingestion.parsers.pdf_layer import (
    FILLS,
    draw,
    drawn_objects,
    is_blank,
    is_broken,
    is_sparse,
    letters,
    picture_share,
)
from apps.ingestion.parsers.pdf_lines import Frame, Line, PageText, frame_of
from apps.ingestion.parsers.pdf_rules import Table, ruled_tables
from apps.ingestion.parsers.recognition import Recognition, lines_of
from apps.ingestion.parsers.types import Refused
from apps.libraries.types import PageRead

MAX_FIELDS = 2_000
_A4 = (595.0, 842.0)


@dataclass(frozen=True, slots=True)
class Work:
    """What the pages of one document have in common."""

    recognition: Recognition
    figures: Figures


def read_pages(document: pypdfium2.PdfDocument, work: Work) -> Iterator[Page]:
    """Yield the pages; one broken page does not spoil the rest. Raises Refused.

    Of a long document the plain pages, which are nearly all, are read first, by several processes.
    """
    task, total = work.recognition.task, len(document)
    known = _plain_pages(document, work) if total >= MIN_PAGES and task.hands > 1 and not task.pages else {}
    chars = broken = 0
    done = len(known)
    for index in range(total):
        row = known.get(index)
        if row is None:
            task.report(done, total)
            page = _whole_page(document, index, total, work)
            done += 1
        else:
            page = _page_of(document, index, row, work.figures)
        broken += page is None
        chars += page.read.characters if page else 0
        if chars > task.limits.max_chars:
            raise Refused("too-much-text", limit=task.limits.max_chars)
        yield page or Page(index + 1, _A4, [], PageRead(index + 1, "failed"))
    task.report(total, total)
    if broken == total:
        raise Refused("broken", reason="no page can be loaded")


def _plain_pages(document: pypdfium2.PdfDocument, work: Work) -> dict[int, Row]:
    """Return the pages, by index, that are plain text, as read by this process and a helper."""
    task, total = work.recognition.task, len(document)
    task.report(0, total)
    found: dict[int, Row] = {}
    chars = 0
    with shared(task, total, _help) as sharing:
        for index in sharing.indexes():
            row = _plain_page(document, index)
            if row is not None:
                found[index] = row
                chars += row.chars
                task.report(len(found), total)
            if chars > task.limits.max_chars:
                raise Refused("too-much-text", limit=task.limits.max_chars)
        return found | sharing.collected()


def _help(sharing: Sharing) -> None:
    """Read plain pages in the helper. It opens the file anew: a forked file shares its place with the parent's."""
    document = pypdfium2.PdfDocument(sharing.task.path, password=sharing.task.password)
    for index in sharing.indexes():
        row = _plain_page(document, index)
        if row is not None:
            sharing.hand_over(index, row)


def _plain_page(document: pypdfium2.PdfDocument, index: int) -> Row | None:
    """Return what stands on a page whose text layer is beyond doubt, None for others."""
    handle = _load(document, index)
    if not handle:
        return None
    try:
        frame = frame_of(handle)
        paths, pictures = drawn_objects(handle)
        lines, tables = _layer(handle, frame, paths)
        if is_sparse(lines) or is_broken(lines):
            return None
        chars = sum(len(line.text) for line in lines)
        return Row(frame, _outside(lines, tables), tuple(tables), chars, bool(worth_keeping(pictures, frame)))
    finally:
        pdfium.FPDF_ClosePage(handle)


def _page_of(document: pypdfium2.PdfDocument, index: int, row: Row, figures: Figures) -> Page:
    """Return a plain page, and keep its pictures."""
    if row.has_pictures:
        handle = _load(document, index)
        try:
            figures.take(handle, index + 1, row.frame, drawn_objects(handle)[1])
        finally:
            pdfium.FPDF_ClosePage(handle)
    read = PageRead(index + 1, "text", row.chars)
    return Page(index + 1, row.frame.size, row.lines, read, tables=row.tables)


def _whole_page(document: pypdfium2.PdfDocument, index: int, total: int, work: Work) -> Page | None:
    """Return a page, recognised where that is called for; None where it cannot be loaded."""
    handle = _load(document, index)
    if not handle:
        return None
    try:
        return _read_page(handle, index + 1, total, work)
    finally:
        pdfium.FPDF_ClosePage(handle)


def _load(document: pypdfium2.PdfDocument, index: int) -> object:
    """Return a page handle with the values of its form fields drawn into it, or a null pointer."""
    page = pdfium.FPDF_LoadPage(document, index)
    if not page or not any(
        _is_written_on(page, at) for at in range(min(MAX_FIELDS, pdfium.FPDFPage_GetAnnotCount(page)))
    ):
        return page
    pdfium.FPDFPage_Flatten(page, pdfium.FLAT_NORMALDISPLAY)  # changes our copy in memory; seen once loaded again
    pdfium.FPDF_ClosePage(page)
    return pdfium.FPDF_LoadPage(document, index)


def _is_written_on(page: object, at: int) -> bool:
    annotation = pdfium.FPDFPage_GetAnnot(page, at)
    if not annotation:
        return False
    subtype = pdfium.FPDFAnnot_GetSubtype(annotation)
    pdfium.FPDFPage_CloseAnnot(annotation)
    return subtype in {pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT}


def _read_page(handle: object, number: int, total: int, work: Work) -> Page:
    frame, recognition = frame_of(handle), work.recognition
    setting = recognition.setting(number)
    if setting.method == "skip":
        return Page(number, frame.size, [], PageRead(number, "empty"))
    paths, pictures = drawn_objects(handle)
    lines, tables = _layer(handle, frame, paths)
    chars = sum(len(line.text) for line in lines)
    layer = Page(number, frame.size, lines, PageRead(number, "text" if chars else "empty", chars))
    layer = replace(layer, tables=tuple(tables), lines=_outside(lines, tables))
    is_wanted = setting.method == "ocr" or (setting.method == "auto" and _is_doubtful(handle, frame, lines))
    if not is_wanted and chars:
        work.figures.take(handle, number, frame, pictures)
    if not recognition.is_on or not is_wanted:
        return layer
    read = recognition.page(number, total, lambda dpi: draw(handle, frame, dpi))
    seen = Page(number, frame.size, lines_of(read, frame.size, read.rotation), read, read.rotation)
    if setting.method == "auto" and letters(seen.lines) < letters(lines) and not is_broken(lines):
        return layer
    return layer if chars and read.method != "ocr" else seen


def _layer(handle: object, frame: Frame, paths: Sequence[object]) -> tuple[list[Line], list[Table]]:
    """Return the lines of the page's text layer, and its ruled tables."""
    text = pdfium.FPDFText_LoadPage(handle)
    if not text:
        return [], []
    try:
        lines = PageText(text, frame).lines()
        return lines, ruled_tables(paths, text, frame) if lines else []
    finally:
        pdfium.FPDFText_ClosePage(text)


def _outside(lines: list[Line], tables: Sequence[Table]) -> list[Line]:
    """Return the lines that do not stand in a table."""
    for table in tables:
        x0, y0, x1, y1 = table.edges
        lines = [
            line for line in lines if not (x0 <= (line.x0 + line.x1) / 2 <= x1 and y0 <= (line.y0 + line.y1) / 2 <= y1)
        ]
    return lines


def _is_doubtful(handle: object, frame: Frame, lines: Sequence[Line]) -> bool:
    """Return whether a page has to be looked at: it shows something, but its text layer lacks or cannot be right."""
    if not is_sparse(lines) or is_broken(lines):
        return is_broken(lines)
    if letters(lines):
        return picture_share(handle, frame) >= FILLS
    return not is_blank(handle, frame)
