"""Learns a word (textual inversion, Gal et al. 2022): vectors that the text encoder reads where the word stands."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion.training.loop import generator_of
from apps.runtimes.diffusion.training.parts import Parts, ids_alone, ids_of, states_of
from apps.runtimes.training import Course

VECTORS = "vectors"
_SPREAD = 0.1  # of further vectors around the first word, in parts of the embeddings' own spread


class _WithWord(nn.Module):
    """An embedding whose ids from `first` on are the rows of `vectors`."""

    def __init__(self, words: nn.Module, vectors: nn.Parameter, first: int) -> None:
        super().__init__()
        self.words = words
        self.vectors = vectors
        self.first = first

    def forward(self, ids: Tensor) -> Tensor:
        """Return the embeddings of ids, shape (…, width)."""
        is_new = ids >= self.first
        known = self.words(ids.masked_fill(is_new, 0))
        return torch.where(is_new[..., None], self.vectors[(ids - self.first).clamp(min=0)], known)


class WordLearner:
    """The vectors of one new word; the model itself stays as it is."""

    def __init__(self, parts: Parts, course: Course) -> None:
        self._parts = parts
        tokenizer = copy.deepcopy(parts.tokenizer)
        first = len(tokenizer)
        words = [course.token, *(f"{course.token}_{number}" for number in range(1, course.vectors))]
        if len(ids_alone(tokenizer, course.token)) == 1 or tokenizer.add_tokens(words) != len(words):
            raise RuntimeFailure(f"The model {parts.name} knows the word {course.token} already: choose another.")
        captions = [each.caption.replace(course.token, " ".join(words)) for each in course.examples]
        self._ids = ids_of(tokenizer, captions)
        self._place: Any = parts.text_encoder.get_input_embeddings()
        vectors = nn.Parameter(_begin(parts, course, self._place.weight))
        parts.text_encoder.set_input_embeddings(_WithWord(self._place, vectors, first))
        self.parameters = {VECTORS: vectors}

    def states(self, examples: Tensor) -> Tensor:
        """Return the text states of the examples of these numbers."""
        return states_of(self._parts, self._ids[examples])

    def prior_states(self, priors: Tensor) -> Tensor:
        """Return the states of the examples: a word has no priors."""
        return self.states(priors)

    def close(self) -> None:
        """Let the text encoder read as before."""
        self._parts.text_encoder.set_input_embeddings(self._place)


def _begin(parts: Parts, course: Course, known: Tensor) -> Tensor:
    """Return the vectors of the word to begin with, shape (vectors, width); further ones are spread around it."""
    ids = ids_alone(parts.tokenizer, course.initial)
    start = known[ids].mean(0) if ids else known.mean(0)
    noise = torch.randn((course.vectors, known.shape[1]), generator=generator_of(course, -1)).to(known.device)
    noise[0] = 0
    return start.detach() + noise * known.std() * _SPREAD
