"""The texts in a picture file that may tell how it was made: text chunks, EXIF, else what the alpha channel hides."""

import io
from collections.abc import Iterator

from django.core.files.uploadedfile import UploadedFile
from PIL import ExifTags, Image

from apps.images.errors import PictureRefused, PictureTooHeavy, PictureTooWide
from apps.images.grammar.pictured import KEYWORDS
from apps.images.limits import MIB, Limits
from apps.images.stealth import stealth_texts
from apps.images.uploads import FORMATS, GARBLED

UNICODE, ASCII = b"UNICODE\x00", b"ASCII\x00\x00\x00"  # how a UserComment says what follows
COMFYUI = ("prompt", "workflow")  # it puts them into EXIF as "prompt:{…}", whatever tag is free


def texts_in(upload: "UploadedFile[bytes]", bounds: Limits) -> dict[str, str]:
    """Return the texts by the keywords that `read_picture_texts` knows; a comment in EXIF stands as `parameters`.

    Raises the refusals of uploads.
    """
    if (upload.size or 0) > bounds.source_bytes:
        raise PictureTooHeavy(limit=bounds.source_bytes // MIB)
    try:
        with Image.open(io.BytesIO(upload.read()), formats=FORMATS) as image:
            if image.width * image.height > bounds.source_pixels:
                raise PictureTooWide(megapixels=bounds.source_pixels // 1_000_000)
            chunks = {key: value for key in KEYWORDS if isinstance(value := image.info.get(key), str)}
            return dict(_exif_texts(image.getexif())) | chunks or stealth_texts(image)
    except GARBLED as error:
        raise PictureRefused from error


def _exif_texts(exif: Image.Exif) -> Iterator[tuple[str, str]]:
    for value in exif.values():
        if isinstance(value, str):
            key, _colon, text = value.partition(":")
            if key.lower() in COMFYUI:
                yield key.lower(), text.strip("\x00")
    # Fooocus puts the comment among the first tags, others where EXIF has its place.
    for tags in (exif, exif.get_ifd(ExifTags.IFD.Exif)):
        comment = _comment(tags.get(ExifTags.Base.UserComment))
        if comment:
            yield "parameters", comment


def _comment(raw: object) -> str:
    """Return a UserComment as text."""
    if not isinstance(raw, bytes):
        return raw.strip("\x00") if isinstance(raw, str) else ""
    if not raw.startswith(UNICODE):
        return raw.removeprefix(ASCII).decode("utf-8", "replace").strip("\x00")
    text = raw[len(UNICODE) :]
    # AUTOMATIC1111 writes the more significant byte first; some write it last, and nothing in the file says so.
    is_little = text[1::2].count(0) > text[::2].count(0)
    return text.decode("utf-16-le" if is_little else "utf-16-be", "replace").strip("\x00\ufeff")
