"""Turns what libraries tell into work for the workers."""

from typing import Any

from apps.ingestion.tasks import embed_changed, ring
from apps.libraries.signals import chunks_changed


def on_chunks_changed(**_: Any) -> None:
    """Ring for the vectors of passages that people changed; sent after the commit."""
    ring(embed_changed)


def connect() -> None:
    """Listen; called once when the apps are ready."""
    chunks_changed.connect(on_chunks_changed, dispatch_uid="ingestion.chunks-changed")
