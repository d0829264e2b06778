"""Continuous batching: one thread decodes all sequences of a model together, one step after another.

Each step holds one token of every answer that is being written and, in the room that is left, a piece of the
prompts that are still being read. So a new question never waits for a running answer to end, and reading a long
prompt slows the others down by a bounded amount.
"""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from apps.runtimes.contracts import Piece, PromptUse, RuntimeFailure
from apps.runtimes.llama.text import TextAssembler, common_prefix

logger = logging.getLogger(__name__)

# Prompt tokens per step while answers are being written. 64 cost a running answer about 60 ms at 1,000 tokens/s.
PROMPT_QUOTA = 64
STEP_TOKENS = 256  # of prompts per step where nobody is writing: bounds how long a stop waits
_HEARTBEAT_S = 0.25


class Draw(Protocol):
    """Draws the tokens of one sequence."""

    def sample(self, context: Any, row: int) -> int:
        """Return the next token by the output of `row` of the last batch of `context`, the engine's own memory."""
        ...

    def close(self) -> None:
        """Free it."""
        ...


class Memory(Protocol):
    """The attention memory of several sequences (`native.Context`)."""

    tokens_per_sequence: int

    @property
    def room(self) -> int:
        """How many more tokens the batch takes."""
        ...

    def begin(self) -> None:
        """Empty the batch."""
        ...

    def add(self, sequence: int, tokens: list[int], position: int, *, wants_output: bool) -> int:
        """Put tokens into the batch; return the row of the last one."""
        ...

    def decode(self) -> None:
        """Run the batch."""
        ...

    def keep(self, sequence: int, tokens: int) -> int:
        """Forget a sequence but its first `tokens`; return how many are kept."""
        ...

    def close(self) -> None:
        """Free it."""
        ...


class Vocabulary(Protocol):
    """What the engine asks of the model (`native.Model`)."""

    def piece(self, token: int) -> bytes:
        """Return the bytes of a token."""
        ...

    def is_end(self, token: int) -> bool:
        """Return whether a token ends the generation."""
        ...


@dataclass(slots=True, eq=False)
class Request:
    """One text to be continued, and what became of it. `out` ends with None or a RuntimeFailure."""

    prompt: list[int]
    max_tokens: int
    draw: Draw
    text: TextAssembler
    out: "queue.SimpleQueue[Piece | RuntimeFailure | None]" = field(default_factory=queue.SimpleQueue)
    is_cancelled: bool = False
    cached_tokens: int = 0
    written: int = 0  # tokens drawn so far
    unsent: int = 0  # of these, the ones whose text is held back

    def use(self) -> PromptUse:
        """Return what the prompt cost."""
        return PromptUse(len(self.prompt), self.cached_tokens)


@dataclass(slots=True, eq=False)
class Slot:
    """One sequence of the memory: the tokens that lie in it, and the request that uses it."""

    number: int
    tokens: list[int] = field(default_factory=list)
    request: Request | None = None
    upcoming: list[int] = field(default_factory=list)  # of the prompt, or the one token drawn last


