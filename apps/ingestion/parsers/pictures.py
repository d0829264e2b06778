"""Re-encodes the pictures inside documents: by an allow-list of formats, bounded, without metadata.

Nothing that a stranger wrote is served again: the pixels are, as our own PNG or JPEG (security-cases row 70).
"""

import hashlib
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.libraries.types import Blob

if TYPE_CHECKING:
    from PIL import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP")
MAX_PIXELS = 50_000_000  # of one picture; a decoded one takes 3 or 4 bytes a pixel
MAX_BYTES = 64 << 20
MAX_SIDE = 2_000  # pixels; larger ones are scaled down
MIN_SIDE = 40  # smaller ones are bullets, rules and icons
MAX_FIGURES = 500  # of one document
MAX_AT_HAND = 40
_PNG_COLOURS = 256
_QUALITY = 85


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture, encoded anew. Sizes in pixels."""

    data: bytes
    media_type: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Kept:
    """A picture that lies in the result file; the first few are at hand too, so that they can be read."""

    data: Blob
    media_type: str
    width: int
    height: int
    encoded: bytes = b""


def reencode(data: bytes) -> Picture | None:
    """Return the picture in `data` upright and without metadata; None if it cannot be read, is huge or tiny."""
    from PIL import Image, ImageOps, UnidentifiedImageError  # noqa: PLC0415  most documents hold no picture

    if not 0 < len(data) <= MAX_BYTES:
        return None
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > MAX_PIXELS or min(image.size) < MIN_SIDE:
                return None
            image.draft("RGB", (MAX_SIDE, MAX_SIDE))
            upright = ImageOps.exif_transpose(image)
            upright.thumbnail((MAX_SIDE, MAX_SIDE))
            return encode(upright)
    except (UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError):
        return None


def encode(image: "Image.Image") -> Picture:
    """Return an image as JPEG if it is a photograph, else as PNG."""
    has_alpha = "A" in image.getbands() or "transparency" in image.info
    plain = image.convert("RGBA" if has_alpha else "RGB")
    plain.info = {}  # a comment or a colour profile would be written again
    is_drawing = has_alpha or plain.getcolors(_PNG_COLOURS) is not None
    out = io.BytesIO()
    if is_drawing:
        plain.save(out, "PNG")
    else:
        plain.save(out, "JPEG", quality=_QUALITY)
    return Picture(out.getvalue(), "image/png" if is_drawing else "image/jpeg", *plain.size)


class Gallery:
    """Keeps the pictures of one document, each once."""

    def __init__(self, keep: Callable[[Iterable[bytes]], Blob]) -> None:
        self._keep = keep
        self._known: dict[str, Kept | None] = {}

    def add(self, data: bytes) -> Kept | None:
        """Keep a picture and return where it lies; None for what is no picture worth keeping, or one too many."""
        digest = hashlib.sha256(data).hexdigest()
        if digest not in self._known:
            picture = reencode(data) if len(self._known) < MAX_FIGURES else None
            self._known[digest] = self._kept(picture) if picture else None
        return self._known[digest]

    def _kept(self, picture: Picture) -> Kept:
        encoded = picture.data if len(self._known) < MAX_AT_HAND else b""
        return Kept(self._keep([picture.data]), picture.media_type, picture.width, picture.height, encoded)
