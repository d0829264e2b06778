"""The part of llama.cpp's C interface that the engine needs, with Python's manners: checked, named, freed.

Nothing here is thread safe but `Model.tokenize` and `Model.piece`; the engine's thread owns the rest.
"""

import ctypes
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from llama_cpp import llama_cpp as lib

from apps.runtimes.contracts import RuntimeFailure, Sampling

logger = logging.getLogger(__name__)

_LEVELS = {3: logging.DEBUG, 4: logging.ERROR}  # ggml's own; its warnings are remarks on model files, the rest chatter
_PENALTY_LAST_TOKENS = 64  # llama.cpp's own default
_SPECIAL_ATTRIBUTES = lib.LLAMA_TOKEN_ATTR_CONTROL | lib.LLAMA_TOKEN_ATTR_USER_DEFINED
_NO_SLOT, _ABORTED = 1, 2  # what llama_decode returns


@lib.llama_log_callback  # type: ignore[untyped-decorator]  # ctypes
def _log(level: int, text: bytes, _data: object) -> None:
    """Hand llama.cpp's warnings to our log instead of stderr."""
    if level in _LEVELS:
        logger.log(_LEVELS[level], "llama.cpp: %s", text.decode("utf-8", "replace").strip())


# Drawing a token takes a fraction of a millisecond. Called the usual way it would give Python's lock away and might
# wait 5 ms to get it back while another thread renders text: a third of the time of a token.
_sample = ctypes.PyDLL(lib._lib._name).llama_sampler_sample
_sample.argtypes = lib.llama_sampler_sample.argtypes
_sample.restype = lib.llama_sampler_sample.restype

lib.llama_log_set(_log, ctypes.c_void_p(0))
lib.llama_backend_init()


def is_repacking_safe() -> bool:
    """Return whether weights may be repacked for the CPU.

    Builds with AMX crash at the first token on some virtual machines (ggml-org/llama.cpp#20824): there, and only
    there, the repacked formats are left alone.
    """
    return b"AMX_INT8 = 1" not in lib.llama_print_system_info()


class Model:
    """The weights and the vocabulary of one GGUF file."""

    def __init__(self, path: Path, on_progress: Callable[[float], None] = lambda _fraction: None) -> None:
        @lib.llama_progress_callback  # type: ignore[untyped-decorator]  # ctypes
        def progress(fraction: float, _data: object) -> bool:
            on_progress(fraction)
            return True

        parameters = lib.llama_model_default_params()
        parameters.progress_callback = progress
        parameters.n_gpu_layers = 0
        parameters.use_extra_bufts = is_repacking_safe()
        self.handle = lib.llama_model_load_from_file(str(path).encode(), parameters)
        if not self.handle:
            raise RuntimeFailure(f"llama.cpp cannot load {path.name}.")
        self.vocabulary = lib.llama_model_get_vocab(self.handle)
        self.n_vocabulary: int = lib.llama_vocab_n_tokens(self.vocabulary)
        self.trained_context: int = lib.llama_model_n_ctx_train(self.handle)
        self.bos: int = lib.llama_vocab_bos(self.vocabulary)
        self.adds_bos: bool = lib.llama_vocab_get_add_bos(self.vocabulary)
        self._pieces: dict[int, bytes] = {}
        self._ends: dict[int, bool] = {}
        self._in_use = threading.Lock()  # between those who tokenize and the one who closes

    def metadata(self) -> dict[str, str]:
        """Return the file's metadata that can be written as text."""
        return {
            self._meta(lib.llama_model_meta_key_by_index, index): self._meta(
                lib.llama_model_meta_val_str_by_index, index
            )
            for index in range(lib.llama_model_meta_count(self.handle))
        }

    def _meta(self, read: "ctypes._FuncPointer", index: int) -> str:
        size = 1024
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = read(self.handle, index, buffer, size)
            if length < size:
                return buffer.value.decode("utf-8", "replace")
            size = length + 1

    def tokenize(self, text: str, *, add_bos: bool = False, parse_special: bool = False) -> list[int]:
        """Return the token ids of `text`; with `parse_special`, control tokens written out become those tokens."""
        data = text.encode("utf-8", "replace")
        room = len(data) + 2  # a token holds a byte at least; BOS and EOS
        tokens = (lib.llama_token * room)()
        with self._in_use:
            if not self.handle:
                raise RuntimeFailure("The model was closed.")
            count = lib.llama_tokenize(self.vocabulary, data, len(data), tokens, room, add_bos, parse_special)
        if count < 0:
            raise RuntimeFailure("A text could not be cut into tokens.")
        return tokens[:count]

    def piece(self, token: int) -> bytes:
        """Return the bytes that `token` stands for; none for control tokens. May end inside a character."""
        found = self._pieces.get(token)
        if found is None:
            found = self._pieces[token] = self._read_piece(token, special=False)
        return found

    def _read_piece(self, token: int, *, special: bool) -> bytes:
        size = 64
        while True:
            buffer = ctypes.create_string_buffer(size)
            length = lib.llama_token_to_piece(self.vocabulary, token, buffer, size, 0, special)
            if length >= 0:
                return buffer.raw[:length]
            size = -length

    def is_end(self, token: int) -> bool:
        """Return whether `token` ends the generation."""
        found = self._ends.get(token)
        if found is None:
            found = self._ends[token] = bool(lib.llama_vocab_is_eog(self.vocabulary, token))
        return found

    def special_texts(self) -> list[str]:
        """Return how the control tokens are written, as in `<|im_start|>`."""
        texts = [
            self._read_piece(token, special=True).decode("utf-8", "replace")
            for token in range(self.n_vocabulary)
            if lib.llama_vocab_get_attr(self.vocabulary, token) & _SPECIAL_ATTRIBUTES
        ]
        return [text for text in texts if len(text) > 1 and not text.isspace()]

    def text_of(self, token: int) -> str:
        """Return how `token` is written, control tokens too."""
        return self._read_piece(token, special=True).decode("utf-8", "replace") if token >= 0 else ""

    def close(self) -> None:
        """Free the weights; the object is of no use afterwards."""
        with self._in_use:
            if self.handle:
                lib.llama_model_free(self.handle)
                self.handle = None


