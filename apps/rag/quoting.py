"""Quote mode: the answer is the passages' own best sentences, word for word. Plain Python.

The weights were measured, see docs/adr/0006-default-answer-mode.md.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import numpy as np

from apps.rag import links
from apps.rag.overlap import Weights, terms
from apps.rag.passages import Given
from apps.rag.sentences import split
from apps.rag.support import Quotable
from apps.rag.types import Cite
from apps.runtimes.contracts import Floats

Embed = Callable[[Sequence[str]], Floats]

CANDIDATES = 16  # sentences that are embedded: about a fifth of a second on two idle cores
LONGEST_EMBEDDED = 240  # characters of a candidate that the embedder reads
LONGEST_QUOTE = 240  # characters of a sentence together with the one that it leans on
LONGEST_LEAD = 2_000  # characters of a passage in which its topic is looked for
SHORTEST_TOPIC = 2  # characters
FEW_TERMS = 3  # a "sentence" with fewer is a heading or a label


@dataclass(frozen=True, slots=True)
class Weighing:
    """What a sentence's score is made of; all parts are 0..1 but the cosine."""

    cosine: float = 8.0  # of the sentence under its topic with the question
    words: float = 0.5  # weighted share of the question's terms in the sentence …
    beyond: float = 1.5  # … and of those that are not the passage's topic anyway: what is asked about it
    around: float = 1.0  # the share in the whole passage and its titles
    rank: float = 0.6  # of its passage: 1, 1/2, 1/3 …
    kind: float = 0.3  # has what the question asks for: a date, a number, a reason
    fragment: float = 0.5  # taken off a heading, a label or a question
    titled: float = 0.5  # its document is called what the question names
    fresh: float = 4.0  # question terms that the sentences chosen before lack, for a further sentence
    linked: float = 1.0  # the further sentence's document is named by a sentence chosen before
    apart: float = 0.5  # taken off a further sentence of a document that neither they nor the question name
    drop: float = 0.15  # how much worse than the best a further sentence may be, with all of that


@dataclass(frozen=True, slots=True)
class _Candidate:
    """A sentence with its terms, its score before the embedding's, and what the embedder reads of it."""

    given: Given
    text: str
    held: frozenset[str]
    prior: float
    embedded: str


@dataclass(frozen=True, slots=True)
class _About:
    """What a passage is about: the terms of its titles and first sentence, all its terms, what the question names.

    `is_asked` says that the question names its document.
    """

    lead: frozenset[str]
    all: frozenset[str]
    topic: str
    is_asked: bool


# What a question asks for, and what a sentence then has. English is lower case here.
_MONTHS = "jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec"
_KINDS = (
    (  # when
        r"什么时候|何时|哪一?[年天]|几[年月日点]|时间|日期|\bwhen\b|\b(?:what|which) (?:year|date|day|time)\b",
        rf"\d{{2,4}}\s*年|\d+\s*[月日号时点]|世纪|\b\d{{4}}\b|\b(?:{_MONTHS})[a-z]*\b|\d+:\d\d",
    ),
    (  # how many
        r"多少|几[个位名次种天条岁]|多[长大高远重久]"
        r"|\bhow (?:many|much|long|far|old|tall|often|large|big)\b|\bnumber of\b",
        r"\d|[一二三四五六七八九十百千万两]+[个位名次种天条岁元米年人]"
        r"|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|hundred|thousand|million|once|twice)\b",
    ),
    (  # why
        r"为什么|为何|原因|缘故|\bwhy\b|\breason\b|\bcause",
        r"因为|由于|因此|所以|为了|以便|导致|\b(?:because|due to|since|in order to|so that|caused?)\b",
    ),
    (  # where
        r"哪里|何处|哪儿|什么地方|哪[个座]?(?:城市|国家|地区|省)|位于"
        r"|\bwhere\b|\b(?:what|which) (?:city|country|state|place)\b",
        r"在|位于|于|[省市县区镇村国岛州]|\b(?:in|at|near|located)\b",
    ),
)
_KINDS_COMPILED = [(re.compile(asked), re.compile(answer)) for asked, answer in _KINDS]
# A sentence that begins so says little without the one before it.
_LEANS = re.compile(
    r"(?:因此|所以|故此?|于是|从而|由此|因而|此后|此时|随后|之后|后来|赛后|其后|然后|但|不过|然而|并且|同时|另外|此外|他|她|它|这|那|其|该)"
    r"|(?:Therefore|Thus|So|Hence|Then|However|But|Also|Moreover|Afterwards|Later|Consequently|As a result|In addition"
    r"|He|She|It|They|This|These|Those|Its|His|Her|Their|Such)\b"
)
_AT_LENGTH = re.compile(
    r"为什么|为何|原因|哪些|内容|特点|特征|症状|如何|怎[样么]|样子|有什么|是什么意思|介绍|步骤|流程"
    r"|\b(?:why|how(?! (?:many|much|long|old|far|tall|often|large|big))|what are|describe|explain|symptoms?|reasons?"
    r"|steps|list)\b",
    re.IGNORECASE,
)
_FRAGMENT = re.compile(r"[?？:：]\s*$")


