"""Addresses that OpenAI's routes hand out for `response_format` url: whoever has one sees one picture for some minutes.

OpenAI's clients fetch them without a key, so the address itself is the right to the picture: signed for one picture,
format and key, of no use after `LIFE_S`, and dead at once where the key or its person's right to the picture ends.
"""

from datetime import timedelta
from uuid import UUID

from django.core import signing
from django.http import HttpResponse
from django.urls import reverse
from rest_framework.request import Request

from apps.core import tenancy
from apps.core.errors import NotFound
from apps.images import files
from apps.images.access import access_picture
from apps.images.api.openai_base import OpenAIView
from apps.images.models import Picture
from apps.users import keys
from apps.users.access import acting_key
from apps.users.api_auth import limits_of

LIFE_S = 600
_SALT = "images.api.handing_out"


def address_of(request: Request, picture: Picture, form: str) -> str:
    """Return an absolute address of a picture's file in the format `form`, in the name of the key that asks."""
    limits = acting_key.get()
    if limits is None:  # these routes take keys alone
        raise NotFound
    token = signing.dumps([picture.pk.hex, form, limits.key_id.hex], salt=_SALT, compress=False)
    return request.build_absolute_uri(reverse("openai:openai-file", args=[token]))


def read(token: str) -> tuple[UUID, str, UUID]:
    """Return picture, format and key of an address. Raises NotFound for a forged or an old one."""
    try:
        picture, form, key = signing.loads(token, salt=_SALT, max_age=timedelta(seconds=LIFE_S))
        return UUID(picture), str(form), UUID(key)
    except (signing.BadSignature, ValueError, TypeError) as error:
        raise NotFound from error


class HandedOutView(OpenAIView):
    """The file behind such an address."""

    authentication_classes = []
    permission_classes = []

    def get(self, _request: Request, token: str) -> HttpResponse:
        """Return the bytes, for whoever has the address."""
        picture_id, form, key_id = read(token)
        with tenancy.everything("the address itself says which key it is of"):
            key = keys.key_still(key_id)
        acting = acting_key.set(limits_of(key))
        try:
            with tenancy.acting_for(key.team_id):
                data = files.rendered(access_picture(key.user, picture_id), form)
        except FileNotFoundError as error:
            raise NotFound from error
        finally:
            acting_key.reset(acting)
        headers = {
            "Content-Disposition": f'inline; filename="{picture_id}.{form}"',
            "Cache-Control": "private, no-store",
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Referrer-Policy": "no-referrer",
        }
        return HttpResponse(data, content_type=files.FORMATS[form], headers=headers)
