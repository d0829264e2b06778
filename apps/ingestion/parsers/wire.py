"""What host, zygote and child say to each other: small JSON messages, and the result in an unnamed file.

The file holds the blobs (figures, attachments), then the result as JSON, then the length of that JSON in eight bytes.
No pickle: a child that a hostile document has taken over can at worst send wrong text.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, cast

from apps.ingestion.parsers.types import Failure, Kind, PageSetting, ParseLimits, Task
from apps.libraries.types import (
    Attached,
    Blob,
    Block,
    BlockKind,
    Box,
    FigureFound,
    PageRead,
    ParsedDocument,
    RecognisedLine,
)

MESSAGE_BYTES = 160_000  # below the usual send buffer of a socket (net.core.wmem_default, 212,992)
ORDER_BYTES = 60_000  # of one message; a longer order goes into the result file
TAIL_BYTES = 8
KILL = b"kill"
LONG_ORDER = b"{}"  # the order stands at the start of the result file


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
    """Return the order for a child, without the callbacks."""
    order = {"path": task.path, "name": task.name, "password": task.password, "limits": asdict(task.limits)}
    order["temp"] = task.temp
    pages = {number: asdict(setting) for number, setting in task.pages.items()}
    known = [page_row(page) for page in task.known.values()]
    return json.dumps({**order, "pages": pages, "known": known}, ensure_ascii=False).encode()


def decode_task(data: bytes) -> Task:
    """Return the order that `encode_task` wrote."""
    order = json.loads(data)
    pages = {int(number): PageSetting(**setting) for number, setting in order["pages"].items()}
    known = {page.page: page for page in map(page_of, order["known"])}
    limits = ParseLimits(**order["limits"])
    temp = str(order["temp"])
    return Task(order["path"], order["name"], order["password"], limits, pages=pages, known=known, temp=temp)


def page_row(page: PageRead) -> list[Any]:
    """Return a page's reading as JSON."""
    lines = [line_row(line) for line in page.lines]
    return [page.page, page.method, page.characters, page.confidence, page.rotation, lines]


def line_row(line: RecognisedLine) -> list[Any]:
    """Return a recognised line as JSON, without its page."""
    return [_edges(line.box), line.text, round(line.confidence, 4)]


def page_of(row: list[Any]) -> PageRead:
    """Return the page that `page_row` wrote. Raises ValueError or TypeError when it is not one."""
    number, method, characters, confidence, rotation, lines = row
    read = tuple(RecognisedLine(Box(number, *edges), str(text), float(sure)) for edges, text, sure in lines)
    return PageRead(int(number), method, int(characters), confidence, int(rotation), read)


def encode_success(kind: Kind, parsed: ParsedDocument) -> bytes:
    """Return a document as JSON; heading paths, which repeat, are kept once."""
    paths: dict[tuple[str, ...], int] = {}
    rows = [
        [
            block.text,
            block.kind,
            block.page,
            block.box and _edges(block.box),
            paths.setdefault(block.heading_path, len(paths)),
            block.level,
        ]
        for block in parsed.blocks
    ]
    document = {
        "kind": kind,
        "pages": parsed.pages,
        "title": parsed.title,
        "language": parsed.language,
        "facts": dict(parsed.facts),
        "page_reads": [page_row(page) for page in parsed.page_reads],
        "figures": [_figure_row(figure) for figure in parsed.figures],
        "attached": [
            [part.name, part.size, part.data and [part.data.offset, part.data.size], part.folder, part.reason]
            for part in parsed.attached
        ],
    }
    return json.dumps({**document, "paths": list(paths), "blocks": rows}, ensure_ascii=False).encode()


def encode_failure(failure: Failure) -> bytes:
    """Return a failure as JSON."""
    return json.dumps({"failure": asdict(failure)}).encode()


def decode_result(data: bytes) -> Success | Failure:
    """Return what a child wrote. Raises ValueError, KeyError or TypeError when it is not that."""
    found: dict[str, Any] = json.loads(data)
    if "failure" in found:
        return Failure(**found["failure"])
    return Success(cast("Kind", found["kind"]), _parsed(found))


def _parsed(found: Mapping[str, Any]) -> ParsedDocument:
    paths = [tuple(path) for path in found["paths"]]
    return ParsedDocument(
        blocks=tuple(_block(row, paths) for row in found["blocks"]),
        pages=int(found["pages"]),
        title=str(found["title"]),
        language=str(found["language"]),
        page_reads=tuple(map(page_of, found["page_reads"])),
        figures=tuple(map(_figure, found["figures"])),
        attached=tuple(map(_attached, found["attached"])),
        facts={str(key): str(value) for key, value in found["facts"].items()},
    )


def _edges(box: Box) -> list[float]:
    return [box.x0, box.y0, box.x1, box.y1]


def _figure_row(figure: FigureFound) -> list[Any]:
    size = [figure.width, figure.height]
    place = [figure.block, figure.page, figure.box and _edges(figure.box)]
    return [[figure.data.offset, figure.data.size], figure.media_type, *size, *place, figure.caption]


def _figure(row: list[Any]) -> FigureFound:
    data, media_type, width, height, block, page, edges, caption = row
    box = Box(page, *edges) if edges else None
    return FigureFound(Blob(*data), str(media_type), int(width), int(height), int(block), page, box, str(caption))


def _attached(row: list[Any]) -> Attached:
    name, size, data, folder, reason = row
    return Attached(str(name), int(size), Blob(*data) if data else None, str(folder), str(reason))


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


def encode_page(page: PageRead) -> bytes:
    """Return a message that hands over a page that was just recognised."""
    return json.dumps({"page": page_row(page)}, ensure_ascii=False).encode()


def decode_message(data: bytes) -> Ending | PageRead | tuple[int, int]:
    """Return an ending, a recognised page, or (done, total)."""
    found = json.loads(data)
    if "ending" in found:
        return Ending(**found["ending"])
    if "page" in found:
        return page_of(found["page"])
    return int(found["done"]), int(found["total"])
