"""Reads Jupyter notebooks: prose as Markdown, code with what it printed."""

from collections.abc import Iterator
from typing import Any

from apps.ingestion.parsers.cleaning import clean
from apps.ingestion.parsers.headings import HeadingStack
from apps.ingestion.parsers.markdown import read_markdown
from apps.libraries.types import Block

MAX_OUTPUT_CHARS = 4_000


def is_notebook(value: Any) -> bool:
    """Return whether a JSON value is a notebook (nbformat 3 has worksheets, 4 has cells)."""
    return isinstance(value, dict) and "nbformat" in value and ("cells" in value or "worksheets" in value)


def read_cells(value: dict[str, Any]) -> Iterator[Block]:
    """Yield the blocks of a notebook; code stands under the headings of the prose before it."""
    sheets = [value, *(sheet for sheet in value.get("worksheets") or [] if isinstance(sheet, dict))]
    cells = [cell for sheet in sheets for cell in sheet.get("cells") or [] if isinstance(cell, dict)]
    headings = HeadingStack()
    prose: list[str] = []
    for cell in cells:
        source = clean(_joined(cell.get("source", cell.get("input", ""))))
        if cell.get("cell_type") in {"markdown", "heading", "raw"}:
            prose.append(f"# {source}" if cell.get("cell_type") == "heading" else source)
            continue
        yield from read_markdown("\n\n".join(prose), headings)
        prose = []
        for text in (source, *_outputs(cell)):
            if text.strip():
                yield Block(text, "code", heading_path=headings.path)
    yield from read_markdown("\n\n".join(prose), headings)


def _outputs(cell: dict[str, Any]) -> Iterator[str]:
    """Yield the texts that a cell printed, cut where they run on; pictures are left out."""
    for output in cell.get("outputs") or []:
        if isinstance(output, dict):
            data = output.get("data")
            text = output.get("text") or (data.get("text/plain", "") if isinstance(data, dict) else "")
            yield clean(_joined(text))[:MAX_OUTPUT_CHARS].strip("\n")


def _joined(source: Any) -> str:
    return "".join(map(str, source)) if isinstance(source, list) else str(source)
