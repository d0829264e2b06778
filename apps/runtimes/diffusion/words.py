"""Learnt words (textual inversion): vectors that a text encoder reads in the place of a token.

They are put in while one prompt is read and leave nothing behind: neither tokenizer nor embedding table is changed.
Inside a prompt a learnt vector has a negative id: -1 for the first, -2 for the second, and so on.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.drawing import TokenUse

Words = dict[str, Tensor]  # word → vectors (n, width)


def load_words(tokens: Sequence[TokenUse], widths: Sequence[int]) -> list[Words]:
    """Return the learnt words for text encoders of these widths. Raises RuntimeFailure where one does not fit."""
    if not tokens:
        return []
    learnt: list[Words] = [{} for _width in widths]
    for token in tokens:
        tensors = _vectors(token)
        for words, width in zip(learnt, widths, strict=True):
            if width not in tensors:
                raise RuntimeFailure(
                    f"The word {token.token!r} was learnt for another model: it has no vectors of width {width}."
                )
            words[token.token] = tensors[width]
    return learnt


@contextmanager
def words_put_in(encoder: Any, vectors: Sequence[Tensor]) -> Iterator[None]:
    """Let `encoder` read vector -1 - id wherever an id is negative."""
    if not vectors:
        yield
        return
    table = torch.stack(list(vectors))

    def without(_module: Any, args: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        ids = args[0]
        places.append(ids)
        return (ids.clamp(min=0), *args[1:])

    def put_in(_module: Any, _args: Any, states: Tensor) -> Tensor:
        ids = places.pop()
        chosen = table.to(states)[(-1 - ids).clamp(min=0)]
        return torch.where((ids < 0)[..., None], chosen, states)

    places: list[Tensor] = []
    embeddings = encoder.get_input_embeddings()
    hooks = embeddings.register_forward_pre_hook(without), embeddings.register_forward_hook(put_in)
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _vectors(token: TokenUse) -> dict[int, Tensor]:
    """Return the vectors of a file by their width."""
    try:
        tensors = load_file(Path(token.path))
    except (OSError, SafetensorError) as error:
        raise RuntimeFailure(f"The learnt word {token.token!r} cannot be read: {error}") from error
    rows = [tensor.float().reshape(-1, tensor.shape[-1]) for tensor in tensors.values() if tensor.ndim]
    return {row.shape[-1]: row for row in rows}
