"""Pictures that people bring: sources, masks. Decoded within limits and written anew, so that only pixels are kept."""

import io
import struct
import zlib
from collections.abc import Mapping
from typing import IO

import numpy as np
from django.db import transaction
from PIL import ExifTags, Image, UnidentifiedImageError

from apps.core.uploading import NO_SPACE
from apps.images import files
from apps.images.errors import NoSpace, PictureRefused, PictureTooHeavy, PictureTooWide
from apps.images.limits import MIB, Limits, limits
from apps.images.models import Picture
from apps.metering.models import Resource
from apps.metering.services import release, reserve, settle
from apps.runtimes.contracts import Picture as Pixels
from apps.users.access import access_team
from apps.users.models import Team, User

FORMATS = ("PNG", "JPEG", "WEBP")
# What Pillow raises at garbled files; found by changing bytes of good ones some hundred thousand times.
GARBLED = (
    UnidentifiedImageError, Image.DecompressionBombError, OSError, ValueError, SyntaxError, EOFError, TypeError,
    KeyError, IndexError, OverflowError, struct.error, zlib.error,
)  # fmt: skip
_UPRIGHT: Mapping[object, Image.Transpose] = {  # EXIF 2.3, 4.6.4.A "Orientation": what brings the first row to the top
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
Kind = Picture.Kind


def store_upload(*, user: User, team: Team, upload: IO[bytes], kind: str = Kind.SOURCE) -> Picture:
    """Keep a picture that a member of the team brings, as PNG without any of its metadata.

    `kind` is SOURCE or MASK. Raises NotFound for a stranger, PictureTooHeavy, PictureTooWide, PictureRefused,
    QuotaExceeded and NoSpace; nothing is kept then.
    """
    access_team(user, team.pk)
    if kind not in {Kind.SOURCE, Kind.MASK}:
        raise PictureRefused
    return store_pixels(user=user, team=team, pixels=decoded(read_limited(upload, limits()), limits()), kind=kind)


def store_pixels(*, user: User, team: Team, pixels: Pixels, kind: str = Kind.SOURCE) -> Picture:
    """Keep pixels as a picture of the person, its bytes counted. Raises QuotaExceeded and NoSpace."""
    height, width = pixels.shape[:2]
    held = reserve(user=user, team=team, amounts={Resource.STORAGE_BYTES: width * height * 3 + 40_000})
    picture: Picture | None = None
    try:
        picture = _kept(user, team, pixels, kind)
        return picture
    finally:
        if picture is None:
            release(held.pk)
        else:
            settle(held.pk, {Resource.STORAGE_BYTES: picture.size_bytes})


def _kept(user: User, team: Team, pixels: Pixels, kind: str) -> Picture:
    try:
        stored = files.write(team.pk, pixels)
    except OSError as error:
        if error.errno not in NO_SPACE:
            raise
        raise NoSpace from error
    with transaction.atomic():
        return Picture.objects.create(
            pk=stored.pk, team=team, owner=user, kind=kind, file=stored.file, thumbnail=stored.thumbnail,
            sha256=stored.sha256, size_bytes=stored.size_bytes, width=stored.width, height=stored.height,
        )  # fmt: skip


def read_limited(upload: IO[bytes], bounds: Limits) -> bytes:
    """Return the bytes of a file. Raises PictureTooHeavy before more than the limit is read."""
    data = upload.read(bounds.source_bytes + 1)
    if len(data) > bounds.source_bytes:
        raise PictureTooHeavy(limit=bounds.source_bytes // MIB)
    return data


def decoded(data: bytes, bounds: Limits) -> Pixels:
    """Return the pixels of a PNG, JPEG or WebP, upright, shape (height, width, 3); what is clear becomes white.

    The size is looked at before anything is decoded, so that a small file cannot unfold into gigabytes. Raises
    PictureTooWide and PictureRefused.
    """
    return on_white(unpacked(data, bounds))


def unpacked(data: bytes, bounds: Limits) -> Image.Image:
    """Return a PNG, JPEG or WebP, upright, in the mode RGBA. Raises PictureTooWide and PictureRefused."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            if image.width * image.height > bounds.source_pixels:
                raise PictureTooWide(megapixels=bounds.source_pixels / 1e6)
            turn = _turn_of(image)
            pixels = image.convert("RGBA")
    except GARBLED as error:
        raise PictureRefused from error
    return pixels if turn is None else pixels.transpose(turn)


def _turn_of(image: Image.Image) -> Image.Transpose | None:
    """Return what brings the picture upright; None where its EXIF says nothing, or nothing that can be read.

    Not by `ImageOps.exif_transpose`, which writes the EXIF anew and breaks at values that it cannot write.
    """
    try:
        return _UPRIGHT.get(image.getexif().get(ExifTags.Base.Orientation))
    except GARBLED:
        return None


def on_white(picture: Image.Image) -> Pixels:
    """Return the pixels of an RGBA picture, shape (height, width, 3); what is clear becomes white."""
    canvas = Image.new("RGBA", picture.size, "white")
    canvas.alpha_composite(picture)
    return np.asarray(canvas.convert("RGB"), np.uint8).copy()