class Engine:
    """Serves requests from a thread of its own, which starts with the first one and again after a failure."""

    def __init__(self, name: str, vocabulary: Vocabulary, make_memory: Callable[[], Memory], sequences: int) -> None:
        self._name = name
        self._vocabulary = vocabulary
        self._make_memory = make_memory
        self._sequences = sequences
        self._changed = threading.Condition()
        self._waiting: deque[Request] = deque()
        self._slots: list[Slot] = []
        self._thread: threading.Thread | None = None
        self._is_closed = False

    @property
    def is_busy(self) -> bool:
        """Return whether a request waits or runs."""
        with self._changed:
            return bool(self._waiting) or any(slot.request is not None for slot in self._slots)

    def submit(self, request: Request) -> None:
        """Queue a request. Raises RuntimeFailure once the engine is closed."""
        with self._changed:
            if self._is_closed:
                raise RuntimeFailure(f"The model {self._name} was closed.")
            self._waiting.append(request)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"llama-{self._name}", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def cancel(self, request: Request) -> None:
        """Take a request out before the next step; its queue ends with None."""
        with self._changed:
            request.is_cancelled = True
            self._changed.notify_all()

    def close(self) -> None:
        """End every request with a RuntimeFailure, stop the thread and free the memory."""
        with self._changed:
            self._is_closed = True
            thread = self._thread
            self._changed.notify_all()
        if thread is not None:
            thread.join()

    @property
    def active(self) -> int:
        """How many requests hold a sequence or wait for one."""
        with self._changed:
            return len(self._waiting) + sum(slot.request is not None for slot in self._slots)

    def _run(self) -> None:
        """Serve until closed or broken; whatever goes wrong reaches everybody who waits."""
        memory: Memory | None = None
        failure = RuntimeFailure(f"The model {self._name} was closed.")
        try:
            memory = self._make_memory()
            self._slots = [Slot(number) for number in range(self._sequences)]
            while self._admit(memory):
                self._step(memory)
        except Exception as error:
            logger.exception("a chat model failed", extra={"model": self._name})
            failure = RuntimeFailure(f"The model {self._name} failed: {error}")
        finally:
            self._fail_all(failure)
            if memory is not None:
                memory.close()

    def _fail_all(self, failure: RuntimeFailure) -> None:
        with self._changed:
            requests = [slot.request for slot in self._slots if slot.request is not None]
            requests += self._waiting
            self._waiting.clear()
            self._slots = []
            self._thread = None
        for request in requests:
            request.draw.close()
            request.out.put(failure)

    def _admit(self, memory: Memory) -> bool:
        """Evict the cancelled, give free sequences to the waiting; wait while idle. False: the engine was closed."""
        with self._changed:
            while not self._is_closed:
                self._evict_cancelled()
                while self._waiting and any(slot.request is None for slot in self._slots):
                    self._place(self._waiting.popleft(), memory)
                if any(slot.request is not None for slot in self._slots):
                    return True
                self._changed.wait()
        return False

    def _evict_cancelled(self) -> None:
        for slot in self._slots:
            if slot.request is not None and slot.request.is_cancelled:
                self._finish(slot)
        for request in [request for request in self._waiting if request.is_cancelled]:
            self._waiting.remove(request)
            request.draw.close()
            request.out.put(None)

    def _place(self, request: Request, memory: Memory) -> None:
        """Give the request the free sequence that shares the longest beginning with its prompt.

        The last token of the prompt is always read again: its output is the first thing needed.
        """
        free = [slot for slot in self._slots if slot.request is None]
        slot = max(free, key=lambda slot: (common_prefix(slot.tokens, request.prompt), -len(slot.tokens)))
        shared = min(common_prefix(slot.tokens, request.prompt), len(request.prompt) - 1)
        request.cached_tokens = memory.keep(slot.number, shared)
        slot.tokens = request.prompt[: request.cached_tokens]
        slot.upcoming = request.prompt[request.cached_tokens :]
        slot.request = request

    def _step(self, memory: Memory) -> None:
        """Decode one batch and hand out what it gave."""
        memory.begin()
        busy = [slot for slot in self._slots if slot.request is not None]
        writing = [slot for slot in busy if len(slot.tokens) >= len(_request(slot).prompt)]
        outputs = [(slot, self._add(slot, 1, memory)) for slot in writing]
        quota = min(PROMPT_QUOTA if writing else STEP_TOKENS, memory.room)
        for slot in busy:
            if slot not in writing and quota > 0:
                count = min(quota, len(slot.upcoming))
                quota -= count
                row = self._add(slot, count, memory)
                if not slot.upcoming:
                    outputs.append((slot, row))
        memory.decode()
        for slot, row in outputs:
            self._advance(slot, _request(slot).draw.sample(memory, row))

    def _add(self, slot: Slot, count: int, memory: Memory) -> int:
        tokens, slot.upcoming = slot.upcoming[:count], slot.upcoming[count:]
        row = memory.add(slot.number, tokens, len(slot.tokens), wants_output=not slot.upcoming)
        slot.tokens += tokens
        return row

    def _advance(self, slot: Slot, token: int) -> None:
        """Hand out the text of a new token and end the request where it is the last one."""
        request = _request(slot)
        if self._vocabulary.is_end(token):
            self._finish(slot)
            return
        request.written += 1
        request.unsent += 1
        text = request.text.push(self._vocabulary.piece(token))
        if text:
            request.out.put(Piece(text, request.unsent))
            request.unsent = 0
        if request.text.is_stopped or request.written >= request.max_tokens:
            self._finish(slot)
        else:
            slot.upcoming = [token]

    def _finish(self, slot: Slot) -> None:
        """End the slot's request; its tokens stay in memory for the next prompt that begins like them."""
        request = _request(slot)
        slot.request = None
        slot.upcoming = []
        request.draw.close()
        rest = request.text.finish()
        if (rest or request.unsent) and not request.is_cancelled:
            request.out.put(Piece(rest, request.unsent))
        request.out.put(None)


class Stream(Iterator[Piece]):
    """The pieces of one request; `close` may be called at any time and from any thread.

    While the request waits or its prompt is being read, empty pieces come about four times a second, so that
    whoever iterates can look whether to stop.
    """

    def __init__(self, engine: Engine, request: Request, on_end: Callable[[], None] = lambda: None) -> None:
        self._engine = engine
        self._request = request
        self._on_end: Callable[[], None] | None = on_end
        self._is_done = False
        try:
            engine.submit(request)
        except RuntimeFailure:
            request.draw.close()
            self._end()
            raise

    @property
    def use(self) -> PromptUse:
        """What the prompt cost; the cached tokens are known once the first piece with text came."""
        return self._request.use()

    def __next__(self) -> Piece:
        """Return the next piece. Raises RuntimeFailure where the model broke."""
        if self._is_done:
            raise StopIteration
        try:
            found = self._request.out.get(timeout=_HEARTBEAT_S)
        except queue.Empty:
            return Piece("", 0)
        if isinstance(found, Piece):
            return found
        self._end()
        if found is None:
            raise StopIteration
        raise found

    def close(self) -> None:
        """Free the sequence before the next step."""
        if not self._is_done:
            self._engine.cancel(self._request)
            self._end()

    def __del__(self) -> None:
        self.close()

    def _end(self) -> None:
        self._is_done = True
        on_end, self._on_end = self._on_end, None
        if on_end is not None:
            on_end()


def _request(slot: Slot) -> Request:
    if slot.request is None:
        raise RuntimeFailure("A sequence without a request was to be decoded.")
    return slot.request
