"""What the product asks of a model library. Plain Python: no Django, no model library."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Picture = npt.NDArray[np.uint8]  # shape (height, width, 3), RGB
Role = Literal["system", "user", "assistant"]


class RuntimeFailure(Exception):
    """A model could not be loaded or broke while it ran; the text is for the log and the model's card."""


class FileRefused(RuntimeFailure):
    """A file is not taken for a model; `code` says why, `file` which one."""

    def __init__(self, code: str, file: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code
        self.file = file


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a conversation."""

    role: Role
    text: str


@dataclass(frozen=True, slots=True)
class Sampling:
    """How tokens are drawn. Every field is always passed on: libraries differ in their defaults."""

    max_tokens: int = 400
    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 40
    min_p: float = 0.0
    repeat_penalty: float = 1.05
    seed: int = 0
    stop: tuple[str, ...] = ()
    schema: str = ""  # a JSON schema as JSON: the text is JSON that fulfils it, if it is not cut off


@dataclass(frozen=True, slots=True)
class Piece:
    """Text of one or more tokens, as soon as it is valid UTF-8. `tokens` counts those it holds."""

    text: str
    tokens: int


@dataclass(frozen=True, slots=True)
class PromptUse:
    """What a prompt cost: all its tokens, and those that a shared prefix saved from being read again."""

    tokens: int
    cached_tokens: int


class Tokenizer(Protocol):
    """Counts and locates the tokens of an embedding model; cheap enough for the `io` worker."""

    max_tokens: int

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text, without the special ones."""
        ...

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) character offsets of each token of `text`, in order."""
        ...


class Embedder(Protocol):
    """Maps text to unit vectors, so that cosine similarity is a dot product. Safe to call from several threads."""

    name: str
    dimensions: int
    max_tokens: int

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """Return shape (len(texts), dimensions), float32, rows of L2 norm 1. Bulk: yields to queries."""
        ...

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """Return shape (len(texts), dimensions), float32, rows of L2 norm 1. Goes before bulk work."""
        ...


class ChatModel(Protocol):
    """Continues a text. Safe to call from several threads: sequences are decoded together."""

    name: str
    context_tokens: int
    is_instruct: bool

    def count_tokens(self, text: str) -> int:
        """Return the number of tokens of `text`, without special ones."""
        ...

    def render(self, turns: Sequence[Turn]) -> str:
        """Return the prompt text by the model's own chat template. Only for instruct models."""
        ...

    def stream(self, prompt: str, sampling: Sampling) -> Iterator[Piece]:
        """Yield pieces until the model ends, a stop string appears or `max_tokens` is reached.

        Closing the iterator frees the sequence before the next decode step. Raises RuntimeFailure when the
        prompt does not fit the context.
        """
        ...


class Reranker(Protocol):
    """Reads a question with a passage and says how well the one answers the other. Safe to call from threads."""

    name: str

    def score(self, query: str, passages: Sequence[str]) -> Floats:
        """Return shape (len(passages),), float32, 0 to 1, higher is better. Raises RuntimeFailure."""
        ...


@dataclass(frozen=True, slots=True)
class SeenLine:
    """A line of text on a picture, its edges as fractions 0..1 of the picture once upright; `confidence` 0..1."""

    text: str
    confidence: float
    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(frozen=True, slots=True)
class SeenPage:
    """What was recognised on a picture, and by how many whole degrees clockwise (0..359) it is turned to be upright.

    The upright picture is as large as it must be to hold the whole of the turned one.
    """

    turn: int
    lines: tuple[SeenLine, ...]


class Recogniser(Protocol):
    """Reads the text of a picture (OCR). Not safe to share between threads."""

    name: str

    def read(self, picture: Picture, *, turn: int | None = None, threshold: float = 0.0) -> SeenPage:
        """Return the lines; `turn` says how the picture is to be turned, None finds out."""
        ...