NOTHING = Quotable(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class Quoted:
    """The sentences that answer best, the strongest first, and how much of an answer they hold."""

    cites: tuple[Cite, ...] = ()
    quotable: Quotable = NOTHING


def best_sentences(
    question: str, given: Sequence[Given], embed: Embed, *, most: int, weighing: Weighing | None = None
) -> Quoted:
    """Return one to `most` sentences that answer best, each as a citation of its passage.

    Costs one batch of at most CANDIDATES + 1 embeddings. There is none only where nothing was given.
    """
    weighing = weighing or Weighing()
    scorer = _Scorer(question, given, weighing)
    candidates = scorer.candidates()
    if not candidates:
        return Quoted()
    vectors = embed([question, *(candidate.embedded for candidate in candidates)])
    cosines = vectors[1:] @ vectors[0]
    scores = np.array([candidate.prior for candidate in candidates]) + weighing.cosine * cosines
    chosen = scorer.choose(candidates, scores, most)
    goes_on = len(chosen) == 1 and bool(_AT_LENGTH.search(question))
    cites = tuple(Cite(each.given.number, each.given.passage, _whole(each, goes_on=goes_on)) for each in chosen)
    return Quoted(cites, Quotable(float(cosines.max()), scorer.coverage(chosen)))


class _Scorer:
    """Weighs the sentences of the given passages for one question."""

    def __init__(self, question: str, given: Sequence[Given], weighing: Weighing) -> None:
        self._texts = [(each, sentence.text) for each in given for sentence in split(each.text)]
        self._held = [frozenset(terms(text)) for _, text in self._texts]
        self._weights = Weights(self._held)
        self._wanted = frozenset(terms(question))
        self._about = {each.number: _about(question, each) for each in given}
        self._answers = [answer for asked, answer in _KINDS_COMPILED if asked.search(question.lower())]
        self._weighing = weighing

    def candidates(self) -> list[_Candidate]:
        """Return the sentences worth embedding, by all but the embedding."""
        found = [self._candidate(place) for place, held in enumerate(self._held) if held]
        found.sort(key=lambda candidate: -candidate.prior)
        return found[:CANDIDATES]

    def choose(self, candidates: Sequence[_Candidate], scores: Floats, most: int) -> list[_Candidate]:
        """Return the best one, then those that are nearly as good or hold what the chosen ones lack of the question."""
        left = list(range(len(candidates)))
        best = max(left, key=lambda place: scores[place])
        chosen = [best]
        while len(chosen) < min(most, len(candidates)):
            left.remove(chosen[-1])
            covered = frozenset[str]().union(*(self._covered(candidates[place]) for place in chosen))
            before = [candidates[place] for place in chosen]
            gains = {
                place: scores[place] + self._fresh(candidates[place], covered) + self._tied(candidates[place], before)
                for place in left
            }
            following = max(left, key=lambda place: gains[place])
            if gains[following] < scores[best] - self._weighing.drop:
                break
            chosen.append(following)
        return [candidates[place] for place in chosen]

    def coverage(self, chosen: Sequence[_Candidate]) -> float:
        """Return the weighted share of the question in the chosen sentences under their topics."""
        return self._weights.coverage(self._wanted, frozenset[str]().union(*map(self._covered, chosen)))

    def _covered(self, candidate: _Candidate) -> frozenset[str]:
        return candidate.held | self._about[candidate.given.number].lead

    def _fresh(self, candidate: _Candidate, covered: frozenset[str]) -> float:
        total = self._weights.sum(self._wanted)
        gained = self._weights.sum((self._covered(candidate) - covered) & self._wanted)
        return self._weighing.fresh * gained / total if total else 0.0

    def _tied(self, candidate: _Candidate, before: Sequence[_Candidate]) -> float:
        """Return what speaks for a further sentence by where it stands: of a document of its own it needs a reason."""
        passage = candidate.given.passage
        if any(each.given.passage.document_id == passage.document_id for each in before):
            return 0.0
        name = links.name_of(passage.document_name)
        if name and any(links.is_named(name, each.text) for each in before):
            return self._weighing.linked
        return 0.0 if self._about[candidate.given.number].is_asked else -self._weighing.apart

    def _candidate(self, place: int) -> _Candidate:
        given, text = self._texts[place]
        held, weigh, about = self._held[place], self._weighing, self._about[given.number]
        asked = self._weights.sum((self._wanted - about.lead) & held) / (self._weights.sum(self._wanted) or 1.0)
        prior = (
            weigh.words * self._weights.coverage(self._wanted, held)
            + weigh.beyond * asked
            + weigh.around * self._weights.coverage(self._wanted, about.all)
            + weigh.rank / given.number
            + weigh.kind * self._has_kind(text)
            + weigh.titled * about.is_asked
            - weigh.fragment * (len(held) < FEW_TERMS or bool(_FRAGMENT.search(text)))
        )
        topic = f"{about.topic}: " if about.topic and about.topic not in text else ""
        return _Candidate(given, text, held, prior, topic + text[:LONGEST_EMBEDDED])

    def _has_kind(self, text: str) -> float:
        """Return the share of what the question asks for that the sentence has; 0 where nothing is recognised."""
        lowered = text.lower()
        return sum(bool(answer.search(lowered)) for answer in self._answers) / max(1, len(self._answers))


def _about(question: str, given: Given) -> _About:
    titles = " ".join((given.passage.document_name, *given.passage.heading_path))
    first = next(iter(split(given.text[:LONGEST_LEAD])), None)
    lead = frozenset(terms(titles)) | frozenset(terms(first.text if first else ""))
    name = links.name_of(given.passage.document_name)
    is_asked = bool(name) and links.is_named(name, question)
    return _About(lead, frozenset(terms(given.text)) | lead, _shared_words(question, given.text), is_asked)


def _whole(candidate: _Candidate, *, goes_on: bool) -> str:
    """Return the sentence as it is quoted, within LONGEST_QUOTE.

    With the one before it where it begins with "therefore", "he" and their like, and with the one behind it where the
    answer `goes_on`: nothing else is quoted, and the question asks for more than a name or a number.
    """
    text = candidate.given.text
    sentences = split(text)
    place = next((place for place, each in enumerate(sentences) if each.text == candidate.text), None)
    if place is None:
        return candidate.text
    start, end = sentences[place].start, sentences[place].end
    if place and _LEANS.match(candidate.text) and end - sentences[place - 1].start <= LONGEST_QUOTE:
        start = sentences[place - 1].start
    if goes_on and place + 1 < len(sentences) and sentences[place + 1].end - start <= LONGEST_QUOTE:
        end = sentences[place + 1].end
    return text[start:end]


def _shared_words(question: str, text: str) -> str:
    """Return the longest run of characters that both have, "" where it is too short to name anything.

    Costs the product of the lengths at worst, so both are bounded.
    """
    question, text = question[:LONGEST_EMBEDDED], text[:LONGEST_LEAD]
    match = SequenceMatcher(None, question, text, autojunk=False).find_longest_match()
    run = question[match.a : match.a + match.size].strip()
    return run if len(run) >= SHORTEST_TOPIC else ""
