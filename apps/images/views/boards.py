"""Boards: made, renamed, shared, deleted. The lists on the page load themselves again."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from apps.core.errors import NotFound
from apps.core.text import uuid_or_none
from apps.images import boards
from apps.images.access import access_board
from apps.images.models import Board
from apps.images.views.shared import team_of, told
from apps.users.requests import PersonRequest


@require_POST
@login_required
def new(request: PersonRequest) -> HttpResponse:
    """Make a board and show it."""
    made = boards.create(
        user=request.user,
        team=team_of(request),
        name=request.POST.get("name", ""),
        is_shared=request.POST.get("is_shared") == "on",
    )
    return _told(_("The board is there. Select pictures and move them onto it."), made)


@require_POST
@login_required
def rename(request: PersonRequest) -> HttpResponse:
    """Give the chosen board another name."""
    renamed = boards.rename(user=request.user, board=_chosen(request), name=request.POST.get("name", ""))
    return _told(_("The board was renamed."), renamed)


@require_POST
@login_required
def share(request: PersonRequest, board_id: UUID) -> HttpResponse:
    """Show the board to the team, or to its owner alone."""
    board = access_board(request.user, board_id)
    board = boards.share(user=request.user, board=board, is_shared=not board.is_shared)
    text = _("The team sees this board now.") if board.is_shared else _("Only you see this board now.")
    return _told(text, board)


@require_POST
@login_required
def delete(request: PersonRequest) -> HttpResponse:
    """Delete the chosen board; its pictures stay."""
    boards.delete(user=request.user, board=_chosen(request))
    return _told(_("The board was deleted. Its pictures are kept."), None)


def _chosen(request: PersonRequest) -> Board:
    wanted = uuid_or_none(request.POST.get("board", ""))
    if wanted is None:
        raise NotFound
    return access_board(request.user, wanted)


def _told(text: str, board: Board | None) -> HttpResponse:
    return told(text, events={"kb:boards": {"show": str(board.pk) if board else ""}})
