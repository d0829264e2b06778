"""Gives a document back as plain text, as one would copy it: tables by tabs, a CSV by its own delimiter."""

import csv
import io
import re

from apps.ingestion.parsers.types import Kind
from apps.libraries.types import Block, ParsedDocument

_CELL_EDGE = re.compile(r"(?<!\\)\|")
_DASHES = re.compile(r"^\|(?: *:?-+:? *\|)+$")


def plain_text(kind: Kind, parsed: ParsedDocument) -> str:
    """Return the words of a document; Markdown keeps the marks of headings and tables."""
    if kind == "markdown":
        return "\n\n".join(map(_as_markdown, parsed.blocks))
    told = parsed.facts.get("delimiter", "tab") if kind == "csv" else "tab"
    return "\n\n".join(_as_plain(block, "\t" if told == "tab" else told) for block in parsed.blocks)


def _as_markdown(block: Block) -> str:
    return f"{'#' * block.level} {block.text}" if block.level else block.text


def _as_plain(block: Block, delimiter: str) -> str:
    if block.kind != "table":
        return block.text
    rows = [cells_of(line) for line in block.text.split("\n") if not _DASHES.match(line)]
    if delimiter == "\t":
        return "\n".join("\t".join(row) for row in rows)
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="\n").writerows(rows)
    return written.getvalue().rstrip("\n")


def cells_of(line: str) -> list[str]:
    """Return the cells of a line of a markdown table, as they were before it was written."""
    cells = _CELL_EDGE.split(line.strip())[1:-1]
    return [cell.strip().replace("\\|", "|").replace("<br>", "\n") for cell in cells]
