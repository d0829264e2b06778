"""Pictures: found, handed out, starred, moved, reported, deleted and brought back; uploads."""

from datetime import datetime
from typing import IO, cast
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse
from django.utils.dateparse import parse_datetime
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from apps.core.errors import Invalid, NotFound
from apps.core.text import uuid_or_none
from apps.images import files, gallery, reports, uploads
from apps.images.access import access_picture
from apps.images.api.asked import an_id, asked_board, fields, form, is_true, number, query, refuse_unknown, switch, text
from apps.images.api.base import ImagesView
from apps.images.api.shown import picture_json
from apps.images.errors import PictureRefused
from apps.images.found_settings import settings_in
from apps.images.models import Picture
from apps.users.api_auth import asked_team, person_of

SIZE, MOST = 50, 200
WORDS_CHARS = 200
FILTERS = {"board", "words", "starred", "kind", "trash", "size", "after"}
LOOSE = "none"  # in place of a board: pictures on none
BETWEEN = "~"
UPLOADED = {"source": Picture.Kind.SOURCE, "mask": Picture.Kind.MASK}
FORMS = {**files.FORMATS, "thumbnail": "image/webp"}


class PicturesView(ImagesView):
    """The person's pictures in the key's team, and those on a shared board."""

    def get(self, request: Request) -> Response:
        """Return the newest; `after` of one page asks for the next."""
        given = query(request, FILTERS)
        size = number(given, "size", SIZE, MOST)
        page = gallery.page(person_of(request), asked_team(request), _filters(given), after=_after(given), size=size)
        following = f"{page.after[0].isoformat()}{BETWEEN}{page.after[1]}" if page.after else None
        return Response({"results": [picture_json(row) for row in page.pictures], "after": following})


def _filters(given: dict[str, str]) -> gallery.Filters:
    board, kind = given.get("board", ""), given.get("kind", "")
    if kind and kind not in gallery.SHOWN:
        raise Invalid(field="kind")
    return gallery.Filters(
        board=an_id(board, "board") if board and board != LOOSE else None,
        is_loose=board == LOOSE,
        words=text(given, "words", WORDS_CHARS),
        is_starred=is_true(given, "starred"),
        kinds=(kind,) if kind else (),
        in_trash=is_true(given, "trash"),
    )


def _after(given: dict[str, str]) -> tuple[datetime, UUID] | None:
    if "after" not in given:
        return None
    said, _between, last = given["after"].replace(" ", "+").partition(BETWEEN)  # a "+" that was not quoted is a space
    try:
        moment = parse_datetime(said)
    except ValueError:
        moment = None
    found = uuid_or_none(last)
    if moment is None or moment.tzinfo is None or found is None:
        raise Invalid(field="after")
    return moment, found


class PictureView(ImagesView):
    """One picture."""

    def get(self, request: Request, picture_id: UUID) -> Response:
        """Return it with an order that draws it again."""
        return Response(picture_json(access_picture(person_of(request), picture_id)))

    def patch(self, request: Request, picture_id: UUID) -> Response:
        """Star it, or put it on a board; `board` null takes it off."""
        data, user = fields(request, {"is_starred", "board"}), person_of(request)
        access_picture(user, picture_id, own=True)
        if "is_starred" in data:
            gallery.star(user=user, picture_ids=[picture_id], is_starred=switch(data, "is_starred"))
        if "board" in data:
            gallery.move(user=user, picture_ids=[picture_id], board=asked_board(request, data["board"]))
        return Response(picture_json(access_picture(user, picture_id)))

    def delete(self, request: Request, picture_id: UUID) -> Response:
        """Put it into the trash."""
        gallery.delete(user=person_of(request), picture_ids=[picture_id])
        return Response(status=204)


class RestoreView(ImagesView):
    """A picture in the trash."""

    def post(self, request: Request, picture_id: UUID) -> Response:
        """Bring it back."""
        fields(request, ())
        gallery.restore(user=person_of(request), picture_ids=[picture_id])
        return Response(picture_json(access_picture(person_of(request), picture_id)))


class ReportView(ImagesView):
    """A picture that should not be here."""

    def post(self, request: Request, picture_id: UUID) -> Response:
        """Say why; the team's admins decide."""
        reason = text(fields(request, {"reason"}), "reason", reports.REASON_CHARS)
        found = access_picture(person_of(request), picture_id)
        reports.report(user=person_of(request), picture=found, reason=reason)
        return Response(status=204)


class FileView(ImagesView):
    """The file of a picture."""

    def get(self, request: Request, picture_id: UUID) -> HttpResponse:
        """Return its bytes; `format` is png, jpeg, webp or thumbnail."""
        kind = query(request, {"format"}).get("format", "png")
        if kind not in FORMS:
            raise Invalid(field="format")
        found = access_picture(person_of(request), picture_id)
        try:
            data = files.read(found.thumbnail) if kind == "thumbnail" else files.rendered(found, kind)
        except (FileNotFoundError, ValueError) as error:  # ValueError: no name
            raise NotFound from error
        headers = {
            "Content-Disposition": f'attachment; filename="{found.pk}.{FORMS[kind].partition("/")[2]}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return HttpResponse(data, content_type=FORMS[kind], headers=headers)


def sent_file(request: Request, name: str = "file") -> "UploadedFile[bytes]":
    """Return the one file of this name in a form. Raises PictureRefused for none, Invalid for several or others."""
    refuse_unknown(dict.fromkeys(request._request.FILES), {name})
    found = request._request.FILES.getlist(name)
    if len(found) > 1:
        raise Invalid(field=name)
    if not found:
        raise PictureRefused
    return cast("UploadedFile[bytes]", found[0])


class UploadsView(ImagesView):
    """Pictures that programs bring: sources and masks."""

    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        """Keep `file` as a source, or with `kind` mask as a mask (white is painted anew); its pixels alone are kept."""
        kind = UPLOADED.get(str(form(request, {"kind"}).get("kind", "source")))
        if kind is None:
            raise Invalid(field="kind")
        upload = cast("IO[bytes]", sent_file(request))
        kept = uploads.store_upload(user=person_of(request), team=asked_team(request), upload=upload, kind=kind)
        return Response(picture_json(kept), status=201)


class ReadSettingsView(ImagesView):
    """The settings that a picture of AUTOMATIC1111, InvokeAI or ComfyUI tells."""

    parser_classes = [MultiPartParser]

    def post(self, request: Request) -> Response:
        """Return them as fields of an order; `order` is null where `file` tells none. Nothing is kept."""
        form(request, ())
        found = settings_in(person_of(request), asked_team(request), sent_file(request))
        if found is None:
            return Response({"order": None, "notes": []})
        return Response({"order": found.order, "notes": list(found.notes)})
