"""Has a rerank model read the best passages, within a budget of time. Plain Python."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apps.runtimes.contracts import Reranker, RuntimeFailure

logger = logging.getLogger(__name__)

PAIRS_AT_ONCE = 4  # between two looks at the clock


@dataclass(frozen=True, slots=True)
class Read:
    """What a rerank model said: a score, 0 to 1, of each of the first passages, as many as the time allowed.

    `failure` says why there are none; the ranking then stays as it is.
    """

    scores: tuple[float, ...] = ()
    milliseconds: float = 0.0
    failure: str = ""


def read(load: Callable[[], Reranker], question: str, passages: Sequence[str], *, budget_ms: float) -> Read:
    """Return the scores of as many of the passages, in order, as fit the budget; at least those of one batch.

    `load` gives the model; the first call may take seconds, which the budget does not count.
    """
    began = time.perf_counter()
    scores: list[float] = []
    try:
        reranker = load()
        began = time.perf_counter()
        for start in range(0, len(passages), PAIRS_AT_ONCE):
            scores += map(float, reranker.score(question, passages[start : start + PAIRS_AT_ONCE]))
            if (time.perf_counter() - began) * 1000 >= budget_ms:
                break
    except RuntimeFailure as error:
        logger.warning("a rerank model failed: %s", error)
        return Read((), (time.perf_counter() - began) * 1000, str(error))
    return Read(tuple(scores), (time.perf_counter() - began) * 1000)
