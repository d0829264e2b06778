"""What host, zygote and child say to each other: small JSON messages, and the result in an unnamed file.

No pickle: a child that a hostile document has taken over can at worst send wrong text.
"""

import json
from dataclasses import asdict, dataclass
from typing import Any, cast

from apps.ingestion.parsers.types import Failure, Kind, ParseLimits, Task
from apps.libraries.types import Block, BlockKind, Box, ParsedDocument

MESSAGE_BYTES = 65_536
KILL = b"kill"


@dataclass(frozen=True, slots=True)
class Ending:
    """How a child ended: its wait status, CPU seconds and peak resident memory in MiB."""

    status: int
    cpu_s: float
    peak_mib: float


@dataclass(frozen=True, slots=True)
class Success:
    """What a child read."""

    kind: Kind
    parsed: ParsedDocument


def encode_task(task: Task) -> bytes:
    """Return the order for a child, without the callback."""
    order = {"path": task.path, "name": task.name, "password": task.password, "limits": asdict(task.limits)}
    return json.dumps(order).encode()


def decode_task(data: bytes) -> Task:
    """Return the order that `encode_task` wrote."""
    order = json.loads(data)
    return Task(order["path"], order["name"], order["password"], ParseLimits(**order["limits"]))


def encode_success(kind: Kind, parsed: ParsedDocument) -> bytes:
    """Return a document as JSON; heading paths, which repeat, are kept once."""
    paths: dict[tuple[str, ...], int] = {}
    rows = [
        [
            block.text,
            block.kind,
            block.page,
            block.box and [block.box.x0, block.box.y0, block.box.x1, block.box.y1],
            paths.setdefault(block.heading_path, len(paths)),
            block.level,
        ]
        for block in parsed.blocks
    ]
    document = {"kind": kind, "pages": parsed.pages, "title": parsed.title, "language": parsed.language}
    return json.dumps({**document, "paths": list(paths), "blocks": rows}, ensure_ascii=False).encode()


def encode_failure(failure: Failure) -> bytes:
    """Return a failure as JSON."""
    return json.dumps({"failure": asdict(failure)}).encode()


def decode_result(data: bytes) -> Success | Failure:
    """Return what a child wrote. Raises ValueError, KeyError or TypeError when it is not that."""
    found: dict[str, Any] = json.loads(data)
    if "failure" in found:
        return Failure(**found["failure"])
    paths = [tuple(path) for path in found["paths"]]
    blocks = tuple(_block(row, paths) for row in found["blocks"])
    parsed = ParsedDocument(blocks, int(found["pages"]), str(found["title"]), str(found["language"]))
    return Success(cast("Kind", found["kind"]), parsed)


def _block(row: list[Any], paths: list[tuple[str, ...]]) -> Block:
    text, kind, page, edges, path, level = row
    box = Box(page, *edges) if edges else None
    return Block(text, cast("BlockKind", kind), page, box, paths[path], level)


def encode_progress(done: int, total: int) -> bytes:
    """Return a message that tells how far a child is."""
    return json.dumps({"done": done, "total": total}).encode()


def encode_ending(ending: Ending) -> bytes:
    """Return the last message about a child."""
    return json.dumps({"ending": asdict(ending)}).encode()


def decode_message(data: bytes) -> Ending | tuple[int, int]:
    """Return an ending, or (done, total)."""
    found = json.loads(data)
    if "ending" in found:
        return Ending(**found["ending"])
    return int(found["done"]), int(found["total"])
