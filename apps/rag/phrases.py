"""Makes the pattern by which PostgreSQL knows a phrase again, however it is written. Plain Python.

A stored text is not folded, so the pattern has each character's variants: both cases, accents, simplified and
traditional, dashes and apostrophes of every shape. Full width and ligatures are left to `normalize(…, NFKC)` around
the text. No class of the pattern leans on the database's locale, and nothing in it repeats a group: it reads in linear
time.
"""

import re

from apps.libraries.lexical import fold, variants

MAX_CHARS = 200
_LATIN = "A-Za-z0-9\u00c0-\u024f"
_WORD_CHAR = re.compile(f"[{_LATIN}]")
_DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212"


def pattern_of(phrase: str) -> str:
    """Return an advanced regular expression of PostgreSQL that finds the phrase as whole words."""
    folded = " ".join(fold(phrase)[:MAX_CHARS].split())
    body = "".join(_piece(folded, at) for at in range(len(folded)))
    before = f"(?<![{_LATIN}])" if _WORD_CHAR.match(folded) else ""
    after = f"(?![{_LATIN}])" if folded and _WORD_CHAR.match(folded[-1]) else ""
    return f"{before}{body}{after}"


def _piece(folded: str, at: int) -> str:
    character = folded[at]
    if character == " ":
        return r"\s+" if _is_latin(folded, at - 1) and _is_latin(folded, at + 1) else r"\s*"
    if character in _DASHES:
        return f"[{_DASHES[1:]}-]"
    if character in "'\u2019":
        return "['\u2019]"
    comma = ",?" if character.isdigit() and at and folded[at - 1].isdigit() else ""  # thousands
    return comma + _class(character)


def _is_latin(folded: str, at: int) -> bool:
    return 0 <= at < len(folded) and _WORD_CHAR.match(folded[at]) is not None


def _class(character: str) -> str:
    same = "".join(dict.fromkeys(variants(character)))
    if len(same) > 1:
        return f"[{same}]"
    return character if character.isalnum() else f"\\{character}" if character.isascii() else f"[{character}]"
