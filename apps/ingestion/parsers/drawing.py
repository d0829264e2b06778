"""Reads DrawingML, which slides, sheets and texts share: paragraphs, tables, charts and SmartArt."""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from apps.ingestion.parsers.cleaning import one_line, squeeze
from apps.ingestion.parsers.docx_styles import child, local, number, value
from apps.ingestion.parsers.tables import Cell, grid, markdown

MAX_POINTS = 2_000  # of a chart's series
MAX_NODES = 2_000  # of a SmartArt
_AUTOMATIC = frozenset(["slidenum"])  # fields that say nothing


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of a shape. `mark` is "- " or "1." for a list item, "" for none, None where the style decides."""

    text: str
    level: int
    mark: str | None


def paragraphs(body: etree._Element | None) -> Iterator[Paragraph]:
    """Yield the paragraphs of a text body that say something."""
    counters: dict[int, int] = {}
    for element in body if body is not None else ():
        if local(element) != "p":
            continue
        text = paragraph_text(element)
        if not text:
            continue
        properties = child(element, "pPr")
        level = min(8, max(0, number(value(properties, "lvl"))))
        mark = _mark(properties, level, counters)
        yield Paragraph(text, level, mark)


def _mark(properties: etree._Element | None, level: int, counters: dict[int, int]) -> str | None:
    """Return how a paragraph is marked, counting numbered ones as they come."""
    numbered = child(properties, "buAutoNum")
    if numbered is None:
        for deeper in [each for each in counters if each >= level]:
            del counters[deeper]
        if child(properties, "buChar") is not None or child(properties, "buBlip") is not None:
            return "-"
        return "" if child(properties, "buNone") is not None else None
    start = number(value(numbered, "startAt"), 1)
    for deeper in [each for each in counters if each > level]:
        del counters[deeper]
    counters[level] = counters.get(level, start - 1) + 1
    return f"{counters[level]}."


def paragraph_text(element: etree._Element) -> str:
    """Return what a paragraph says: its runs, breaks, fields and formulas."""
    parts: list[str] = []
    stack = list(reversed(element))
    while stack:
        each = stack.pop()
        name = local(each)
        if name == "t":
            parts.append(each.text or "")
        elif name == "br":
            parts.append("\n")
        elif name == "AlternateContent":
            stack += list(each)[:1]
        elif name not in {"pPr", "rPr", "endParaRPr"} and not (name == "fld" and value(each, "type") in _AUTOMATIC):
            stack += reversed(each)
    return squeeze("".join(parts))


def body_text(body: etree._Element | None) -> str:
    """Return the paragraphs of a text body as lines."""
    return "\n".join(each.text for each in paragraphs(body))


def table(element: etree._Element) -> str:
    """Return an a:tbl as markdown."""
    rows = [
        [_cell(cell) for cell in row if local(cell) == "tc" and value(cell, "hMerge") not in {"1", "true"}]
        for row in element
        if local(row) == "tr"
    ]
    texts, merges = grid(rows)
    return markdown(texts, merges)


def _cell(cell: etree._Element) -> Cell:
    goes_on = value(cell, "vMerge") in {"1", "true"}
    text = body_text(child(cell, "txBody"))
    return Cell(text, columns=number(value(cell, "gridSpan"), 1), goes_on=goes_on)


def chart(root: etree._Element) -> tuple[str, str]:
    """Return a chart's title and its numbers as a markdown table: one row a category, one column a series."""
    title = next((_rich_text(each) for each in root.iter("{*}title")), "")
    names: list[str] = []
    values: list[dict[int, str]] = []
    categories: dict[int, str] = {}
    for series in root.iter("{*}ser"):
        names.append(" ".join(_points(child(series, "tx")).values()) or _rich_text(child(series, "tx")))
        categories = categories or _points(child(series, "cat")) or _points(child(series, "xVal"))
        numbers = child(series, "val")
        values.append(_points(numbers if numbers is not None else child(series, "yVal")))
    places = sorted({*categories, *(place for each in values for place in each)})[:MAX_POINTS]
    rows = [[categories.get(place, ""), *(each.get(place, "") for each in values)] for place in places]
    return title, markdown([["", *names], *rows]) if any(names) or rows else ""


def _rich_text(element: etree._Element | None) -> str:
    """Return the words of a title or label that is written out."""
    if element is None:
        return ""
    return one_line(" ".join(paragraph_text(each) for each in element.iter("{*}p")))


def _points(element: etree._Element | None) -> dict[int, str]:
    """Return the cached values of a reference by their places."""
    found: dict[int, str] = {}
    for point in element.iter("{*}pt") if element is not None else ():
        text = one_line(child(point, "v").text or "") if child(point, "v") is not None else ""  # type: ignore[union-attr]
        if text and len(found) < MAX_POINTS:
            found[number(value(point, "idx"))] = _rounded(text)
    return found


def _rounded(text: str) -> str:
    """Return a number without the noise of floating point: "0.30000000000000004" is 0.3."""
    try:
        return f"{float(text):.12g}" if "." in text else text
    except ValueError:
        return text


def smart_art(root: etree._Element) -> str:
    """Return the words of a diagram's data part as a list, indented by who stands under whom."""
    texts = {value(each, "modelId"): body_text(child(each, "t")) for each in root.iter("{*}pt")}
    tops = [value(each, "modelId") for each in root.iter("{*}pt") if value(each, "type") == "doc"]
    below: dict[str, list[tuple[int, str]]] = {}
    for link in root.iter("{*}cxn"):
        if value(link, "type") in {"", "parOf"}:
            below.setdefault(value(link, "srcId"), []).append((number(value(link, "srcOrd")), value(link, "destId")))
    lines: list[str] = []
    seen: set[str] = set()
    stack = [(key, -1) for key in reversed(tops)]
    while stack and len(seen) < MAX_NODES:
        key, depth = stack.pop()
        if key in seen:
            continue
        seen.add(key)
        text = one_line(texts.get(key, ""))
        if text and depth >= 0:
            lines.append(f"{'  ' * depth}- {text}")
        under = depth + 1 if text or depth < 0 else depth
        stack += [(target, under) for _order, target in sorted(below.get(key, ()), reverse=True)]
    return "\n".join(lines) or "\n".join(f"- {one_line(text)}" for text in texts.values() if text)
