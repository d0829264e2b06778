"""Reads tables in text: comma-, semicolon-, tab- or bar-separated, in any encoding. Formulas are words here."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from apps.ingestion.parsers import text
from apps.ingestion.parsers.building import Builder
from apps.ingestion.parsers.encodings import decode
from apps.ingestion.parsers.tables import cell_line, join_header, lines_of
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import ParsedDocument

DELIMITERS = (",", ";", "\t", "|")
MAX_CELLS = 5_000_000  # blank ones included
MAX_COLUMNS = 16_384
_SAMPLE_LINES = 200
_TITLES = 6  # lines above a table that may hold its title


def parse(task: Task) -> ParsedDocument:
    """Return a table, with what stands above it; a file without a delimiter is read as text."""
    source = decode(Path(task.path).read_bytes()).lstrip("\ufeff").replace("\0", "")
    if len(source) > task.limits.max_chars * 2:
        raise Refused("too-much-text", limit=task.limits.max_chars)
    told, source = _told(source)
    delimiter = told or delimiter_of(source)
    if not delimiter:
        return text.parse(task)
    builder = Builder(task)
    _write(builder, list(_rows(source, delimiter, task.limits.max_chars)), task.limits.max_chars)
    return builder.finish(facts={"delimiter": "tab" if delimiter == "\t" else delimiter})


def _told(source: str) -> tuple[str, str]:
    """Return the delimiter that a first line "sep=;" tells (Excel writes it), and the rest."""
    first, _, rest = source.partition("\n")
    line = first.strip("\r")
    is_told = line.lower().startswith("sep=") and len(line) == len("sep=;")
    return (line[-1], rest) if is_told else ("", source)


def delimiter_of(source: str) -> str:
    """Return the delimiter by which most lines have the same number of cells, "" if none parts anything."""
    best, most = "", 0.0
    sample = "\n".join(islice((line for line in io.StringIO(source[:1_000_000]) if line.strip()), _SAMPLE_LINES))
    for delimiter in DELIMITERS:
        widths = Counter(len(row) for row in _rows(sample, delimiter, len(sample) + 1) if row)
        lines = sum(widths.values())
        width, count = max(widths.items(), key=lambda each: (each[1] * (each[0] > 1), each[0]), default=(1, 0))
        score = count / lines * (1 + min(width, 50) / 100) if width > 1 else 0.0
        if score > most:
            best, most = delimiter, score
    return best


def _rows(source: str, delimiter: str, limit: int) -> Iterator[list[str]]:
    """Yield the rows that say something. Raises Refused for more cells than a table may have."""
    csv.field_size_limit(limit)
    cells = 0
    try:
        for row in csv.reader(io.StringIO(source, newline=""), delimiter=delimiter, skipinitialspace=True):
            cells += len(row)
            if cells > MAX_CELLS or len(row) > MAX_COLUMNS:
                raise Refused("too-much-text", limit=limit)
            if any(cell.strip() for cell in row):
                yield row
    except csv.Error as error:
        raise Refused("broken", reason="csv") from error


def _write(builder: Builder, rows: list[list[str]], limit: int) -> None:
    """Add the table, and the lines of a single cell above it as text."""
    start = 0
    while start < min(_TITLES, len(rows)) and sum(bool(cell.strip()) for cell in rows[start]) == 1:
        start += 1
    start = 0 if start in {_TITLES, len(rows)} else start
    if start:
        builder.text("\n".join(next(cell for cell in row if cell.strip()) for row in rows[:start]))
    table = rows[start:]
    width = max(map(len, table), default=0)
    if width * len(table) > MAX_CELLS:
        raise Refused("too-much-text", limit=limit)
    cells = [[*map(cell_line, row), *[""] * (width - len(row))] for row in table]
    used = [at for at in range(width) if any(row[at] for row in cells)]
    if used:
        builder.table(lines_of([join_header(cells[:1]), *cells[1:]], used))
