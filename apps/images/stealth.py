"""Settings hidden in the lowest bits of a picture's alpha channel, as NovelAI and its followers keep them.

They outlive programs that drop text chunks. Bits run down each column, from left to right: a name of 15 bytes, the
number of bits that follow (32 bits, the highest first), then the text, by gzip where the name says so. Format: the
extractor `_png_stenographic_alpha` of sd-parsers 0.6, and the extension stealth-pnginfo.
"""

import json
import zlib
from collections.abc import Mapping
from types import MappingProxyType

import numpy as np
from PIL import Image

from apps.images.grammar.errors import UnreadableInfo
from apps.images.grammar.pictured import KEYWORDS
from apps.images.grammar.strange_json import read_object

TEXT_BYTES = 1_000_000
_NAME_BYTES, _LENGTH_BYTES = 15, 4
_IS_PACKED: Mapping[bytes, bool] = MappingProxyType({b"stealth_pngcomp": True, b"stealth_pnginfo": False})
_GZIP = 31  # as zlib numbers its formats


def stealth_texts(image: Image.Image) -> dict[str, str]:
    """Return the hidden texts by keyword, {} where there are none; decodes the pixels. Raises `UnreadableInfo`."""
    if image.mode != "RGBA":
        return {}
    bits = np.asarray(image)[..., 3].T.ravel() & 1
    is_packed = _IS_PACKED.get(_bytes(bits, 0, _NAME_BYTES))
    if is_packed is None:
        return {}
    count = int.from_bytes(_bytes(bits, _NAME_BYTES, _LENGTH_BYTES)) // 8
    if count > TEXT_BYTES:
        raise UnreadableInfo
    text = _unpacked(_bytes(bits, _NAME_BYTES + _LENGTH_BYTES, count), is_packed=is_packed)
    return _texts(text)


def _bytes(bits: np.ndarray, start: int, count: int) -> bytes:
    return np.packbits(bits[start * 8 : (start + count) * 8]).tobytes()


def _unpacked(data: bytes, *, is_packed: bool) -> str:
    if is_packed:
        try:
            data = zlib.decompressobj(_GZIP).decompress(data, TEXT_BYTES)
        except zlib.error as error:
            raise UnreadableInfo from error
    return data.decode("utf-8", "replace")


def _texts(text: str) -> dict[str, str]:
    """Return a hidden object's texts by their keywords; any other text is AUTOMATIC1111's block."""
    try:
        found = read_object(text)
    except UnreadableInfo:
        return {"parameters": text}
    return {
        key: value if isinstance(value, str) else json.dumps(value) for key, value in found.items() if key in KEYWORDS
    }
