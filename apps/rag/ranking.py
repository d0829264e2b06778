"""Everything between the evidence of both legs and the passages that a search gives. Plain Python.

The steps, each of which a library can turn off: the legs are fused, young documents preferred (`freshness`), documents
lifted that the best passages name (`links`), the best read by a rerank model (`reranking`), repeats put last, documents
mixed (`diversity`), and what scores too little left out (`threshold`). Every step adds its part to the score, so that a
person can see what a place comes from.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import NamedTuple
from uuid import UUID

from apps.rag import links
from apps.rag.fusion import Evidence, Scale, fuse
from apps.rag.options import SearchOptions

HALF_LIFE_DAYS = 365  # after which a document counts as half as fresh
RERANK_SHARE = 0.8  # of the score, where a rerank model has read the passage; the legs keep the rest
# Passages with the same text have nearly the same scores and length: only those that do are compared.
LIKE_COSINE = 0.004
LIKE_BM25 = 0.05  # share of the higher
LIKE_LENGTH = 0.1
MOST_COMPARED = 30  # of the best; nobody reads further
SAME_TEXT = 0.95  # share of words that passages have in common when one repeats the other
_WORD = re.compile(r"[\u3400-\u9fff]|[^\W_\u3400-\u9fff]+")
_ASCII_WORD = re.compile(r"[a-z0-9]+")  # the same in a lower text of ASCII, in half the time


class Candidate(NamedTuple):  # and Ranked: as `fusion.Evidence`
    """A chunk that a leg found, with what is known without reading it. `created_on` is the document's day."""

    evidence: Evidence
    document_id: UUID
    document_name: str
    created_on: date


class Ranked(NamedTuple):
    """A candidate with the parts of its score by name, its place in each leg, and what a rerank model said (0..1)."""

    candidate: Candidate
    parts: Mapping[str, float]
    dense_rank: int | None = None
    lexical_rank: int | None = None
    rerank: float | None = None

    @property
    def score(self) -> float:
        """Return the sum of the parts."""
        return sum(self.parts.values())

    @property
    def chunk_id(self) -> UUID:
        """Return the chunk's id."""
        return self.candidate.evidence.chunk_id

    @property
    def document_id(self) -> UUID:
        """Return the document's id."""
        return self.candidate.document_id


def rank(candidates: Sequence[Candidate], scale: Scale, options: SearchOptions, *, today: date) -> list[Ranked]:
    """Return the candidates by falling score: both legs fused, and how fresh the documents are."""
    fused = fuse(
        [candidate.evidence for candidate in candidates],
        scale,
        method=options.method,
        dense_weight={"dense": 1.0, "lexical": 0.0}.get(options.legs, options.dense_weight),
    )
    ranked = [
        Ranked(candidates[index], {"vectors": vectors, "words": words}, dense_rank, lexical_rank)
        for index, _evidence, vectors, words, dense_rank, lexical_rank in fused
    ]
    if not options.freshness:
        return ranked
    return _sorted([_mixed(each, "freshness", options.freshness, _freshness(each, today)) for each in ranked])


def linked(ranked: Sequence[Ranked], texts: Mapping[UUID, str], options: SearchOptions) -> list[Ranked]:
    """Return the candidates with those documents lifted that the best passages name.

    `texts` are the chunks' texts by id, at least those of the first `links.WITNESSES`.
    """
    if not options.links:
        return list(ranked)
    read = [each for each in ranked[: links.WITNESSES] if each.chunk_id in texts]
    best = [(each.document_id, texts[each.chunk_id], each.score) for each in read]
    names = {each.document_id: each.candidate.document_name for each in ranked}
    lifts = links.lifts(best, names)
    if not lifts:
        return list(ranked)
    return _sorted(
        [
            each._replace(parts={**each.parts, "links": options.links * lifts[each.document_id]})
            if each.document_id in lifts
            else each
            for each in ranked
        ]
    )


def reranked(ranked: Sequence[Ranked], scores: Sequence[float]) -> list[Ranked]:
    """Return the candidates with the scores (0..1) that a rerank model gave to the first of them, which stay first."""
    read = [
        _mixed(each, "rerank", RERANK_SHARE, score)._replace(rerank=score)
        for each, score in zip(ranked, scores, strict=False)
    ]
    unread = [_mixed(each, "rerank", RERANK_SHARE, 0.0) for each in ranked[len(read) :]]
    return _sorted(read) + unread if read else list(ranked)


