"""Turns what libraries tell into work for the workers."""

from typing import Any

from apps.ingestion.parts import parts_made
from apps.ingestion.tasks import embed_changed, read_document, ring
from apps.libraries.signals import chunks_changed


def on_chunks_changed(**_: Any) -> None:
    """Ring for the vectors of passages that people changed; sent after the commit."""
    ring(embed_changed)


def on_parts_made(**_: Any) -> None:
    """Ring for the reading of the files that were in a file, so that other workers help with them."""
    ring(read_document)


def connect() -> None:
    """Listen; called once when the apps are ready."""
    chunks_changed.connect(on_chunks_changed, dispatch_uid="ingestion.chunks-changed")
    parts_made.connect(on_parts_made, dispatch_uid="ingestion.parts-made")
