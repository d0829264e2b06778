"""Tokenizers of embedding models by the library `tokenizers` alone, cheap enough for the `io` worker: no torch."""

import logging
from collections.abc import Sequence

from tokenizers import Tokenizer as HfTokenizer

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.spec import RuntimeSpec

logger = logging.getLogger(__name__)


class EmbeddingTokenizer:
    """The tokenizer.json of a sentence-transformers folder. Safe to call from several threads."""

    def __init__(self, tokenizer: HfTokenizer, max_tokens: int) -> None:
        self._tokenizer = tokenizer
        self.max_tokens = max_tokens

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without the special ones."""
        return [len(encoding) for encoding in self._tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) character offsets of each token of `text`, in order."""
        offsets: list[tuple[int, int]] = self._tokenizer.encode(text, add_special_tokens=False).offsets
        return offsets


def load_tokenizer(spec: RuntimeSpec) -> EmbeddingTokenizer:
    """Return the tokenizer of the model folder of `spec`. Raises RuntimeFailure where it cannot be read."""
    try:
        tokenizer = HfTokenizer.from_file(str(spec.path / "tokenizer.json"))
    except Exception as error:  # the library raises plain Exceptions
        logger.exception("a tokenizer could not be loaded", extra={"model": spec.name})
        raise RuntimeFailure(f"The tokenizer of the model {spec.name} cannot be read.") from error
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return EmbeddingTokenizer(tokenizer, spec.max_tokens)
