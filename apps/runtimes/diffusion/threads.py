"""With how many threads torch computes: a setting of the whole process, which each model borrows."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def computing_with(count: int) -> Iterator[None]:
    """Compute with this many threads; other models of the process get theirs back."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
