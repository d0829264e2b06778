"""Reads what a GGUF file says of itself: bounded, without llama.cpp, so that a foreign file is judged before it loads.

Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md (versions 2 and 3, little-endian).
"""

import os
import struct
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from apps.runtimes.contracts import RuntimeFailure

MAGIC = b"GGUF"
VERSIONS = (2, 3)
MOST_ENTRIES = 4_096  # of metadata
MOST_TENSORS = 100_000
MOST_ITEMS = 4_000_000  # of one list: vocabularies have up to 300,000 pieces
LONGEST_KEY = 65_535
LONGEST_TEXT = 4 * 1024 * 1024  # a chat template has some KB
MOST_DIMENSIONS = 4
DEFAULT_ALIGNMENT = 32
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9

# ggml types: name, weights of a block, bytes of a block (ggml-common.h).
_TYPES = {
    0: ("F32", 1, 4), 1: ("F16", 1, 2), 2: ("Q4_0", 32, 18), 3: ("Q4_1", 32, 20), 6: ("Q5_0", 32, 22),
    7: ("Q5_1", 32, 24), 8: ("Q8_0", 32, 34), 9: ("Q8_1", 32, 36), 10: ("Q2_K", 256, 84), 11: ("Q3_K", 256, 110),
    12: ("Q4_K", 256, 144), 13: ("Q5_K", 256, 176), 14: ("Q6_K", 256, 210), 15: ("Q8_K", 256, 292),
    16: ("IQ2_XXS", 256, 66), 17: ("IQ2_XS", 256, 74), 18: ("IQ3_XXS", 256, 98), 19: ("IQ1_S", 256, 50),
    20: ("IQ4_NL", 32, 18), 21: ("IQ3_S", 256, 110), 22: ("IQ2_S", 256, 82), 23: ("IQ4_XS", 256, 136),
    24: ("I8", 1, 1), 25: ("I16", 1, 2), 26: ("I32", 1, 4), 27: ("I64", 1, 8), 28: ("F64", 1, 8),
    29: ("IQ1_M", 256, 56), 30: ("BF16", 1, 2), 34: ("TQ1_0", 256, 54), 35: ("TQ2_0", 256, 66), 39: ("MXFP4", 32, 17),
}  # fmt: skip

Value = str | int | float | bool


@dataclass(frozen=True, slots=True)
class Gguf:
    """What the file says; `metadata` has its scalars and texts, `lengths` how long its lists are."""

    metadata: dict[str, Value] = field(repr=False)
    lengths: dict[str, int] = field(repr=False)
    weights: int
    quantisation: str  # the type that most weights have

    @property
    def architecture(self) -> str:
        """Return llama.cpp's name of the architecture, such as "llama"."""
        return str(self.metadata.get("general.architecture", ""))

    @property
    def name(self) -> str:
        """Return the name that its makers gave it."""
        return str(self.metadata.get("general.name", ""))

    @property
    def licence(self) -> str:
        """Return the licence that its makers state."""
        return str(self.metadata.get("general.license", ""))

    @property
    def context(self) -> int:
        """Return the tokens of context that it was trained with, 0 where it does not say."""
        return self._number("context_length")

    @property
    def template(self) -> str:
        """Return the chat template, empty for a base model."""
        return str(self.metadata.get("tokenizer.chat_template", ""))

    @property
    def parts(self) -> int:
        """Return of how many files the model is made."""
        found = self.metadata.get("split.count", 1)
        return max(1, int(found)) if isinstance(found, int) else 1

    def memory_per_token(self) -> int:
        """Return the bytes of attention memory that one token of context takes, in 16-bit numbers."""
        heads = self._number("attention.head_count") or 1
        of_keys = self._number("attention.head_count_kv") or heads
        width = self._number("embedding_length")
        key = self._number("attention.key_length") or width // heads
        value = self._number("attention.value_length") or width // heads
        return self._number("block_count") * of_keys * (key + value) * 2

    def _number(self, name: str) -> int:
        found = self.metadata.get(f"{self.architecture}.{name}", 0)
        return found if isinstance(found, int) and found > 0 else 0


