"""OpenAI's edits: a picture is drawn anew where a mask says so, or as a whole where there is none."""

from typing import IO, Any, cast

import numpy as np
from PIL import Image
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Invalid
from apps.images import uploads
from apps.images.api.asked import refuse_unknown
from apps.images.api.openai import FORM_PARSERS, answer_of, drawn, form_of, order_values
from apps.images.api.openai_base import OpenAIView
from apps.images.api.placing import filled, placed
from apps.images.limits import GRID, Limits, limits
from apps.images.models import ImageJob, Picture
from apps.images.ordering import order_from_json, validated
from apps.runtimes.contracts import Picture as Pixels
from apps.users.api_auth import asked_team, person_of

IMAGES = ("image", "image[]")
FILES = {*IMAGES, "mask"}
CLEAR = 128  # alpha below which a place is painted anew
REDRAWN = 0.75  # how much of a picture without a mask is drawn anew, unless `strength` says


class EditsView(OpenAIView):
    """Pictures from a prompt and a picture."""

    parser_classes = FORM_PARSERS

    def post(self, request: Request) -> Response:
        """Draw `n` pictures over `image`: where `mask`, or else the picture itself, is transparent."""
        data, bounds = form_of(request), limits()
        strength = data.pop("strength", REDRAWN)
        answer, values = answer_of(data), order_values(data)
        image, mask = _file(request, IMAGES), _file(request, ("mask",))
        if image is None:
            raise Invalid(field="image")
        picture = _unpacked(image, bounds)
        pixels = uploads.on_white(picture)
        clear = _clear(_unpacked(mask, bounds)) if mask is not None else _holes(picture)
        if not {"width", "height"} & set(values):
            values["width"], values["height"] = _size_of(pixels, bounds)
        values = filled(request, values)
        validated(order_from_json(values | {"strength": strength}), bounds)  # refused before anything is kept
        values |= _sources(request, pixels, clear)
        if clear is None:
            values["strength"] = strength
        return drawn(request, placed(request, order_from_json(values)), answer)


def _file(request: Request, names: tuple[str, ...]) -> IO[bytes] | None:
    """Return the file of one of these names. Raises Invalid for several, and for files that nobody knows."""
    refuse_unknown(dict.fromkeys(request._request.FILES), FILES)
    found = [file for name in names for file in request._request.FILES.getlist(name)]
    if len(found) > 1:
        raise Invalid(field=names[0])
    return cast("IO[bytes]", found[0]) if found else None


def _unpacked(file: IO[bytes], bounds: Limits) -> Image.Image:
    return uploads.unpacked(uploads.read_limited(file, bounds), bounds)


def _clear(mask: Image.Image) -> Pixels:
    """Return what a mask says, white where it is painted anew: where it is transparent; without any: where white."""
    holes = _holes(mask)
    return uploads.on_white(mask) if holes is None else holes


def _holes(picture: Image.Image) -> Pixels | None:
    """Return the transparent places of a picture as white, shape (height, width, 3); None where it has none."""
    alpha = np.asarray(picture.getchannel("A"), np.uint8)
    if (alpha >= CLEAR).all():
        return None
    return np.repeat(np.where(alpha < CLEAR, 255, 0).astype(np.uint8)[..., None], 3, axis=2)


def _sources(request: Request, pixels: Pixels, clear: Pixels | None) -> dict[str, Any]:
    """Keep the picture and its mask as the person's own; return the fields of the order that name them."""
    user, team = person_of(request), asked_team(request)
    source = uploads.store_pixels(user=user, team=team, pixels=pixels)
    if clear is None:
        return {"kind": ImageJob.Kind.REDRAW, "source": str(source.pk)}
    mask = uploads.store_pixels(user=user, team=team, pixels=clear, kind=Picture.Kind.MASK)
    return {"kind": ImageJob.Kind.INPAINT, "source": str(source.pk), "mask": str(mask.pk), "strength": 1.0}


def _size_of(pixels: Pixels, bounds: Limits) -> tuple[int, int]:
    """Return the size that is drawn: the picture's own on the grid, made smaller where it is more than is drawn."""
    height, width = pixels.shape[:2]
    shrunk = min(1.0, bounds.max_side / max(width, height), (bounds.max_pixels / (width * height)) ** 0.5)
    wide, high = (max(bounds.min_side, int(side * shrunk) // GRID * GRID) for side in (width, height))
    return wide, high
