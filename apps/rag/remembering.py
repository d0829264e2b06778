"""An embedding model that makes the vector of one and the same question once. Plain Python."""

from collections.abc import Sequence

import numpy as np

from apps.runtimes.contracts import Embedder, Floats

KEPT = 64  # vectors; an answer embeds its question twice or three times


class Remembering:
    """Wraps a model for the length of one answer: the look for an editor's answer and the search share a vector."""

    def __init__(self, embedder: Embedder) -> None:
        self._embedder = embedder
        self._known: dict[str, Floats] = {}
        self.name, self.dimensions, self.max_tokens = embedder.name, embedder.dimensions, embedder.max_tokens

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """Return what the model gives."""
        return self._embedder.embed_passages(texts)

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """Return what the model gives, from memory for single texts that were asked before."""
        if len(texts) != 1:
            return self._embedder.embed_queries(texts)
        known = self._known.get(texts[0])
        if known is None:
            known = self._embedder.embed_queries(texts)[0]
            if len(self._known) < KEPT:
                self._known[texts[0]] = known
        return np.stack([known])
