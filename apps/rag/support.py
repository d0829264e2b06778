"""How well a question is supported by what was found, as a calibrated probability. Plain Python.

One feature carries both legs: the best passage's convex score (`fusion.fuse`). Fitted by logistic regression on the
answerable and unanswerable questions of zh_mixed (199) and en_mixed (100); ten-fold cross-validation refuses 97 % (zh)
of the unanswerable ones at 5 % false refusals and 63 % (en), where the passages left in the corpus are about the very
same people and places. English and Chinese questions put to libraries about something else are refused every time
(the tables are in docs/adr/0004). The gap to the next passages would help English, but punishes a library that says a
thing twice.

A passage in another language shares no words with the question, so there the cosine alone has to speak: it was 0.83 to
0.87 for answerable Chinese questions to English articles, and at most 0.81 for others.
"""

import math
from collections.abc import Sequence

from apps.rag.fusion import Evidence, Scale, convex
from apps.rag.types import Language

DENSE_WEIGHT = 0.55  # the share for which the coefficients hold, whatever share ranks the passages
COEFFICIENTS: dict[Language, tuple[float, float]] = {"zh": (-17.0, 42.4), "en": (-10.46, 25.3)}  # base, by score
CROSS_LANGUAGE = (-98.6, 120.0)  # base, by cosine


def support_of(evidence: Sequence[Evidence], scale: Scale, language: Language, *, is_cross_language: bool) -> float:
    """Return the probability, 0 to 1, that the passages answer a question in `language`.

    `is_cross_language` says that the best passage is written in another language than the question.
    """
    if not evidence:
        return 0.0
    score = max(convex(item, scale, DENSE_WEIGHT) for item in evidence)
    same = _logistic(COEFFICIENTS[language], score)
    if not is_cross_language:
        return same
    cosine = max((item.cosine for item in evidence if item.cosine is not None), default=0.0)
    return max(same, _logistic(CROSS_LANGUAGE, cosine))


def _logistic(coefficients: tuple[float, float], value: float) -> float:
    base, slope = coefficients
    return 1 / (1 + math.exp(-(base + slope * value)))
