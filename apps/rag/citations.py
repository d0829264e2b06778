"""Binds `[n]` to the passages really given, sentence by sentence while the answer streams. Plain Python.

Small models rarely cite, and any model may cite what it was not given. So the marks a model writes are taken out
of its text; each finished sentence is compared with the sentences of the passages, and the server writes the marks
of those that bear it out. What the model itself cited only tips the scale, unless the model is trusted to cite.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from apps.rag.overlap import Weights, terms
from apps.rag.passages import Given
from apps.rag.sentences import LONGEST, next_end, split
from apps.rag.types import Cite

SUPPORTED = 0.5  # weighted share of a sentence's terms that one sentence of a passage must hold …
SUPPORTED_WIDE = 0.7  # … or the two nearest passages together
CONTEXT = 0.35  # weight of the question's terms beside those of the answer when passages are compared
SECOND = 0.3  # share of what the first passage leaves open that a second must add to be cited too
HINT = 0.15  # what a mark by the model adds to its passage
MOST_MARKS = 2  # of one sentence

_MARK = re.compile(r"[ \t]?(?:\[\^?(\d{1,3}(?:[ \t]*[,，、;-][ \t]*\d{1,3})*)\]|【(\d{1,3})】)")
_MARK_BEGINS = re.compile(r"\s{0,16}(?:\[\^?[\d \t,，、;-]{0,24}|【\d{0,3})?$")  # space too: marks stand before it
_LIST_ITEM = re.compile(r"\s*(?:[-*•]|\d{1,3}[.)、])\s+")
_NUMBER = re.compile(r"\d+(?:[.,:]\d+)*")
_YES_NO = re.compile(r"(?:yes|no|是|否|不是|是的|对|不)[.。!！,，]?", re.IGNORECASE)
_FENCE = "```"


@dataclass(frozen=True, slots=True)
class _Line:
    """A sentence of a passage with its terms."""

    given: Given
    text: str
    held: frozenset[str]


class Evidence:
    """The sentences of the given passages, to find those that bear out a sentence of the answer."""

    def __init__(self, question: str, given: Sequence[Given]) -> None:
        self._lines = [
            _Line(each, sentence.text, frozenset(terms(sentence.text)))
            for each in given
            for sentence in split(each.text)
        ]
        self._whole = {
            each.number: frozenset(terms(each.text)) | frozenset(terms(" ".join(_titles(each)))) for each in given
        }
        self._numbers = _numbers_in(" ".join([question, *(each.text for each in given)]))
        self._weights = Weights([line.held for line in self._lines])
        self._wanted = frozenset(terms(question))

    def bear_out(self, sentence: str, hints: frozenset[int] = frozenset()) -> list[Cite]:
        """Return up to MOST_MARKS citations for a sentence of the answer, the strongest first; [] if unsupported."""
        sentence = _LIST_ITEM.sub("", sentence.strip(), count=1)
        claimed = frozenset(terms(sentence))
        if _YES_NO.fullmatch(sentence):
            claimed = self._wanted  # a bare yes or no claims what the question asks
        if not self._lines or not claimed or not self._is_supported(sentence, claimed):
            return []
        first = max(self._lines, key=lambda line: self._score(line, claimed, hints))
        cites = [Cite(first.given.number, first.given.passage, first.text)]
        second = self._second(first, claimed | self._wanted)
        if second is not None:
            cites.append(Cite(second.given.number, second.given.passage, second.text))
        return cites[:MOST_MARKS]

    def _is_supported(self, sentence: str, claimed: frozenset[str]) -> bool:
        if not _numbers_in(sentence) <= self._numbers:
            return False  # a number that no passage has is invented
        said = claimed - self._wanted  # what it adds to the words of the question
        for line in self._lines:
            if self._weights.coverage(claimed, line.held) >= SUPPORTED and self._adds_only(said, line.given):
                return True
        wholes = sorted(self._whole.values(), key=lambda held: -self._weights.coverage(claimed, held))
        both = frozenset[str]().union(*wholes[:2])
        return min(self._weights.coverage(claimed, both), self._share(said, both)) >= SUPPORTED_WIDE

    def _adds_only(self, said: frozenset[str], given: Given) -> bool:
        """Return whether what is said beyond the question stands in the passage."""
        return self._share(said, self._whole[given.number]) >= SUPPORTED

    def _share(self, said: frozenset[str], held: frozenset[str]) -> float:
        return self._weights.coverage(said, held) if said else 1.0

    def _score(self, line: _Line, claimed: frozenset[str], hints: frozenset[int]) -> float:
        whole = self._whole[line.given.number]
        of_claim = self._weights.coverage(claimed, line.held) + 0.5 * self._weights.coverage(claimed, whole)
        of_question = self._weights.coverage(self._wanted, line.held) + self._weights.coverage(self._wanted, whole)
        return of_claim + CONTEXT * of_question + HINT * (line.given.number in hints) - 0.01 * line.given.number

    def _second(self, first: _Line, wanted: frozenset[str]) -> _Line | None:
        """Return the best sentence of another passage if it adds enough that the first passage lacks."""
        open_terms = wanted - self._whole[first.given.number]
        total = self._weights.sum(wanted)
        others = [line for line in self._lines if line.given.number != first.given.number]
        if not others or not total:
            return None
        best = max(others, key=lambda line: self._weights.sum(open_terms & line.held))
        return best if self._weights.sum(open_terms & best.held) >= SECOND * total else None


def _numbers_in(text: str) -> frozenset[str]:
    return frozenset(number.replace(",", "") for number in _NUMBER.findall(text))


def _titles(given: Given) -> tuple[str, ...]:
    return (given.passage.document_name, *given.passage.heading_path)


class Binder:
    """Turns the model's pieces into text with the server's marks; what it returned is never taken back."""

    def __init__(self, given: Sequence[Given], evidence: Evidence, *, trusts_marks: bool = False) -> None:
        self.cites: dict[int, Cite] = {}
        self.text = ""
        self._given = {each.number: each for each in given}
        self._evidence = evidence
        self._trusts_marks = trusts_marks
        self._held_back = ""  # may become a mark
        self._sentence = ""  # written, but not yet closed
        self._line = ""  # the line so far
        self._hints: set[int] = set()
        self._is_code = False

    def feed(self, piece: str) -> str:
        """Return the text to show next; it may be empty while a mark is being written."""
        text = self._held_back + piece
        cut = _MARK_BEGINS.search(text)
        keep = cut.start() if cut and not self._is_code else len(text)
        self._held_back = text[keep:]
        return self._write(text[:keep])

    def finish(self) -> str:
        """Return what was still held back and the marks of the last sentence."""
        shown = self._write(self._held_back.rstrip())
        self._held_back = ""
        closing = self._close()
        self.text += closing
        return shown + closing

    def _write(self, text: str) -> str:
        shown: list[str] = []
        position = 0
        for match in _MARK.finditer(text):
            shown.append(self._advance(text[position : match.start()]))
            if self._is_code or self._line.count("`") % 2:
                position = match.start()
                continue
            self._hints.update(number for number in _numbers(match) if number in self._given)
            position = match.end()
        shown.append(self._advance(text[position:]))
        written = "".join(shown)
        self.text += written
        return written

    def _advance(self, text: str) -> str:
        """Return `text` with marks behind the sentences that it closes."""
        shown: list[str] = []
        fresh = text
        self._sentence += text
        while (end := self._end()) >= 0:
            tail = len(self._sentence) - end  # characters of `fresh` behind the end of the sentence
            head = fresh[: len(fresh) - tail]
            body = head.rstrip()
            self._track(body)
            rest, self._sentence = self._sentence[end:], self._sentence[:end]
            marks = self._close()
            shown.append(body + marks + head[len(body) :])
            self._track(head[len(body) :])
            fresh, self._sentence = fresh[len(fresh) - tail :] if tail else "", rest
        self._track(fresh)
        return "".join(shown) + fresh

    def _end(self) -> int:
        if not self._sentence:
            return -1
        end = next_end(self._sentence, 0, is_complete=False)
        return end if end >= 0 or len(self._sentence) < 4 * LONGEST else len(self._sentence)

    def _track(self, text: str) -> None:
        """Keep the line so far, and whether it lies in a block of code."""
        *ended, last = text.split("\n")
        for part in ended:
            if (self._line + part).lstrip().startswith(_FENCE):
                self._is_code = not self._is_code
            self._line = ""
        self._line += last

    def _close(self) -> str:
        """Return the marks of the sentence written so far, and begin the next."""
        sentence, self._sentence = self._sentence.strip(), ""
        hints, self._hints = frozenset(self._hints), set()
        line = self._line.lstrip()
        if not sentence or self._is_code or line.startswith(("|", "#", _FENCE)):
            return ""  # a mark would break a table's row, a heading or a fence
        cites = self._evidence.bear_out(sentence, hints)
        if not cites and self._trusts_marks:
            cites = [Cite(number, self._given[number].passage) for number in sorted(hints)]
        for cite in cites:
            known = self.cites.get(cite.number)
            if known is None or not known.quote:
                self.cites[cite.number] = cite
        return " " * bool(cites) * (sentence[-1:].isascii()) + "".join(f"[{cite.number}]" for cite in cites)


def _numbers(match: re.Match[str]) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,3}", match[1] or match[2])]
