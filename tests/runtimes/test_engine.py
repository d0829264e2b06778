"""Continuous batching, against a memory that records what is decoded. No model, no clock."""

import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from apps.runtimes.contracts import Piece, RuntimeFailure
from apps.runtimes.llama.engine import PROMPT_QUOTA, STEP_TOKENS, Engine, Request, Stream
from apps.runtimes.llama.text import TextAssembler

END = 0


class Words:
    """A vocabulary whose tokens are bytes."""

    def piece(self, token: int) -> bytes:
        """Return the byte."""
        return bytes([token])

    def is_end(self, token: int) -> bool:
        """Return whether it is the end."""
        return token == END


@dataclass
class Recorder:
    """A memory that decodes nothing; each decode waits for a permit where `steps` is set."""

    tokens_per_sequence: int = 4096
    batches: list[list[tuple[int, int, int]]] = field(default_factory=list)  # of (sequence, position, count)
    entered: "queue.SimpleQueue[int]" = field(default_factory=queue.SimpleQueue)
    steps: threading.Semaphore | None = None
    failure: RuntimeFailure | None = None
    is_closed: bool = False

    @property
    def room(self) -> int:
        """Return what a step takes at most."""
        return STEP_TOKENS + 8 - sum(count for _, _, count in self.batches[-1])

    def begin(self) -> None:
        """Start a batch."""
        self.batches.append([])

    def add(self, sequence: int, tokens: list[int], position: int, *, wants_output: bool) -> int:
        """Record what is added."""
        assert tokens
        self.batches[-1].append((sequence, position, len(tokens)))
        return len(self.batches[-1])

    def decode(self) -> None:
        """Wait for the permit, fail where that is scripted."""
        self.entered.put(len(self.batches))
        if self.steps is not None:
            self.steps.acquire()
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure

    def keep(self, sequence: int, tokens: int) -> int:
        """Keep everything that is asked for."""
        return tokens

    def close(self) -> None:
        """Remember it."""
        self.is_closed = True


@dataclass
class Script:
    """Draws the bytes of a text, then the end."""

    text: bytes
    at: int = 0
    is_closed: bool = False

    def sample(self, context: object, row: int) -> int:
        """Return the next byte."""
        self.at += 1
        return self.text[self.at - 1] if self.at <= len(self.text) else END

    def close(self) -> None:
        """Remember it."""
        self.is_closed = True


def request_of(text: str, prompt: str = "prompt", *, max_tokens: int = 100, stop: tuple[str, ...] = ()) -> Request:
    return Request(list(prompt.encode()), max_tokens, Script(text.encode()), TextAssembler(stop))


def text_of(stream: Iterator[Piece]) -> str:
    return "".join(piece.text for piece in stream)


@pytest.fixture
def memory() -> Recorder:
    """Return the memory that the engine uses."""
    return Recorder()


@pytest.fixture
def engine(memory: Recorder) -> Iterator[Engine]:
    """Return an engine of two sequences."""
    engine = Engine("toy", Words(), lambda: memory, 2)
    yield engine
    if memory.steps is not None:
        memory.steps.release(10_000)
    engine.close()


def test_it_streams_until_the_end(engine: Engine) -> None:
    pieces = [piece for piece in Stream(engine, request_of("hello")) if piece.tokens]

    assert [piece.text for piece in pieces] == list("hello")
    assert engine.active == 0


def test_it_stops_at_the_limit_and_counts_every_token(engine: Engine) -> None:
    pieces = list(Stream(engine, request_of("年年", max_tokens=4)))

    assert "".join(piece.text for piece in pieces) == "年"
    assert sum(piece.tokens for piece in pieces) == 4


def test_it_stops_at_a_stop_string(engine: Engine) -> None:
    request = request_of("one END two", stop=("END",))

    assert text_of(Stream(engine, request)) == "one "
    assert isinstance(request.draw, Script)
    assert request.draw.at == len("one END")
    assert request.draw.is_closed


def test_it_serves_more_requests_than_it_has_sequences(engine: Engine) -> None:
    streams = [Stream(engine, request_of(f"answer {number}")) for number in range(5)]

    assert [text_of(stream) for stream in streams] == [f"answer {number}" for number in range(5)]


def test_it_decodes_two_answers_in_one_step(engine: Engine, memory: Recorder) -> None:
    memory.steps = threading.Semaphore(0)
    first, second = Stream(engine, request_of("abcdef")), Stream(engine, request_of("ghijkl"))
    memory.steps.release(1_000)

    assert (text_of(first), text_of(second)) == ("abcdef", "ghijkl")
    assert any({sequence for sequence, _, _ in batch} == {0, 1} for batch in memory.batches)


