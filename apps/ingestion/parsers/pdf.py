"""Reads PDFs by PDFium: text in reading order, with boxes, headings and without what repeats on every page."""

import re
from itertools import islice

import pypdfium2
import pypdfium2.raw as pdfium

from apps.ingestion.parsers.attaching import Attacher
from apps.ingestion.parsers.cleaning import language_of, one_line
from apps.ingestion.parsers.pdf_blocks import WORD, blocks_of
from apps.ingestion.parsers.pdf_damage import refuse_damaged
from apps.ingestion.parsers.pdf_figures import Figures
from apps.ingestion.parsers.pdf_furniture import without_furniture
from apps.ingestion.parsers.pdf_headings import normal
from apps.ingestion.parsers.pdf_pages import Work, read_pages
from apps.ingestion.parsers.recognition import Recognition
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Attached, ParsedDocument

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
_NOTHING = {"anonymous", "unspecified"}  # what programs write where nobody told them
_MOMENT = re.compile(r"(?:D:)?(\d{4})(\d{2})?(\d{2})?")
MAX_ATTACHMENTS = 10
_RIGHTS_MANAGED = "MicrosoftIRMServices"
_PUBLISHED_BY_PROGRAM = re.compile(
    r"^(?:microsoft \w+ - |untitled|slide \d|document\d*$|\S+\.(?:docx?|dvi|pdf|tex|indd|qxd)$)", re.IGNORECASE
)


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a PDF, recognised where a page has no text layer or a broken one. Raises Refused.

    `no-text-layer` is for scans where OCR is off, `unfinished` for scans that need another shift.
    """
    document = _open(task)
    try:
        refuse_damaged(task.path)
        _refuse_wrapper(document)
        total = len(document)
        if total > task.limits.max_pages:
            raise Refused("too-many-pages", pages=total, limit=task.limits.max_pages)
        work = Work(Recognition(task), Figures(task))
        pages = without_furniture(list(read_pages(document, work)))
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
        if words and words.lower() not in _NOTHING:
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
