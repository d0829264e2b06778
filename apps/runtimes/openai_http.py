"""Models that an OpenAI-compatible service runs: vLLM, SGLang, llama-server, Ollama and the like.

The service cuts the tokens, so lengths are estimated here, rather too high than too low. A prompt travels as the turns
it is made of: `render` writes them as JSON, `stream` reads them back, and the service applies its own chat template.
"""

import contextlib
import json
import queue
import re
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from apps.core.errors import AppError
from apps.runtimes.contracts import Floats, Piece, PromptUse, RuntimeFailure, Sampling, Turn
from apps.runtimes.openai_wire import Service
from apps.runtimes.spec import RuntimeSpec

HEARTBEAT_S = 0.25  # empty pieces come so often, so that whoever iterates can look whether to stop
EMBED_BATCH = 32
_HAN = r"\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
# One Han character, up to four letters or three digits of a word, or one mark: rather more than vocabularies need.
_TOKEN = re.compile(rf"[{_HAN}]|[^\W\d_{_HAN}]{{1,4}}|\d{{1,3}}|[^\w\s]|_")
_MARK = "zhiku-turns:"


class EstimatingTokenizer:
    """Counts and places tokens by rule, where the vocabulary is not to be had."""

    def __init__(self, max_tokens: int) -> None:
        self.max_tokens = max_tokens

    def count(self, texts: Sequence[str]) -> list[int]:
        """Return the estimated number of tokens of each text."""
        return [sum(1 for _ in _TOKEN.finditer(text)) for text in texts]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Return the character offsets of each estimated token."""
        return [match.span() for match in _TOKEN.finditer(text)]


class HttpChat:
    """One chat model of a service. Safe to call from several threads: the service queues."""

    is_instruct = True

    def __init__(self, spec: RuntimeSpec) -> None:
        self.name = spec.name
        self.context_tokens = spec.max_tokens
        self._spec = spec
        self._service = Service(spec)
        self._tokenizer = EstimatingTokenizer(spec.max_tokens)

    def count_tokens(self, text: str) -> int:
        """Return about how many tokens `text` has, rather too many."""
        return self._tokenizer.count([text])[0]

    def render(self, turns: Sequence[Turn]) -> str:
        """Return the turns as JSON: data, never a template."""
        return _MARK + json.dumps([{"role": turn.role, "content": turn.text} for turn in turns], ensure_ascii=False)

    def stream(self, prompt: str, sampling: Sampling) -> "HttpStream":
        """Return the pieces of the answer as they arrive; closing it breaks the connection off."""
        if self.count_tokens(prompt) >= self.context_tokens:
            raise RuntimeFailure(f"The prompt is longer than the context of the model {self.name}.")
        body: dict[str, Any] = {
            "model": self._spec.remote_name,
            "messages": _messages(prompt),
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": sampling.seed,
            "stream": True,
            "stream_options": {"include_usage": True},
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop)[:4]  # more are refused by many services
        if sampling.schema:
            wanted = {"name": "answer", "strict": True, "schema": json.loads(sampling.schema)}
            body["response_format"] = {"type": "json_schema", "json_schema": wanted}
        return HttpStream(self._service, body, self.count_tokens(prompt))


def _messages(prompt: str) -> list[dict[str, str]]:
    if prompt.startswith(_MARK):
        with contextlib.suppress(ValueError):
            found: list[dict[str, str]] = json.loads(prompt[len(_MARK) :])
            return found
    return [{"role": "user", "content": prompt}]


class HttpStream(Iterator[Piece]):
    """The pieces of one answer, read by a thread of its own; `close` may be called from any thread."""

    def __init__(self, service: Service, body: dict[str, Any], estimated: int) -> None:
        self._service = service
        self._out: queue.SimpleQueue[Piece | RuntimeFailure | None] = queue.SimpleQueue()
        self._cut: list[Any] = []
        self._is_closed = threading.Event()
        self._is_done = False
        self._prompt = PromptUse(estimated, 0)
        threading.Thread(target=self._read, args=(body,), name=f"openai-{service.name}", daemon=True).start()

    @property
    def use(self) -> PromptUse:
        """What the prompt cost: as the service counted, estimated until it says so."""
        return self._prompt

    def __next__(self) -> Piece:
        """Return the next piece. Raises RuntimeFailure where the service broke."""
        if self._is_done:
            raise StopIteration
        try:
            found = self._out.get(timeout=HEARTBEAT_S)
        except queue.Empty:
            return Piece("", 0)
        if isinstance(found, Piece):
            return found
        self._is_done = True
        if found is None:
            raise StopIteration
        raise found

    def close(self) -> None:
        """Break the connection off: the service stops at its next token."""
        self._is_done = True
        self._is_closed.set()
        for opened in self._cut:
            opened.cut()

    def __del__(self) -> None:
        self.close()

    def _read(self, body: dict[str, Any]) -> None:
        try:
            with self._service.open("/chat/completions", body) as answer:
                self._cut.append(answer)
                if not self._is_closed.is_set():
                    self._hand_out(self._service.events(answer))
            self._out.put(None)
        except RuntimeFailure as error:
            self._out.put(error)
        except AppError as error:
            self._out.put(self._service.failure_of(error))

    def _hand_out(self, events: Iterator[dict[str, Any]]) -> None:
        told, is_ended = 0, False
        for event in events:
            text, ended = _delta(event)
            is_ended = is_ended or ended
            if text:
                told += 1
                self._out.put(Piece(text, 1))
            usage = event.get("usage")
            if isinstance(usage, dict):
                self._settle(usage, told)
                told = max(told, _whole(usage.get("completion_tokens")))
            if self._is_closed.is_set():
                return
        if not is_ended and not self._is_closed.is_set():
            raise RuntimeFailure("The service broke off in the middle of its answer.")

    def _settle(self, usage: dict[str, Any], told: int) -> None:
        """Take over what the service counted; tokens that no piece stood for are added to the last."""
        details = usage.get("prompt_tokens_details")
        cached = _whole(details.get("cached_tokens")) if isinstance(details, dict) else 0
        self._prompt = PromptUse(_whole(usage.get("prompt_tokens")) or self._prompt.tokens, cached)
        missing = _whole(usage.get("completion_tokens")) - told
        if missing > 0:
            self._out.put(Piece("", missing))


def _delta(event: dict[str, Any]) -> tuple[str, bool]:
    """Return the text of one event, and whether the answer ends with it."""
    choices = event.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], dict):
        return "", False
    delta = choices[0].get("delta")
    text = delta.get("content") if isinstance(delta, dict) else None
    return text if isinstance(text, str) else "", bool(choices[0].get("finish_reason"))


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0


class HttpEmbedder:
    """One embedding model of a service."""

    def __init__(self, spec: RuntimeSpec) -> None:
        self.name = spec.name
        self.max_tokens = spec.max_tokens
        self._spec = spec
        self._service = Service(spec)
        self.dimensions = spec.dimensions or int(self._embed(["."]).shape[1])

    def embed_passages(self, texts: Sequence[str]) -> Floats:
        """Return shape (len(texts), dimensions), float32, rows of L2 norm 1."""
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        return np.concatenate([self._embed(texts[at : at + EMBED_BATCH]) for at in range(0, len(texts), EMBED_BATCH)])

    def embed_queries(self, texts: Sequence[str]) -> Floats:
        """Return the same as `embed_passages`: services know one way only."""
        return self.embed_passages(texts)

    def _embed(self, texts: Sequence[str]) -> Floats:
        found = self._service.post("/embeddings", {"model": self._spec.remote_name, "input": list(texts)})
        try:
            rows = sorted(found["data"], key=lambda row: int(row["index"]))
            values = np.array([row["embedding"] for row in rows], np.float32)
        except (TypeError, KeyError, ValueError):
            raise RuntimeFailure(f"The service of the model {self.name} sent no vectors.") from None
        wanted = (len(texts), self._spec.dimensions or (values.shape[1] if values.ndim > 1 else 0))
        if values.shape != wanted or not np.isfinite(values).all() or not values.any(axis=1).all():
            raise RuntimeFailure(f"The service of the model {self.name} sent vectors of another shape.")
        values /= np.linalg.norm(values, axis=1, keepdims=True)
        return values


class HttpReranker:
    """One rerank model of a service, asked as Jina, vLLM and llama-server are."""

    def __init__(self, spec: RuntimeSpec) -> None:
        self.name = spec.name
        self._spec = spec
        self._service = Service(spec)

    def score(self, query: str, passages: Sequence[str]) -> Floats:
        """Return shape (len(passages),), float32, 0 to 1."""
        body = {"model": self._spec.remote_name, "query": query, "documents": list(passages)}
        found = self._service.post("/rerank", body) if passages else {"results": []}
        scores = np.zeros(len(passages), np.float32)
        try:
            for row in found["results"]:
                scores[int(row["index"])] = float(row["relevance_score"])
        except (TypeError, KeyError, ValueError, IndexError):
            raise RuntimeFailure(f"The service of the model {self.name} sent no scores.") from None
        if scores.size and (scores.min() < 0 or scores.max() > 1):
            scores = (1 / (1 + np.exp(-scores))).astype(np.float32)
        return scores


def load_chat(spec: RuntimeSpec) -> HttpChat:
    """Return the chat model of a service; nothing is asked yet."""
    return HttpChat(spec)


def load_embedder(spec: RuntimeSpec) -> HttpEmbedder:
    """Return the embedding model of a service. Raises RuntimeFailure where its dimensions cannot be asked."""
    return HttpEmbedder(spec)


def load_reranker(spec: RuntimeSpec) -> HttpReranker:
    """Return the rerank model of a service."""
    return HttpReranker(spec)


def load_tokenizer(spec: RuntimeSpec) -> EstimatingTokenizer:
    """Return the estimate for an embedding model of a service."""
    return EstimatingTokenizer(spec.max_tokens)
