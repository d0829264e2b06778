"""The document that parsing is measured on."""

from pathlib import Path

from apps.evaluation.bench.parse import book
from apps.ingestion.parsers import pdf
from apps.ingestion.parsers.types import ParseLimits, Task


def test_it_measures_on_pages_that_are_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "book.pdf"
    path.write_bytes(book(5))

    parsed = pdf.parse(Task(str(path), "book.pdf", None, ParseLimits()))

    assert parsed.pages == 5
    assert [block.text for block in parsed.blocks if block.kind == "heading"] == [f"Chapter {n}" for n in range(1, 6)]
    assert sum(block.text.count("The committee") for block in parsed.blocks) == 5 * 44
