"""Binds `[n]` to the passages really given, sentence by sentence while the answer streams. Plain Python.

Small models rarely cite, and any model may cite what it was not given. So the marks a model writes are taken out
of its text; each finished sentence is compared with the sentences of the passages, and the server writes the marks
of those that bear it out. What the model itself cited only tips the scale, unless the model is trusted to cite.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from apps.rag.grounding import Grounding, state_of
from apps.rag.labels import Unlabelled
from apps.rag.overlap import Weights, terms
from apps.rag.passages import Given
from apps.rag.sentences import LONGEST, next_end, split
from apps.rag.types import Cite, Sentence

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


@dataclass(slots=True)
class _Open:
    """The sentence being written: its text, where it begins in the answer, and the marks that the model gave it."""

    text: str = ""
    start: int = 0
    hints: set[int] = field(default_factory=set)


class Binder:
    """Turns the model's pieces into text with the server's marks; what it returned is never taken back.

    `grounding` judges each sentence as it ends. With `is_strict` a sentence is held back until then, and what the
    passages do not bear out is left out of the text.
    """

    def __init__(
        self,
        given: Sequence[Given],
        evidence: Evidence,
        *,
        grounding: Grounding | None = None,
        trusts_marks: bool = False,
        is_strict: bool = False,
    ) -> None:
        self.cites: dict[int, Cite] = {}
        self.text = ""
        self.sentences: list[Sentence] = []
        self._given = {each.number: each for each in given}
        self._evidence = evidence
        self._grounding = grounding
        self._trusts_marks = trusts_marks
        self._is_strict = is_strict
        self._unlabelled = Unlabelled()
        self._held_back = ""  # may become a mark
        self._open = _Open()
        self._line = ""  # the line so far
        self._lead = ""  # the beginning of a list item whose first sentence was left out
        self._is_code = False

    @property
    def has_begun(self) -> bool:
        """Return whether anything was written yet, shown or not."""
        return bool(self.text or self._open.text or self._held_back or self._unlabelled.is_waiting)

    def feed(self, piece: str) -> str:
        """Return the text to show next; it may be empty while a mark or, in a strict answer, a sentence is written."""
        before = len(self.text)
        text = self._held_back + self._unlabelled.feed(piece)
        cut = _MARK_BEGINS.search(text)
        keep = cut.start() if cut and not self._is_code else len(text)
        self._held_back = text[keep:]
        self._write(text[:keep])
        return self.text[before:]

    def finish(self) -> str:
        """Return what was still held back and the marks of the last sentence."""
        before = len(self.text)
        self._write((self._held_back + self._unlabelled.finish()).rstrip())
        self._held_back = ""
        self._close(len(self._open.text.rstrip()))
        if self._is_strict:
            self.text = self.text[:before] + self.text[before:].rstrip()
        return self.text[before:]

    def _write(self, text: str) -> None:
        position = 0
        for match in _MARK.finditer(text):
            self._advance(text[position : match.start()])
            if self._is_code or self._line_so_far().count("`") % 2:
                position = match.start()
                continue
            self._open.hints.update(number for number in _numbers(match) if number in self._given)
            position = match.end()
        self._advance(text[position:])

    def _line_so_far(self, length: int | None = None) -> str:
        """Return the line that is being written, with what a strict answer still holds back of it."""
        return (self._line + self._open.text[:length]).rpartition("\n")[2] if self._is_strict else self._line

    def _advance(self, text: str) -> None:
        """Take `text` in and close the sentences that it ends."""
        unsaid = text
        self._open.text += text
        while (end := self._end()) >= 0:
            rest = self._open.text[end:]
            self._open.text = self._open.text[:end]
            tail = len(rest)  # characters of `unsaid` behind the end of the sentence
            head = unsaid[: len(unsaid) - tail]
            body = head.rstrip()
            if not self._is_strict:
                self._emit(body)
            self._close(len(self._open.text.rstrip()), space=head[len(body) :])
            unsaid = unsaid[len(unsaid) - tail :] if tail else ""
            self._open = _Open(rest, len(self.text))
        if not self._is_strict:
            self._emit(unsaid)

    def _end(self) -> int:
        if not self._open.text:
            return -1
        end = next_end(self._open.text, 0, is_complete=False)
        return end if end >= 0 or len(self._open.text) < 4 * LONGEST else len(self._open.text)

    def _emit(self, text: str) -> None:
        """Add to the answer, and keep the line so far and whether it lies in a block of code."""
        self.text += text
        *ended, last = text.split("\n")
        for part in ended:
            if (self._line + part).lstrip().startswith(_FENCE):
                self._is_code = not self._is_code
            self._line = ""
        self._line += last

    def _close(self, length: int, *, space: str = "") -> None:
        """End the sentence, of which `length` characters are not trailing space: judge it, mark it, begin the next."""
        sentence = self._open.text[:length].strip()
        if self._is_strict and not sentence:
            self._skip(self._open.text)
            return
        hints = frozenset(self._open.hints)
        line = self._line_so_far(length).lstrip()
        is_plain = not sentence or self._is_code or line.startswith(("|", "#", _FENCE))
        cites = [] if is_plain else self._cites(sentence, hints)
        judged = self._judge(sentence, cites, is_plain=is_plain)
        if self._is_strict:
            body, space = self._open.text[:length], self._open.text[length:]
            if judged.state == "unsupported":
                self._leave_out(body, judged)
                self._skip(space)
                return
            self._open.start = len(self.text)
            self._emit(self._led(body))
        self._note(sentence, judged)
        for cite in cites:
            self._keep(replace(cite, support=judged.support))
        # a mark would break a table's row, a heading or a fence
        self._emit(" " * bool(cites) * (sentence[-1:].isascii()) + "".join(f"[{cite.number}]" for cite in cites))
        self._emit(space)
        self._open = _Open("", len(self.text))

    def _cites(self, sentence: str, hints: frozenset[int]) -> list[Cite]:
        cites = self._evidence.bear_out(sentence, hints)
        if not cites and self._trusts_marks:
            cites = [Cite(number, self._given[number].passage) for number in sorted(hints)]
        return cites

    def _judge(self, sentence: str, cites: Sequence[Cite], *, is_plain: bool) -> Sentence:
        """Return the sentence with its support; where it stands is not known yet."""
        numbers = tuple(cite.number for cite in cites)
        if is_plain or self._grounding is None:
            return Sentence(0, 0, 1.0, "plain", numbers)
        support = self._grounding.support(_LIST_ITEM.sub("", sentence, count=1), numbers)
        return Sentence(0, 0, support, state_of(support), numbers)

    def _note(self, sentence: str, judged: Sentence) -> None:
        if not sentence or (judged.state == "plain" and self._grounding is None):
            return
        start = self.text.find(sentence, self._open.start)
        if start >= 0:
            self.sentences.append(replace(judged, start=start, end=start + len(sentence)))

    def _keep(self, cite: Cite) -> None:
        """Keep one citation of each passage: that with words to show, and the support of the weakest sentence."""
        known = self.cites.get(cite.number)
        if known is None:
            self.cites[cite.number] = cite
            return
        best = cite if not known.quote else known
        supports = [each.support for each in (known, cite) if each.support is not None]
        self.cites[cite.number] = replace(best, support=min(supports, default=None))

    def _leave_out(self, body: str, judged: Sentence) -> None:
        """Leave the sentence out; the beginning of its list item waits for the next one on the same line."""
        at = len(self.text)
        text = body.strip()
        self.sentences.append(replace(judged, start=at, end=at, state="removed", text=text))
        if not self._line.strip():
            marker = _LIST_ITEM.match(body)
            self._lead = marker.group() if marker else self._lead

    def _skip(self, space: str) -> None:
        """Pass over the space behind a sentence: a line that has nothing on it does not end."""
        if self._line.strip() or self._is_code:
            self._emit(space)
        if "\n" in space:
            self._lead = ""
        self._open = _Open("", len(self.text))

    def _led(self, body: str) -> str:
        """Return the sentence as it follows what was left out before it on its line."""
        lead, self._lead = self._lead, ""
        if self._line.strip():
            return body
        return lead + body.lstrip(" ") if lead else body.lstrip(" ") if self.text else body.lstrip()


def _numbers(match: re.Match[str]) -> list[int]:
    return [int(number) for number in re.findall(r"\d{1,3}", match[1] or match[2])]
