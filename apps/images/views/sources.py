"""Pictures that people bring: as a source or mask, to read their settings, or to see their edges."""

from typing import Any

from django.contrib.auth.decorators import login_required
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, JsonResponse
from django.views.decorators.http import require_POST, require_safe

from apps.core.errors import NotFound
from apps.core.text import uuid_or_none
from apps.images import files
from apps.images.access import access_picture
from apps.images.addresses import address_of
from apps.images.drawings import edges_png, resized
from apps.images.errors import PictureRefused
from apps.images.found_settings import settings_in
from apps.images.limits import limits
from apps.images.models import Picture
from apps.images.uploads import store_upload
from apps.images.views.shared import team_of
from apps.users.requests import PersonRequest

KINDS = {"": Picture.Kind.SOURCE, "source": Picture.Kind.SOURCE, "mask": Picture.Kind.MASK}
LOW, HIGH = 100, 200  # thresholds of Canny unless told otherwise
BRIGHTEST = 255
DIGITS = 5  # of a threshold or a side


@require_POST
@login_required
def upload(request: PersonRequest) -> JsonResponse:
    """Keep the picture `file` as a source, or with `kind` mask as a mask; return its id, size and address."""
    kind = KINDS.get(request.POST.get("kind", ""))
    if kind is None:
        raise PictureRefused
    kept = store_upload(user=request.user, team=team_of(request), upload=_file(request), kind=kind)
    address = address_of(kept, request.user, "full")
    return JsonResponse({"id": str(kept.pk), "width": kept.width, "height": kept.height, "address": address})


@require_POST
@login_required
def read_settings(request: PersonRequest) -> JsonResponse:
    """Return the settings that the picture `file` tells, as an order; `order` is null where it tells none."""
    found = settings_in(request.user, team_of(request), _file(request))
    if found is None:
        return JsonResponse({"order": None})
    return JsonResponse({"order": found.order, "format": found.origin, "notes": list(found.notes)})


@require_safe
@login_required
def edges(request: PersonRequest) -> HttpResponse:
    """Return the edges of a picture as the ControlNet will see them: at the size of the drawing, where it is told."""
    wanted = uuid_or_none(request.GET.get("picture", ""))
    if wanted is None:
        raise NotFound
    found = access_picture(request.user, wanted)
    low, high = _threshold(request, "low", LOW), _threshold(request, "high", HIGH)
    try:
        pixels = files.read_pixels(found)
    except FileNotFoundError as error:
        raise NotFound from error
    size = _number(request, "width"), _number(request, "height")
    if all(limits().min_side <= side <= limits().max_side for side in size):
        pixels = resized(pixels, size)
    headers: dict[str, Any] = {"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(edges_png(pixels, low, max(low, high)), content_type="image/png", headers=headers)


def _threshold(request: PersonRequest, name: str, otherwise: int) -> int:
    return min(BRIGHTEST, _number(request, name, otherwise))


def _number(request: PersonRequest, name: str, otherwise: int = 0) -> int:
    text = request.GET.get(name, "")
    return int(text) if text.isdecimal() and len(text) <= DIGITS else otherwise


def _file(request: PersonRequest) -> "UploadedFile[bytes]":
    found = request.FILES.get("file")
    if found is None:
        raise PictureRefused
    return found
