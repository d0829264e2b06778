"""From tokens' bytes to text that may be shown: whole characters, cut at stop strings. Plain Python."""

import codecs
from collections.abc import Sequence


class TextAssembler:
    """Joins the bytes of one sequence's tokens.

    Text is handed out as soon as it is valid UTF-8 and cannot be the beginning of a stop string any more.
    """

    def __init__(self, stops: Sequence[str] = ()) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""
        self.is_stopped = False

    def push(self, data: bytes) -> str:
        """Return the text that is ready after one more token; sets `is_stopped` where a stop string appeared."""
        text = self._decoder.decode(data)
        if not self._stops:
            return text
        text = self._held + text
        cuts = [at for at in (text.find(stop) for stop in self._stops) if at >= 0]
        if cuts:
            self.is_stopped = True
            self._held = ""
            return text[: min(cuts)]
        keep = self._possible_beginning(text)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]

    def finish(self) -> str:
        """Return the text that was held back; bytes of an unfinished character are dropped."""
        held, self._held = self._held, ""
        return held

    def _possible_beginning(self, text: str) -> int:
        """Return the length of the longest end of `text` with which a stop string begins."""
        longest = min(len(text), max(map(len, self._stops)) - 1)
        for length in range(longest, 0, -1):
            end = text[-length:]
            if any(stop.startswith(end) for stop in self._stops):
                return length
        return 0


def common_prefix(left: Sequence[int], right: Sequence[int]) -> int:
    """Return how many tokens the two have in common from the start."""
    count = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        count += 1
    return count
