"""Documents with text and passages, for tests of pages."""

from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from apps.catalog.models import AIModel
from apps.libraries.models import Chunk, Document
from apps.libraries.reading import save_blocks
from apps.libraries.types import Block
from tests import factories
from tests.libraries import passages

BLOCKS = (
    Block("Heading <script>alert(1)</script>", "heading", heading_path=("Heading",)),
    Block("CANARY-T1 first paragraph."),
    Block("| a | b |\n| --- | --- |\n| 1 | <img src=x onerror=alert(1)> |", "table"),
    Block("Last paragraph with 汉字。"),
)


@pytest.fixture(autouse=True)
def own_files(tmp_path: Path, settings: Any) -> None:
    """Give each test files of its own: rows are rolled back, files are not."""
    settings.MEDIA_ROOT = tmp_path / "media"


@pytest.fixture
def read_document(document: Document) -> Document:
    """Return t1's document as if it had been read: blocks, and a chunk for each."""
    version = document.current_version
    assert version is not None
    start = 0
    for block in BLOCKS:
        factories.ChunkFactory(document=document, text=block.text, char_from=start, char_to=start + len(block.text))
        start += len(block.text) + 2
    version.blocks.name = save_blocks(version, BLOCKS)
    version.chunk_count = Chunk.objects.filter(version=version).count()
    version.save()
    return document


@pytest.fixture
def stored(document: Document, embedding_model: AIModel) -> Document:
    """Return t1's document with three passages."""
    passages.store(document, embedding_model, passages.drafts())
    document.refresh_from_db()
    return document


@pytest.fixture
def embedder() -> Any:
    """Watch what is embedded."""
    counting = passages.CountingEmbedder()
    with mock.patch("apps.ingestion.refresh.registry.embedder", counting):
        yield counting
