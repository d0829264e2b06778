"""Reads a file together with the files inside it, without rows or jobs: for commands that look at parsing alone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePath
from tempfile import NamedTemporaryFile

from apps.ingestion.parse_errors import Container, NoParts, ParseError
from apps.ingestion.parsers.host import Reading, read
from apps.ingestion.parsers.plain import plain_text
from apps.ingestion.parsers.types import Kind, Task
from apps.libraries.types import Attached, ParsedDocument


@dataclass(frozen=True, slots=True)
class PartRead:
    """A file inside the file: `code` says why it was not read, "" where it was."""

    name: str
    folder: str
    code: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Whole:
    """A file that was read with its parts; `text` is that of all, `peak_mib` the most that one child needed."""

    kind: Kind
    parsed: ParsedDocument
    text: str
    seconds: float
    peak_mib: float
    parts: tuple[PartRead, ...] = ()


def read_whole(task: Task, *, is_opened: bool = False) -> Whole:
    """Return the file and all that is in it, as deep as the limits allow. A part that cannot be read tells its code.

    Raises a ParseError; for a mere container Container, or NoParts where nothing in it can be read, unless `is_opened`
    asks for the parts of such a file too.
    """
    with read(task) as reading:
        wholes = list(_parts(reading, task))
        parsed = reading.parsed
        own = plain_text(reading.kind, parsed)
        parts = tuple(part for part, _whole in wholes)
        if not parsed.blocks and not any(part.text for part in parts):
            raise NoParts(entries=len(parts))
        if not parsed.blocks and not is_opened:
            raise Container(entries=len(parts))
        below = [whole for _part, whole in wholes if whole is not None]
        return Whole(
            kind=reading.kind,
            parsed=parsed,
            text="\n\n".join(filter(None, [own, *(f"{part.name}\n\n{part.text}" for part in parts if part.text)])),
            seconds=reading.seconds + sum(whole.seconds for whole in below),
            peak_mib=max(reading.peak_mib, *(whole.peak_mib for whole in below), 0.0),
            parts=parts,
        )


def _parts(reading: Reading, task: Task) -> Iterator[tuple[PartRead, Whole | None]]:
    limits = replace(task.limits, max_depth=task.limits.max_depth - 1)
    for attached in reading.parsed.attached:
        reason = attached.reason or ("too-deep" if limits.max_depth < 0 else "")
        if attached.data is None or reason:
            yield PartRead(attached.name, attached.folder, reason), None
            continue
        try:
            whole = _read_part(reading, attached, replace(task, limits=limits))
        except ParseError as error:
            yield PartRead(attached.name, attached.folder, error.code), None
        else:
            yield PartRead(attached.name, attached.folder, "", whole.text), whole


def _read_part(reading: Reading, attached: Attached, task: Task) -> Whole:
    with NamedTemporaryFile(suffix=PurePath(attached.name).suffix[:10]) as copy:
        for piece in reading.pieces(attached.data) if attached.data else ():
            copy.write(piece)
        copy.flush()
        return read_whole(replace(task, path=copy.name, name=attached.name), is_opened=True)
