"""OpenAI's two routes: pictures from a prompt, and pictures edited. They take API keys alone.

An order is placed as any other; the request waits for it without a model and without a database connection. What takes
longer than KB_IMAGE_API_WAIT_S goes on as a job, whose id stands in the error.
"""

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Invalid, NotFound
from apps.core.json_bodies import BodyParser
from apps.images import files
from apps.images.api.asked import fields, form, text
from apps.images.api.handing_out import address_of
from apps.images.api.openai_base import NotDrawn, OpenAIView, TakesLong
from apps.images.api.placing import filled, placed, wait_for
from apps.images.limits import GRID, limits
from apps.images.models import ImageJob, Picture
from apps.images.ordering import order_from_json
from apps.users.api_auth import ANY, person_of

OURS = {"negative_prompt": "negative", "seed": "seed", "steps": "steps", "guidance": "guidance"}  # beyond OpenAI's
IGNORED = frozenset({"user", "quality", "style", "background", "moderation", "output_compression", "input_fidelity"})
COMMON = IGNORED | set(OURS) | {"prompt", "model", "n", "size", "response_format", "output_format", "stream"}
FORMATS = ("png", "jpeg", "webp")
URL, B64 = "url", "b64_json"
AUTO = "auto"
MODEL_CHARS = 80


class NothingView(OpenAIView):
    """Whatever OpenAI has and we have not: 401 without a key, else 404."""

    scope = ANY

    def get(self, request: Request, rest: str) -> Response:
        """Say that there is nothing."""
        raise NotFound

    post = put = patch = delete = get


@dataclass(frozen=True, slots=True)
class Answer:
    """How the pictures are to be handed out."""

    response_format: str = B64
    output_format: str = "png"


class GenerationsView(OpenAIView):
    """Pictures from a prompt."""

    parser_classes = [BodyParser]

    def post(self, request: Request) -> Response:
        """Draw `n` pictures and return them."""
        data = fields(request, COMMON)
        answer = answer_of(data)
        order = order_from_json(filled(request, order_values(data)))
        return drawn(request, placed(request, order), answer)


def order_values(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what OpenAI's fields say as fields of an order. Raises Invalid."""
    values: dict[str, Any] = {"prompt": _prompt(data), "count": _count(data)}
    if data.get("model") is not None:
        values["model"] = text(data, "model", MODEL_CHARS)
    values |= {ours: data[name] for name, ours in OURS.items() if data.get(name) is not None}
    size = data.get("size")
    if size not in (None, AUTO):  # a list or object is in no set
        values["width"], values["height"] = _sides(size)
    return values


def _prompt(data: Mapping[str, Any]) -> str:
    found = text(data, "prompt", limits().prompt_chars)
    if not found.strip():
        raise Invalid(field="prompt")
    return found


def _count(data: Mapping[str, Any]) -> int:
    count = 1 if data.get("n") is None else data["n"]
    if type(count) is not int or not 1 <= count <= limits().max_count:
        raise Invalid(field="n")
    return count


def _sides(size: object) -> tuple[int, int]:
    width, _x, height = size.partition("x") if isinstance(size, str) else ("", "", "")
    if not all(side.isascii() and side.isdecimal() and len(side) < 6 for side in (width, height)):  # noqa: PLR2004
        raise Invalid(field="size")
    sides, most = (int(width), int(height)), limits()
    if any(side % GRID or not most.min_side <= side <= most.max_side for side in sides):
        raise Invalid(field="size")
    return sides


def answer_of(data: Mapping[str, Any]) -> Answer:
    """Return how the pictures are wanted. Raises Invalid for what cannot be done."""
    response_format = B64 if data.get("response_format") is None else data["response_format"]
    output_format = "png" if data.get("output_format") is None else data["output_format"]
    if response_format not in (URL, B64):
        raise Invalid(field="response_format")
    if output_format not in FORMATS:
        raise Invalid(field="output_format")
    if data.get("stream") not in (None, False, "false"):
        raise Invalid(field="stream")
    return Answer(response_format, output_format)


def drawn(request: Request, job: ImageJob, answer: Answer) -> Response:
    """Wait for the job; return its pictures. Raises TakesLong, NotDrawn."""
    job = wait_for(job, settings.ENV.image_api_wait_s)
    if job.state in ImageJob.LIVE:
        raise TakesLong(job=str(job.pk))
    found = Picture.objects.owned_by(person_of(request)).filter(job=job, deleted_at=None)
    pictures = list(found.order_by("number"))
    if not pictures:
        raise NotDrawn(job)
    data = [_datum(request, picture, answer) for picture in pictures]
    return Response({"created": int(time.time()), "data": data, "output_format": answer.output_format})


def _datum(request: Request, picture: Picture, answer: Answer) -> dict[str, Any]:
    if answer.response_format == URL:
        shown = {URL: address_of(request, picture, answer.output_format)}
    else:
        try:
            shown = {B64: base64.b64encode(files.rendered(picture, answer.output_format)).decode()}
        except FileNotFoundError as error:
            raise NotFound from error
    return shown | {"revised_prompt": picture.prompt}


def form_of(request: Request) -> dict[str, Any]:
    """Return the fields of a form with its numbers as numbers. Raises Invalid for unknown ones."""
    data = form(request, COMMON | {"strength"})
    for name, kind in NUMBERS.items():
        if name in data:
            try:
                data[name] = kind(data[name])
            except ValueError:
                raise Invalid(field=name) from None
    return data


NUMBERS: Mapping[str, Callable[[str], float]] = {
    "n": int, "seed": int, "steps": int, "guidance": float, "strength": float,
}  # fmt: skip
FORM_PARSERS = [MultiPartParser]
