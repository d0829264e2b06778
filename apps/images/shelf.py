"""The gallery as the page shows it: thumbnails, and the address of what follows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode
from uuid import UUID

from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from apps.core.text import typed, uuid_or_none
from apps.images import gallery
from apps.images.addresses import address_of
from apps.images.models import Picture
from apps.images.runs import SMALL
from apps.users.models import Team, User

KINDS = frozenset({Picture.Kind.DRAWN.value, Picture.Kind.SOURCE.value})
LOOSE, TRASH = "none", "trash"  # values of the list of boards that are no board
LONGEST_WORDS = 200
MOST_AGAIN = 600  # pictures of a list that is loaded again


@dataclass(frozen=True, slots=True)
class Item:
    """A picture in the gallery; `owner` is whose it is where it is somebody else's."""

    picture: Picture
    thumb: str
    name: str
    owner: str = ""

    @property
    def is_small(self) -> bool:
        """Return whether the picture is smaller than what may show it."""
        return max(self.picture.width, self.picture.height) <= SMALL


@dataclass(frozen=True, slots=True)
class Shelf:
    """One page of the gallery; `next` is the address of the following one, "" at the end."""

    items: Sequence[Item]
    next: str
    is_first: bool
    is_filtered: bool
    is_trash: bool
    is_board: bool


def shelf_of(
    user: User,
    team: Team,
    filters: gallery.Filters,
    *,
    after: tuple[datetime, UUID] | None = None,
    size: int = gallery.PAGE,
) -> Shelf:
    """Return a page of the person's gallery. Raises NotFound for a board that they do not see."""
    page = gallery.page(user, team, filters, after=after, size=size)
    items = [Item(each, address_of(each, user, "thumb"), _name(each), _owner(each, user)) for each in page.pictures]
    return Shelf(
        items=items,
        next=_next(filters, page.after) if page.after else "",
        is_first=after is None,
        is_filtered=bool(filters.words or filters.is_starred or filters.kinds),
        is_trash=filters.in_trash,
        is_board=filters.board is not None,
    )


def filters_of(values: Mapping[str, str]) -> gallery.Filters:
    """Return what the form above the gallery asks for; what cannot be read counts as not asked."""
    board = values.get("board", "")
    kind = values.get("kind", "")
    return gallery.Filters(
        board=uuid_or_none(board),
        is_loose=board == LOOSE,
        words=typed(values.get("q", ""), LONGEST_WORDS),
        is_starred=values.get("starred") == "1",
        kinds=(kind,) if kind in KINDS else (),
        in_trash=board == TRASH,
    )


def after_of(values: Mapping[str, str]) -> tuple[datetime, UUID] | None:
    """Return behind which picture the page begins."""
    try:
        time = parse_datetime(values.get("time", ""))
    except ValueError:
        return None
    last = uuid_or_none(values.get("last", ""))
    return (time, last) if time is not None and time.tzinfo is not None and last is not None else None


def size_of(values: Mapping[str, str]) -> int:
    """Return how many pictures are asked for: a list that was scrolled far is loaded again as long as it was."""
    asked = values.get("size", "")
    size = int(asked) if asked.isdecimal() and len(asked) < len("10000") else 0
    return max(gallery.PAGE, min(size, MOST_AGAIN))


def _next(filters: gallery.Filters, after: tuple[datetime, UUID]) -> str:
    board = TRASH if filters.in_trash else LOOSE if filters.is_loose else str(filters.board or "")
    asked = {
        "board": board,
        "q": filters.words,
        "starred": "1" if filters.is_starred else "",
        "kind": filters.kinds[0] if filters.kinds else "",
        "time": after[0].isoformat(),
        "last": str(after[1]),
    }
    return f"{reverse('images:gallery')}?{urlencode({key: value for key, value in asked.items() if value})}"


def _owner(picture: Picture, user: User) -> str:
    if picture.owner_id == user.pk:
        return ""
    return str(picture.owner or _("somebody who left"))


def _name(picture: Picture) -> str:
    return picture.prompt[:120] or _("Uploaded picture")
