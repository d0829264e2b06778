"""Reads PDFs by PDFium: text in reading order, with boxes, headings and without what repeats on every page."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from statistics import median

import pypdfium2
import pypdfium2.raw as pdfium

from apps.ingestion.parsers.cleaning import language_of, one_line
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.pdf_headings import Placed, levels_of, normal
from apps.ingestion.parsers.pdf_lines import Frame, Line, PageText, frame_of
from apps.ingestion.parsers.pdf_order import columns_of
from apps.ingestion.parsers.pdf_paragraphs import Paragraph, paragraphs_of
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Block, BlockKind, Box, ParsedDocument

MAX_BOOKMARKS = 5_000
MAX_ATTACHMENTS = 10
MAX_FIELDS = 2_000
MAX_CAPTION_CHARS = 600
_CAPTION = re.compile(r"(?:fig(?:ure|\.)?|table|图|表|圖)\s*\d", re.IGNORECASE)
_RIGHTS_MANAGED = "MicrosoftIRMServices"
MIN_PAGES_FOR_FURNITURE = 4
_ZONE = 0.09  # of the page's height, at its top and bottom: where running heads and page numbers stand
_PAD = 0.15  # font sizes
_HEAD_SIZE = 1.15  # times the usual font size: a larger line is a chapter's heading at the top of a page
_REPEATED = 3
_REPEATED_SURELY = 5
_DIGITS = re.compile(r"\d+|\b[ivxlc]+\b")
_WORD = re.compile(r"[^\W\d_]|\d\d")  # a letter or a number: less is a stray mark, or a font without a mapping
_JOINED_WORD = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")
_PUBLISHED_BY_PROGRAM = re.compile(
    r"^(?:microsoft \w+ - |untitled|slide \d|document\d*$|\S+\.(?:docx?|dvi|pdf|tex|indd|qxd)$)", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class _Page:
    number: int
    frame: Frame
    lines: list[Line]


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a PDF. Raises Refused, with `no-text-layer` for a scan."""
    document = _open(task)
    try:
        _refuse_wrapper(document)
        total = len(document)
        if total > task.limits.max_pages:
            raise Refused("too-many-pages", pages=total, limit=task.limits.max_pages)
        pages = _without_furniture(list(_pages(document, total, task)))
        blocks = tuple(_blocks(pages, _outline(document)))
        title = _title(document)
    finally:
        document.close()
    if not any(_WORD.search(block.text) for block in blocks):
        raise Refused("no-text-layer", pages=total)
    return ParsedDocument(blocks, total, title, language_of([block.text for block in blocks[:400]]))


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


def _pages(document: pypdfium2.PdfDocument, total: int, task: Task) -> Iterator[_Page]:
    """Yield the pages that can be read; one broken page does not spoil the rest."""
    chars = broken = 0
    for index in range(total):
        task.report(index, total)
        page = _load(document, index)
        if not page:
            broken += 1
            continue
        frame, lines = _read_page(page)
        chars += sum(len(line.text) for line in lines)
        if chars > task.limits.max_chars:
            raise Refused("too-much-text", limit=task.limits.max_chars)
        yield _Page(index + 1, frame, lines)
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


def _read_page(page: object) -> tuple[Frame, list[Line]]:
    try:
        frame = frame_of(page)
        text = pdfium.FPDFText_LoadPage(page)
        if not text:
            return frame, []
        try:
            return frame, PageText(text, frame).lines()
        finally:
            pdfium.FPDFText_ClosePage(text)
    finally:
        pdfium.FPDF_ClosePage(page)


