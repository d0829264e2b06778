"""Hands out the files of pictures, behind a signed address and the gate."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.views.decorators.http import require_safe

from apps.core.errors import NotFound
from apps.images import addresses, files
from apps.images.access import access_picture
from apps.images.models import Picture
from apps.users.models import User
from apps.users.requests import PersonRequest

_TYPES = {"full": "image/png", "thumb": "image/webp"}


@require_safe
@login_required
def file(request: PersonRequest, token: str) -> HttpResponseBase:
    """Return a picture's file. Stranger, old address, deleted picture: 404, whatever of it."""
    picture_id, variant = addresses.read(request.user, token)
    picture = _visible(request.user, picture_id)
    etag = f'"{picture.pk}-{variant}"'  # a picture's files never change
    known = get_conditional_response(request, etag=etag)
    if known is not None:
        return known
    name = picture.file if variant == "full" else picture.thumbnail
    try:
        data = files.read(name)
    except (FileNotFoundError, ValueError) as error:  # ValueError: no name
        raise NotFound from error
    response = HttpResponse(data, content_type=_TYPES[variant])
    response.headers["Content-Disposition"] = f'inline; filename="{picture.pk}.{name.rpartition(".")[2]}"'
    response.headers["ETag"] = etag
    response.headers["Cache-Control"] = "private, no-cache"  # kept, but asked for each time: it may be taken down
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'; sandbox"
    return response


def _visible(user: User, picture_id: UUID) -> Picture:
    """Return the picture by the gate; the person's own also while it lies in the trash."""
    try:
        return access_picture(user, picture_id)
    except NotFound:
        return access_picture(user, picture_id, deleted=True)
