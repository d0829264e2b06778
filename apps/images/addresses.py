"""Addresses of picture files: signed for one person, picture and variant, and of no use some minutes later.

The end is rounded up, so that an address stays the same for a while and browsers need not fetch a gallery anew. The
signature is only the first door: the view behind it asks the gate as well, so that an address dies at once with the
right to see the picture.
"""

import time
from uuid import UUID

from django.core.signing import BadSignature, Signer
from django.urls import reverse

from apps.core.errors import NotFound
from apps.images.models import Picture
from apps.users.models import User

VARIANTS = ("full", "thumb")
LIFE_S = 600  # at most; at least half of it
_ROUND_S = 300


def address_of(picture: Picture, user: User, variant: str = "full") -> str:
    """Return the address of a picture's file for this person, valid for 5 to 10 minutes."""
    if variant not in VARIANTS:
        message = f"There is no variant {variant!r}."
        raise ValueError(message)
    until = (int(time.time()) // _ROUND_S) * _ROUND_S + LIFE_S
    return reverse("images:file", args=[_signer(user).sign(f"{picture.pk.hex}.{variant}.{until:x}")])


def read(user: User, token: str) -> tuple[UUID, str]:
    """Return the picture's id and the variant that a token is for. Raises NotFound for any other's or an old one."""
    try:
        picture, variant, until = _signer(user).unsign(token).split(".")
        if int(until, 16) < time.time() or variant not in VARIANTS:
            raise NotFound
        return UUID(picture), variant
    except (BadSignature, ValueError) as error:
        raise NotFound from error


def _signer(user: User) -> Signer:
    """Return the signer of one person: under another's the signature is wrong."""
    return Signer(salt=f"images.addresses:{user.pk}")
