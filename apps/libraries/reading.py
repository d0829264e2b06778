"""The parsed text of a version, kept beside its bytes as gzipped JSON lines, and read back for pages."""

import gzip
import json
import uuid
from collections.abc import Iterable, Iterator
from typing import Any

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from apps.libraries.models import DocumentVersion
from apps.libraries.types import Block, Box

SUFFIX_CHARS = 5  # .docx, .xhtml; what is longer belongs to the title


def title_of(name: str) -> str:
    """Return a document's title: its name without a short extension. Chunks are embedded and indexed under it."""
    stem, dot, extension = name.rpartition(".")
    return stem if dot and stem.strip() and 0 < len(extension) <= SUFFIX_CHARS and extension.isalnum() else name


def save_blocks(version: DocumentVersion, blocks: Iterable[Block]) -> str:
    """Write the blocks to a new file of the storage and return its key; the caller stores it on the row."""
    lines = "\n".join(lines_of(blocks))
    key = f"blocks/{version.id.hex[:2]}/{version.id.hex}-{uuid.uuid4().hex[:8]}.jsonl.gz"
    return default_storage.save(key, ContentFile(gzip.compress(lines.encode(), compresslevel=5)))


def load_blocks(version: DocumentVersion) -> tuple[Block, ...]:
    """Return the blocks of a version; empty before it was read, or where the file is gone."""
    return tuple(_iterate(version)) if version.blocks else ()


def lines_of(blocks: Iterable[Block]) -> Iterator[str]:
    """Yield each block as a line of JSON."""
    return (json.dumps(_to_row(block), ensure_ascii=False, separators=(",", ":")) for block in blocks)


def blocks_from_lines(lines: Iterable[str]) -> Iterator[Block]:
    """Yield the blocks that `lines_of` wrote."""
    return (_from_row(json.loads(line)) for line in lines if line.strip())


def _iterate(version: DocumentVersion) -> Iterator[Block]:
    try:
        with version.blocks.open("rb") as stored, gzip.open(stored, "rt", encoding="utf-8") as lines:
            yield from blocks_from_lines(lines)
    except FileNotFoundError:
        return


def _to_row(block: Block) -> dict[str, Any]:
    row: dict[str, Any] = {"t": block.text}
    if block.kind != "text":
        row["k"] = block.kind
    if block.page is not None:
        row["p"] = block.page
    if block.box is not None:
        row["b"] = [block.box.page, block.box.x0, block.box.y0, block.box.x1, block.box.y1]
    if block.heading_path:
        row["h"] = list(block.heading_path)
    return row


def _from_row(row: dict[str, Any]) -> Block:
    box = Box(*row["b"]) if "b" in row else None
    return Block(row["t"], row.get("k", "text"), row.get("p"), box, tuple(row.get("h", ())))
