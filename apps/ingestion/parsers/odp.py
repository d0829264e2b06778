"""Reads OpenDocument presentations: slides as pages, shapes in reading order, speaker notes."""

import re

from lxml import etree

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.cleaning import one_line
from apps.ingestion.parsers.docx_styles import child, local, value
from apps.ingestion.parsers.odf import OdfPackage, annotation, opened, paragraphs_text, table_text
from apps.ingestion.parsers.odt import Reader
from apps.ingestion.parsers.slide_order import Frame, reading_order
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import ParsedDocument

_SHAPES = frozenset(["frame", "custom-shape", "rect", "ellipse", "circle", "polygon", "path", "line", "connector"])
_FURNITURE = frozenset(["date-time", "footer", "page-number", "header", "page"])
_LENGTH = re.compile(r"^(-?\d+(?:\.\d+)?)(cm|mm|in|pt|px)?$")
_CM = {"cm": 1.0, "mm": 0.1, "in": 2.54, "pt": 2.54 / 72, "px": 2.54 / 96, None: 1.0}


def parse(task: Task) -> ParsedDocument:
    """Return the blocks of a presentation, slide by slide."""
    with opened(task) as package:
        return _read(task, package)


def _read(task: Task, package: OdfPackage) -> ParsedDocument:
    pages = [each for each in package.body("presentation") if local(each) == "page"]
    if len(pages) > task.limits.max_pages:
        raise Refused("too-many-pages", pages=len(pages), limit=task.limits.max_pages)
    builder = Builder(task)
    reader = Reader(package, builder)
    title = ""
    for page, element in enumerate(pages, 1):
        task.report(page - 1, len(pages))
        builder.turn_to(page)
        heading = _slide(reader, element)
        title = title or heading
    return builder.finish(pages=len(pages), title=title, facts=package.facts())


def _slide(reader: Reader, page: etree._Element) -> str:
    """Add the blocks of a slide; return its title."""
    found = _shapes(page)
    titles = [each for each in found if value(each, "class") == "title"]
    words = one_line(" ".join(map(paragraphs_text, titles)))
    reader.builder.heading(words, 1)
    rest = [each for each in found if each not in titles]
    for index in reading_order([_frame(each) for each in rest]):
        table = child(rest[index], "table")
        if table is not None:
            reader.builder.table(table_text(table))
        else:
            reader.frame(rest[index])
    for remark in page.iter("{*}annotation"):
        reader.builder.block(annotation(remark), "note")
    notes = child(page, "notes")
    for shape in _shapes(notes) if notes is not None else []:
        reader.builder.block(paragraphs_text(shape), "note")
    return words


def _shapes(container: etree._Element) -> list[etree._Element]:
    """Return the shapes of a slide, those in groups too, without what repeats on each."""
    found: list[etree._Element] = []
    stack = list(reversed(container))
    while stack:
        element = stack.pop()
        name = local(element)
        if name == "g":
            stack += reversed(element)
        elif name in _SHAPES and value(element, "class") not in _FURNITURE:
            found.append(element)
    return found


def _frame(shape: etree._Element) -> Frame:
    """Return where a shape stands, in centimetres."""
    x, y = _length(value(shape, "x") or value(shape, "x1")), _length(value(shape, "y") or value(shape, "y1"))
    return Frame(x, y, x + _length(value(shape, "width")), y + _length(value(shape, "height")))


def _length(text: str) -> float:
    found = _LENGTH.match(text)
    return float(found[1]) * _CM[found[2]] if found else 0.0
