"""How well a sentence of an answer is borne out by the passages that it cites, 0..1. Plain Python.

A claim is compared with the sentences of its passages: by the words of its own that stand in the nearest ones and in
their order, by those that the passage lacks, by its numbers and names, and by whether one of the two denies what the
other says. A logistic puts these together. Where claim and passage are written in different languages the embedding
speaks, and the numbers. The weights were fitted on true sentences, their compressions and question-answer
statements against the same ones with a number, a name or the negation altered and against other passages
(`manage.py calibrate_support`; the figures are in docs/adr/0025).
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from apps.rag.fusion import language_of
from apps.rag.overlap import Weights, terms
from apps.rag.passages import Given
from apps.rag.sentences import split
from apps.rag.support import logistic
from apps.runtimes.contracts import Floats

Embed = Callable[[Sequence[str]], Floats]

WEAK_BELOW = 0.7  # a sentence with less is marked …
UNSUPPORTED_BELOW = 0.35  # … and one with still less is left out of a strict answer
COMPARED = 3  # sentences of the passages that a claim is compared with in full
LONGEST_EMBEDDED = 240  # characters of a sentence that the embedder reads
MOST_GONE = 4  # terms of a claim that its passage lacks; more say no more
SPANS = 0.15  # how much better its neighbours must cover a claim that spans two sentences
MOST_TERMS = 120  # of a sentence, for the comparison of their order

# In the order of `Likeness.values`.
BASE = -5.52
WEIGHTS = (0.49, 1.09, -1.95, 3.16, 0.11, 2.56, -4.52)
ACROSS_LANGUAGES = (-30.0, 36.0)  # base, by cosine, where the nearest sentence shares no words with the claim

_NUMBER = re.compile(r"\d+(?:[.,:/-]\d+)*")
_NAME = re.compile(r"(?<![A-Za-z])[A-Z][\w&'-]*[A-Za-z0-9]")
_QUOTED = re.compile(r"[《「“\"]([^》」”\"]{2,40})[》」”\"]")
_NEGATIONS_EN = re.compile(
    r"\b(?:not|no|never|none|neither|nor|without|cannot|nobody|nothing|hardly|fails?|failed|unable|denied|rejected)\b|n't\b",
    re.IGNORECASE,
)
_NEGATIONS_ZH = re.compile(
    r"不(?!过|仅|但|断|少|久|同|只|论|管|得不|妨|禁|料|愧|乏|可或缺)|没有?|未(?!来|必)|无(?!论|数|线|人机|穷|锡)|非(?!常|洲|凡|得)|并非|否认|拒绝|禁止|勿|莫(?!斯|大)"
)
_OPPOSITES = (
    ("增加|上升|提高|增长|上调", "减少|下降|降低|下跌|下调"),
    ("之前|以前", "之后|以后"),
    ("高于|多于|大于|超过", "低于|少于|小于|不足"),
    ("最大|最高|最长|最多", "最小|最低|最短|最少"),
    ("允许|可以", "禁止|不得|不能|不可以"),
    ("开始|成立|创立|开业", "结束|解散|撤销|停业"),
    (r"increas\w*|rises?|rose|grew|grow\w*|higher", r"decreas\w*|falls?|fell|declin\w*|lower|shr[aiu]nk\w*"),
    (r"before|prior to|earlier", r"after|following|later"),
    (r"more than|above|over|at least|exceed\w*", r"less than|fewer than|below|under|at most"),
    (r"largest|highest|longest|most", r"smallest|lowest|shortest|least"),
    (r"allow\w*|permit\w*|may", r"forbid\w*|forbidden|prohibit\w*|must not|may not"),
    (r"won|win|defeated", r"lost|lose|was defeated"),
)
_OPPOSITES_COMPILED = [
    (re.compile(one if one[0] > "z" else rf"\b(?:{one})\b"), re.compile(two if two[0] > "z" else rf"\b(?:{two})\b"))
    for one, two in _OPPOSITES
]


@dataclass(frozen=True, slots=True)
class Likeness:
    """What a claim has in common with the passages; all are 0..1."""

    line: float  # weighted share of its terms in the nearest sentence (or two, where it spans two) under its title
    order: float  # share of its terms that stand in the nearest sentence in the same order
    gone: float  # terms that its passage lacks altogether, by MOST_GONE
    numbers: float  # 1 where the nearest sentence (or two) has all its numbers …
    numbers_within: float  # … or the passage
    names: float  # 1 where the nearest sentence (or two) under its title has all its names
    denial: float  # 1 where one denies what the other says
    cosine: float  # with the nearest sentence
    is_across: bool = False  # they are written in different languages

    @property
    def values(self) -> tuple[float, ...]:
        """Return the features in the order of WEIGHTS."""
        return (self.line, self.order, self.gone, self.numbers, self.numbers_within, self.names, self.denial)


@dataclass(frozen=True, slots=True)
class _Line:
    """A sentence of a passage with its terms and those of the passage's titles.

    `pairs` are the sentence with the one before and with the one behind it, each with its terms.
    """

    number: int
    text: str
    pairs: tuple[tuple[str, frozenset[str]], ...]
    held: frozenset[str]
    titles: frozenset[str]


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence of an answer, taken apart."""

    text: str
    sequence: Sequence[str]
    held: frozenset[str]
    numbers: frozenset[str]
    names: frozenset[str]


