"""Reads what a paragraph of a Word document says, and what hangs on it: notes, comments, text boxes, drawings."""

from dataclasses import dataclass, field

from lxml import etree

from apps.ingestion.parsers.cleaning import squeeze
from apps.ingestion.parsers.docx_styles import child, local, value

_GONE = frozenset(
    [
        *("del", "moveFrom", "instrText", "delText", "delInstrText", "pPr", "rPr", "sdtPr", "tcPr", "trPr", "tblPr"),
        *("fldChar", "annotationRef", "footnoteRef", "endnoteRef", "ctrlPr"),
    ]
)
_SPACES = {"tab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-", "ptab": "\t"}
_NOTES = {"footnoteReference": "footnote", "endnoteReference": "endnote", "commentReference": "comment"}
_DRAWN = frozenset(["drawing", "pict", "object"])
# What stands between the parts of a formula.
_SIGNS = {"f": "/", "rad": "√", "nary": "∫", "sup": "^", "sub": "_", "d": ""}


@dataclass(slots=True)
class Paragraph:
    """The words of a paragraph in the order of its runs, and what hangs on it."""

    parts: list[str] = field(default_factory=list)
    boxes: list[etree._Element] = field(default_factory=list)
    drawings: list[etree._Element] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)  # kind and id

    @property
    def text(self) -> str:
        """Return the words as they read."""
        return squeeze("".join(self.parts))


def gather(paragraph: etree._Element) -> Paragraph:
    """Return what a paragraph says; tracked changes are read as accepted, hidden text is left out."""
    found = Paragraph()
    stack = list(reversed(paragraph))
    while stack:
        element = stack.pop()
        name = local(element)
        if name == "t":
            found.parts.append(element.text or "")
        elif name in _SPACES:
            found.parts.append(_SPACES[name])
        elif name in _NOTES:
            found.notes.append((_NOTES[name], value(element, "id")))
        elif name in _DRAWN or name == "txbxContent":
            _set_aside(element, name, found)
        elif name == "AlternateContent":  # the same thing twice: for new and for old readers
            stack += list(element)[:1]
        elif name not in _GONE and not _is_hidden(element, name):
            stack += _children(element, name)
    return found


def _children(element: etree._Element, name: str) -> list[etree._Element]:
    """Return an element's children, last first; those of a formula with its signs between them."""
    children = list(element)
    if name in _SIGNS and "/math" in str(element.tag):
        properties = child(element, f"{name}Pr")
        if name == "d":
            children = [
                _written(value(child(properties, "begChr")) or "("),
                *children,
                _written(value(child(properties, "endChr")) or ")"),
            ]
        else:
            sign = value(child(properties, "chr")) or _SIGNS[name]
            at = next((at for at, each in enumerate(children) if local(each) == "den"), 0)
            children.insert(at, _written(sign))
    return children[::-1]


def _written(sign: str) -> etree._Element:
    element = etree.Element("t")
    element.text = sign
    return element


def _set_aside(element: etree._Element, name: str, found: Paragraph) -> None:
    """Keep a drawing or text box apart; the boxes in a drawing are found too."""
    if name == "txbxContent":
        found.boxes.append(element)
        return
    found.drawings.append(element)
    boxes = [each for each in element.iter("{*}txbxContent") if not _is_fallback(each, element)]
    found.boxes += boxes


def _is_fallback(element: etree._Element, top: etree._Element) -> bool:
    """Return whether an element stands in what is for old readers only, or in another text box."""
    above = element.getparent()
    while above is not None and above is not top:
        if local(above) in {"Fallback", "txbxContent"}:
            return True
        above = above.getparent()
    return False


def _is_hidden(element: etree._Element, name: str) -> bool:
    """Return whether a run is not shown."""
    if name != "r":
        return False
    hidden = child(child(element, "rPr"), "vanish")
    return hidden is not None and value(hidden) not in {"0", "false", "off"}
