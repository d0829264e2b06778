"""Looks at the objects of a PDF as they stand in the file, beside PDFium, which mends what it can and does not tell.

Objects are found by their words ("12 0 obj"), not by the table of places, and the last one of a number counts, as when
a reader rebuilds a damaged file. What cannot be seen (encrypted, in an unusual filter) is not there: those who ask
must not conclude anything from its absence.
"""

import mmap
import re
import time
import zlib
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

MAX_BYTES = 256 << 20
MAX_OBJECTS = 300_000
MAX_SECONDS = 2.0  # of CPU
MAX_PACKED = 64 << 20  # bytes unpacked of all object streams
MAX_CONTENT = 8 << 20  # bytes unpacked of one stream
MAX_DEPTH = 24
MAX_TOKENS = 400_000  # of one object
_TRAILER_TOKENS = 500
_HEAD = re.compile(rb"(?<!\d)(\d{1,9})[\0\t\n\f\r ]+\d{1,5}[\0\t\n\f\r ]*\Z")
_HEAD_BYTES = 32
_NEAR_BYTES = 262_144  # behind the start of a stream: there stands the number that tells its length, as a rule
_LENGTH = re.compile(rb"/Length[\0\t\n\f\r ]+(\d+)(?:[\0\t\n\f\r ]+\d+[\0\t\n\f\r ]+(R))?")
_INTEGER = re.compile(rb"[\0\t\n\f\r ]*(\d+)[\0\t\n\f\r ]*endobj")
_TOKEN = re.compile(
    rb"[\0\t\n\f\r ]*(?:%[^\r\n]*[\0\t\n\f\r ]*)*"
    rb"(<<|>>|\[|\]|/[^\0\t\n\f\r ()<>\[\]{}/%]*"  # a name
    rb"|\((?:[^()\\]|\\.|\((?:[^()\\]|\\.)*+\))*+\)?|<[^<>]*>"  # strings
    rb"|[^\0\t\n\f\r ()<>\[\]{}/%]+|.)",
    re.DOTALL,
)


class TooMuch(Exception):
    """There is more in the file than is looked at: it is not judged."""


class Ref(NamedTuple):
    """A reference to another object."""

    number: int


