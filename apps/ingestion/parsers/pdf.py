"""Reads PDFs by PDFium: text in reading order, with boxes, headings and without what repeats on every page."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice

import pypdfium2
import pypdfium2.raw as pdfium

from apps.ingestion.parsers.attaching import Attacher
from apps.ingestion.parsers.cleaning import language_of, one_line
from apps.ingestion.parsers.pdf_blocks import WORD, blocks_of
from apps.ingestion.parsers.pdf_figures import Figures
from apps.ingestion.parsers.pdf_furniture import Page, without_furniture
from apps.ingestion.parsers.pdf_headings import normal
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
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Attached, PageRead, ParsedDocument

MAX_BOOKMARKS = 5_000
MAX_FACT_CHARS = 300
_FACTS = {
    "Author": "author",
    "Subject": "subject",
    "Keywords": "keywords",
    "Creator": "program",
    "CreationDate": "created",
    "ModDate": "modified",
}
_MOMENT = re.compile(r"(?:D:)?(\d{4})(\d{2})?(\d{2})?")
MAX_ATTACHMENTS = 10
MAX_FIELDS = 2_000
_RIGHTS_MANAGED = "MicrosoftIRMServices"
_A4 = (595.0, 842.0)
_PUBLISHED_BY_PROGRAM = re.compile(
    r"^(?:microsoft \w+ - |untitled|slide \d|document\d*$|\S+\.(?:docx?|dvi|pdf|tex|indd|qxd)$)", re.IGNORECASE
)


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a PDF, recognised where a page has no text layer or a broken one. Raises Refused.

    `no-text-layer` is for scans where OCR is off, `unfinished` for scans that need another shift.
    """
    document = _open(task)
    try:
        _refuse_wrapper(document)
        total = len(document)
        if total > task.limits.max_pages:
            raise Refused("too-many-pages", pages=total, limit=task.limits.max_pages)
        work = _Work(Recognition(task), Figures(task))
        pages = without_furniture(list(_pages(document, total, work)))
        blocks = tuple(blocks_of(pages, _outline(document)))
        if not any(WORD.search(block.text) for block in blocks) and not document.count_attachments():
            raise Refused("empty" if work.recognition.is_on else "no-text-layer", pages=total)
        return ParsedDocument(
            blocks,
            total,
            _title(document),
            language_of([block.text for block in blocks[:400]]),
            page_reads=tuple(page.read for page in pages),
            figures=work.figures.placed(blocks, {page.number: page.size[1] for page in pages}),
            attached=_attached(document, task),
            facts=_facts(document),
        )
    finally:
        document.close()


@dataclass(frozen=True, slots=True)
class _Work:
    """What the pages of one document have in common."""

    recognition: Recognition
    figures: Figures


def _attached(document: pypdfium2.PdfDocument, task: Task) -> tuple[Attached, ...]:
    """Return the files inside the file."""
    attacher = Attacher(task)
    for at in range(document.count_attachments()):
        if attacher.room == 0:
            break
        attachment = document.get_attachment(at)
        try:
            data = bytes(attachment.get_data())
        except (pypdfium2.PdfiumError, RuntimeError, ValueError):  # a damaged or an empty one
            attacher.list_only(attachment.get_name(), 0, "broken")
            continue
        attacher.add(attachment.get_name(), [data])
    return attacher.attached


def _facts(document: pypdfium2.PdfDocument) -> dict[str, str]:
    """Return what the document says of itself: author, subject, created …"""
    facts = {}
    for key, name in _FACTS.items():
        words = one_line(document.get_metadata_value(key))[:MAX_FACT_CHARS]
        moment = _MOMENT.match(words) if key.endswith("Date") else None
        if moment:
            words = "-".join(part for part in moment.groups() if part)
        if words:
            facts[name] = words
    return facts


def _open(task: Task) -> pypdfium2.PdfDocument:
    try:
        return pypdfium2.PdfDocument(task.path, password=task.password)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise Refused("wrong-password" if task.password else "encrypted") from error
        if error.err_code == pdfium.FPDF_ERR_SECURITY:
            raise Refused("encrypted") from error
        raise Refused("broken", reason=str(error)) from error


def _refuse_wrapper(document: pypdfium2.PdfDocument) -> None:
    """Refuse the page that stands for an encrypted PDF inside: rights management wraps documents so."""
    for at in range(min(MAX_ATTACHMENTS, document.count_attachments())):
        if document.get_attachment(at).get_name().startswith(_RIGHTS_MANAGED):
            raise Refused("encrypted")


def _pages(document: pypdfium2.PdfDocument, total: int, work: _Work) -> Iterator[Page]:
    """Yield the pages that can be read; one broken page does not spoil the rest."""
    task = work.recognition.task
    chars = broken = 0
    for index in range(total):
        task.report(index, total)
        handle = _load(document, index)
        if not handle:
            broken += 1
            yield Page(index + 1, _A4, [], PageRead(index + 1, "failed"))
            continue
        try:
            page = _read_page(handle, index + 1, total, work)
        finally:
            pdfium.FPDF_ClosePage(handle)
        chars += page.read.characters
        if chars > task.limits.max_chars:
            raise Refused("too-much-text", limit=task.limits.max_chars)
        yield page
    task.report(total, total)
    if broken == total:
        raise Refused("broken", reason="no page can be loaded")


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


def _read_page(handle: object, number: int, total: int, work: _Work) -> Page:
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


def _outline(document: pypdfium2.PdfDocument) -> dict[tuple[int, str], int]:
    """Return the bookmarks: (page from 1, normal title) -> level from 1."""
    found: dict[tuple[int, str], int] = {}
    for bookmark in islice(document.get_toc(max_depth=8), MAX_BOOKMARKS):
        target = bookmark.get_dest()
        index = target.get_index() if target else None
        title = normal(bookmark.get_title())
        if index is not None and title:
            found.setdefault((index + 1, title), bookmark.level + 1)
    return found


def _title(document: pypdfium2.PdfDocument) -> str:
    """Return the title in the metadata, unless a program wrote it there by itself."""
    title = one_line(document.get_metadata_value("Title"))[:300]
    return "" if _PUBLISHED_BY_PROGRAM.match(title) else title