@dataclass(frozen=True, slots=True)
class ContextSize:
    """How much a context decodes: sequences at once, tokens of each, tokens of one step, CPU threads."""

    sequences: int
    tokens: int
    step_tokens: int
    threads: int


class Context:
    """The attention memory of several sequences and the batch that a step is written into."""

    def __init__(self, model: Model, size: ContextSize) -> None:
        parameters = lib.llama_context_default_params()
        parameters.n_ctx = size.tokens * size.sequences
        parameters.n_seq_max = size.sequences
        parameters.n_batch = parameters.n_ubatch = size.step_tokens
        parameters.n_threads = parameters.n_threads_batch = size.threads
        parameters.kv_unified = False  # each sequence has its own memory, so the idle ones cost no time (docs/adr/0002)
        parameters.no_perf = True
        self.handle = lib.llama_init_from_model(model.handle, parameters)
        if not self.handle:
            raise RuntimeFailure("llama.cpp cannot make room for the sequences of the model.")
        self.tokens_per_sequence: int = lib.llama_n_ctx_seq(self.handle)
        self._memory = lib.llama_get_memory(self.handle)
        self._batch = lib.llama_batch_init(size.step_tokens, 0, 1)
        self._room = size.step_tokens

    def begin(self) -> None:
        """Empty the batch."""
        self._batch.n_tokens = 0

    @property
    def room(self) -> int:
        """How many more tokens the batch takes."""
        return self._room - int(self._batch.n_tokens)

    def add(self, sequence: int, tokens: Sequence[int], position: int, *, wants_output: bool) -> int:
        """Put tokens of one sequence into the batch; return the row of the last one, for `sample`."""
        batch, row = self._batch, int(self._batch.n_tokens)
        for offset, token in enumerate(tokens):
            batch.token[row] = token
            batch.pos[row] = position + offset
            batch.n_seq_id[row] = 1
            batch.seq_id[row][0] = sequence
            batch.logits[row] = 0
            row += 1
        batch.logits[row - 1] = wants_output
        batch.n_tokens = row
        return row - 1

    def decode(self) -> None:
        """Run the batch through the model. Raises RuntimeFailure; the memory is not to be trusted afterwards."""
        code = lib.llama_decode(self.handle, self._batch)
        if code != 0:
            reason = {_NO_SLOT: "its memory is full", _ABORTED: "it was aborted"}.get(code, f"code {code}")
            raise RuntimeFailure(f"llama.cpp could not decode a batch: {reason}.")

    def keep(self, sequence: int, tokens: int) -> int:
        """Forget a sequence but its first `tokens`; return how many are really kept (none where that is impossible)."""
        if tokens and lib.llama_memory_seq_rm(self._memory, sequence, tokens, -1):
            return tokens
        lib.llama_memory_seq_rm(self._memory, sequence, -1, -1)
        return 0

    def close(self) -> None:
        """Free the memory; the object is of no use afterwards."""
        if self.handle:
            lib.llama_batch_free(self._batch)
            lib.llama_free(self.handle)
            self.handle = None


class Sampler:
    """A native chain that draws the next token of one sequence."""

    def __init__(self, sampling: Sampling, n_vocabulary: int) -> None:
        parameters = lib.llama_sampler_chain_default_params()
        parameters.no_perf = True
        self._chain = lib.llama_sampler_chain_init(parameters)
        for link in _links(sampling, n_vocabulary):
            lib.llama_sampler_chain_add(self._chain, link)

    def sample(self, context: Context, row: int) -> int:
        """Return the next token by the output of `row` of the last batch."""
        return int(_sample(self._chain, context.handle, row))

    def close(self) -> None:
        """Free the chain and its links."""
        if self._chain:
            lib.llama_sampler_free(self._chain)
            self._chain = None


def _links(sampling: Sampling, n_vocabulary: int) -> list[object]:
    """Return the links in llama.cpp's order; the penalty counts generated tokens only, so quoting is not punished."""
    links: list[object] = []
    if sampling.repeat_penalty != 1.0:
        links.append(
            lib.llama_sampler_init_penalties(n_vocabulary, _PENALTY_LAST_TOKENS, sampling.repeat_penalty, 0.0, 0.0)
        )
    if sampling.temperature <= 0:
        return [*links, lib.llama_sampler_init_greedy()]
    return [
        *links,
        lib.llama_sampler_init_top_k(sampling.top_k),
        lib.llama_sampler_init_top_p(sampling.top_p, 1),
        lib.llama_sampler_init_min_p(sampling.min_p, 1),
        lib.llama_sampler_init_temp(sampling.temperature),
        lib.llama_sampler_init_dist(sampling.seed & 0xFFFF_FFFF),
    ]
