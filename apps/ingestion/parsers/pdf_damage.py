"""Finds out whether a PDF contradicts itself so that nobody can know what it says (ADR 0015).

PDFium mends much of what is broken and reads the rest; what it left out, nobody sees. Faults that leave the text whole
are none of ours: a wrong table of places, wrong counts, a missing end. Three are, since there is no right reading:
a root that is no catalog, a tree of pages or a length that leads back to itself, and a drawing that draws itself.
"""

import contextlib
import mmap
import re
from collections.abc import Container, Iterable, Mapping, Set
from pathlib import Path

from apps.ingestion.parsers.pdf_objects import MAX_BYTES, Dictionary, Objects, Ref, TooMuch, objects_of
from apps.ingestion.parsers.types import Refused

MAX_NODES = 3_000  # drawings of one file that are looked at
MAX_BRANCHES = 50_000  # of the tree of pages, still to be looked at
MAX_LETTERS = 500  # of a font
_DRAWINGS = (b"/Form", b"/PatternType", b"/CharProcs")
# How a content calls other drawings, by the dictionary of its resources that holds them: "/Name Do", "/Name 12 Tf" …
_NAME = rb"/([^\0\t\n\f\r ()<>\[\]{}/%]+)[\0\t\n\f\r ]+"
_CALLS = {
    b"XObject": re.compile(_NAME + rb"Do\b"),
    b"Font": re.compile(_NAME + rb"[-+.\d]+[\0\t\n\f\r ]+Tf\b"),
    b"Pattern": re.compile(_NAME + rb"(?:scn|SCN)\b"),
    b"ExtGState": re.compile(_NAME + rb"gs\b"),
}
Call = tuple[bytes, bytes, int]  # the dictionary and the name by which a content calls a drawing, and its number


def refuse_damaged(path: str) -> None:
    """Raise Refused `self-reference` or `missing-part` for a PDF that contradicts itself."""
    with Path(path).open("rb") as file:
        size = file.seek(0, 2)
        if not 0 < size <= MAX_BYTES:
            return
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data, contextlib.suppress(TooMuch):
            judge(objects_of(data))


def judge(objects: Objects) -> None:
    """Raise Refused for objects that contradict each other."""
    _judge_root(objects)
    _judge_lengths(objects)
    _judge_pages(objects)
    _judge_drawings(objects)


def _judge_lengths(objects: Objects) -> None:
    """Refuse a stream whose length is told by what has to be read with that length."""
    for number, place in objects.places.items():
        seen = {number}
        at = place.length
        while at and at not in seen:
            seen.add(at)
            told = objects.places.get(at)
            at = told.length if told else 0
        if at:
            raise Refused("self-reference")


def _judge_root(objects: Objects) -> None:
    """Refuse a file whose newest trailer calls something else its root: two files are mixed up in it."""
    root = _root(objects)
    if root and b"Pages" not in root and root.get(b"Type") != b"/Catalog":
        raise Refused("missing-part", part="Root")


def _root(objects: Objects) -> Dictionary:
    return objects.dictionary(objects.roots[-1]) if objects.roots else {}


def _judge_pages(objects: Objects) -> None:
    """Refuse a tree of pages that leads back to itself."""
    inner = objects.having([b"/Kids"])
    above: list[int] = []
    waiting: list[tuple[int, object]] = [(0, _root(objects).get(b"Pages"))]  # with the depth
    while waiting:
        objects.go_on()
        depth, node = waiting.pop()
        del above[depth:]
        if isinstance(node, Ref):
            if node.number in above:
                raise Refused("self-reference")
            above.append(node.number)
        kids = objects.follow(objects.dictionary(node).get(b"Kids"))
        branches = [kid for kid in kids if _is_branch(kid, inner)] if isinstance(kids, list) else []
        waiting += [(len(above), kid) for kid in branches]
        if len(waiting) > MAX_BRANCHES:
            raise TooMuch


def _is_branch(kid: object, inner: Container[int]) -> bool:
    """Return whether a kid has kids of its own; the others are pages, as nearly all are."""
    return kid.number in inner if isinstance(kid, Ref) else isinstance(kid, dict)


def _judge_drawings(objects: Objects) -> None:
    """Refuse forms, patterns and fonts that are drawn with themselves; those that could be, but are not, are common."""
    nodes = _nodes(objects)
    if not nodes or len(nodes) > MAX_NODES:
        return
    known: dict[int, list[Call]] = {}
    calls: dict[int, list[Call]] = {}
    for number, node in nodes.items():
        objects.go_on()
        resources = objects.dictionary(node[b"Resources"])  # often the same for all
        if id(resources) not in known:
            known[id(resources)] = _calls(objects, resources, nodes)
        calls[number] = known[id(resources)]
    circle = _in_circles({number: {target for _kind, _name, target in found} for number, found in calls.items()})
    if circle and _in_circles({at: _used(objects, at, nodes[at], calls[at]) & circle for at in circle}):
        raise Refused("self-reference")


def _nodes(objects: Objects) -> dict[int, Dictionary]:
    """Return the drawings that have resources of their own: forms, patterns, and fonts whose letters are drawings."""
    nodes = {}
    for number in objects.having(_DRAWINGS):
        node = objects.dictionary(Ref(number))
        if b"Resources" in node and (
            node.get(b"Subtype") == b"/Form" or b"PatternType" in node or b"CharProcs" in node
        ):
            nodes[number] = node
    return nodes


def _calls(objects: Objects, resources: Dictionary, nodes: Container[int]) -> list[Call]:
    """Return the drawings that a content with these resources could call."""
    found = []
    for kind in _CALLS:
        for name, value in objects.dictionary(resources.get(kind)).items():
            target = value
            if kind == b"ExtGState":
                target = objects.dictionary(objects.dictionary(value).get(b"SMask")).get(b"G")
            if isinstance(target, Ref) and target.number in nodes:
                found.append((kind, name, target.number))
    return found


def _used(objects: Objects, number: int, node: Dictionary, calls: Iterable[Call]) -> set[int]:
    """Return the drawings that a drawing does call."""
    objects.go_on()
    letters = [letter for letter in objects.dictionary(node.get(b"CharProcs")).values() if isinstance(letter, Ref)]
    parts = [letter.number for letter in letters[:MAX_LETTERS]] if letters else [number]
    content = b"\n".join(map(objects.content, parts))
    named = {(kind, name) for kind, pattern in _CALLS.items() for name in pattern.findall(content)}
    return {target for kind, name, target in calls if (kind, name) in named}


def _in_circles(graph: Mapping[int, Set[int]]) -> set[int]:
    """Return the nodes that lie on a circle or lead to one."""
    callers: dict[int, list[int]] = {number: [] for number in graph}
    open_ends = {number: len(targets) for number, targets in graph.items()}
    for number, targets in graph.items():
        for target in targets:
            callers[target].append(number)
    done = [number for number, count in open_ends.items() if not count]
    for number in done:  # grows while it is walked over
        for caller in callers[number]:
            open_ends[caller] -= 1
            if not open_ends[caller]:
                done.append(caller)
    return set(graph) - set(done)
