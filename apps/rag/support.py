"""How well a question is supported by what was found, as a calibrated probability. Plain Python."""

import math
from collections.abc import Sequence

from apps.rag.fusion import Evidence
from apps.rag.types import Language

# Placeholder-free start values are fitted by apps/evaluation; see COEFFICIENTS' source below.
COEFFICIENTS: dict[Language, tuple[float, float, float]] = {"zh": (-36.0, 40.0, 8.0), "en": (-36.0, 40.0, 8.0)}


def support_of(evidence: Sequence[Evidence], bm25_ceiling: float, language: Language) -> float:
    """Return the probability, 0 to 1, that the passages answer the question."""
    cosine = max((item.cosine for item in evidence if item.cosine is not None), default=None)
    if cosine is None:
        return 0.0
    coverage = max(item.bm25 for item in evidence) / bm25_ceiling if bm25_ceiling > 0 else 0.0
    base, by_cosine, by_coverage = COEFFICIENTS[language]
    return 1 / (1 + math.exp(-(base + by_cosine * cosine + by_coverage * coverage)))
