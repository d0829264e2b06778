"""Boards: made, renamed, shared with the team and taken back, deleted. Their pictures stay."""

from collections.abc import Sequence

from django.db import transaction
from django.db.models import Count, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from apps.images.access import access_board
from apps.images.errors import BoardNameEmpty
from apps.images.models import Board, Picture
from apps.users.access import access_team
from apps.users.models import Role, Team, User

NAME_MAX = 100


def create(*, user: User, team: Team, name: str, is_shared: bool = False) -> Board:
    """Make a board; a shared one needs an editor. Raises BoardNameEmpty, NotFound or Forbidden."""
    access_team(user, team.pk, at_least=Role.EDITOR if is_shared else Role.VIEWER)
    return Board.objects.create(team=team, owner=user, name=_clean(name), is_shared=is_shared)


def rename(*, user: User, board: Board, name: str) -> Board:
    """Give a board another name. For its owner, and admins where it is shared."""
    board = access_board(user, board.pk, own=True)
    board.name = _clean(name)
    board.save(update_fields=["name", "updated_at"])
    return board


def share(*, user: User, board: Board, is_shared: bool) -> Board:
    """Show a board to the team, or to its owner alone; then others' pictures leave it. For its owner, who is an editor.

    Admins can take a shared board back.
    """
    board = access_board(user, board.pk, own=True)
    access_team(user, board.team_id, at_least=Role.EDITOR if is_shared else Role.VIEWER)
    with transaction.atomic():
        Board.objects.filter(pk=board.pk).update(is_shared=is_shared, updated_at=timezone.now())
        if not is_shared:
            others = Picture.objects.filter(board=board).exclude(owner=board.owner_id)
            others.update(board=None, updated_at=timezone.now())
    board.is_shared = is_shared
    return board


def delete(*, user: User, board: Board) -> None:
    """Delete a board; its pictures stay with their owners. For its owner, and admins where it is shared."""
    access_board(user, board.pk, own=True)
    Board.objects.filter(pk=board.pk).delete()


def boards_of(user: User, team: Team) -> QuerySet[Board]:
    """Return the boards that the person sees in a team, each with `picture_count` and `cover` (a picture's id).

    One query.
    """
    on_it = Picture.objects.filter(board=OuterRef("pk"), deleted_at=None, taken_down_at=None)
    counted = Q(pictures__deleted_at=None, pictures__taken_down_at=None)
    rows = Board.objects.visible_to(user).filter(team=team).select_related("owner")
    return rows.annotate(
        picture_count=Count("pictures", filter=counted),
        cover=Subquery(on_it.order_by("-created_at").values("pk")[:1]),
    ).order_by("is_shared", "name", "pk")


def covers(boards: Sequence[Board]) -> dict[object, Picture]:
    """Return the newest picture of each of these boards by its id; one query."""
    ids = [each for each in (getattr(board, "cover", None) for board in boards) if each]
    return dict(Picture.objects.in_bulk(ids))


def _clean(name: str) -> str:
    cleaned = " ".join(name.replace("\x00", "").split())
    if not cleaned or len(cleaned) > NAME_MAX:
        raise BoardNameEmpty
    return cleaned
