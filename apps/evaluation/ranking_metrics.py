"""How good one ranking is. Plain Python; several places of one gold entry count once."""

import math
from collections.abc import Sequence


def recall_at(ranking: Sequence[str], gold: Sequence[str], k: int) -> float:
    """Return the share of the gold entries among the first k."""
    return len(set(ranking[:k]) & set(gold)) / len(set(gold))


def reciprocal_rank(ranking: Sequence[str], gold: Sequence[str], k: int = 10) -> float:
    """Return 1 / the place of the first gold entry, 0 where none is among the first k."""
    wanted = set(gold)
    return next((1 / place for place, entry in enumerate(ranking[:k], 1) if entry in wanted), 0.0)


def ndcg(ranking: Sequence[str], gold: Sequence[str], k: int = 10) -> float:
    """Return the discounted gain of the first k over that of the best possible ranking (binary relevance)."""
    wanted = set(gold)
    gain = sum(1 / math.log2(place + 1) for place, entry in enumerate(ranking[:k], 1) if entry in wanted)
    return gain / sum(1 / math.log2(place + 1) for place in range(1, min(len(wanted), k) + 1))
