"""Joins the two legs of a search into one ranking, and says how well a question is supported. Plain Python."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple
from uuid import UUID

from apps.rag.options import Method
from apps.rag.types import Language

RRF_K = 60  # Cormack, Clarke and Buettcher, SIGIR 2009
LEANING = 0.4  # how far the weight moves to the leg whose best passage stands out: docs/adr/0024
EVEN = 0.6  # the words' share of both gaps at which it does not move
STANDS_OUT_FROM = 10  # the best passage is compared with the one at this place
_HAN = re.compile(r"[\u3400-\u9fff]")
_LETTER = re.compile(r"[^\W\d_]")


class Evidence(NamedTuple):  # made two hundred times in a search, like Fused: a frozen dataclass takes thrice as long
    """What both legs say about one chunk.

    `cosine` is None where the chunk has no vector of the model. `bm25` is 0 where no term of the question stands in it.
    """

    chunk_id: UUID
    cosine: float | None
    bm25: float


@dataclass(frozen=True, slots=True)
class Scale:
    """What the raw scores have to be measured by.

    `cosine_floor` is about the cosine of unrelated texts, a property of the model; `bm25_ceiling` is the BM25 of a
    passage that had every term of the question without end, a property of the question.
    """

    cosine_floor: float
    bm25_ceiling: float


class Fused(NamedTuple):
    """A chunk with what each leg gives to its score, and its place in each counted from 1 (None: not in that leg).

    `at` is where its evidence was given.
    """

    at: int
    evidence: Evidence
    vectors: float
    words: float
    dense_rank: int | None
    lexical_rank: int | None

    @property
    def score(self) -> float:
        """Return the fused score: 0 without any evidence, 1 for the best that could be."""
        return self.vectors + self.words


def fuse(evidence: Sequence[Evidence], scale: Scale, *, method: Method, dense_weight: float) -> list[Fused]:
    """Return the chunks by falling fused score; equal scores keep a fixed order, that of the ids.

    convex: dense_weight * (cosine - floor) / (1 - floor) + (1 - dense_weight) * bm25 / ceiling, the "theoretical
    min-max" combination of Bruch, Gai and Ingber (ACM TOIS 2023). A question in another language than the passages
    reaches next to none of its ceiling, and so the vectors decide alone, without a rule for it. `leaning` moves the
    weight by the question.
    rrf: weighted reciprocal ranks, dense_weight * 61 / (60 + rank) + (1 - dense_weight) * 61 / (60 + rank): the factor
    61 makes it 1 for what is first in both legs.
    """
    dense = _ranks([item.cosine for item in evidence])
    lexical = _ranks([item.bm25 if item.bm25 > 0 else None for item in evidence])
    places = list(zip(dense, lexical, strict=True))
    if method == "rrf":
        shares = [_reciprocal(each) for each in places]
    else:
        shares = _all_shares(evidence, scale)
        dense_weight = _leaning(shares, dense_weight)
    rest = 1 - dense_weight
    fused = [
        Fused(index, item, dense_weight * share[0], rest * share[1], place[0], place[1])
        for index, (item, share, place) in enumerate(zip(evidence, shares, places, strict=True))
    ]
    return sorted(fused, key=lambda entry: (-(entry.vectors + entry.words), entry.evidence.chunk_id))


def leaning(evidence: Sequence[Evidence], scale: Scale, dense_weight: float) -> float:
    """Return the vectors' weight for one question: more where their best passage stands out, else less.

    A leg that knows the answer gives it much more than the tenth passage; one that does not gives all about the same.
    0 and 1 stay what they are.
    """
    return _leaning(_all_shares(evidence, scale), dense_weight)


def _leaning(shares: Sequence[tuple[float, float]], dense_weight: float) -> float:
    dense, lexical = (_gap([share[leg] for share in shares]) for leg in (0, 1))
    if dense + lexical <= 0:
        return dense_weight
    room = 4 * dense_weight * (1 - dense_weight)
    return dense_weight + LEANING * room * (EVEN - lexical / (dense + lexical))


def language_of(text: str) -> Language:
    """Return zh where at least a fifth of the letters are Han: Chinese often names things in Latin letters."""
    han = len(_HAN.findall(text))
    if not han or han * 5 >= len(text):  # so the letters need no counting
        return "zh" if han else "en"
    return "zh" if han * 5 >= len(_LETTER.findall(text)) else "en"


def inverse_frequency(chunks: int, chunks_with_term: int) -> float:
    """Return BM25's idf in its never negative form, ln(1 + (N - n + 0.5) / (n + 0.5))."""
    known = min(chunks_with_term, chunks)
    return math.log(1 + (chunks - known + 0.5) / (known + 0.5))


def convex(item: Evidence, scale: Scale, dense_weight: float) -> float:
    """Return the convex score of one chunk: about 0 without any evidence, 1 for what no passage reaches."""
    ((dense, lexical),) = _all_shares([item], scale)
    return dense_weight * dense + (1 - dense_weight) * lexical


def _all_shares(evidence: Sequence[Evidence], scale: Scale) -> list[tuple[float, float]]:
    """Return what each leg says of each chunk, as a share of the most that it could say."""
    floor, room = scale.cosine_floor, 1 - scale.cosine_floor
    ceiling = scale.bm25_ceiling if scale.bm25_ceiling > 0 else math.inf
    return [(0.0 if cosine is None else (cosine - floor) / room, bm25 / ceiling) for _chunk, cosine, bm25 in evidence]


def _gap(values: Sequence[float]) -> float:
    best = sorted(values, reverse=True)[:STANDS_OUT_FROM]
    return best[0] - best[-1] if best else 0.0


def _reciprocal(places: tuple[int | None, int | None]) -> tuple[float, float]:
    dense, lexical = (0.0 if place is None else (RRF_K + 1) / (RRF_K + place) for place in places)
    return dense, lexical


def _ranks(scores: Sequence[float | None]) -> list[int | None]:
    """Return the place of each score, 1 for the highest; None stays out. Equal ones are in the order given."""
    ranks: list[int | None] = [None] * len(scores)
    known = [(-score, index) for index, score in enumerate(scores) if score is not None]
    for place, (_score, index) in enumerate(sorted(known), 1):
        ranks[index] = place
    return ranks
