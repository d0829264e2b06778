"""Pictures as files: stored with what they were drawn by, made smaller, handed out in other formats.

A stored PNG is the picture as it was drawn, with the `parameters` text that other programs read and our own record of
where it comes from (`provenance`). What people upload is decoded and written anew, so that nothing of the file but its
pixels stays (security cases 45 and 16: no metadata, no bytes of theirs are handed out again).
"""

import hashlib
import io
import logging
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

import numpy as np
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.models import Q
from django.utils import timezone
from PIL import Image, PngImagePlugin

from apps.images import provenance
from apps.images.models import Picture, picture_file
from apps.runtimes.contracts import Picture as Pixels

logger = logging.getLogger(__name__)
THUMBNAIL_SIDE = 320
FOLDER = "images"
ORPHAN_AGE = timedelta(hours=24)  # a picture that is just being committed has a file and no row yet
FORMATS = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}


@dataclass(frozen=True, slots=True)
class Stored:
    """The files of a picture, before its row is there."""

    pk: UUID
    file: str
    thumbnail: str
    sha256: str
    size_bytes: int
    width: int
    height: int


def write(team_id: UUID, pixels: Pixels, texts: provenance.Texts | None = None) -> Stored:
    """Store a picture as PNG with its texts, and a thumbnail. Raises OSError on a full disk; nothing is left then."""
    pk = uuid.uuid4()
    height, width = pixels.shape[:2]
    image = Image.fromarray(pixels)
    data = _png(image, texts)
    names = []
    try:
        for suffix, content in (("png", data), ("thumb.webp", _thumbnail(image))):
            names.append(default_storage.save(picture_file(team_id, pk, suffix), ContentFile(content)))
    except OSError:
        remove([*names, *(picture_file(team_id, pk, suffix) for suffix in ("png", "thumb.webp"))])
        raise
    return Stored(pk, names[0], names[1], hashlib.sha256(data).hexdigest(), len(data), width, height)


def _png(image: Image.Image, texts: provenance.Texts | None) -> bytes:
    info = PngImagePlugin.PngInfo()
    for key, text in (texts.chunks() if texts else {}).items():
        info.add_text(key, text)  # as iTXt where Latin-1 is not enough
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def _thumbnail(image: Image.Image) -> bytes:
    small = image.convert("RGB")
    small.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=82)
    return buffer.getvalue()


def read(name: str) -> bytes:
    """Return the bytes of a stored file. Raises FileNotFoundError."""
    with default_storage.open(name) as file:
        data: bytes = file.read()
        return data


def read_pixels(picture: Picture) -> Pixels:
    """Return the picture, shape (height, width, 3). Raises FileNotFoundError."""
    with Image.open(io.BytesIO(read(picture.file))) as image:
        return np.asarray(image.convert("RGB"), np.uint8).copy()


def rendered(picture: Picture, form: str) -> bytes:
    """Return the picture to be saved as "png" (as it is stored), "jpeg" or "webp", with its settings in the EXIF."""
    data = read(picture.file)
    if form == "png":
        return data
    with Image.open(io.BytesIO(data)) as image:
        buffer = io.BytesIO()
        exif = provenance.exif_of(image.info.get(provenance.PARAMETERS, ""))
        image.convert("RGB").save(buffer, form.upper(), quality=92, exif=exif)
    return buffer.getvalue()


def remove(names: Sequence[str]) -> None:
    """Delete files; those that are gone already do not matter."""
    for name in names:
        if name:
            default_storage.delete(name)


def remove_orphans(age: timedelta = ORPHAN_AGE) -> int:
    """Delete files that no picture owns and that are older than `age`: what a crash between file and row left."""
    limit = timezone.now() - age
    removed = 0
    for names in _folders():
        owned = Picture.objects.filter(Q(file__in=names) | Q(thumbnail__in=names)).values_list("file", "thumbnail")
        known = {name for pair in owned for name in pair}
        removed += _remove_old([name for name in names if name not in known], limit)
    if removed:
        logger.info("orphaned pictures removed", extra={"count": removed})
    return removed


def _remove_old(names: Sequence[str], limit: datetime) -> int:
    old = [name for name in names if default_storage.get_modified_time(name) < limit]
    remove(old)
    return len(old)


def _folders() -> Iterator[list[str]]:
    """Yield the names of the pictures of each team."""
    if not default_storage.exists(FOLDER):
        return
    for team in default_storage.listdir(FOLDER)[0]:
        yield [f"{FOLDER}/{team}/{name}" for name in default_storage.listdir(f"{FOLDER}/{team}")[1]]


def remove_folder(team_id: UUID) -> None:
    """Delete everything that is stored of a team's pictures, checkpoints of trainings included."""
    folder = f"{FOLDER}/{team_id}"
    if not default_storage.exists(folder):
        return
    for below in (f"{folder}/{name}" for name in default_storage.listdir(folder)[0]):
        for name in default_storage.listdir(below)[1]:
            default_storage.delete(f"{below}/{name}")
        default_storage.delete(below)
    for name in default_storage.listdir(folder)[1]:
        default_storage.delete(f"{folder}/{name}")
    default_storage.delete(folder)
