"""Reads tensors of a safetensors file one at a time, and single rows of a large table without loading it."""

import json
import math
import os
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from apps.runtimes.contracts import Floats, RuntimeFailure

_HEADER_MAX = 100 * 1024 * 1024
_TYPES: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "BF16": np.dtype("<u2")}
# Rows kept in memory: more than one batch can name. 50 MiB at 384 dimensions where the whole table takes 366 MiB; a
# language's texts use some ten thousand of the tokens.
ROWS_KEPT = 32_768


@dataclass(frozen=True, slots=True)
class Place:
    """Where a tensor lies in the file, and what its numbers are."""

    kind: str
    shape: tuple[int, ...]
    offset: int


class Weights:
    """The tensors of one safetensors file."""

    def __init__(self, path: Path) -> None:
        """Read the header. Raises RuntimeFailure where it is not one."""
        self.path = path
        try:
            with path.open("rb") as file:
                length = int.from_bytes(file.read(8), "little")
                header = json.loads(file.read(min(length, _HEADER_MAX)))  # a longer one is cut and no JSON
            self._places = {
                str(name): Place(str(entry["dtype"]), tuple(entry["shape"]), 8 + length + entry["data_offsets"][0])
                for name, entry in header.items()
                if name != "__metadata__"
            }
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RuntimeFailure(f"{path.name} cannot be read as safetensors.") from error

    def __contains__(self, name: str) -> bool:
        return name in self._places

    def tensor(self, name: str) -> Floats:
        """Return one tensor as float32. Raises RuntimeFailure where the file lacks it."""
        place = self.place(name)
        values = np.fromfile(self.path, _TYPES[place.kind], math.prod(place.shape), offset=place.offset)
        return as_floats(values, place.kind).reshape(place.shape)

    def place(self, name: str) -> Place:
        """Return where a tensor lies. Raises RuntimeFailure for one that is missing or holds other numbers."""
        place = self._places.get(name)
        if place is None or place.kind not in _TYPES:
            raise RuntimeFailure(f"{self.path.name} has no tensor {name} of floating-point numbers.")
        return place


def as_floats(values: npt.NDArray[np.generic], kind: str) -> Floats:
    """Return numbers of a safetensors type as float32; bfloat16 is the upper half of a float32."""
    if kind == "BF16":
        return (values.astype(np.uint32) << 16).view(np.float32)
    return values.astype(np.float32, copy=False)


class Rows:
    """Rows of a table in a safetensors file, read when they are first asked for. Used by one thread at a time."""

    def __init__(self, weights: Weights, name: str, kept: int = ROWS_KEPT) -> None:
        place = weights.place(name)
        self._kind, self._offset = place.kind, place.offset
        count, self.width = place.shape
        self._row_bytes = self.width * _TYPES[place.kind].itemsize
        self._descriptor = os.open(weights.path, os.O_RDONLY)
        self._close = weakref.finalize(self, os.close, self._descriptor)  # once, here or when nobody holds it
        self._slots = np.full(count, -1, np.int32)  # row -> its place among those kept
        self._kept = np.empty((kept, self.width), np.float32)  # pages are touched as rows arrive
        self._used = 0

    def take(self, ids: npt.NDArray[np.int64]) -> Floats:
        """Return the rows of `ids`, shape (*ids.shape, width), float32. Raises IndexError for an id outside."""
        wanted = np.unique(ids)
        missing = wanted[self._slots[wanted] < 0]
        if self._used + len(missing) > len(self._kept):
            self._slots[:], self._used = -1, 0
            missing = wanted
        if len(missing):
            self._read(missing)
        return self._kept[self._slots[ids]]

    def close(self) -> None:
        """Let the file go."""
        self._close()

    def _read(self, missing: npt.NDArray[np.int64]) -> None:
        descriptor, size, start = self._descriptor, self._row_bytes, self._offset
        data = b"".join(os.pread(descriptor, size, start + row * size) for row in missing.tolist())
        end = self._used + len(missing)
        values = np.frombuffer(data, _TYPES[self._kind])
        self._kept[self._used : end] = as_floats(values, self._kind).reshape(len(missing), self.width)
        self._slots[missing] = np.arange(self._used, end, dtype=np.int32)
        self._used = end
