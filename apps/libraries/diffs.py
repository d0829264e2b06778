"""What changed between two versions of a document, chunk by chunk, and inside a changed chunk word by word.

Only the current version has chunks in the search; those of a version that was replaced are kept packed beside it.
"""

import gzip
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal
from uuid import UUID

from apps.libraries.models import Chunk, DocumentVersion, FormerChunks

ChangeKind = Literal["same", "changed", "added", "removed"]
Op = Literal["same", "added", "removed"]
ALIKE = 0.4  # share of common words above which a removed and an added chunk are one that changed
MOST_WORDS = 4_000  # of both texts; beyond that a changed chunk is shown whole, before and after
NEAR = 4  # chunks on either side among which a changed one looks for its counterpart
_WORD = re.compile(r"[^\W_]*[a-zA-Z0-9][\w'’.-]*|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Side:
    """A chunk in one version. `number` and `page` count from 1; `chunk_id` is None where the row is gone."""

    number: int
    text: str
    heading_path: tuple[str, ...] = ()
    page: int | None = None
    chunk_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Piece:
    """Part of a changed chunk's text: in both versions, only in the new one, or only in the old one."""

    op: Op
    text: str


@dataclass(frozen=True, slots=True)
class Change:
    """A chunk of the comparison, in reading order; `old` is None where it was added, `new` where it was removed."""

    kind: ChangeKind
    old: Side | None
    new: Side | None
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """How many chunks of each kind."""

    same: int = 0
    changed: int = 0
    added: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True)
class VersionDiff:
    """The comparison; `is_known` is False where a version never had chunks, or had them before they were kept."""

    changes: tuple[Change, ...]
    counts: Counts
    is_known: bool = True


def diff(old: DocumentVersion, new: DocumentVersion) -> VersionDiff:
    """Compare the chunks of two versions of one document."""
    before, after = sides_of(old), sides_of(new)
    if before is None or after is None:
        return VersionDiff((), Counts(), is_known=False)
    return compare(before, after)


def sides_of(version: DocumentVersion) -> list[Side] | None:
    """Return a version's chunks as they are or were searched, None where that is not known."""
    former = FormerChunks.objects.filter(version=version).first()
    rows = _current(version)
    if rows or former is None:
        return rows or None
    return _unpacked(bytes(former.packed))


def keep_former(version: DocumentVersion) -> None:
    """Keep the chunks of the version that is about to be replaced; call it in the transaction of the switch."""
    sides = _current(version)
    if sides:
        FormerChunks.objects.update_or_create(version=version, defaults={"packed": _packed(sides)})


def compare(before: Sequence[Side], after: Sequence[Side]) -> VersionDiff:
    """Return the changes from one list of chunks to another, in reading order."""
    changes = tuple(_changes(before, after))
    kinds = [change.kind for change in changes]
    counts = Counts(kinds.count("same"), kinds.count("changed"), kinds.count("added"), kinds.count("removed"))
    return VersionDiff(changes, counts)


def word_pieces(old: str, new: str) -> tuple[Piece, ...]:
    """Return both texts as one: what stayed, what went, what came. A Han character is a word."""
    left, right = _WORD.findall(old), _WORD.findall(new)
    if len(left) + len(right) > MOST_WORDS:
        return (Piece("removed", old), Piece("added", new))
    pieces: list[Piece] = []
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, left, right, autojunk=False).get_opcodes():
        if tag == "equal":
            pieces.append(Piece("same", "".join(left[i1:i2])))
            continue
        if i2 > i1:
            pieces.append(Piece("removed", "".join(left[i1:i2])))
        if j2 > j1:
            pieces.append(Piece("added", "".join(right[j1:j2])))
    return tuple(pieces)


def _changes(before: Sequence[Side], after: Sequence[Side]) -> Iterator[Change]:
    left, right = ([(side.heading_path, side.text) for side in sides] for sides in (before, after))
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, left, right, autojunk=True).get_opcodes():
        if tag == "equal":
            yield from (Change("same", old, new) for old, new in zip(before[i1:i2], after[j1:j2], strict=True))
        else:
            yield from _replaced(before[i1:i2], after[j1:j2])


def _replaced(gone: Sequence[Side], come: Sequence[Side]) -> Iterator[Change]:
    """Yield chunks that differ: those that are alike as one changed chunk, the rest as removed or added."""
    words = [frozenset(_WORD.findall(side.text)) for side in gone]
    first = 0
    for at, new in enumerate(come):
        match = _counterpart(words, frozenset(_WORD.findall(new.text)), first, first + at + NEAR)
        if match is None:
            yield Change("added", None, new, (Piece("added", new.text),))
            continue
        yield from (Change("removed", old, None, (Piece("removed", old.text),)) for old in gone[first:match])
        old = gone[match]
        yield Change("changed", old, new, word_pieces(old.text, new.text))
        first = match + 1
    yield from (Change("removed", old, None, (Piece("removed", old.text),)) for old in gone[first:])


def _counterpart(gone: Sequence[frozenset[str]], new: frozenset[str], first: int, last: int) -> int | None:
    """Return the place of the old chunk in [first, last) that has most in common with a new one."""
    best, chosen = ALIKE, None
    for at in range(first, min(last, len(gone))):
        alike = len(gone[at] & new) / max(1, len(gone[at] | new))
        if alike > best:
            best, chosen = alike, at
    return chosen


def _current(version: DocumentVersion) -> list[Side]:
    rows = Chunk.objects.filter(version=version).order_by("ordinal")
    values = rows.values_list("ordinal", "text", "heading_path", "page_from", "pk")
    return [Side(ordinal + 1, text, tuple(path), page, pk) for ordinal, text, path, page, pk in values]


def _packed(sides: Sequence[Side]) -> bytes:
    lines = (json.dumps([side.number, side.text, side.heading_path, side.page], ensure_ascii=False) for side in sides)
    return gzip.compress("\n".join(lines).encode(), compresslevel=5)


def _unpacked(packed: bytes) -> list[Side]:
    rows = (json.loads(line) for line in gzip.decompress(packed).decode().split("\n"))
    return [Side(number, text, tuple(path), page) for number, text, path, page in rows]
