"""Whether the faster engine finds the same: nDCG of the vectors alone, ours against sentence-transformers' float32."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.evaluation.sets import EvaluationSet, SetUnreadable, load
from apps.runtimes import registry
from apps.runtimes.contracts import Floats

DEPTH = 10


def embed_quality(data: Path | None = None) -> dict[str, Any]:
    """Return nDCG@10 by both, and the least and mean cosine of their vectors; `{}` where no set is named."""
    if data is None:
        return {}
    found = load(data)
    if not found.questions:
        raise SetUnreadable(f"{data} has no questions.")
    spec = spec_of(default_model(AIModel.Kind.EMBEDDING))
    ours = registry.embedder(spec)
    texts, questions = [one.text for one in found.sources], [one.text for one in found.questions]
    mine = (ours.embed_passages(texts), ours.embed_queries(questions))
    plain = _plain(spec, texts, questions)
    cosines = np.concatenate([(a * b).sum(axis=1) for a, b in zip(mine, plain, strict=True)])
    scores = [_ndcg(found, *vectors) for vectors in (mine, plain)]
    return {
        "quality_ndcg_at_10": round(scores[0], 5),
        "quality_ndcg_at_10_float32": round(scores[1], 5),
        "quality_ndcg_difference": round(scores[0] - scores[1], 5),
        "quality_cosine_least": round(float(cosines.min()), 6),
        "quality_cosine_mean": round(float(cosines.mean()), 6),
        "quality_data": data.name,
    }


def _plain(spec: Any, texts: Sequence[str], questions: Sequence[str]) -> tuple[Floats, Floats]:
    from apps.runtimes.sentence_transformers import open_folder  # noqa: PLC0415 -- loads torch

    model = open_folder(spec)
    passages, queries = (
        model.encode(list(part), prompt_name=purpose, normalize_embeddings=True, show_progress_bar=False)
        for part, purpose in ((texts, "passage"), (questions, "query"))
    )
    return passages, queries


def _ndcg(found: EvaluationSet, passages: Floats, questions: Floats) -> float:
    """Return the mean nDCG@10 of questions that have an answer; every gold entry counts the same."""
    ids = [one.id for one in found.sources]
    discounts = 1 / np.log2(np.arange(DEPTH) + 2)
    scores = []
    for question, vector in zip(found.questions, questions, strict=True):
        if question.gold:
            best = np.argsort(-(passages @ vector), kind="stable")[:DEPTH]
            gains = [discounts[place] for place, index in enumerate(best) if ids[index] in question.gold]
            scores.append(sum(gains) / discounts[: len(question.gold)].sum())
    return float(np.mean(scores))
