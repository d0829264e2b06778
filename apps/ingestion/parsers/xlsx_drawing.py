"""Reads what lies over a workbook's sheets: notes on cells, text boxes, charts, SmartArt and pictures."""

from collections.abc import Mapping

from lxml import etree

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.cleaning import one_line, squeeze
from apps.ingestion.parsers.docx_styles import child, local, value
from apps.ingestion.parsers.drawing import body_text, chart, smart_art
from apps.ingestion.parsers.ooxml import Package, Relation, reference

MAX_NOTES = 5_000
_THREADED = "[Threaded comment]"  # what Excel writes for programs that know no threads


def read_notes(package: Package, relations: Mapping[str, Relation]) -> list[str]:
    """Return the notes on a sheet's cells: "B4: who: what"."""
    notes: list[str] = []
    for relation in relations.values():
        if relation.kind not in {"comments", "threadedComment"}:
            continue
        root = package.spare_xml(relation.target)
        authors = [one_line(each.text or "") for each in root.iter("{*}author")] if root is not None else []
        for element in root.iter("{*}comment", "{*}threadedComment") if root is not None else ():
            text = squeeze("".join(each.text or "" for each in element.iter("{*}t", "{*}text")))
            at = value(element, "authorId")
            who = authors[int(at)] if at.isdecimal() and int(at) < len(authors) else ""
            is_signed = not who or who.startswith("tc=") or text.startswith(who)
            if text and not text.startswith(_THREADED):
                notes.append(": ".join([value(element, "ref"), *([] if is_signed else [who]), text]))
    return notes[:MAX_NOTES]


def read_drawing(builder: Builder, package: Package, part: str) -> None:
    """Add what a drawing holds, in its own order."""
    root = package.spare_xml(part)
    relations = package.relations(part)
    stack = list(reversed(root)) if root is not None else []
    while stack:
        element = stack.pop()
        name = local(element)
        if name == "AlternateContent":
            stack += list(element)[:1]
        elif name == "sp":
            builder.text(body_text(child(element, "txBody")))
        elif name == "pic":
            _picture(builder, package, element, relations)
        elif name == "graphicFrame":
            _frame(builder, package, element, relations)
        else:
            stack += reversed(element)


def _picture(builder: Builder, package: Package, element: etree._Element, relations: Mapping[str, Relation]) -> None:
    target = relations.get(reference(next(element.iter("{*}blip"), None), "embed"))
    names = next(element.iter("{*}cNvPr"), None)
    data = package.spare_bytes(target.target) if target and not target.is_external else b""
    builder.figure(data, value(names, "descr"))


def _frame(builder: Builder, package: Package, frame: etree._Element, relations: Mapping[str, Relation]) -> None:
    for element in frame.iter("{*}chart", "{*}relIds"):
        is_chart = local(element) == "chart"
        target = relations.get(reference(element) if is_chart else reference(element, "dm"))
        root = package.spare_xml(target.target) if target else None
        if root is None:
            continue
        if is_chart:
            title, numbers = chart(root)
            builder.block(title, "caption")
            builder.table(numbers)
        else:
            builder.block(smart_art(root), "list")
