"""Reads the text of PowerPoint files before 2007 without LibreOffice: titles, bodies and notes by slide ([MS-PPT]).

Less than LibreOffice gives: no tables, pictures or places.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.cleaning import one_line
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import ParsedDocument

MAX_RECORDS = 2_000_000
MAX_DEPTH = 64
_LISTED, _SLIDE, _NOTES = 4_080, 1_006, 1_008  # SlideListWithText, Slide, Notes
_PERSIST, _NOTES_ATOM, _HEADER, _CHARS, _BYTES = 1_011, 1_009, 3_999, 4_000, 4_008
_TITLES = (0, 6)  # kinds of text: title, centred title
_NOTES_TEXT = 2
_SLIDES_INSTANCE = 0  # of the list; 1 for masters, 2 for notes
_CONTAINER = 0xF


@dataclass(slots=True)
class _Slide:
    """What one slide says."""

    key: int = 0
    titles: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, kind: int, text: str) -> None:
        """Add a text once; the list of slides and the slide itself may both hold it."""
        place = self.titles if kind in _TITLES else self.notes if kind == _NOTES_TEXT else self.texts
        if text.strip("* \n") and text not in (*self.titles, *self.texts, *self.notes):
            place.append(text)


@dataclass(frozen=True, slots=True)
class _Record:
    """A record: its type and instance, and where its contents lie."""

    kind: int
    instance: int
    start: int
    end: int


def read(task: Task, stream: bytes) -> ParsedDocument:
    """Return the blocks of a presentation from its stream "PowerPoint Document". Raises Refused."""
    slides = _slides(stream)
    if len(slides) > task.limits.max_pages:
        raise Refused("too-many-pages", pages=len(slides), limit=task.limits.max_pages)
    builder = Builder(task)
    title = ""
    for page, slide in enumerate(slides, 1):
        builder.turn_to(page)
        heading = one_line(" ".join(slide.titles))
        title = title or heading
        builder.heading(heading, 1)
        for text in slide.texts:
            builder.text(text)
        for text in slide.notes:
            builder.block(text, "note")
    return builder.finish(pages=len(slides), title=title)


def _slides(stream: bytes) -> list[_Slide]:
    """Return the slides: what the list of slides holds, then what stands in their own records."""
    records = [each for each in _records(stream, 0, len(stream)) if each.kind in {_LISTED, _SLIDE, _NOTES}]
    lists = [each for each in records if each.kind == _LISTED and each.instance == _SLIDES_INSTANCE]
    slides = list(_listed(stream, lists[0])) if lists else []
    own = [each for each in records if each.kind == _SLIDE]
    slides += [_Slide() for _missing in own[len(slides) :]]
    for slide, record in zip(slides, own, strict=False):
        for kind, text in _texts(stream, record):
            slide.add(kind, text)
    by_key = {slide.key: slide for slide in slides if slide.key}
    for record in records:
        if record.kind == _NOTES and (noted := by_key.get(_noted_slide(stream, record))):
            for _kind, text in _texts(stream, record):
                noted.add(_NOTES_TEXT, text)
    return slides


def _listed(stream: bytes, record: _Record) -> Iterator[_Slide]:
    """Yield the slides of a list of slides with their texts."""
    slide: _Slide | None = None
    kind = 1
    for each in _records(stream, record.start, record.end):
        if each.kind == _PERSIST:
            if slide is not None:
                yield slide
            slide = _Slide(key=_number(stream, each, 12))
        elif each.kind == _HEADER:
            kind = _number(stream, each, 0)
        elif slide is not None and each.kind in {_CHARS, _BYTES}:
            slide.add(kind, _decoded(stream, each))
    if slide is not None:
        yield slide


def _noted_slide(stream: bytes, record: _Record) -> int:
    """Return the key of the slide that notes belong to; 0 for the master of all notes."""
    atoms = (each for each in _records(stream, record.start, record.end) if each.kind == _NOTES_ATOM)
    found = next(atoms, None)
    return _number(stream, found, 0) if found is not None else 0


def _number(stream: bytes, record: _Record, offset: int) -> int:
    """Return a number within a record, 0 where it is too short."""
    at = record.start + offset
    return int.from_bytes(stream[at : at + 4], "little") if at + 4 <= record.end else 0


def _texts(stream: bytes, record: _Record) -> Iterator[tuple[int, str]]:
    """Yield (kind, text) of the text boxes within a slide."""
    kind = 1
    for each in _records(stream, record.start, record.end):
        if each.kind == _HEADER:
            kind = _number(stream, each, 0)
        elif each.kind in {_CHARS, _BYTES}:
            yield kind, _decoded(stream, each)


def _decoded(stream: bytes, record: _Record) -> str:
    data = stream[record.start : record.end]
    text = data.decode("utf-16-le" if record.kind == _CHARS else "latin-1", errors="replace")
    return text.replace("\r", "\n").replace("\x0b", "\n")


def _records(stream: bytes, start: int, end: int) -> Iterator[_Record]:
    """Yield the records in a range, each before those within it ([MS-PPT] 2.3.1)."""
    stack = [(start, end)]
    count = 0
    while stack:
        at, stop = stack.pop()
        if at + 8 > stop:
            continue
        count += 1
        if count > MAX_RECORDS:
            raise Refused("broken", reason="records")
        head, kind, size = struct.unpack_from("<HHI", stream, at)
        record = _Record(kind, head >> 4, at + 8, min(stop, at + 8 + size))
        yield record
        stack.append((record.end, stop))
        if head & _CONTAINER == _CONTAINER and len(stack) < MAX_DEPTH:
            stack.append((record.start, record.end))
