"""What the views of the studio share: the team, an order that was posted, notes, the lists of boards."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

from django.http import HttpResponse, StreamingHttpResponse

from apps.core.errors import NotFound
from apps.core.json_bodies import json_of
from apps.core.text import uuid_or_none
from apps.images.boards import boards_of
from apps.images.errors import BadSetting
from apps.images.models import Board, Picture
from apps.images.ordering import order_from_json
from apps.images.orders import Order
from apps.users.access import role_in
from apps.users.models import Role, Team
from apps.users.requests import PersonRequest

CHANGED = "kb:pictures"  # the event on which the gallery loads itself again
RUNS = "kb:runs"  # and on which the orders do: all of them, or those of its detail's `jobs`
Saved = TypeVar("Saved", HttpResponse, StreamingHttpResponse)


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
        return order_from_json(json_of(request.body))
    except ValueError:
        raise BadSetting(field="order") from None


def told(text: str = "", *, undo: str = "", events: dict[str, Any] | None = None) -> HttpResponse:
    """Return an empty answer to htmx that shows a note and lets the gallery load itself again."""
    note = {"kb:toast": {"text": text} | ({"undo": undo} if undo else {})} if text else {}
    return HttpResponse(status=200, headers={"HX-Trigger": json.dumps(note | {CHANGED: True} | (events or {}))})


def told_of(pictures: Iterable[Picture], text: str = "", **more: Any) -> HttpResponse:
    """Return `told` of pictures that changed: the orders that they belong to load themselves again too."""
    jobs = sorted({str(picture.job_id) for picture in pictures if picture.job_id})
    events = (more.pop("events", None) or {}) | ({RUNS: {"jobs": jobs}} if jobs else {})
    return told(text, events=events, **more)


def saved(response: Saved, name: str) -> Saved:
    """Return the answer as a file that the browser saves by this name and nobody keeps."""
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def boards_context(
    request: PersonRequest, team: Team, chosen: str = "", boards: Sequence[Board] | None = None
) -> dict[str, Any]:
    """Return a team's boards, those the person may put pictures on, the chosen one and what they may do with it."""
    user = request.user
    role = request.role if team == request.team else role_in(user, team.pk)
    boards = list(boards_of(user, team)) if boards is None else boards
    wanted = uuid_or_none(chosen)
    board = next((each for each in boards if each.pk == wanted), None)
    is_editor, is_admin = (role is not None and role.covers(least) for least in (Role.EDITOR, Role.ADMIN))
    open_boards = [each for each in boards if is_editor or each.owner_id == user.pk]
    return {
        "boards": boards,
        "open_boards": open_boards,
        "board": board,
        "board_id": board.pk if board else chosen,
        "may_take_off": board in open_boards,
        "may_change": board is not None and (is_admin or board.owner_id == user.pk),
    }
