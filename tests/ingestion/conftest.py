"""A parser without a child process for tests about jobs; those about parsing use the real one."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import override_settings

from apps.catalog.models import AIModel
from apps.ingestion import pipeline, services, tasks
from apps.ingestion.parsers.host import Reading, Watch
from apps.ingestion.parsers.types import Task
from apps.libraries.models import Document, Library
from apps.libraries.types import Block, ParsedDocument
from apps.users.models import User

Upload = Callable[..., Document]


def read_paragraphs(task: Task, watch: Watch, *, is_whole: bool = True) -> Reading:
    """Return one block per paragraph, one page per block."""
    texts = [part for part in Path(task.path).read_text().split("\n\n") if part.strip()]
    for number, _text in enumerate(texts, 1):
        watch.on_progress(number, len(texts))
    parsed = ParsedDocument(tuple(Block(text) for text in texts), pages=len(texts))
    return Reading("text", parsed, 0.0, 0.0, io.BytesIO())


@pytest.fixture
def paragraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parse in this process."""
    monkeypatch.setattr(pipeline, "read", read_paragraphs)


@pytest.fixture
def rung(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """Collect the names of the tasks that are rung instead of sending them."""
    names: list[str] = []

    def collect(task: Any, *arguments: str) -> None:
        names.append(task.name.rpartition(".")[2])

    monkeypatch.setattr(tasks, "ring", collect)
    monkeypatch.setattr(services, "ring", collect)
    return names


@pytest.fixture
def small_chunks() -> Iterator[None]:
    """Make chunks of few tokens, so that a short text has several."""
    env = pytest.importorskip("django.conf").settings.ENV
    with override_settings(
        ENV=env.model_copy(update={"chunk_tokens": 32, "chunk_overlap_tokens": 0, "embed_batch": 4})
    ):
        yield


@pytest.fixture
def upload(alice: User, library: Library, rung: list[str], embedding_model: AIModel, paragraphs: None) -> Upload:
    """Return a function that uploads a text to t1's library."""

    def send(text: str = "Water boils at 100 degrees.", name: str = "note.txt", **more: Any) -> Document:
        return services.receive_upload(user=alice, library=library, file=ContentFile(text.encode()), name=name, **more)

    return send


def long_text(paragraphs: int = 30, mark: str = "") -> str:
    """Return a text that makes about as many small chunks."""
    return "\n\n".join(
        f"{mark}Paragraph {n}: " + " ".join(f"word{n}x{i}" for i in range(24)) for n in range(paragraphs)
    )
