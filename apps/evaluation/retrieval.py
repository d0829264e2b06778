"""Runs the questions of an evaluation set through the product's search and scores the rankings of documents."""

import time
from collections.abc import Mapping, Sequence
from statistics import fmean
from uuid import UUID

import numpy as np

from apps.evaluation.ranking_metrics import ndcg, recall_at, reciprocal_rank
from apps.evaluation.scratch import Scratch
from apps.evaluation.sets import Question
from apps.rag.options import SearchOptions
from apps.rag.search import SearchTools, search
from apps.rag.types import Passage

DEEPEST = 10  # documents that the metrics look at
CHUNKS = 100  # passages asked for: enough for ten documents of which each has many

Report = dict[str, float | int]


def rank_documents(passages: Sequence[Passage], sources: Mapping[UUID, Sequence[str]]) -> list[str]:
    """Return the corpus entries in the order of their best passages, each once."""
    documents = dict.fromkeys(passage.document_id for passage in passages)
    return [entry for document in documents for entry in sources.get(document, ())]


def measure(scratch: Scratch, questions: Sequence[Question], options: SearchOptions) -> Report:
    """Return the metrics over the questions that have gold entries, and the times of all searches."""
    tools = SearchTools.default()
    tools.embedder.embed_queries(["warm up"])
    rankings: list[tuple[Question, list[str]]] = []
    milliseconds: list[float] = []
    for question in questions:
        began = time.perf_counter()
        found = search(scratch.scope, question.text, k=CHUNKS, options=options, tools=tools)
        milliseconds.append((time.perf_counter() - began) * 1000)
        rankings.append((question, rank_documents(found.passages, scratch.sources)[:DEEPEST]))
    judged = [(ranking, question.gold) for question, ranking in rankings if question.gold]
    report: Report = {"queries": len(questions)}
    for k in (1, 5, 10):
        report[f"recall_at_{k}"] = _mean([recall_at(ranking, gold, k) for ranking, gold in judged])
    report["mrr_at_10"] = _mean([reciprocal_rank(ranking, gold) for ranking, gold in judged])
    report["ndcg_at_10"] = _mean([ndcg(ranking, gold) for ranking, gold in judged])
    report["search_p50_ms"], report["search_p95_ms"] = _percentiles(milliseconds)
    return report


def _mean(values: Sequence[float]) -> float:
    return round(fmean(values), 4) if values else 0.0


def _percentiles(values: Sequence[float]) -> tuple[float, float]:
    if not values:
        return 0.0, 0.0
    median, high = np.percentile(values, [50, 95])
    return round(float(median), 1), round(float(high), 1)