Bytes = bytes | mmap.mmap
Dictionary = dict[bytes, object]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object begins, and where the data of its stream do, -1 for others."""

    data: Bytes
    start: int
    stream: int = -1
    end: int = -1
    length: int = 0  # the number of the object that tells the stream's length


@dataclass(slots=True)
class Objects:
    """The objects of one file by number."""

    places: dict[int, Place] = field(default_factory=dict)
    roots: list[Ref] = field(default_factory=list)  # what trailers call the root, the newest last
    _known: dict[int, object] = field(default_factory=dict)
    _until: float = field(default_factory=lambda: time.process_time() + MAX_SECONDS)

    def go_on(self) -> None:
        """Raise TooMuch when the looking has taken too long."""
        if time.process_time() > self._until:
            raise TooMuch

    def get(self, number: int) -> object:
        """Return an object: a dictionary, a list, a reference or a word (bytes); None if it is not seen."""
        if number not in self._known:
            self.go_on()
            place = self.places.get(number)
            self._known[number] = parse(place.data, place.start) if place else None
        return self._known[number]

    def follow(self, value: object) -> object:
        """Return what a value stands for, by way of references; None for what is not seen, or goes in a circle."""
        for _step in range(MAX_DEPTH):
            if not isinstance(value, Ref):
                return value
            value = self.get(value.number)
        return None

    def dictionary(self, value: object) -> Dictionary:
        """Return the dictionary that a value stands for, an empty one for anything else."""
        found = self.follow(value)
        return found if isinstance(found, dict) else {}

    def having(self, words: Sequence[bytes]) -> set[int]:
        """Return the objects in whose text any of the words is found."""
        blobs: dict[int, list[tuple[int, int]]] = {}
        for number, place in self.places.items():
            blobs.setdefault(id(place.data), []).append((place.start, number))
        numbers = set()
        for starts in blobs.values():
            starts.sort()
            data = self.places[starts[0][1]].data
            for at in (at for word in words for at in _found(data, word)):
                holder = bisect_right(starts, (at, 0)) - 1
                if holder >= 0:
                    numbers.add(starts[holder][1])
        return numbers

    def content(self, number: int) -> bytes:
        """Return the unpacked data of a stream, b"" where its filter is not ours."""
        place = self.places.get(number)
        if place is None or place.stream < 0:
            return b""
        return unpacked(place.data[place.stream : place.end], self.dictionary(Ref(number)))


def unpacked(data: bytes, about: Dictionary, limit: int = MAX_CONTENT) -> bytes:
    """Return the data of a stream without its filter, as much as can be had; b"" for an unusual one."""
    filters = about.get(b"Filter")
    names = filters if isinstance(filters, list) else [filters] if filters else []
    if not names:
        return data[:limit]
    if names not in ([b"/FlateDecode"], [b"/Fl"]) or b"DecodeParms" in about:
        return b""
    try:
        return zlib.decompressobj().decompress(data.lstrip(b"\r\n"), limit)
    except zlib.error:
        return b""


def objects_of(data: Bytes) -> Objects:
    """Return the objects in a file's bytes. Raises TooMuch."""
    found = Objects()
    packed: list[int] = []
    roots: list[tuple[int, Ref]] = []
    for count, (number, place) in enumerate(_top_level(data)):
        if count % 64 == 0:
            found.go_on()
        found.places[number] = place
        if place.stream >= 0:
            if data.find(b"/ObjStm", place.start, place.stream) >= 0:
                packed.append(number)
            elif data.find(b"/XRef", place.start, place.stream) >= 0:
                roots += _root(data, place.start)
        if len(found.places) > MAX_OBJECTS:
            raise TooMuch
    _unpack(found, packed)
    for at in _found_outside(found, data, b"trailer"):
        found.go_on()
        roots += _root(data, at + len(b"trailer"))
    found.roots = [root for _at, root in sorted(roots)]
    return found


def _root(data: Bytes, start: int) -> list[tuple[int, Ref]]:
    """Return where a trailer stands, and its root, if it names one."""
    about = parse(data, start, _TRAILER_TOKENS)
    root = about.get(b"Root") if isinstance(about, dict) else None
    return [(start, root)] if isinstance(root, Ref) else []


def _found(data: Bytes, word: bytes) -> Iterator[int]:
    at = data.find(word)
    while at >= 0:
        yield at
        at = data.find(word, at + len(word))


def _found_outside(found: Objects, data: Bytes, word: bytes) -> Iterator[int]:
    """Yield where a word stands in the file, but not within streams."""
    streams = sorted((place.stream, place.end) for place in found.places.values() if place.stream >= 0)
    for at in _found(data, word):
        before = bisect_right(streams, (at, 0)) - 1
        if before < 0 or streams[before][1] <= at:
            yield at


class _Words:
    """Finds words ahead; each byte is looked at once for each word, however often one asks."""

    def __init__(self, data: Bytes) -> None:
        self._data = data
        self._next: dict[bytes, int] = {}

    def after(self, word: bytes, at: int) -> int:
        """Return where a word stands next, the end of the data if nowhere; `at` never goes back."""
        found = self._next.get(word, -1)
        if found < at:
            found = self._data.find(word, at)
            self._next[word] = found = len(self._data) if found < 0 else found
        return found


