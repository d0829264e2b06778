"""Many pictures at once: starred, moved, deleted, brought back, removed for good; and the edges of one."""

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Invalid, NotFound
from apps.images import files, gallery
from apps.images.access import access_picture
from apps.images.api.asked import an_id, asked_board, fields, number, query
from apps.images.api.base import ImagesView
from apps.images.drawings import edges_png
from apps.users.api_auth import person_of

LOW, HIGH, BRIGHTEST = 100, 200, 255  # of Canny's thresholds, as `ControlWish` has them
Act = Callable[[Request, list[UUID], Mapping[str, Any]], int]


def _star(request: Request, chosen: list[UUID], _data: Mapping[str, Any]) -> int:
    return gallery.star(user=person_of(request), picture_ids=chosen, is_starred=True)


def _unstar(request: Request, chosen: list[UUID], _data: Mapping[str, Any]) -> int:
    return gallery.star(user=person_of(request), picture_ids=chosen, is_starred=False)


def _move(request: Request, chosen: list[UUID], data: Mapping[str, Any]) -> int:
    return gallery.move(user=person_of(request), picture_ids=chosen, board=asked_board(request, data.get("board")))


def _delete(request: Request, chosen: list[UUID], _data: Mapping[str, Any]) -> int:
    return gallery.delete(user=person_of(request), picture_ids=chosen)


def _restore(request: Request, chosen: list[UUID], _data: Mapping[str, Any]) -> int:
    return gallery.restore(user=person_of(request), picture_ids=chosen)


def _purge(request: Request, chosen: list[UUID], _data: Mapping[str, Any]) -> int:
    return gallery.remove_for_good(user=person_of(request), picture_ids=chosen)


ACTS: Mapping[str, Act] = {
    "star": _star,
    "unstar": _unstar,
    "move": _move,
    "delete": _delete,
    "restore": _restore,
    "purge": _purge,
}


class ManyView(ImagesView):
    """The person's own pictures, by their ids."""

    def post(self, request: Request) -> Response:
        """`act` on `pictures`: star, unstar, move (to `board`, null: none), delete, restore, purge (from the trash).

        All of them or none: one that is not theirs refuses the whole request.
        """
        data = fields(request, {"act", "pictures", "board"})
        act, named = data.get("act"), data.get("pictures")
        if not isinstance(act, str) or act not in ACTS:
            raise Invalid(field="act")
        if not isinstance(named, list) or not 1 <= len(named) <= gallery.AT_ONCE:
            raise Invalid(field="pictures")
        if "board" in data and act != "move":
            raise Invalid(field="board")
        chosen = list(dict.fromkeys(an_id(each, "pictures") for each in named))
        return Response({"pictures": ACTS[act](request, chosen, data)})


class EdgesView(ImagesView):
    """The edges of a picture, as a ControlNet sees them."""

    def get(self, request: Request, picture_id: UUID) -> HttpResponse:
        """Return them as PNG, white on black; `low` and `high` are Canny's thresholds."""
        given = query(request, {"low", "high"})
        low = number(given, "low", LOW, BRIGHTEST, least=0)
        high = number(given, "high", HIGH, BRIGHTEST, least=low)
        try:
            pixels = files.read_pixels(access_picture(person_of(request), picture_id))
        except (FileNotFoundError, ValueError) as error:  # ValueError: no name
            raise NotFound from error
        headers = {"Cache-Control": "private, no-store", "X-Content-Type-Options": "nosniff"}
        return HttpResponse(edges_png(pixels, low, high), content_type="image/png", headers=headers)
