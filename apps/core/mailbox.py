"""Letters between the web process and a worker: one asks, the other answers, and the page looks again.

A letter is a frozen dataclass of the feature that sends it, with who asked, what for, and later what came of it. It
lies in the cache for minutes and in no table: whoever asked waits for it, and asks again where it is gone. The broker
carries its token alone.
"""

from typing import Generic, Protocol, TypeVar
from uuid import UUID

from django.core.cache import cache
from pydantic import TypeAdapter

from apps.core.errors import NotFound

WAITED_S = 20  # a page asks several times a second; one that is silent for so long has gone


class Letter(Protocol):
    """What any letter has; the rest is its feature's."""

    @property
    def token(self) -> str:
        """Return the letter's name, which nobody can guess."""
        ...


LetterT = TypeVar("LetterT", bound=Letter)


class Mailbox(Generic[LetterT]):
    """The letters of one kind: dataclasses of JSON's types and of other such dataclasses."""

    def __init__(self, name: str, kind: type[LetterT], *, kept_s: int) -> None:
        self._name = name
        self._kept_s = kept_s
        self._adapter = TypeAdapter(kind)

    def put(self, letter: LetterT) -> LetterT:
        """Keep a letter in place of the one with its token, for another `kept_s` seconds; return it."""
        cache.set(self._key(letter.token), self._adapter.dump_json(letter).decode(), self._kept_s)
        return letter

    def letter(self, token: str | UUID) -> LetterT | None:
        """Return a letter; None where there is none, or none any more."""
        stored = cache.get(self._key(token))
        return None if stored is None else self._adapter.validate_json(stored)

    def own(self, token: str | UUID, **of: str) -> LetterT:
        """Return a letter whose fields have these values: its owner's. Raises NotFound for any other and for none."""
        found = self.letter(token)
        if found is None or any(getattr(found, field) != value for field, value in of.items()):
            raise NotFound
        return found

    def has(self, token: str | UUID) -> bool:
        """Return whether the letter is there still: a worker goes on for nobody who took it out."""
        return cache.get(self._key(token)) is not None

    def take_out(self, token: str | UUID) -> None:
        """Remove a letter."""
        cache.delete(self._key(token))

    def claim(self, token: str | UUID) -> bool:
        """Return whether nobody claimed the letter before; of several that ask at once one gets True."""
        return bool(cache.add(self._key(token, "claim"), 1, self._kept_s))

    def wait(self, token: str | UUID) -> None:
        """Note that somebody waits for the letter just now."""
        cache.set(self._key(token, "waited"), 1, WAITED_S)

    def is_waited_for(self, token: str | UUID) -> bool:
        """Return whether somebody waited for the letter within the last `WAITED_S` seconds."""
        return cache.get(self._key(token, "waited")) is not None

    def _key(self, token: str | UUID, part: str = "letter") -> str:
        return f"{self._name}-{part}:{token}"
