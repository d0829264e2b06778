"""Deterministic stand-ins for the models: tests, CI and a quick look need no weights. Plain Python and numpy."""

import json
import re
import threading
import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import numpy as np

from apps.runtimes.contracts import Floats, Piece, RuntimeFailure, Sampling, Turn
from apps.runtimes.spec import RuntimeSpec

DIMENSIONS = 384
_HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_TOKEN = re.compile(rf"[{_HAN}]|[^\W{_HAN}]+|[^\w\s]")
_FIRST_PASSAGE = re.compile(r"\[1\][ \t]*(.+)")
_ANSWER_TOKENS = 40


class FakeTokenizer:
    """One token per Han character, word or punctuation mark."""

    def __init__(self, max_tokens: int = 512) -> None:
        self.max_tokens = max_tokens

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the number of tokens of each text."""
        return [len(_TOKEN.findall(text)) for text in texts]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character offsets of each token."""
        return [match.span() for match in _TOKEN.finditer(text)]


class FakeEmbedder:
    """Signed feature hashing of words, Han bigrams and letter trigrams: texts that share wording are near."""

    def __init__(self, name: str = "fake-embedder", dimensions: int = DIMENSIONS, max_tokens: int = 512) -> None:
        self.name = name
        self.dimensions = dimensions
        self.max_tokens = max_tokens

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """Return shape (len(texts), dimensions), float32, rows of L2 norm 1."""
        rows = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for feature in _features(text):
                code = zlib.crc32(feature.encode())
                row[code % self.dimensions] += 1.0 if code & 0x8000_0000 else -1.0
            if not row.any():
                row[0] = 1.0  # an empty text, or one whose features cancel out
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        return rows

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """Return the same as `embed_passages`."""
        return self.embed_passages(texts)


class FakeReranker:
    """The share of the question's words that a passage has."""

    def __init__(self, name: str = "fake-reranker") -> None:
        self.name = name

    def score(self, query: str, passages: Sequence[str]) -> Floats:
        """Return shape (len(passages),), float32, 0 to 1."""
        asked = set(_TOKEN.findall(query.lower()))
        shares = [len(asked & set(_TOKEN.findall(text.lower()))) / max(len(asked), 1) for text in passages]
        return np.array(shares, np.float32)


class FakeChat:
    """Reads the first numbered passage of the prompt aloud and cites it, or says what `replies` scripts.

    Inside `with fake.replies("one", "two"):` each stream takes the next text; a RuntimeFailure among them is
    raised instead. A schema without a script is fulfilled in the plainest way. `prompts` and `closed` tell a test
    what was asked and how many streams were broken off.
    """

    is_instruct = True

    def __init__(self, name: str = "fake-chat", context_tokens: int = 4096, *, is_instruct: bool = True) -> None:
        self.name = name
        self.context_tokens = context_tokens
        self.is_instruct = is_instruct
        self.prompts: list[str] = []
        self.closed = 0

    def count_tokens(self, text: str) -> int:
        """Return the number of words, Han characters and marks."""
        return len(_TOKEN.findall(text))

    def render(self, turns: Sequence[Turn]) -> str:
        """Return the turns, one paragraph each, open for the assistant's."""
        return "".join(f"<{turn.role}>\n{turn.text}\n\n" for turn in turns) + "<assistant>\n"

    def stream(self, prompt: str, sampling: Sampling) -> Iterator[Piece]:
        """Yield the reply word by word; stop strings and `max_tokens` hold as with a real model."""
        self.prompts.append(prompt)
        if self.count_tokens(prompt) >= self.context_tokens:
            raise RuntimeFailure("The prompt does not fit the context of the model.")
        reply = _next_reply(prompt, sampling.schema)
        for stop in filter(None, sampling.stop):
            reply = reply.partition(stop)[0]
        try:
            for word in re.findall(r"\s*\S{1,12}", reply)[: sampling.max_tokens]:
                yield Piece(word, 1)
        except GeneratorExit:
            self.closed += 1
            raise


_script: list[str | RuntimeFailure] = []
_script_lock = threading.Lock()


@contextmanager
def replies(*texts: str | RuntimeFailure) -> Iterator[None]:
    """Script what the fake chat models of this process say next, in order."""
    with _script_lock:
        _script[:] = texts
    try:
        yield
    finally:
        with _script_lock:
            _script.clear()


def load_chat(spec: RuntimeSpec) -> FakeChat:
    """Return the fake chat model that stands for `spec`."""
    return FakeChat(spec.name, spec.max_tokens, is_instruct=spec.is_instruct)


def load_embedder(spec: RuntimeSpec) -> FakeEmbedder:
    """Return the fake embedder that stands for `spec`."""
    return FakeEmbedder(spec.name, spec.dimensions or DIMENSIONS, spec.max_tokens)


def load_reranker(spec: RuntimeSpec) -> FakeReranker:
    """Return the fake rerank model that stands for `spec`."""
    return FakeReranker(spec.name)


def load_tokenizer(spec: RuntimeSpec) -> FakeTokenizer:
    """Return the fake tokenizer that stands for `spec`'s."""
    return FakeTokenizer(spec.max_tokens)


def _next_reply(prompt: str, schema: str = "") -> str:
    with _script_lock:
        scripted = _script.pop(0) if _script else None
    if isinstance(scripted, RuntimeFailure):
        raise scripted
    if scripted is not None:
        return scripted
    if schema:
        return json.dumps(_fulfilling(json.loads(schema), "word"), ensure_ascii=False)
    found = _FIRST_PASSAGE.search(prompt)
    if found is None:
        return prompt.strip().splitlines()[-1] if prompt.strip() else "Nothing was asked."
    spans = list(_TOKEN.finditer(found[1]))[:_ANSWER_TOKENS]
    return (found[1][: spans[-1].end()] if spans else found[1]) + " [1]"


def _fulfilling(schema: dict[str, Any], name: str) -> Any:
    """Return the plainest value that a schema allows: strings say the name of their property."""
    if "enum" in schema:
        return schema["enum"][0]
    match schema["type"]:
        case "object":
            return {key: _fulfilling(each, key) for key, each in schema["properties"].items()}
        case "array":
            return [_fulfilling(schema["items"], name)] * max(1, schema.get("minItems", 0))
        case "string":
            return name
        case "boolean":
            return False
    return 0


def _features(text: str) -> Iterator[str]:
    tokens = _TOKEN.findall(unicodedata.normalize("NFKC", text).lower())
    for token, following in zip_longest(tokens, tokens[1:], fillvalue=""):
        if re.match(rf"[{_HAN}]", token):
            yield token
            yield token + following
        elif token.isalnum():
            yield token
            yield token  # a whole word weighs more than one of its trigrams
            yield from (f"#{token[i : i + 3]}" for i in range(len(token) - 2))