def _without_furniture(pages: list[_Page]) -> list[_Page]:
    """Return the pages without running heads and page numbers; the first of each is kept, it may tell something.

    Documents of a few pages keep everything: there is too little to tell what repeats.
    """
    if len(pages) < MIN_PAGES_FOR_FURNITURE:
        return pages
    sizes = [line.size for page in pages for line in page.lines]
    largest = median(sizes) * _HEAD_SIZE if sizes else 0.0
    heads = [[_furniture(line, page.frame) if line.size <= largest else "" for line in page.lines] for page in pages]
    counts = Counter(key for keys in heads for key in set(keys) - {""})
    enough = max(_REPEATED, min(_REPEATED_SURELY, len(pages) // 2))
    repeated = {key for key, count in counts.items() if count >= enough}
    seen: set[str] = set()
    cleaned = []
    for page, keys in zip(pages, heads, strict=True):
        kept = []
        for line, key in zip(page.lines, keys, strict=True):
            if key not in repeated or (key not in seen and key.strip("tb#-–—/.:| ")):
                kept.append(line)
            seen.add(key)
        cleaned.append(replace(page, lines=kept))
    return cleaned


def _furniture(line: Line, frame: Frame) -> str:
    """Return what a line in the head or foot zone looks like with its numbers taken out, "" for other lines."""
    height = frame.size[1]
    if line.turn != 0 or (_ZONE * height < line.y0 and line.y1 < (1 - _ZONE) * height):
        return ""
    zone = "t" if line.y0 <= _ZONE * height else "b"
    return zone + _DIGITS.sub("#", line.text.lower())


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


def _blocks(pages: Sequence[_Page], outline: dict[tuple[int, str], int]) -> Iterator[Block]:
    frames = {page.number: page.frame for page in pages}
    placed = [
        Placed(page.number, paragraph)
        for page in pages
        for column in columns_of(page.lines)
        for paragraph in paragraphs_of(column)
    ]
    words = _words(placed)
    stack = HeadingStack()
    for each, level in zip(placed, levels_of(placed, outline), strict=True):
        text = _with_hyphens(each.paragraph, words)
        box = _box(each, frames[each.page])
        if level:
            yield Block(text, "heading", each.page, box, stack.push(level, text), level)
        else:
            yield Block(text, _kind(each.paragraph), each.page, box, stack.path)


def _kind(paragraph: Paragraph) -> BlockKind:
    if paragraph.is_item:
        return "list"
    return "caption" if _CAPTION.match(paragraph.text) and len(paragraph.text) <= MAX_CAPTION_CHARS else "text"


def _words(placed: Sequence[Placed]) -> Counter[str]:
    """Return how often each word occurs, but for documents without parted words, where nobody asks."""
    if not any(each.paragraph.hyphens for each in placed):
        return Counter()
    return Counter(word for each in placed for word in _JOINED_WORD.findall(each.paragraph.text.lower()))


def _with_hyphens(paragraph: Paragraph, words: Counter[str]) -> str:
    """Return the text, with hyphens put back that belong to a word: "dual-encoder", but not "effi-cient".

    What the rest of the document writes decides; else a hyphen before a capital or digit belongs to the word.
    """
    text = paragraph.text
    for at in reversed(paragraph.hyphens):
        left = re.search(r"[^\W\d_]+$", text[max(0, at - 40) : at])
        right = re.match(r"[^\W\d_]+", text[at : at + 40])
        if left is None or right is None:
            text = text[:at] + "-" + text[at:]
            continue
        parted, whole = words[f"{left[0]}-{right[0]}".lower()], words[(left[0] + right[0]).lower()]
        if parted >= whole if parted else right[0][0].isupper() and not left[0].isupper():
            text = text[:at] + "-" + text[at:]
    return text


def _box(each: Placed, frame: Frame) -> Box:
    width, height = frame.size
    lines = each.paragraph.lines
    pad = _PAD * each.paragraph.size  # glyph boxes are tight
    edges = ((min(line.x0 for line in lines) - pad) / width, (min(line.y0 for line in lines) - pad) / height)
    ends = ((max(line.x1 for line in lines) + pad) / width, (max(line.y1 for line in lines) + pad) / height)
    x0, y0, x1, y1 = (round(min(1.0, max(0.0, edge)), 4) for edge in (*edges, *ends))
    return Box(each.page, x0, y0, x1, y1)
