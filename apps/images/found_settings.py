"""What a picture file tells of how it was made: AUTOMATIC1111's, InvokeAI's or ComfyUI's settings, as an order.

Only what the studio can set is taken over, each within its range; what cannot be used here is said.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _
from PIL import ExifTags, Image

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.images.errors import PictureRefused, PictureTooHeavy, PictureTooWide
from apps.images.grammar.errors import PromptError
from apps.images.grammar.infotext import Infotext
from apps.images.grammar.pictured import read_picture_texts
from apps.images.limits import GRID, MIB, Limits, limits
from apps.images.ordering import MAX_SEED, RANGES
from apps.images.uploads import GARBLED
from apps.users.models import Team, User

FORMATS = ("PNG", "JPEG", "WEBP")
TEXTS = ("parameters", "invokeai_metadata", "prompt", "workflow")
PROGRAMS = {"parameters": "AUTOMATIC1111", "invokeai_metadata": "InvokeAI", "prompt": "ComfyUI", "workflow": "ComfyUI"}
UNICODE, ASCII = b"UNICODE\x00", b"ASCII\x00\x00\x00"  # how a UserComment says what follows
Kept = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoundSettings:
    """Settings that a picture tells: fields of Order as JSON, who wrote them, and what could not be taken over."""

    order: Mapping[str, Any]
    origin: str
    notes: tuple[str, ...]


def settings_in(user: User, team: Team, upload: "UploadedFile[bytes]") -> FoundSettings | None:
    """Return what the file tells; None where it tells nothing. Raises the refusals of uploads, and UnreadableInfo."""
    texts = texts_in(upload, limits())
    info = read_picture_texts(texts)
    if info is None or info == Infotext():
        return None
    order, notes = _order(info, limits())
    _put_model(order, notes, info.model, user, team)
    origin = next((PROGRAMS[key] for key in TEXTS if texts.get(key, "").strip()), "")
    return FoundSettings(order, _("Written by %(program)s or a program like it.") % {"program": origin}, tuple(notes))


def texts_in(upload: "UploadedFile[bytes]", bounds: Limits) -> dict[str, str]:
    """Return the texts in a picture that may tell its settings, by their keywords; its pixels are not decoded."""
    if (upload.size or 0) > bounds.source_bytes:
        raise PictureTooHeavy(limit=bounds.source_bytes // MIB)
    try:
        with Image.open(io.BytesIO(upload.read()), formats=FORMATS) as image:
            if image.width * image.height > bounds.source_pixels:
                raise PictureTooWide(megapixels=bounds.source_pixels // 1_000_000)
            found = {key: value for key in TEXTS if isinstance(value := image.info.get(key), str)}
            return found or {"parameters": _comment(image)}
    except GARBLED as error:
        raise PictureRefused from error


def _comment(image: Image.Image) -> str:
    """Return the EXIF UserComment as text."""
    raw: object = image.getexif().get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.UserComment, b"")
    if not isinstance(raw, bytes):
        return str(raw)
    if raw.startswith(UNICODE):
        return raw[len(UNICODE) :].decode("utf-16-be", "replace").strip("\x00")
    return raw.removeprefix(ASCII).decode("utf-8", "replace").strip("\x00")


def _order(info: Infotext, bounds: Limits) -> tuple[Kept, list[str]]:
    order: Kept = {"prompt": _text(info.prompt, bounds), "negative": _text(info.negative, bounds)}
    notes: list[str] = []
    steps = None if info.steps is None else (info.steps, 1, bounds.max_steps)
    numbers: dict[str, tuple[float, float, float] | None] = {
        "steps": steps,
        "guidance": _ranged("guidance", info.guidance),
        "seed": None if info.seed is None else (info.seed, 0, MAX_SEED),
        "clip_skip": _ranged("clip_skip", info.clip_skip),
        "variation_seed": _ranged("variation_seed", info.integer("Variation seed")),
        "variation_strength": _ranged("variation_strength", info.number("Variation seed strength")),
    }
    for name, found in numbers.items():
        if found is not None and found[1] <= found[0] <= found[2]:
            order[name] = found[0]
    _put_size(order, notes, info, bounds)
    _put_sampling(order, notes, info)
    return order, notes


def _text(text: str, bounds: Limits) -> str:
    return text.replace("\x00", "")[: bounds.prompt_chars]


def _ranged(name: str, value: float | None) -> tuple[float, float, float] | None:
    return None if value is None else (value, *RANGES[name])


def _put_size(order: Kept, notes: list[str], info: Infotext, bounds: Limits) -> None:
    """Take over the size, brought to the grid; one that is not drawn here is said."""
    if info.size is None:
        return
    width, height = (round(side / GRID) * GRID for side in info.size)
    fits = all(bounds.min_side <= side <= bounds.max_side for side in (width, height))
    if fits and width * height <= bounds.max_pixels:
        order.update(width=width, height=height)
    else:
        notes.append(_("Its size, %(size)s, is not drawn here.") % {"size": f"{info.size[0]} × {info.size[1]}"})


def _put_sampling(order: Kept, notes: list[str], info: Infotext) -> None:
    try:
        found = info.sampling()
    except PromptError as error:
        notes.append(error.sentence())
        return
    if found is not None:
        order.update(sampler=found[0].key, schedule=found[1].key)


def _put_model(order: Kept, notes: list[str], name: str, user: User, team: Team) -> None:
    """Take over the model where one of this name can be used here; say so where not."""
    if not name:
        return
    stem = name.rpartition("/")[2].removesuffix(".safetensors").casefold()
    for model in usable_models(AIModel.Kind.IMAGE, team_id=team.pk, user=user):
        if stem in {model.name.casefold(), model.title.casefold()}:
            order["model"] = model.name
            return
    notes.append(_("The model “%(name)s” is not here; the one that is chosen stays.") % {"name": name[:80]})
