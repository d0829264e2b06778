"""What the views of the studio share: the team, an order that was posted, notes, the lists of boards."""

import json
from typing import Any

from django.http import HttpResponse

from apps.core.errors import NotFound
from apps.core.text import uuid_or_none
from apps.images.boards import boards_of
from apps.images.errors import BadSetting
from apps.images.ordering import order_from_json
from apps.images.orders import Order
from apps.users.models import Team
from apps.users.requests import PersonRequest

CHANGED = "kb:pictures"  # the event on which the gallery loads itself again


def team_of(request: PersonRequest) -> Team:
    """Return the team that the person works in. Raises NotFound for somebody without one."""
    if request.team is None:
        raise NotFound
    return request.team


def posted_order(request: PersonRequest) -> Order:
    """Return the order in the request's body. Raises BadSetting for what is no order."""
    if request.content_type != "application/json":
        raise BadSetting(field="order")
    try:
        return order_from_json(json.loads(request.body))
    except (ValueError, RecursionError):
        raise BadSetting(field="order") from None


def told(text: str = "", *, undo: str = "", events: dict[str, Any] | None = None) -> HttpResponse:
    """Return an empty answer to htmx that shows a note and lets the gallery load itself again."""
    note = {"kb:toast": {"text": text} | ({"undo": undo} if undo else {})} if text else {}
    return HttpResponse(status=200, headers={"HX-Trigger": json.dumps(note | {CHANGED: True} | (events or {}))})


def boards_context(request: PersonRequest, chosen: str = "") -> dict[str, Any]:
    """Return the boards of the person's team, and the one that is chosen."""
    boards = list(boards_of(request.user, team_of(request)))
    wanted = uuid_or_none(chosen)
    board = next((each for each in boards if each.pk == wanted), None)
    return {"boards": boards, "board": board, "board_id": board.pk if board else chosen}
