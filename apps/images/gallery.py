"""What becomes of pictures: found, starred, put on boards, deleted, restored, and removed for good 30 days later."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from apps.core.errors import NotFound
from apps.images import files
from apps.images.access import access_board, access_picture, access_pictures
from apps.images.models import Board, Picture, PictureQuerySet
from apps.metering.models import Resource
from apps.metering.services import add_use
from apps.users.models import Role, Team, User

logger = logging.getLogger(__name__)
Kind = Picture.Kind
SHOWN = (Kind.DRAWN, Kind.SOURCE, Kind.GRID)  # masks are never in the gallery
PAGE = 60
AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Filters:
    """What the gallery shows; all of it together."""

    board: UUID | None = None
    is_loose: bool = False  # on no board
    words: str = ""  # all of them are in the prompt
    is_starred: bool = False
    kinds: tuple[str, ...] = ()
    in_trash: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """Some pictures, the newest first. `after` asks for the next page, None at the end."""

    pictures: Sequence[Picture]
    after: tuple[datetime, UUID] | None


def page(
    user: User, team: Team, filters: Filters, *, after: tuple[datetime, UUID] | None = None, size: int = PAGE
) -> Page:
    """Return a page of the person's gallery in a team; a board's shows what everybody put there. Raises NotFound.

    One query, and one more for a board.
    """
    found = _seen(user, team, filters).filter(kind__in=filters.kinds or SHOWN)
    for word in filters.words.split()[:10]:
        found = found.filter(prompt__icontains=word)
    if filters.is_starred:
        found = found.filter(is_starred=True)
    if after is not None:
        time, last = after
        found = found.filter(Q(created_at__lt=time) | Q(created_at=time, pk__lt=last))
    rows = list(found.select_related("board", "owner").order_by("-created_at", "-pk")[: size + 1])
    more = (rows[size - 1].created_at, rows[size - 1].pk) if len(rows) > size else None
    return Page(rows[:size], more)


def _seen(user: User, team: Team, filters: Filters) -> PictureQuerySet:
    own = Picture.objects.owned_by(user).filter(team=team)
    if filters.in_trash:
        return own.exclude(deleted_at=None)
    if filters.board is not None:
        board = access_board(user, filters.board)
        if board.team_id != team.pk:
            raise NotFound
        return Picture.objects.visible_to(user).filter(board=board)
    own = own.filter(deleted_at=None)
    return own.filter(board=None) if filters.is_loose else own


def star(*, user: User, picture_ids: Sequence[UUID], is_starred: bool) -> int:
    """Mark the person's own pictures, or unmark them; return how many. Raises NotFound or Forbidden for any."""
    return _own(user, picture_ids).update(is_starred=is_starred, updated_at=timezone.now())


def move(*, user: User, picture_ids: Sequence[UUID], board: Board | None) -> int:
    """Put the person's own pictures on a board, or on none; return how many. Raises NotFound or Forbidden for any.

    On a shared board everybody in the team sees them; on one of somebody else editors put pictures.
    """
    own = _own(user, picture_ids)
    if board is not None:
        board = access_board(user, board.pk, at_least=Role.EDITOR)
        if own.exclude(team=board.team_id).exists():
            raise NotFound
    return own.update(board=board, updated_at=timezone.now())


def take_off(*, user: User, board: Board, picture_ids: Sequence[UUID]) -> int:
    """Take pictures off a shared board, whosever they are; their owners keep them. For editors. Returns how many."""
    access_board(user, board.pk, at_least=Role.EDITOR)
    access_pictures(user, picture_ids)
    return Picture.objects.filter(board=board, pk__in=picture_ids).update(board=None, updated_at=timezone.now())


def delete(*, user: User, picture_ids: Sequence[UUID]) -> int:
    """Put the person's own pictures into the trash; return how many. Raises NotFound or Forbidden for any."""
    return _own(user, picture_ids).filter(deleted_at=None).update(deleted_at=timezone.now())


def restore(*, user: User, picture_ids: Sequence[UUID]) -> int:
    """Bring the person's own pictures back from the trash; return how many. Raises NotFound for any."""
    access_pictures(user, picture_ids, deleted=True)
    return Picture.objects.filter(pk__in=picture_ids, owner=user).update(deleted_at=None, updated_at=timezone.now())


def remove_for_good(*, user: User, picture_ids: Sequence[UUID]) -> int:
    """Remove what is in the person's trash, with its files, now; return how many. Raises NotFound for any."""
    access_pictures(user, picture_ids, deleted=True)
    gone = Picture.objects.filter(pk__in=picture_ids, owner=user).exclude(deleted_at=None)
    return sum(_remove(picture_id, ~Q(deleted_at=None)) for picture_id in list(gone.values_list("pk", flat=True)))


def origin_of(user: User, picture: Picture) -> Picture | None:
    """Return what a picture was made from, where the person may see that too."""
    if picture.origin_id is None:
        return None
    try:
        return access_picture(user, picture.origin_id)
    except NotFound:
        return None


def _own(user: User, picture_ids: Sequence[UUID]) -> PictureQuerySet:
    pictures = access_pictures(user, picture_ids, own=True)
    return Picture.objects.filter(pk__in=[picture.pk for picture in pictures], owner=user)


def purge() -> int:
    """Remove what cannot be restored any more, what belongs to nobody, old masks, and files without a row.

    Returns how many pictures went. Safe to repeat, and beside another worker.
    """
    before = timezone.now() - timedelta(days=settings.ENV.undo_days)
    due = (
        Q(deleted_at__lt=before)
        | Q(taken_down_at__lt=before)
        | Q(owner=None, updated_at__lt=before) & ~Q(board__is_shared=True)
        | Q(kind=Kind.MASK, created_at__lt=before)
    )
    removed = 0
    for picture_id in Picture.objects.filter(due).values_list("pk", flat=True).iterator(chunk_size=AT_ONCE):
        removed += _remove(picture_id, due)
    files.remove_orphans()
    return removed


def remove_whatever(picture_id: UUID) -> bool:
    """Remove a picture for good, deleted or not: its team goes. Returns whether it was there."""
    return _remove(picture_id, Q())


def _remove(picture_id: UUID, due: Q) -> bool:
    """Remove one picture unless it was restored meanwhile; its files go once that is committed."""
    with transaction.atomic():
        rows = Picture.objects.filter(due, pk=picture_id).select_related("team", "owner")
        picture = rows.select_for_update(of=("self",)).first()
        if picture is None:
            return False
        names = [picture.file, picture.thumbnail]
        add_use(user=picture.owner, team=picture.team, amounts={Resource.STORAGE_BYTES: -picture.size_bytes})
        Picture.objects.filter(pk=picture.pk).delete()
        transaction.on_commit(lambda: files.remove(names))
    return True