class Grounding:
    """Judges the sentences of one answer by the passages given. `embed` is asked for a few sentences at a time."""

    def __init__(self, given: Sequence[Given], embed: Embed | None) -> None:
        self._lines = [line for each in given for line in _lines(each)]
        self._weights = Weights([line.held for line in self._lines])
        self._texts = {each.number: _titled(each) for each in given}
        self._held = {number: frozenset(terms(text)) for number, text in self._texts.items()}
        self._embed = embed
        self._known: dict[str, Floats] = {}

    def support(self, sentence: str, numbers: Sequence[int]) -> float:
        """Return how well the passages `numbers` bear the sentence out, 0..1; 0 where it cites none."""
        likeness = self.likeness(sentence, numbers)
        return 0.0 if likeness is None else round(probability(likeness), 3)

    def likeness(self, sentence: str, numbers: Sequence[int]) -> Likeness | None:
        """Return what the sentence and the passages have in common; None where there is nothing to compare."""
        claim = taken_apart(sentence)
        lines = [line for line in self._lines if line.number in numbers]
        if not claim.held or not lines:
            return None
        near = sorted(lines, key=lambda line: -self._weights.coverage(claim.held, line.held | line.titles))[:COMPARED]
        is_across = [language_of(line.text) != language_of(sentence) for line in near]
        cosines = self._cosines(claim.text, [line.text for line in near]) if any(is_across) else [0.0] * len(near)
        compared = [self._compare(claim, *each) for each in zip(near, cosines, is_across, strict=True)]
        return max(compared, key=probability)

    def _compare(self, claim: Claim, line: _Line, cosine: float, is_across: bool) -> Likeness:  # noqa: FBT001
        text = self._texts[line.number]
        title = text[: text.find("\n")]
        said, share = line.text, self._weights.coverage(claim.held, line.held | line.titles)
        for pair, held in line.pairs:
            covered = self._weights.coverage(claim.held, held | line.titles)
            if covered > share + (SPANS if said is line.text else 0.0):
                said, share = pair, covered
        return Likeness(
            line=share,
            order=_in_order(claim.sequence, terms(said)),
            gone=min(len(claim.held - self._held[line.number]), MOST_GONE) / MOST_GONE,
            numbers=float(claim.numbers <= _numbers(f"{title} {said}")),
            numbers_within=float(claim.numbers <= _numbers(text)),
            names=_all_in(claim.names, f"{title} {said}"),
            denial=float(denies(claim.text, said)),
            cosine=cosine,
            is_across=is_across,
        )

    def _cosines(self, claim: str, texts: Sequence[str]) -> list[float]:
        """Return the cosine of the claim with each text, 0 where nothing embeds."""
        if self._embed is None:
            return [0.0] * len(texts)
        wanted = [text[:LONGEST_EMBEDDED] for text in (claim, *texts)]
        missing = [text for text in dict.fromkeys(wanted) if text not in self._known]
        if missing:
            for text, vector in zip(missing, self._embed(missing), strict=True):
                self._known[text] = vector
        first = self._known[wanted[0]]
        return [float(np.dot(first, self._known[text])) for text in wanted[1:]]


