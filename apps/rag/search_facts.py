"""What the stages of a search say of themselves, for the trace: JSON values. Plain Python."""

from collections.abc import Sequence
from typing import Any

from apps.rag.options import SearchOptions
from apps.rag.ranking import Ranked
from apps.rag.statements import Query

SHOWN_TERMS = 40  # rarest first
SHOWN_LINKS = 10


def facts_of_query(query: Query) -> dict[str, Any]:
    """Return what is searched, and each term with its idf and the number of chunks that it stands in."""
    chunks = {posting.term: int(posting.total) for posting in query.postings}
    terms = sorted(query.idf.items(), key=lambda entry: -entry[1])[:SHOWN_TERMS]
    return {
        "libraries": len(query.scope.library_ids),
        "chunks": query.chunks,
        "terms": [[term, round(idf, 2), chunks.get(term, 0)] for term, idf in terms],
    }


def facts_of_legs(ranked: Sequence[Ranked], options: SearchOptions) -> dict[str, Any]:
    """Return how many candidates there are, and how many of them have each kind of evidence."""
    dense = sum(each.dense_rank is not None for each in ranked)
    lexical = sum(each.lexical_rank is not None for each in ranked)
    both = sum(each.dense_rank is not None and each.lexical_rank is not None for each in ranked)
    return {"searched": options.legs, "dense": dense, "lexical": lexical, "both": both, "candidates": len(ranked)}


def facts_of_fusion(ranked: Sequence[Ranked], options: SearchOptions) -> dict[str, Any]:
    """Return how the legs were joined, and which documents the best passages name."""
    facts: dict[str, Any] = {"method": options.method, "dense_weight": options.dense_weight}
    if options.freshness:
        facts["freshness"] = options.freshness
    named = {each.candidate.document_name: None for each in ranked if each.parts.get("links")}
    if named:
        facts["named"] = list(named)[:SHOWN_LINKS]
    return facts
