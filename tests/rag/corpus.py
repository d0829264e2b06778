"""Libraries full of chunks, written through the product's own functions."""

from collections.abc import Sequence

import numpy as np

from apps.catalog.models import AIModel
from apps.libraries.models import Chunk, ChunkEmbedding, Library
from apps.libraries.services import store_version
from apps.libraries.types import ChunkDraft
from apps.rag.search import SearchTools
from apps.rag.types import Scope
from apps.runtimes.contracts import Floats
from apps.runtimes.fake import FakeEmbedder
from tests.factories import AIModelFactory, DocumentFactory, LibraryFactory

EMBEDDER = FakeEmbedder()


def tools(model: AIModel | None = None) -> SearchTools:
    """Return search tools of the fake embedder."""
    return SearchTools(EMBEDDER, model or AIModelFactory())


def scope_of(*libraries: Library) -> Scope:
    """Return the scope of libraries of one team."""
    return Scope.whole(libraries[0].team_id, tuple(library.pk for library in libraries))


def fill(
    library: Library, texts: Sequence[str], *, name: str = "handbook.txt", model: AIModel | None = None
) -> list[Chunk]:
    """Store one document with a chunk per text; return the chunks in order."""
    document = DocumentFactory(library=library, name=name)
    version = document.current_version
    assert version is not None
    store_version(
        version=version,
        drafts=[ChunkDraft(ordinal, text, tokens=10) for ordinal, text in enumerate(texts)],
        vectors=EMBEDDER.embed_passages(texts) if texts else np.zeros((0, EMBEDDER.dimensions), np.float32),
        model=model or AIModelFactory(),
        blocks=None,
    )
    return list(Chunk.objects.filter(document=document).order_by("ordinal"))


def random_vectors(count: int, seed: int, *, dimensions: int = 384) -> Floats:
    """Return unit vectors in 40 loose clusters, as embeddings lie, not evenly over the sphere."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(40, dimensions))
    rows = centres[rng.integers(0, 40, count)] + rng.normal(size=(count, dimensions)) * 1.2
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def bulk(library: Library, vectors: Floats, model: AIModel) -> None:
    """Store chunks with given vectors in one document, quickly and without terms of their own."""
    document = DocumentFactory(library=library)
    version = document.current_version
    chunks = Chunk.objects.bulk_create(
        (
            Chunk(team=library.team, library=library, document=document, version=version, ordinal=n, text=f"chunk {n}")
            for n in range(len(vectors))
        ),
        batch_size=2_000,
    )
    ChunkEmbedding.objects.bulk_create(
        (
            ChunkEmbedding(chunk=chunk, model=model, library=library, vector=vector)
            for chunk, vector in zip(chunks, vectors, strict=True)
        ),
        batch_size=2_000,
    )


__all__ = ["EMBEDDER", "LibraryFactory", "bulk", "fill", "random_vectors", "scope_of", "tools"]