def state_of(support: float) -> Literal["supported", "weak", "unsupported"]:
    """Return what a support means for the reader."""
    if support >= WEAK_BELOW:
        return "supported"
    return "weak" if support >= UNSUPPORTED_BELOW else "unsupported"


def probability(likeness: Likeness) -> float:
    """Return the calibrated probability that the claim is borne out."""
    if likeness.is_across:
        base, slope = ACROSS_LANGUAGES
        told = logistic(base + slope * likeness.cosine)
        return told if likeness.numbers_within else min(told, UNSUPPORTED_BELOW)
    return logistic(BASE + sum(weight * value for weight, value in zip(WEIGHTS, likeness.values, strict=True)))


def taken_apart(sentence: str) -> Claim:
    """Return the sentence with its terms, numbers and names."""
    found = terms(sentence)
    return Claim(sentence, found[:MOST_TERMS], frozenset(found), _numbers(sentence), names_of(sentence))


def names_of(sentence: str) -> frozenset[str]:
    """Return what is named: capitalised words but the first, identifiers, titles in quotation marks."""
    names = {
        match.group()
        for match in _NAME.finditer(sentence)
        if match.start() > 0 or match.group()[1:] != match.group()[1:].lower()
    }
    return frozenset(names) | frozenset(match[1] for match in _QUOTED.finditer(sentence))


def denies(one: str, other: str) -> bool:
    """Return whether one of two sentences says the contrary of the other: by a negation or by opposites."""
    if (_negations(one) - _negations(other)) % 2:
        return True
    one, other = one.lower(), other.lower()
    for up, down in _OPPOSITES_COMPILED:
        if bool(up.search(one)) != bool(up.search(other)) and bool(down.search(one)) != bool(down.search(other)):
            return True
    return False


def _negations(text: str) -> int:
    return len(_NEGATIONS_EN.findall(text)) + len(_NEGATIONS_ZH.findall(text))


def _lines(given: Given) -> list[_Line]:
    texts = [sentence.text for sentence in split(given.text)]
    held = [frozenset(terms(text)) for text in texts]
    titles = frozenset(terms(_titles(given)))
    found: list[_Line] = []
    for place, text in enumerate(texts):
        spans = [(first, first + 2) for first in (place - 1, place) if 0 <= first < len(texts) - 1]
        pairs = tuple((" ".join(texts[first:last]), held[first].union(held[last - 1])) for first, last in spans)
        found.append(_Line(given.number, text, pairs, held[place], titles))
    return found


def _titles(given: Given) -> str:
    return " ".join((given.passage.document_name, *given.passage.heading_path)).replace("\n", " ")


def _titled(given: Given) -> str:
    return f"{_titles(given)}\n{given.text}"


def _numbers(text: str) -> frozenset[str]:
    return frozenset(number.replace(",", "") for number in _NUMBER.findall(text))


def _all_in(wanted: frozenset[str], text: str) -> float:
    folded = text.lower()
    return float(all(name.lower() in folded for name in wanted))


def _in_order(claimed: Sequence[str], said: Sequence[str]) -> float:
    """Return the share of `claimed` in the longest common subsequence with `said`."""
    if not claimed:
        return 0.0
    row = [0] * (min(len(said), MOST_TERMS) + 1)
    for term in claimed:
        before = 0
        for place, other in enumerate(said[:MOST_TERMS], start=1):
            kept = row[place]
            row[place] = before + 1 if term == other else max(row[place], row[place - 1])
            before = kept
    return row[-1] / len(claimed)