def arranged(
    ranked: Sequence[Ranked], texts: Mapping[UUID, str], question: str, options: SearchOptions
) -> list[Ranked]:
    """Return the candidates in their last order: repeats last, documents mixed, and without what scores too little.

    Only chunks whose text is known can be seen to repeat another.
    """
    kept = [each for each in ranked if not options.threshold or each.score >= options.threshold]
    first, repeats = _without_repeats(kept, texts, frozenset(_words(question)))
    return _mixed_documents(first, options.diversity) + repeats


def _mixed(entry: Ranked, name: str, share: float, value: float) -> Ranked:
    """Return the entry with `share` of its score decided by `value` (0..1)."""
    parts = {part: (1 - share) * score for part, score in entry.parts.items()}
    return entry._replace(parts={**parts, name: share * value})


def _sorted(ranked: Sequence[Ranked]) -> list[Ranked]:
    return sorted(ranked, key=lambda entry: (-entry.score, entry.chunk_id))


def _freshness(entry: Ranked, today: date) -> float:
    """Return 1 for a document of today, half of it for each HALF_LIFE_DAYS."""
    days = max(0, (today - entry.candidate.created_on).days)
    return float(0.5 ** (days / HALF_LIFE_DAYS))


def _mixed_documents(ranked: Sequence[Ranked], diversity: float) -> list[Ranked]:
    """Return the entries so that each further one of a document counts less: at 1 it comes after all other documents.

    Maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998) with "of the same document" as the likeness.
    """
    if not diversity:
        return list(ranked)
    taken: Counter[UUID] = Counter()
    placed = []
    for entry in ranked:  # of one document the better comes first, so its place among its own is known
        number = taken[entry.document_id]
        placed.append(((1 - diversity) ** number * entry.score, -number, entry))
        taken[entry.document_id] += 1
    return [entry for _value, _number, entry in sorted(placed, key=lambda row: (-row[0], -row[1]))]


def _without_repeats(
    ranked: Sequence[Ranked], texts: Mapping[UUID, str], asked: frozenset[str]
) -> tuple[list[Ranked], list[Ranked]]:
    first: list[Ranked] = []
    repeats: list[Ranked] = []
    read: list[_Read] = []  # those of `first` whose text is known
    for entry in ranked[:MOST_COMPARED]:
        text = texts.get(entry.chunk_id, "")
        cosine = entry.candidate.evidence.cosine
        if not text or cosine is None:
            first.append(entry)
            continue
        one = _Read(text, cosine, entry.candidate.evidence.bm25)
        if any(one.is_like(other) and _says_the_same(one, other, asked) for other in read):
            repeats.append(entry)
        else:
            first.append(entry)
            read.append(one)
    return [*first, *ranked[MOST_COMPARED:]], repeats


@dataclass
class _Read:
    """A passage whose text is known, as repeats are looked for."""

    text: str
    cosine: float
    bm25: float

    def is_like(self, other: "_Read") -> bool:
        """Return whether both score nearly the same and are nearly as long: only then are their words compared."""
        if abs(self.cosine - other.cosine) > LIKE_COSINE:
            return False
        if abs(self.bm25 - other.bm25) > LIKE_BM25 * max(self.bm25, other.bm25):
            return False
        shorter, longer = sorted((len(self.text), len(other.text)))
        return shorter > (1 - LIKE_LENGTH) * longer

    @cached_property
    def words(self) -> list[str]:
        """Return the words and Han characters."""
        return _words(self.text)

    @cached_property
    def distinct(self) -> frozenset[str]:
        """Return each word once."""
        return frozenset(self.words)

    @cached_property
    def counted(self) -> Counter[str]:
        """Return how often each word stands there."""
        return Counter(self.words)


def _words(text: str) -> list[str]:
    return (_ASCII_WORD if text.isascii() else _WORD).findall(text.lower())


def _says_the_same(one: _Read, other: _Read, asked: frozenset[str]) -> bool:
    """Return whether what differs is little, and no number and nothing that was asked for."""
    least = SAME_TEXT * max(len(one.words), len(other.words))
    in_common = min(
        len(one.words) - len(one.distinct - other.distinct), len(other.words) - len(other.distinct - one.distinct)
    )
    if not least or in_common < least:  # at most so many: nearly all pairs end here, before anything is counted
        return False
    if (one.counted & other.counted).total() < least:
        return False
    differing = (one.counted - other.counted) + (other.counted - one.counted)
    return not any(word in asked or any(map(str.isdigit, word)) for word in differing)