class _Reader:
    """Reads numbers and texts; every length is compared with what the file can hold."""

    def __init__(self, file: BinaryIO, size: int) -> None:
        self._file = file
        self._size = size

    def number(self, form: str) -> int:
        """Return one little-endian whole number."""
        return int(self.scalar(form))

    def scalar(self, form: str) -> int | float | bool:
        """Return one little-endian number."""
        data = self.take(struct.calcsize(form))
        if form == "?":
            return data != b"\0"
        found: int | float = struct.unpack("<" + form, data)[0]
        return found

    def text(self, longest: int) -> str:
        """Return a text that its length goes before."""
        length = self.number("Q")
        if length > longest:
            raise RuntimeFailure("A text in the GGUF file is too long.")
        return self.take(length).decode("utf-8", "replace")

    def take(self, length: int) -> bytes:
        """Return so many bytes."""
        data = self._file.read(length)
        if len(data) != length:
            raise RuntimeFailure("The GGUF file ends too early.")
        return data

    def skip(self, length: int) -> None:
        """Go past so many bytes."""
        if self._file.tell() + length > self._size:
            raise RuntimeFailure("The GGUF file ends too early.")
        self._file.seek(length, os.SEEK_CUR)

    def position(self) -> int:
        """Return how far it has read."""
        return self._file.tell()


def read_gguf(path: Path) -> Gguf:
    """Return what a file says of itself. Raises RuntimeFailure where it is no GGUF file, cut short or garbled."""
    size = path.stat().st_size
    with path.open("rb") as file:
        reader = _Reader(file, size)
        if reader.take(len(MAGIC)) != MAGIC:
            raise RuntimeFailure(f"{path.name} is no GGUF file.")
        version = reader.number("I")
        if version not in VERSIONS:
            raise RuntimeFailure(f"{path.name} is GGUF of the version {version}, which is not read.")
        tensors, entries = reader.number("Q"), reader.number("Q")
        if tensors > MOST_TENSORS or entries > MOST_ENTRIES:
            raise RuntimeFailure(f"{path.name} is garbled: it claims too many entries.")
        metadata, lengths = _metadata(reader, entries)
        weights, kinds, needed = _tensors(reader, tensors)
        _check_length(reader, metadata, needed, size)
    most = kinds.most_common(1)
    return Gguf(metadata, lengths, weights, most[0][0] if most else "")


def _metadata(reader: _Reader, entries: int) -> tuple[dict[str, Value], dict[str, int]]:
    metadata: dict[str, Value] = {}
    lengths: dict[str, int] = {}
    for _ in range(entries):
        key = reader.text(LONGEST_KEY)
        kind = reader.number("I")
        if kind == _LIST:
            lengths[key] = _skip_list(reader)
        elif kind == _TEXT:
            metadata[key] = reader.text(LONGEST_TEXT)
        elif kind in _SCALARS:
            metadata[key] = reader.scalar(_SCALARS[kind])
        else:
            raise RuntimeFailure("The GGUF file is garbled: a value of an unknown kind.")
    return metadata, lengths


def _skip_list(reader: _Reader) -> int:
    kind, items = reader.number("I"), reader.number("Q")
    if items > MOST_ITEMS or kind not in {*_SCALARS, _TEXT}:
        raise RuntimeFailure("The GGUF file is garbled: a list that cannot be.")
    if kind == _TEXT:
        for _ in range(items):
            reader.skip(reader.number("Q"))
    else:
        reader.skip(items * struct.calcsize(_SCALARS[kind]))
    return items


def _tensors(reader: _Reader, count: int) -> tuple[int, Counter[str], int]:
    """Return the number of weights, how many are of each type, and the bytes that they reach to."""
    weights, needed = 0, 0
    kinds: Counter[str] = Counter()
    for _ in range(count):
        reader.text(LONGEST_KEY)
        dimensions = reader.number("I")
        if dimensions > MOST_DIMENSIONS:
            raise RuntimeFailure("The GGUF file is garbled: a tensor of too many dimensions.")
        numbers = 1
        for _dimension in range(dimensions):
            numbers *= reader.number("Q")
        kind, offset = reader.number("I"), reader.number("Q")
        if kind not in _TYPES:
            raise RuntimeFailure(f"The GGUF file holds numbers of the kind {kind}, which this version cannot read.")
        name, block, block_bytes = _TYPES[kind]
        weights += numbers
        kinds[name] += numbers
        needed = max(needed, offset + -(-numbers // block) * block_bytes)
    return weights, kinds, needed


def _check_length(reader: _Reader, metadata: dict[str, Value], needed: int, size: int) -> None:
    """Raise RuntimeFailure where the file is too short for its tensors: it was not copied to its end."""
    alignment = metadata.get("general.alignment", DEFAULT_ALIGNMENT)
    if not isinstance(alignment, int) or alignment < 1:
        raise RuntimeFailure("The GGUF file is garbled: it states no alignment that can be.")
    start = -(-reader.position() // alignment) * alignment
    if start + needed > size:
        raise RuntimeFailure(f"The GGUF file is cut short: {start + needed - size} bytes are missing.")
