"""Takes the prompt's labels out of an answer while it streams: small models copy how passages were shown to them.

"[Passage: The ferry was built in 1978.]" is the sentence in it, "[Passage 2]" the mark [2]. Plain Python.
"""

import re

_CLOSING = {"[": "]", "【": "】"}


def _begun(word: str) -> str:
    """Return a pattern for every beginning of `word`, the empty one too."""
    return "".join(f"(?:{letter}" for letter in word) + ")?" * len(word)


_LABEL = re.compile(
    r"[\[【][ \t]?(?:passages?|片段|资料)[ \t]?\d{0,3}[ \t]?[:：][ \t]*"
    r"|[\[【(（][ \t]?(?:passage|片段|资料)[ \t]?(?P<number>\d{1,3})[ \t]?[\]】)）]",
    re.IGNORECASE,
)
_LABEL_BEGINS = re.compile(
    rf"[\[【(（][ \t]?(?:{_begun('passages')}|片段?|资料?)[ \t]?\d{{0,3}}[ \t]?(?:[:：][ \t]*)?$", re.IGNORECASE
)


class Unlabelled:
    """Gives back the pieces of one answer without labels; what may still become one waits for the next piece."""

    def __init__(self) -> None:
        self._held_back = ""
        self._opened = ""  # the brackets that are open since a label, with its own first; "" outside

    @property
    def is_waiting(self) -> bool:
        """Return whether something is held back."""
        return bool(self._held_back)

    def feed(self, piece: str) -> str:
        """Return the text that `piece` makes certain."""
        text = self._held_back + piece
        begins = _LABEL_BEGINS.search(text)
        keep = begins.start() if begins else len(text)
        self._held_back = text[keep:]
        return self._without_labels(text[:keep])

    def finish(self) -> str:
        """Return what was held back to the last."""
        text, self._held_back = self._held_back, ""
        return self._without_labels(text)

    def _without_labels(self, text: str) -> str:
        said = ""
        position = 0
        for match in _LABEL.finditer(text):
            said += self._inside(text[position : match.start()])
            if match["number"]:
                said += f"[{match['number']}]"
            else:
                self._opened = match.group()[0]
            position = match.end()
        return said + self._inside(text[position:])

    def _inside(self, text: str) -> str:
        """Return the text without the bracket that closes a label; a label ends with its line at the latest."""
        if not self._opened:
            return text
        for place, character in enumerate(text):
            if character == "\n":
                self._opened = ""
            elif character in _CLOSING:
                self._opened += character
            elif character == _CLOSING[self._opened[-1]]:
                self._opened = self._opened[:-1]
                if not self._opened:
                    return text[:place] + text[place + 1 :]
            if not self._opened:
                break
        return text