def _top_level(data: Bytes) -> Iterator[tuple[int, Place]]:
    """Yield the objects that stand in the file itself; what looks like one within a stream is jumped over."""
    words = _Words(data)
    at = data.find(b"obj")
    while at >= 0:
        head = None if data[at - 3 : at] == b"end" else _HEAD.search(data[max(0, at - _HEAD_BYTES) : at])
        start = at + 3
        if head is None:
            at = data.find(b"obj", start)
            continue
        stream = words.after(b"stream", start)
        if stream >= min(
            words.after(b"endobj", start), words.after(b" obj", start)
        ):  # its end, or the next one's begin
            yield int(head[1]), Place(data, start)
            at = data.find(b"obj", start)
            continue
        told = _LENGTH.search(data, start, stream)
        stream += 8 if data[stream + 6 : stream + 8] == b"\r\n" else 7
        end = _end_of_stream(data, stream, told)
        yield int(head[1]), Place(data, start, stream, end, int(told[1]) if told and told[2] else 0)
        at = data.find(b"obj", end)


def _end_of_stream(data: Bytes, stream: int, told: re.Match[bytes] | None) -> int:
    """Return where the data of a stream end: by its length if that is right, else at the next "endstream"."""
    if told:
        size = int(told[1])
        if told[2]:
            target = data.find(b"\n%d 0 obj" % size, stream, stream + _NEAR_BYTES)
            number = _INTEGER.match(data, data.find(b"obj", target) + 3) if target >= 0 else None
            size = int(number[1]) if number else -1
        if size >= 0 and data[stream + size : stream + size + 12].lstrip().startswith(b"endstream"):
            return stream + size
    end = data.find(b"endstream", stream)
    return len(data) if end < 0 else end


def _unpack(found: Objects, packed: list[int]) -> None:
    """Add the objects that stand in object streams (ISO 32000-1, 7.5.7)."""
    room = MAX_PACKED
    for number in packed:
        found.go_on()
        about = found.get(number)
        place = found.places[number]
        if room <= 0:
            raise TooMuch
        if not isinstance(about, dict):
            continue
        inner = unpacked(place.data[place.stream : place.end], about, room)
        room -= len(inner)
        first = _whole(about.get(b"First"))
        numbers = inner[:first].split()
        for at in range(0, len(numbers) - 1, 2):
            if numbers[at].isdigit() and numbers[at + 1].isdigit():
                found.places[int(numbers[at])] = Place(inner, first + int(numbers[at + 1]))


def _whole(value: object) -> int:
    return int(value) if isinstance(value, bytes) and value.isdigit() else 0


def parse(data: Bytes, start: int, limit: int = MAX_TOKENS) -> object:
    """Return the object that is written at `start`, as far as the limit; None where there is none. Strings are b"("."""
    tokens = islice(_tokens(data, start), limit)
    return _read(tokens, next(tokens, b""), 0)


def _tokens(data: Bytes, start: int) -> Iterator[bytes]:
    at = start
    while found := _TOKEN.match(data, at):
        yield found[1]
        at = found.end()


def _read(tokens: Iterator[bytes], token: bytes, depth: int) -> object:
    """Return the value that begins with `token`."""
    if depth > MAX_DEPTH or token in {b"", b">>", b"]", b"endobj", b"stream"}:
        return None
    if token == b"<<":
        values = _values(tokens, b">>", depth)
        keys = zip(values[::2], values[1::2], strict=False)
        return {key[1:]: value for key, value in keys if isinstance(key, bytes) and key[:1] == b"/"}
    if token == b"[":
        return _values(tokens, b"]", depth)
    return token


def _values(tokens: Iterator[bytes], end: bytes, depth: int) -> list[object]:
    """Return the values up to the token that ends them; two numbers and R are a reference."""
    values: list[object] = []
    for token in tokens:
        if token in {end, b"endobj", b"stream", b"endstream"}:
            break
        if token == b"R" and len(values) > 1 and (number := _whole(values[-2])):
            values[-2:] = [Ref(number)]
        elif token[:1] not in {b"(", b">", b"]"} or token == b"(":
            values.append(_read(tokens, token, depth + 1))
        else:
            values.append(b"(")
    return values
