"""What a program sends: objects with known fields alone, numbers within bounds, ids."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from rest_framework.request import Request

from apps.core.errors import Invalid, NotFound
from apps.core.text import uuid_or_none
from apps.images.access import access_board
from apps.images.models import Board
from apps.users.api_auth import asked_team, person_of

BOOLEANS = {"true": True, "false": False}


def fields(request: Request, known: Collection[str]) -> dict[str, Any]:
    """Return the JSON object that was sent. Raises Invalid for anything else and for a field that nobody knows."""
    if not isinstance(request.data, dict):
        raise Invalid(field="")
    return dict(refuse_unknown(request.data, known))


def refuse_unknown(data: Mapping[str, Any], known: Collection[str]) -> Mapping[str, Any]:
    """Return the data. Raises Invalid for a field that nobody knows (security case 27)."""
    if unknown := set(map(str, data)) - set(known):
        raise Invalid(field=min(unknown)[:60])
    return data


def form(request: Request, known: Collection[str]) -> dict[str, Any]:
    """Return the fields of a form besides its files. Raises Invalid for one that nobody knows, and 415 for no form."""
    _ = request.data  # looks at the kind of the body
    return dict(refuse_unknown(request._request.POST.dict(), known))


def query(request: Request, known: Collection[str]) -> dict[str, str]:
    """Return the parameters of the address. Raises Invalid for one that nobody knows."""
    return {name: str(value) for name, value in refuse_unknown(request.query_params.dict(), known).items()}


def number(given: Mapping[str, str], name: str, otherwise: int, most: int, *, least: int = 1) -> int:
    """Return a whole number of the address. Raises Invalid."""
    text = given.get(name, "")
    if not text:
        return otherwise
    if not (text.isascii() and text.isdecimal()) or not least <= int(text[:9]) <= most:
        raise Invalid(field=name)
    return int(text)


def is_true(given: Mapping[str, str], name: str) -> bool:
    """Return whether a parameter says true. Raises Invalid for anything but true and false."""
    text = given.get(name, "false")
    if text not in BOOLEANS:
        raise Invalid(field=name)
    return BOOLEANS[text]


def text(data: Mapping[str, Any], name: str, most: int) -> str:
    """Return a text. Raises Invalid where there is none, where it is too long or holds a NUL."""
    found = data.get(name, "")
    if not isinstance(found, str) or len(found) > most or "\x00" in found:
        raise Invalid(field=name)
    return found


def switch(data: Mapping[str, Any], name: str, *, otherwise: bool = False) -> bool:
    """Return true or false. Raises Invalid."""
    found = data.get(name, otherwise)
    if not isinstance(found, bool):
        raise Invalid(field=name)
    return found


def an_id(given: object, name: str) -> UUID:
    """Return an id. Raises Invalid for what is none."""
    found = uuid_or_none(given) if isinstance(given, str) else None
    if found is None:
        raise Invalid(field=name)
    return found


def asked_board(request: Request, given: object) -> Board | None:
    """Return the board that is named, None for none. Raises NotFound for one that is not theirs in the key's team."""
    if given is None:
        return None
    board = access_board(person_of(request), an_id(given, "board"))
    if board.team_id != asked_team(request).pk:
        raise NotFound
    return board
