"""Looks whether an editor has answered a question: the nearest wordings by their vectors, then the words decide."""

from uuid import UUID

from apps.libraries import curated as store
from apps.libraries.curated import Candidate
from apps.libraries.lexicons import wordings_of
from apps.rag.closeness import compare
from apps.rag.curating import Looked
from apps.rag.scales import cosine_floor
from apps.rag.search import MAX_QUESTION_CHARS, SearchTools
from apps.rag.types import Curated, Scope

JUDGED = 5  # of the nearest wordings; the words of each may need vectors of their own
SHOWN_NEAREST = 3  # in the trace


def look(scope: Scope, tools: SearchTools, question: str) -> Looked:
    """Return the answer to a close question in the scope's libraries, and what was compared."""
    question = question.replace("\0", " ").strip()[:MAX_QUESTION_CHARS]
    count = store.served(scope.team_id, scope.shared).count()
    if not question or not count:
        return Looked(facts={"answers": count})
    vector = tools.embedder.embed_queries([question])[0]
    near = store.nearest(scope.team_id, scope.shared, tools.model, vector.tolist())
    judged: list[dict[str, str | float]] = []
    best: Curated | None = None
    floor = cosine_floor(tools.model.name)
    for candidate in near[:JUDGED]:
        verdict = compare(
            question,
            candidate.wording,
            candidate.cosine,
            tools.embedder.embed_queries,
            floor=floor,
            synonyms=_synonyms(candidate.curated.library_id),
        )
        judged.append(_fact(candidate, verdict.likeness, verdict.against))
        if verdict.is_same and (best is None or verdict.likeness > best.likeness):
            best = _curated(candidate, verdict.likeness)
    return Looked(best, {"answers": count, "nearest": judged[:SHOWN_NEAREST], "given": best.question if best else ""})


def _synonyms(library_id: UUID) -> dict[str, str]:
    """Return the library's own synonyms, each under the first of its group."""
    groups = [group for wording in wordings_of([library_id]) for group in wording.synonyms]
    return {word.lower(): group[0].lower() for group in groups for word in group}


def _fact(candidate: Candidate, likeness: float, against: str) -> dict[str, str | float]:
    """Return what a trace shows of a compared wording."""
    cosine = round(candidate.cosine, 4)
    return {"wording": candidate.wording, "cosine": cosine, "likeness": likeness, "against": against}


def _curated(candidate: Candidate, likeness: float) -> Curated:
    row = candidate.curated
    author = row.updated_by or row.created_by
    return Curated(
        curated_id=row.pk,
        library_id=row.library_id,
        library=row.library.name,
        question=row.question,
        matched=candidate.wording,
        answer=row.answer,
        likeness=likeness,
        cosine=round(candidate.cosine, 4),
        author=str(author) if author else "",
        changed_at=row.updated_at,
    )