def test_it_reads_a_long_prompt_in_small_parts_while_somebody_is_answered(engine: Engine, memory: Recorder) -> None:
    memory.steps = threading.Semaphore(0)
    running = Stream(engine, request_of("x" * 50))
    memory.entered.get()
    memory.steps.release(2)
    memory.entered.get()
    late = Stream(engine, request_of("y", prompt="p" * 500))
    memory.steps.release(1_000)

    assert text_of(running) == "x" * 50
    assert text_of(late) == "y"
    parts = [count for batch in memory.batches for sequence, _, count in batch if sequence == 1 and len(batch) == 2]
    assert max(parts) == PROMPT_QUOTA


def test_it_frees_the_sequence_within_one_step_of_a_stop(engine: Engine, memory: Recorder) -> None:
    memory.steps = threading.Semaphore(0)
    stream = Stream(engine, request_of("x" * 1_000, max_tokens=1_000))
    memory.entered.get()
    memory.steps.release()
    memory.entered.get()

    stream.close()
    memory.steps.release(1_000)

    assert text_of(Stream(engine, request_of("next"))) == "next"
    alone = [batch for batch in memory.batches if batch[0][1] >= len("prompt")]
    assert len(alone) <= 2 + len("next")
    assert engine.active == 0


def test_it_stops_while_the_prompt_is_being_read(engine: Engine, memory: Recorder) -> None:
    memory.steps = threading.Semaphore(0)
    stream = Stream(engine, request_of("never", prompt="p" * 4_000))
    memory.entered.get()

    stream.close()
    memory.steps.release(1_000)
    text_of(Stream(engine, request_of("next", prompt="q")))

    assert sum(count for batch in memory.batches for _, _, count in batch if count > 1) == STEP_TOKENS


def test_it_drops_a_request_that_waits_for_a_sequence(engine: Engine, memory: Recorder) -> None:
    memory.steps = threading.Semaphore(0)
    running = [Stream(engine, request_of("long" * 5)) for _ in range(2)]
    waiting = Stream(engine, request_of("never"))

    waiting.close()
    memory.steps.release(1_000)

    assert [text_of(stream) for stream in running] == ["long" * 5] * 2
    assert list(waiting) == []


def test_it_gives_empty_pieces_while_nothing_is_there_yet(engine: Engine, memory: Recorder) -> None:
    memory.steps = threading.Semaphore(0)
    stream = Stream(engine, request_of("x"))

    assert next(stream) == Piece("", 0)


def test_it_reads_a_shared_beginning_once(engine: Engine) -> None:
    text_of(Stream(engine, request_of("a", prompt="system: be brief. user: one")))
    request = request_of("b", prompt="system: be brief. user: two")

    stream = Stream(engine, request)
    text_of(stream)

    assert stream.use.cached_tokens == len("system: be brief. user: ")
    assert stream.use.tokens == len(request.prompt)


def test_it_reads_the_last_token_of_a_known_prompt_again(engine: Engine) -> None:
    text_of(Stream(engine, request_of("a")))
    stream = Stream(engine, request_of("b"))

    assert text_of(stream) == "b"
    assert stream.use.cached_tokens == len("prompt") - 1


def test_it_tells_everybody_when_the_thread_breaks_and_starts_again(engine: Engine, memory: Recorder) -> None:
    memory.steps = threading.Semaphore(0)
    streams = [Stream(engine, request_of("x" * 10)) for _ in range(4)]
    memory.entered.get()
    memory.failure = RuntimeFailure("out of memory")
    memory.steps.release(1_000)

    for stream in streams:
        with pytest.raises(RuntimeFailure, match="out of memory"):
            text_of(stream)
    assert memory.is_closed
    assert text_of(Stream(engine, request_of("again"))) == "again"


def test_it_tells_when_the_memory_cannot_be_made() -> None:
    def fail() -> Recorder:
        raise RuntimeFailure("no room")

    with pytest.raises(RuntimeFailure, match="no room"):
        text_of(Stream(Engine("toy", Words(), fail, 2), request_of("x")))


def test_it_ends_everybody_when_it_is_closed(engine: Engine, memory: Recorder) -> None:
    memory.steps = threading.Semaphore(0)
    stream = Stream(engine, request_of("x" * 10))
    memory.entered.get()
    closer = threading.Thread(target=engine.close)
    closer.start()
    memory.steps.release(1)
    closer.join()

    with pytest.raises(RuntimeFailure, match="closed"):
        text_of(stream)
    with pytest.raises(RuntimeFailure, match="closed"):
        Stream(engine, request_of("y"))


def test_it_frees_the_sequence_of_a_stream_that_was_thrown_away(engine: Engine, memory: Recorder) -> None:
    memory.steps = threading.Semaphore(0)
    ended: list[str] = []
    stream = Stream(engine, request_of("x" * 1_000), lambda: ended.append("stream"))
    memory.entered.get()

    del stream
    memory.steps.release(1_000)

    assert ended == ["stream"]
    assert text_of(Stream(engine, request_of("next"))) == "next"
