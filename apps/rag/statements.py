"""The SQL of a search: which plan each statement gets is decided here and not by the planner.

The planner loses results of filtered HNSW scans silently (docs/adr/0004); tests hold the plans by EXPLAIN. Every
statement carries the access filter.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.catalog.models import AIModel
from apps.libraries.lexical import dimension, quoted
from apps.libraries.lexical_store import K1, lexeme
from apps.libraries.models import TERM_SPACE
from apps.libraries.vectors import halfvec_of
from apps.rag.filtering import NOTHING, Fragment
from apps.rag.types import Scope

EXACT_UP_TO = 5_000  # chunks: scanning them takes about 15 ms and misses nothing
EXACT_AT_MOST = 50_000
HNSW_EF_SEARCH = 200
HNSW_MAX_SCAN_TUPLES = 60_000
CANDIDATE_BUDGET = 4_000  # chunks that the lexical leg scores: it reads the postings of the rarest terms up to this sum
CANDIDATE_LIMIT = 10_000  # and never more, however common the rarest term is
NARROWED_EXACT_UP_TO = 20_000  # chunks left by a question's own filters: all are scored, for no index knows the filters
NARROWED_BUDGET = 200_000  # postings that the lexical leg reads where most of them are filtered away

_NARROW = "/*narrow*/"  # where a question's own filters go; without any nothing is there
_FILTER = f"""
    c.library_id = ANY(%(libraries)s) AND c.team_id = %(team)s AND c.is_enabled
    AND d.deleted_at IS NULL AND d.current_version_id = c.version_id AND d.is_enabled
    AND coalesce(d.valid_from <= %(today)s, true) AND coalesce(d.valid_until >= %(today)s, true) {_NARROW}
"""
SCOPE = """
SELECT l.id, coalesce(s.chunks, 0) FROM libraries_library l
LEFT JOIN libraries_librarystatistics s ON s.library_id = l.id
WHERE l.id = ANY(%(libraries)s) AND l.team_id = %(team)s AND l.deleted_at IS NULL
"""
ALL_CHUNKS = "SELECT coalesce(sum(chunks), 0) FROM libraries_librarystatistics"
TERMS = """
SELECT library_id, term, chunks FROM libraries_termstatistics
WHERE library_id = ANY(%(libraries)s) AND term = ANY(%(terms)s) AND chunks > 0
"""
_DENSE_EXACT = f"""
WITH readable AS MATERIALIZED (
    SELECT c.id FROM libraries_chunk c JOIN libraries_document d ON d.id = c.document_id WHERE {_FILTER}
), scored AS MATERIALIZED (
    SELECT e.chunk_id, e.vector <=> %(vector)s::vector AS distance
    FROM libraries_chunkembedding e
    WHERE e.model_id = %(model)s AND e.library_id = ANY(%(libraries)s)
)
SELECT scored.chunk_id FROM scored JOIN readable ON readable.id = scored.chunk_id ORDER BY distance LIMIT %(depth)s
"""  # noqa: S608
_DENSE_HNSW = f"""
WITH near AS MATERIALIZED (
    SELECT e.chunk_id, e.vector::{{halfvec}} <=> %(vector)s::{{halfvec}} AS distance
    FROM libraries_chunkembedding e
    JOIN libraries_chunk c ON c.id = e.chunk_id
    JOIN libraries_document d ON d.id = c.document_id
    WHERE e.model_id = %(model)s AND e.library_id = ANY(%(libraries)s) AND {_FILTER}
    ORDER BY e.vector::{{halfvec}} <=> %(vector)s::{{halfvec}} LIMIT %(depth)s
)
SELECT chunk_id FROM near ORDER BY distance
"""  # noqa: S608
_LEXICAL = f"""
WITH hit AS MATERIALIZED (
    SELECT c.id, c.library_id, c.team_id, c.document_id, c.version_id, c.is_enabled, c.weights
    FROM libraries_chunk c WHERE c.terms @@ %(wanted)s::tsquery LIMIT %(limit)s
)
SELECT c.id FROM hit c JOIN libraries_document d ON d.id = c.document_id
WHERE {_FILTER} ORDER BY c.weights <#> %(weights)s::sparsevec LIMIT %(depth)s
"""  # noqa: S608
_NARROWED_CHUNKS = """
SELECT coalesce(sum(v.chunk_count), 0) FROM libraries_document d
JOIN libraries_documentversion v ON v.id = d.current_version_id
WHERE d.library_id = ANY(%(libraries)s) AND d.deleted_at IS NULL AND d.is_enabled /*narrow*/
"""
_DENSE_NARROWED = f"""
WITH readable AS MATERIALIZED (
    SELECT c.id FROM libraries_chunk c JOIN libraries_document d ON d.id = c.document_id WHERE {_FILTER}
)
SELECT e.chunk_id FROM readable JOIN libraries_chunkembedding e ON e.chunk_id = readable.id AND e.model_id = %(model)s
ORDER BY e.vector <=> %(vector)s::vector LIMIT %(depth)s
"""  # noqa: S608
_LEXICAL_NARROWED = f"""
WITH hit AS MATERIALIZED (
    SELECT c.id, c.weights FROM libraries_chunk c JOIN libraries_document d ON d.id = c.document_id
    WHERE c.terms @@ %(wanted)s::tsquery AND {_FILTER} LIMIT %(limit)s
)
SELECT id FROM hit ORDER BY weights <#> %(weights)s::sparsevec LIMIT %(depth)s
"""  # noqa: S608
EVIDENCE = f"""
SELECT c.id, 1 - (e.vector <=> %(vector)s::vector), coalesce(-(c.weights <#> %(weights)s::sparsevec), 0)
FROM libraries_chunk c JOIN libraries_document d ON d.id = c.document_id
LEFT JOIN libraries_chunkembedding e ON e.chunk_id = c.id AND e.model_id = %(model)s
WHERE c.id = ANY(%(found)s) AND {_FILTER}
"""  # noqa: S608
PASSAGES = f"""
SELECT c.id, c.document_id, c.version_id, c.library_id, d.name, c.text, c.heading_path, c.ordinal,
       c.page_from, c.page_to, c.boxes, c.char_from, c.char_to,
       ARRAY(SELECT unnest(tsvector_to_array(c.terms)) INTERSECT SELECT unnest(%(lexemes)s::text[])),
       s.id, s.text, s.heading_path, s.page_from, s.page_to, s.char_from, s.char_to
FROM libraries_chunk c JOIN libraries_document d ON d.id = c.document_id
LEFT JOIN libraries_section s ON s.id = c.section_id
WHERE c.id = ANY(%(found)s) AND {_FILTER}
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL with its parameters and the planner settings that it needs."""

    sql: str
    params: Mapping[str, Any]
    settings: Mapping[str, str | int]


@dataclass(frozen=True, slots=True)
class Query:
    """A question made ready for both legs, in the libraries that exist for it.

    `idf` holds every term of the question; `postings` the (library, term, chunks) that exist, rarest first.
    """

    scope: Scope
    chunks: int
    vector: str
    model: AIModel
    idf: Mapping[str, float]
    postings: Sequence[tuple[UUID, str, int]]
    filter: Fragment = NOTHING
    narrowed: int | None = None  # chunks that the filters leave, at most; None without filters

    @property
    def params(self) -> dict[str, Any]:
        """Return the parameters that all statements share."""
        weights = {dimension(term): idf for term, idf in self.idf.items()}
        body = ",".join(f"{place + 1}:{weight:.6g}" for place, weight in sorted(weights.items()))
        return {
            "libraries": list(self.scope.library_ids),
            "team": self.scope.team_id,
            "model": self.model.pk,
            "vector": self.vector,
            "weights": f"{{{body}}}/{TERM_SPACE}",
            "today": timezone.localdate(),
            **self.filter.params,
        }

    def narrow(self, sql: str) -> str:
        """Return the statement with the question's own filters in it."""
        return sql.replace(_NARROW, self.filter.sql)

    @property
    def bm25_ceiling(self) -> float:
        """Return the BM25 that no passage can exceed."""
        return sum(self.idf.values()) * (K1 + 1)


def vector_text(vector: Sequence[float]) -> str:
    """Return a vector as pgvector reads it."""
    return "[" + ",".join(f"{float(value):.7g}" for value in vector) + "]"


def narrowed_chunks_statement(query: Query) -> Statement:
    """Return the count of chunks in the documents that the question's filters let through."""
    return Statement(_NARROWED_CHUNKS.replace(_NARROW, query.filter.documents), query.params, {})


def dense_statement(query: Query, depth: int, *, all_chunks: int) -> Statement:
    """Return the search by vectors: exact for a small readable set, by the model's HNSW index for a big one."""
    params = query.params | {"depth": depth}
    if query.narrowed is not None and query.narrowed <= NARROWED_EXACT_UP_TO:
        return Statement(query.narrow(_DENSE_NARROWED), params, {})
    if is_exact(query.chunks, all_chunks, depth):
        return Statement(query.narrow(_DENSE_EXACT), params, {})
    sql = query.narrow(_DENSE_HNSW.format(halfvec=halfvec_of(query.model)))
    settings: dict[str, str | int] = {
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.ef_search": HNSW_EF_SEARCH,
        "hnsw.max_scan_tuples": HNSW_MAX_SCAN_TUPLES,
        "enable_seqscan": "off",
        "enable_sort": "off",  # the only other way to the order is to score every row
        "enable_hashjoin": "off",
        "enable_mergejoin": "off",
    }
    return Statement(sql, params, settings)


def is_exact(readable: int, all_chunks: int, depth: int) -> bool:
    """Return whether scanning every readable chunk is the better way.

    HNSW visits about depth / share tuples, each four times as dear as one of a scan, before `depth` of them are
    readable: for a small share of a big index the scan is faster, and it misses nothing.
    """
    if readable <= EXACT_UP_TO:
        return True
    return readable <= EXACT_AT_MOST and readable * readable <= 4 * depth * all_chunks


def lexical_statement(query: Query, depth: int) -> Statement | None:
    """Return the search by BM25 among the chunks with the question's rarest terms; None where no term is known.

    Where filters leave a small share of the chunks, they leave about that share of the candidates: more are read.
    """
    wanted: list[str] = []
    is_narrowed = query.narrowed is not None
    budget = CANDIDATE_BUDGET
    if query.narrowed is not None:
        budget = min(NARROWED_BUDGET, CANDIDATE_BUDGET * max(1, query.chunks) // max(1, query.narrowed))
    for library_id, term, chunks in query.postings:
        if wanted and chunks > budget:
            break
        wanted.append(quoted(lexeme(library_id, term)))
        budget -= chunks
    if not wanted:
        return None
    params = query.params | {"wanted": " | ".join(wanted), "depth": depth, "limit": CANDIDATE_LIMIT}
    sql = query.narrow(_LEXICAL_NARROWED if is_narrowed else _LEXICAL)
    return Statement(sql, params, {"enable_seqscan": "off"})
