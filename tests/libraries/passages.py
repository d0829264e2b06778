"""A document with passages, and a model that tells what it was given: for tests of what people do with passages."""

from typing import Any
from unittest import mock

import numpy as np

from apps.catalog.models import AIModel
from apps.core.invariants import verify
from apps.libraries.models import Chunk, Document
from apps.libraries.types import Box, ChunkDraft, Cutting, SectionDraft
from apps.libraries.versions import store_version
from apps.runtimes.fake import load_embedder
from tests import factories

TEXTS = ("Water boils at 100 degrees.", "Ice melts at 0 degrees.", "Lead melts at 327 degrees.")


def drafts(texts: tuple[str, ...] = TEXTS, *, sections: bool = False) -> list[ChunkDraft]:
    made, start = [], 0
    for number, text in enumerate(texts):
        made.append(
            ChunkDraft(
                number,
                text,
                6,
                heading_path=("Heat",),
                page_from=number + 1,
                page_to=number + 1,
                boxes=(Box(number + 1, 0.1, 0.1, 0.9, 0.3),),
                char_from=start,
                char_to=start + len(text),
                section=0 if sections else None,
            )
        )
        start += len(text) + 2
    return made


def store(document: Document, model: AIModel, made: list[ChunkDraft], sections: tuple[SectionDraft, ...] = ()) -> None:
    vectors = np.zeros((len(made), factories.DIMENSIONS), dtype=np.float32)
    vectors[:, 0] = 1
    version = document.versions.get()
    assert store_version(
        version=version, drafts=made, vectors=vectors, model=model, blocks=None, cutting=Cutting("", sections)
    )


def chunks(document: Document) -> list[Chunk]:
    return list(Chunk.objects.filter(document=document).order_by("ordinal"))


def texts(document: Document) -> list[str]:
    return [chunk.text for chunk in chunks(document)]


def broken() -> list[str]:
    return [f"{found.check}: {found.what}" for found in verify() if found.check.startswith("libraries.")]


class CountingEmbedder:
    """The fake model, with a list of what it was given."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, spec: Any) -> Any:
        real = load_embedder(spec)
        embedder = mock.Mock(wraps=real)

        def embed(given: list[str]) -> Any:
            self.seen += given
            return real.embed_passages(given)

        embedder.embed_passages = embed
        return embedder
