"""What people do with pictures: look at one, star, move, download, report, delete and bring back."""

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import Invalid, NotFound
from apps.core.text import typed, uuid_or_none
from apps.images import files, gallery
from apps.images.access import access_board, access_picture, access_pictures
from apps.images.addresses import address_of
from apps.images.cards import card_of, upscalers_of
from apps.images.errors import TooManyChosen
from apps.images.models import Board, Picture
from apps.images.reports import report as file_report
from apps.images.views.shared import boards_context, saved, told, told_of
from apps.users.requests import PersonRequest

VARIANTS = {"full": "full", "small": "thumb"}
SUFFIXES = {"png": "png", "jpeg": "jpg", "webp": "webp"}
AT_ONCE = 200  # pictures of one bulk action or archive
REASON_CHARS = 1_000


@require_safe
@login_required
def picture(request: PersonRequest, picture_id: UUID) -> HttpResponse:
    """Return one picture large with its card, for the dialog; opened by itself, the address leads to the studio."""
    found = access_picture(request.user, picture_id)
    if not request.headers.get("HX-Request"):
        return redirect(f"{reverse('images:studio')}?picture={found.pk}")
    context: dict[str, Any] = boards_context(request, found.team, str(found.board_id or ""))
    context["card"] = card_of(request.user, found)
    context["upscalers"] = upscalers_of(request.user, found.team)
    context["link"] = request.build_absolute_uri(reverse("images:picture", args=[found.pk]))
    return render(request, "images/parts/picture.html", context)


@require_safe
@login_required
def shown(request: PersonRequest, picture_id: UUID, variant: str) -> HttpResponse:
    """Lead to the picture's file: an address that stays, for whoever may see it now. `variant` is full or small."""
    if variant not in VARIANTS:
        raise NotFound
    found = access_picture(request.user, picture_id)
    response = redirect(address_of(found, request.user, VARIANTS[variant]))
    response["Cache-Control"] = "no-store"
    return response


@require_safe
@login_required
def download(request: PersonRequest, picture_id: UUID, form: str) -> HttpResponse:
    """Return the picture to be saved as png, jpeg or webp, with its settings inside."""
    if form not in SUFFIXES:
        raise NotFound
    found = access_picture(request.user, picture_id)
    try:
        data = files.rendered(found, form)
    except FileNotFoundError as error:
        raise NotFound from error
    return saved(HttpResponse(data, content_type=files.FORMATS[form]), _file_name(found, SUFFIXES[form]))


@require_safe
@login_required
def archive(request: PersonRequest) -> StreamingHttpResponse:
    """Return the pictures named by `picture` as one ZIP of their PNG files."""
    found = access_pictures(request.user, _ids(request.GET.getlist("picture")))
    response = StreamingHttpResponse(_zipped(found), content_type="application/zip")
    saved(response, f"pictures-{timezone.localdate().isoformat()}.zip")
    return response


@require_POST
@login_required
def star(request: PersonRequest, picture_id: UUID) -> HttpResponse:
    """Mark one's own picture, or take the mark off."""
    found = access_picture(request.user, picture_id, own=True)
    gallery.star(user=request.user, picture_ids=[found.pk], is_starred=not found.is_starred)
    return told_of([found])


@require_POST
@login_required
def move(request: PersonRequest, picture_id: UUID) -> HttpResponse:
    """Put one's own picture on the board of the form, or on none."""
    found = access_picture(request.user, picture_id, own=True)
    gallery.move(user=request.user, picture_ids=[found.pk], board=_board(request, request.POST.get("board", "")))
    return told(_("The picture was moved."), events={"kb:boards": {}})


@require_POST
@login_required
def delete(request: PersonRequest, picture_id: UUID) -> HttpResponse:
    """Put one's own picture into the trash, with undo."""
    return _deleted(request, [access_picture(request.user, picture_id, own=True)])


@require_POST
@login_required
def restore(request: PersonRequest, picture_id: UUID) -> HttpResponse:
    """Bring a picture back from the trash."""
    return _restored(request, [access_picture(request.user, picture_id, deleted=True)])


@require_POST
@login_required
def restore_all(request: PersonRequest) -> HttpResponse:
    """Bring back the pictures named by `picture` in the address: the undo of a bulk deletion."""
    return _restored(request, access_pictures(request.user, _ids(request.GET.getlist("picture")), deleted=True))


@require_POST
@login_required
def report(request: PersonRequest, picture_id: UUID) -> HttpResponse:
    """Say that a picture should not be here; the team's admins decide."""
    found = access_picture(request.user, picture_id)
    file_report(user=request.user, picture=found, reason=typed(request.POST.get("reason", ""), REASON_CHARS))
    return told(_("Thank you. The team's admins will look at it."))


