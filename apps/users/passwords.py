"""What makes a password too weak: known from breaches, or guessed in few tries. Nobody is asked over a network.

`data/breached.bin` holds the first bytes of the BLAKE2b digests of 55,000 widely used passwords in lower case, sorted:
those of zxcvbn (MIT), of @zxcvbn-ts/language-common (MIT) and of Django. `build` makes it anew from lists.
"""

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from apps.users.models import User

FILE = Path(__file__).parent / "data" / "breached.bin"
DIGEST_BYTES = 6  # of 100,000 entries, one password in three thousand million is refused by mistake
LEAST_GUESSES = 10**8  # what a thief of the hashes tries in some hours, Argon2 being slow
READ_CHARS = 72  # a longer password is judged by its beginning, which takes milliseconds


def digest(password: str) -> bytes:
    """Return what stands for a password in the list, whatever its case."""
    return hashlib.blake2b(password.lower().encode(), digest_size=DIGEST_BYTES).digest()


def build(passwords: Iterable[str]) -> bytes:
    """Return the content of the file for these passwords."""
    return b"".join(sorted({digest(one) for one in passwords}))


@cache
def _known() -> bytes:
    return FILE.read_bytes()


def is_breached(password: str) -> bool:
    """Return whether the password is among the widely used ones; a binary search of some microseconds."""
    known, wanted = _known(), digest(password)
    low, high = 0, len(known) // DIGEST_BYTES
    while low < high:
        middle = (low + high) // 2
        found = known[middle * DIGEST_BYTES : (middle + 1) * DIGEST_BYTES]
        low, high = (middle + 1, high) if found < wanted else (low, middle)
    return known[low * DIGEST_BYTES : (low + 1) * DIGEST_BYTES] == wanted


class BreachValidator:
    """Refuses passwords that are on every attacker's list."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError for one of them."""
        if is_breached(password):
            raise ValidationError(
                _("This password is known from stolen lists. Choose another one."), code="password_breached"
            )

    def get_help_text(self) -> str:
        """Return what is asked for."""
        return _("Your password can’t be one that many people use.")


class GuessValidator:
    """Refuses passwords that a program guesses in few tries: words with a digit, dates, rows of keys, names."""

    def validate(self, password: str, user: User | None = None) -> None:
        """Raise ValidationError for one that is too easily guessed."""
        from zxcvbn import zxcvbn  # noqa: PLC0415  (its word lists take memory, and few requests set a password)

        own = [part for part in (user.email, user.name) if part] if user is not None else []
        judged = zxcvbn(password[:READ_CHARS], user_inputs=["zhiku", *own], max_length=READ_CHARS)
        if judged["guesses"] < LEAST_GUESSES:
            raise ValidationError(
                _("This password is easily guessed. A few unrelated words are not."),
                code="password_guessable",
            )

    def get_help_text(self) -> str:
        """Return what is asked for."""
        return _("Three or four unrelated words make a good password.")
