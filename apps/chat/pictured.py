"""Pictures of the studio in a question: a Markdown image whose address is the studio's own.

The question shows them as cards. Their bytes come from the studio, which asks at each look whether the reader may see
them; chat knows nothing of pictures but how their address is written. What is searched for and what a model reads is
the picture's description.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

# The host of a copied address is not looked at: of the whole address the id alone is used.
_PICTURE = re.compile(
    r"!\[(?P<words>[^\[\]\n]{0,300})\]"
    r"\((?:https?://[^\s/()]{1,200})?/images/pictures/(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/\)"
)
MOST = 8  # cards of one question; further references stay text


@dataclass(frozen=True, slots=True)
class Shown:
    """A piece of a question: text, or a picture with its description."""

    text: str
    picture: UUID | None = None


def pieces_of(text: str) -> Iterator[Shown]:
    """Yield a question's text and pictures in order."""
    end = 0
    for number, match in enumerate(_PICTURE.finditer(text)):
        if number == MOST:
            break
        if before := text[end : match.start()].strip("\n"):
            yield Shown(before)
        yield Shown(match["words"].strip(), UUID(match["id"]))
        end = match.end()
    if rest := text[end:].strip("\n"):
        yield Shown(rest)


def described(text: str) -> str:
    """Return a question with the description of each picture in its place; as it is where nothing would be left."""
    return _PICTURE.sub(lambda match: match["words"].strip(), text).strip() or text