@require_POST
@login_required
def bulk(request: PersonRequest) -> HttpResponse:
    """Do with the pictures named by `picture` what `act` says; for a board its id follows a colon."""
    act, _colon, board = request.POST.get("act", "").partition(":")
    known = _ACTS.get(act)
    if known is None:
        raise Invalid
    chosen = access_pictures(request.user, _ids(request.POST.getlist("picture")), deleted=act in _IN_TRASH)
    return known(request, chosen, board)


def _starred(request: PersonRequest, chosen: Sequence[Picture], _board: str) -> HttpResponse:
    count = gallery.star(user=request.user, picture_ids=[each.pk for each in chosen], is_starred=True)
    text = ngettext("%(n)s picture is starred.", "%(n)s pictures are starred.", count) % {"n": count}
    return told_of(chosen, text)


def _moved(request: PersonRequest, chosen: Sequence[Picture], board_id: str) -> HttpResponse:
    """Put pictures on a board, or with "none" on no board."""
    board = _board(request, "" if board_id == "none" else board_id)
    count = gallery.move(user=request.user, picture_ids=[each.pk for each in chosen], board=board)
    text = ngettext("%(n)s picture was moved.", "%(n)s pictures were moved.", count) % {"n": count}
    return told(text, events={"kb:boards": {}})


def _taken_off(request: PersonRequest, chosen: Sequence[Picture], board_id: str) -> HttpResponse:
    """Take pictures off a board, others' too where it is shared."""
    board = _board(request, board_id)
    if board is None:
        raise NotFound
    count = gallery.take_off(user=request.user, board=board, picture_ids=[each.pk for each in chosen])
    text = ngettext("%(n)s picture is off the board.", "%(n)s pictures are off the board.", count) % {"n": count}
    return told(text, events={"kb:boards": {}})


def _deleted(request: PersonRequest, chosen: Sequence[Picture], _board: str = "") -> HttpResponse:
    count = gallery.delete(user=request.user, picture_ids=[each.pk for each in chosen])
    undo = f"{reverse('images:restore-all')}?{'&'.join(f'picture={each.pk}' for each in chosen)}"
    text = ngettext("%(n)s picture was deleted.", "%(n)s pictures were deleted.", count) % {"n": count}
    return told_of(chosen, text, undo=undo, events={"kb:deleted": True, "kb:boards": {}})


def _restored(request: PersonRequest, chosen: Sequence[Picture], _board: str = "") -> HttpResponse:
    count = gallery.restore(user=request.user, picture_ids=[each.pk for each in chosen])
    text = ngettext("%(n)s picture is back.", "%(n)s pictures are back.", count) % {"n": count}
    return told_of(chosen, text, events={"kb:boards": {}})


def _removed(request: PersonRequest, chosen: Sequence[Picture], _board: str = "") -> HttpResponse:
    count = gallery.remove_for_good(user=request.user, picture_ids=[each.pk for each in chosen])
    text = ngettext("%(n)s picture is gone for good.", "%(n)s pictures are gone for good.", count) % {"n": count}
    return told_of(chosen, text)


_IN_TRASH = frozenset({"restore", "remove"})
_ACTS: Mapping[str, Callable[[PersonRequest, Sequence[Picture], str], HttpResponse]] = {
    "star": _starred,
    "move": _moved,
    "take-off": _taken_off,
    "delete": _deleted,
    "restore": _restored,
    "remove": _removed,
}


def _board(request: PersonRequest, board_id: str) -> Board | None:
    """Return the board of a form, None for "". Raises NotFound for what is none of the person's."""
    if not board_id:
        return None
    wanted = uuid_or_none(board_id)
    if wanted is None:
        raise NotFound
    return access_board(request.user, wanted)


def _ids(texts: Sequence[str]) -> list[UUID]:
    """Return the ids in a form. Raises NotFound for none, TooManyChosen, and Invalid for what is no id."""
    if not texts:
        raise NotFound
    found = [uuid_or_none(text) for text in texts]
    ids = [each for each in found if each is not None]
    if len(ids) < len(found):
        raise Invalid
    if len(ids) > AT_ONCE:
        raise TooManyChosen(limit=AT_ONCE)
    return list(dict.fromkeys(ids))


def _file_name(found: Picture, suffix: str) -> str:
    seed = f"-{found.seed}" if found.seed is not None else ""
    return f"picture-{timezone.localtime(found.created_at):%Y%m%d-%H%M%S}{seed}-{found.pk.hex[:6]}.{suffix}"


class _Pipe(io.RawIOBase):
    """What is written is kept until it is taken: a ZIP is sent while it is made."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)


def _zipped(pictures: Iterable[Picture]) -> Iterator[bytes]:
    pipe = _Pipe()
    with zipfile.ZipFile(pipe, "w", zipfile.ZIP_STORED) as packed:  # PNG is compressed already
        for each in pictures:
            try:
                packed.writestr(_file_name(each, "png"), files.read(each.file))
            except FileNotFoundError:
                continue
            yield pipe.taken()
    yield pipe.taken()
