"""Drawing tokens that keep to a grammar: first freely, which nearly always fits, and only else among those that do.

Asking the grammar about every token of a large vocabulary costs as much as decoding one; this way it is asked about
one token, as llama.cpp's own programs do (common/sampling.cpp).
"""

import ctypes
from typing import Any

import numpy as np
from llama_cpp import llama_cpp as lib

from apps.runtimes.contracts import RuntimeFailure, Sampling
from apps.runtimes.llama.gbnf import ROOT, grammar_of
from apps.runtimes.llama.native import Context, Model, Sampler

_ENTRY = np.dtype([("id", np.int32), ("logit", np.float32), ("p", np.float32)])  # llama_token_data


class GrammarSampler(Sampler):
    """A chain of samplers, held to a grammar."""

    def __init__(self, sampling: Sampling, model: Model) -> None:
        self._grammar = lib.llama_sampler_init_grammar(
            model.vocabulary, grammar_of(sampling.schema).encode(), ROOT.encode()
        )
        if not self._grammar:
            raise RuntimeFailure("llama.cpp does not take the grammar that a schema was made into.")
        super().__init__(sampling, model.n_vocabulary)
        self._end: int = lib.llama_vocab_eos(model.vocabulary)
        self._entries = np.zeros(model.n_vocabulary, _ENTRY)
        self._ids = np.arange(model.n_vocabulary, dtype=np.int32)

    def sample(self, context: Context, row: int) -> int:
        """Return the next token by the output of `row` of the last batch: one that the grammar allows."""
        logits = np.ctypeslib.as_array(lib.llama_get_logits_ith(context.handle, row), (len(self._ids),))
        token = self._drawn(logits, is_held=False)
        if not self._allows(token):
            token = self._drawn(logits, is_held=True)
            if not self._allows(token):  # no token at all fits: the text ends here, and its reader sees that it is cut
                return self._end
        lib.llama_sampler_accept(self._grammar, token)
        lib.llama_sampler_accept(self._chain, token)
        return token

    def close(self) -> None:
        """Free the chain and the grammar."""
        super().close()
        if self._grammar:
            lib.llama_sampler_free(self._grammar)
            self._grammar = None

    def _drawn(self, logits: Any, *, is_held: bool) -> int:
        """Return the token that the chain draws, of all or of those that the grammar allows."""
        self._entries["id"], self._entries["logit"], self._entries["p"] = self._ids, logits, 0.0
        found = _array(self._entries)
        if is_held:
            lib.llama_sampler_apply(self._grammar, ctypes.byref(found))
        lib.llama_sampler_apply(self._chain, ctypes.byref(found))
        return int(found.data[found.selected].id)

    def _allows(self, token: int) -> bool:
        one = np.array([(token, 1.0, 0.0)], _ENTRY)
        lib.llama_sampler_apply(self._grammar, ctypes.byref(_array(one)))
        return bool(np.isfinite(one["logit"][0]))


def sampler_of(sampling: Sampling, model: Model) -> Sampler:
    """Return what draws the tokens of one sequence. Raises RuntimeFailure for a schema that is not understood."""
    return GrammarSampler(sampling, model) if sampling.schema else Sampler(sampling, model.n_vocabulary)


def _array(entries: Any) -> Any:
    data = entries.ctypes.data_as(ctypes.POINTER(lib.llama_token_data))
    return lib.llama_token_data_array(data, len(entries), selected=-1, sorted=False)
