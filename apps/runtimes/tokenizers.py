"""Tokenizers of embedding models by the library `tokenizers` alone, cheap enough for the `io` worker: no torch."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tokenizers import Tokenizer as HfTokenizer

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.spec import RuntimeSpec

logger = logging.getLogger(__name__)


class EmbeddingTokenizer:
    """The tokenizer.json of a sentence-transformers folder. Safe to call from several threads."""

    def __init__(self, tokenizer: HfTokenizer, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.special_tokens = int(tokenizer.num_special_tokens_to_add(is_pair=False))

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without the special ones."""
        return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) character offsets of each token of `text`, in order."""
        offsets: list[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets

    def ids(self, texts: Sequence[str], max_tokens: int) -> list[tuple[int, ...]]:
        """Return the ids of each text with the special ones around, cut at the end to `max_tokens` in all."""
        found = []
        for encoding in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False):
            encoding.truncate(max_tokens - self.special_tokens)
            found.append(tuple(self._tokenizer.post_process(encoding).ids))
        return found


def load_tokenizer(spec: RuntimeSpec) -> EmbeddingTokenizer:
    """Return the tokenizer of the model folder of `spec`. Raises RuntimeFailure where it cannot be read."""
    path = spec.path / "tokenizer.json"
    try:
        tokenizer = _open(path, path.stat().st_mtime_ns)
    except Exception as error:  # the library raises plain Exceptions
        logger.exception("a tokenizer could not be loaded", extra={"model": spec.name})
        raise RuntimeFailure(f"The tokenizer of the model {spec.name} cannot be read.") from error
    return EmbeddingTokenizer(tokenizer, spec.max_tokens)


@lru_cache(maxsize=4)
def _open(path: Path, _changed_ns: int) -> HfTokenizer:
    """Return the tokenizer of a file, one for all who ask: 250,000 pieces take 280 MiB."""
    tokenizer = HfTokenizer.from_file(str(path))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer
