"""Finds the shapes of a slide: where they stand, groups resolved, placeholders placed as their layout says."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from lxml import etree

from apps.ingestion.parsers.docx_styles import child, local, number, value
from apps.ingestion.parsers.slide_order import Frame

MAX_SHAPES = 5_000  # of a slide
_SHAPES = frozenset(["sp", "pic", "graphicFrame", "cxnSp"])
_TITLES = frozenset(["title", "ctrTitle"])
_FURNITURE = frozenset(["dt", "ftr", "sldNum", "hdr"])


@dataclass(frozen=True, slots=True)
class Placeholder:
    """What a placeholder is for, by which its layout and master know it."""

    kind: str
    index: str


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape and its place on the slide, None if nobody says."""

    element: etree._Element
    frame: Frame | None
    placeholder: Placeholder | None

    @property
    def is_title(self) -> bool:
        """Return whether it holds the slide's title."""
        return self.placeholder is not None and self.placeholder.kind in _TITLES

    @property
    def is_furniture(self) -> bool:
        """Return whether it repeats on every slide: date, footer, number."""
        return self.placeholder is not None and self.placeholder.kind in _FURNITURE


@dataclass(frozen=True, slots=True)
class _Scale:
    """How a group's own units become fractions of the slide: place * scale + offset."""

    x: float
    y: float
    dx: float = 0.0
    dy: float = 0.0


Places = Mapping[Placeholder, Frame]


def shapes(tree: etree._Element | None, size: tuple[int, int], inherited: Places) -> Iterator[Shape]:
    """Yield the shapes of a slide as they are stacked; `size` is the slide's in EMU."""
    whole = _Scale(1 / max(1, size[0]), 1 / max(1, size[1]))
    stack = [(each, whole) for each in reversed(tree)] if tree is not None else []
    count = 0
    while stack and count < MAX_SHAPES:
        element, scale = stack.pop()
        name = local(element)
        if name == "AlternateContent":
            stack += [(each, scale) for each in reversed(list(element)[:1])]
        elif name in {"Choice", "Fallback"}:
            stack += [(each, scale) for each in reversed(element)]
        elif name == "grpSp":
            inner = _inside(child(child(element, "grpSpPr"), "xfrm"), scale)
            stack += [(each, inner) for each in reversed(element)]
        elif name in _SHAPES and not _is_hidden(element):
            count += 1
            yield _shape(element, scale, inherited)


def places(tree: etree._Element | None, size: tuple[int, int], inherited: Places) -> Places:
    """Return where the placeholders of a layout or master stand."""
    found = {**inherited}
    for shape in shapes(tree, size, inherited):
        if shape.placeholder is not None and shape.frame is not None:
            found[shape.placeholder] = shape.frame
            found.setdefault(replace(shape.placeholder, index=""), shape.frame)
    return found


def _shape(element: etree._Element, scale: _Scale, inherited: Places) -> Shape:
    placeholder = _placeholder(element)
    own = child(element, "xfrm") if local(element) == "graphicFrame" else child(child(element, "spPr"), "xfrm")
    frame = _frame(own, scale)
    if frame is None and placeholder is not None:
        frame = next((inherited[known] for known in _likenesses(placeholder) if known in inherited), None)
    return Shape(element, frame, placeholder)


def _likenesses(placeholder: Placeholder) -> Iterator[Placeholder]:
    """Yield a placeholder as its layout, then as its master may know it."""
    kinds = {"ctrTitle": "title", "subTitle": "body", "obj": "body"}
    yield placeholder
    yield Placeholder("obj", placeholder.index)
    yield Placeholder("body", placeholder.index)
    for kind in (placeholder.kind, kinds.get(placeholder.kind, "body")):
        yield Placeholder(kind, "")


def described(element: etree._Element) -> etree._Element | None:
    """Return the element with a shape's id, name and alternative text."""
    return child(next((each for each in element if local(each).startswith("nv")), None), "cNvPr")


def _is_hidden(element: etree._Element) -> bool:
    return value(described(element), "hidden") in {"1", "true"}


def _placeholder(element: etree._Element) -> Placeholder | None:
    outer = next((each for each in element if local(each).startswith("nv")), None)
    found = child(child(outer, "nvPr"), "ph")
    return None if found is None else Placeholder(value(found, "type") or "obj", value(found, "idx"))


def _frame(transform: etree._Element | None, scale: _Scale) -> Frame | None:
    offset, extent = child(transform, "off"), child(transform, "ext")
    if offset is None or extent is None:
        return None
    x, y = number(value(offset, "x")), number(value(offset, "y"))
    x1, y1 = x + number(value(extent, "cx")), y + number(value(extent, "cy"))
    return Frame(x * scale.x + scale.dx, y * scale.y + scale.dy, x1 * scale.x + scale.dx, y1 * scale.y + scale.dy)


def _inside(transform: etree._Element | None, scale: _Scale) -> _Scale:
    """Return the scale of a group's children (ECMA-376 20.1.7.6: chOff and chExt are mapped to off and ext)."""
    frame = _frame(transform, scale)
    inner, extent = child(transform, "chOff"), child(transform, "chExt")
    width, height = number(value(extent, "cx")), number(value(extent, "cy"))
    if frame is None or inner is None or not width or not height:
        return scale
    x, y = (frame.x1 - frame.x0) / width, (frame.y1 - frame.y0) / height
    return _Scale(x, y, frame.x0 - number(value(inner, "x")) * x, frame.y0 - number(value(inner, "y")) * y)
