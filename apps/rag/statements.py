"""The SQL of a search: which plan each statement gets is decided here and not by the planner.

The planner loses results of filtered HNSW scans silently (docs/adr/0004); tests hold the plans by EXPLAIN. Every
statement carries the access filter.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from django.utils import timezone

from apps.catalog.models import AIModel
from apps.libraries.lexical import dimension, quoted
from apps.libraries.lexical_store import K1, TAG_CHARS
from apps.libraries.models import TERM_SPACE
from apps.libraries.vectors import halfvec_of
from apps.libraries.wording import Wording
from apps.rag.filtering import NOTHING, Fragment
from apps.rag.options import Legs
from apps.rag.terms import Group
from apps.rag.types import Scope

EXACT_UP_TO = 5_000  # chunks: scanning them takes about 15 ms and misses nothing
EXACT_AT_MOST = 50_000
VISIT_COST = 24  # of a place in the vector index, in rows of a scan: `bench --only switch_point`, docs/adr/0023
HNSW_EF_SEARCH = 400  # at 200 one question of sixty lost its whole neighbourhood: docs/adr/0023
HNSW_MAX_SCAN_TUPLES = 60_000
CANDIDATE_BUDGET = 3_000  # chunks that the lexical leg scores: it reads the postings of the rarest terms up to this sum
CANDIDATE_LIMIT = 10_000  # and never more, however common the rarest term is
NARROWED_EXACT_UP_TO = 4_000  # chunks left by a question's own filters: all are scored, for no index knows the filters
NARROWED_BUDGET = 40_000  # postings that the lexical leg reads where most of them are filtered away

_STEADY: Mapping[str, str | int] = {  # a search must not wait for a compiler or for helpers to start
    "jit": "off",
    "max_parallel_workers_per_gather": 0,
}
_BETWEEN = "\x1f"  # lexemes in one text: it stands in no term
_NARROW = "/*narrow*/"  # where a question's own filters go; without any nothing is there
# What has a place of its own is read by the place's rights, all else by its library's (libraries.models.grants).
_READABLE_PLACE = " AND coalesce(d.place_id, d.library_id) = ANY(%(readable)s::uuid[])"
_READABLE_CHUNK = "c.library_id = ANY(%(libraries)s::uuid[]) AND c.team_id = %(team)s AND c.is_enabled"
_READABLE_DOCUMENT = f"""d.deleted_at IS NULL AND d.is_enabled
    AND coalesce(d.valid_from <= %(today)s, true) AND coalesce(d.valid_until >= %(today)s, true) {_NARROW}"""
_FILTER = f"{_READABLE_CHUNK} AND d.current_version_id = c.version_id AND {_READABLE_DOCUMENT}"
SCOPE = """
SELECT l.id, coalesce(s.chunks, 0) FROM libraries_library l
LEFT JOIN libraries_librarystatistics s ON s.library_id = l.id
WHERE l.id = ANY(%(libraries)s::uuid[]) AND l.team_id = %(team)s AND l.deleted_at IS NULL
"""
ALL_CHUNKS = "SELECT coalesce(sum(chunks), 0) FROM libraries_librarystatistics"
TERMS = f"""
SELECT t.term, sum(t.chunks), array_agg(l.tag), array_agg(t.chunks)
FROM libraries_termstatistics t JOIN (
    SELECT l.id, left(l.id::text, {TAG_CHARS}) AS tag FROM libraries_library l
    WHERE l.team_id = %(team)s AND l.deleted_at IS NULL OFFSET 0
) AS l ON l.id = t.library_id
WHERE t.library_id = ANY(%(libraries)s::uuid[]) AND t.term = ANY(%(terms)s) AND t.chunks > 0
GROUP BY t.term
"""  # noqa: S608
# LATERAL with OFFSET 0 is a fence: row by row and by the primary keys, in the order of what stands before it. Left to
# itself the planner joined all chunks of a library with all of its documents for a hundred rows (half a second).
_ROW = "c.document_id, d.name, d.created_at::date AS created_on"
_READABLE = f"""CROSS JOIN LATERAL (
    SELECT c.weights <#> %(weights)s::sparsevec AS score, {_ROW}
    FROM libraries_chunk c JOIN libraries_document d ON d.id = c.document_id
    WHERE c.id = {{chunk}} AND {_FILTER} OFFSET 0
) AS readable"""  # noqa: S608
_FOUND_ROW = "readable.score, readable.document_id, readable.name, readable.created_on"
_DENSE_EXACT = f"""
SELECT s.id, s.distance, {_FOUND_ROW} FROM (
    SELECT e.chunk_id AS id, e.vector <=> %(vector)s::vector AS distance FROM libraries_chunkembedding e
    WHERE e.model_id = %(model)s AND e.library_id = ANY(%(libraries)s::uuid[]) ORDER BY distance OFFSET 0
) AS s {_READABLE.format(chunk="s.id")} ORDER BY s.distance LIMIT %(depth)s
"""  # noqa: S608
_DENSE_HNSW = f"""
SELECT e.chunk_id AS id, e.vector <=> %(vector)s::vector AS distance, {_FOUND_ROW}
FROM libraries_chunkembedding e {_READABLE.format(chunk="e.chunk_id")}
WHERE e.model_id = %(model)s AND e.library_id = ANY(%(libraries)s::uuid[])
ORDER BY e.vector::{{halfvec}} <=> %(vector)s::{{halfvec}} LIMIT %(depth)s
"""  # noqa: S608
# One scan of GIN for each lexeme: one for all of them asks each row about each lexeme. They are made queries before:
# behind the wall an index serves only where nothing but `@@` sees the row (docs/adr/0031). The documents are looked up
# behind the sorting, so only those of the best rows are.
_LEXICAL = f"""
SELECT s.id, s.score, s.document_id, readable.name, readable.created_on FROM (
    SELECT c.id, c.document_id, c.version_id, min(c.score) AS score FROM (
        SELECT hit.* FROM (
            SELECT each::tsquery AS term FROM unnest(string_to_array(%(wanted)s, E'\\x1f')) AS each OFFSET 0
        ) AS asked CROSS JOIN LATERAL (
            SELECT c.id, c.library_id, c.team_id, c.document_id, c.version_id, c.is_enabled,
                c.weights <#> %(weights)s::sparsevec AS score
            FROM libraries_chunk c WHERE c.terms @@ asked.term OFFSET 0
        ) AS hit LIMIT %(limit)s
    ) AS c WHERE {_READABLE_CHUNK} GROUP BY c.id, c.document_id, c.version_id ORDER BY score OFFSET 0
) AS s CROSS JOIN LATERAL (
    SELECT d.name, d.created_at::date AS created_on FROM libraries_document d
    WHERE d.id = s.document_id AND d.current_version_id = s.version_id AND {_READABLE_DOCUMENT} OFFSET 0
) AS readable ORDER BY s.score LIMIT %(depth)s
"""  # noqa: S608
_LEXICAL_EXACT = f"""
SELECT c.id, c.weights <#> %(weights)s::sparsevec AS score, {_ROW}
FROM libraries_chunk c JOIN libraries_document d ON d.id = c.document_id WHERE {_FILTER} ORDER BY score LIMIT %(depth)s
"""  # noqa: S608
_WORDS_WITH = """
SELECT t.term, sum(t.chunks) AS chunks FROM (
    SELECT t.term, t.chunks FROM libraries_termstatistics t JOIN libraries_library l ON l.id = t.library_id
    WHERE t.library_id = ANY(%(libraries)s::uuid[]) AND l.team_id = %(team)s AND l.deleted_at IS NULL LIMIT 200000
) AS t WHERE char_length(t.term) <= 4 AND t.term LIKE ANY(%(parts)s::text[])
GROUP BY t.term ORDER BY chunks DESC LIMIT 60
"""
_NARROWED_CHUNKS = """
SELECT coalesce(sum(v.chunk_count), 0) FROM libraries_document d
JOIN libraries_documentversion v ON v.id = d.current_version_id
WHERE d.library_id = ANY(%(libraries)s::uuid[]) AND d.deleted_at IS NULL AND d.is_enabled /*narrow*/
"""
# How many chunks parts with rights of their own hold, by library: those that may be read, and all of them.
_PLACED_CHUNKS = """
SELECT p.library_id, coalesce(sum(v.chunk_count) FILTER (WHERE p.id = ANY(%(readable)s::uuid[])), 0),
       sum(v.chunk_count)
FROM libraries_place p JOIN libraries_document d ON d.place_id = p.id
JOIN libraries_documentversion v ON v.id = d.current_version_id
WHERE p.library_id = ANY(%(libraries)s::uuid[]) AND d.deleted_at IS NULL AND d.is_enabled
GROUP BY p.library_id
"""
_DENSE_NARROWED = f"""
SELECT e.chunk_id AS id, e.vector <=> %(vector)s::vector AS distance, {_FOUND_ROW} FROM (
    SELECT c.id, c.weights <#> %(weights)s::sparsevec AS score, {_ROW}
    FROM libraries_chunk c JOIN libraries_document d ON d.id = c.document_id WHERE {_FILTER} OFFSET 0
) AS readable JOIN libraries_chunkembedding e ON e.chunk_id = readable.id AND e.model_id = %(model)s
ORDER BY distance LIMIT %(depth)s
"""  # noqa: S608
_LEXICAL_NARROWED = f"""
SELECT hit.* FROM (
    SELECT c.id, c.weights <#> %(weights)s::sparsevec AS score, {_ROW}
    FROM libraries_chunk c JOIN libraries_document d ON d.id = c.document_id WHERE {_FILTER} OFFSET 0
) AS hit WHERE hit.score < 0 ORDER BY hit.score LIMIT %(depth)s
"""  # noqa: S608
# Where many are left, the filters are asked behind the sorting: only about the best rows until there are enough.
_LEXICAL_AMONG = f"""
SELECT s.id, s.score, readable.document_id, readable.name, readable.created_on FROM (
    SELECT c.id, min(c.score) AS score FROM (
        SELECT hit.* FROM (
            SELECT each::tsquery AS term FROM unnest(string_to_array(%(wanted)s, E'\\x1f')) AS each OFFSET 0
        ) AS asked CROSS JOIN LATERAL (
            SELECT c.id, c.library_id, c.team_id, c.is_enabled, c.weights <#> %(weights)s::sparsevec AS score
            FROM libraries_chunk c WHERE c.terms @@ asked.term OFFSET 0
        ) AS hit LIMIT %(limit)s
    ) AS c WHERE {_READABLE_CHUNK} GROUP BY c.id ORDER BY score OFFSET 0
) AS s {_READABLE.format(chunk="s.id")} ORDER BY s.score LIMIT %(depth)s
"""  # noqa: S608
# What both legs found, each chunk once. The nearest know their BM25; of the others the vector is looked up.
_FROM_DENSE = "SELECT id, 1 - distance, coalesce(-score, 0), document_id, name, created_on FROM dense"
_FROM_LEXICAL = """
SELECT lexical.id, 1 - e.distance, coalesce(-lexical.score, 0), document_id, name, created_on
FROM lexical LEFT JOIN LATERAL (
    SELECT e.vector <=> %(vector)s::vector AS distance
    FROM libraries_chunkembedding e WHERE e.chunk_id = lexical.id AND e.model_id = %(model)s OFFSET 0
) AS e ON true
"""
PASSAGES = f"""
SELECT c.id, c.document_id, c.version_id, c.library_id, d.name, c.text, c.heading_path, c.ordinal,
       c.page_from, c.page_to, c.boxes, c.char_from, c.char_to,
       ARRAY(SELECT substr(found, {TAG_CHARS + 1}) FROM unnest(tsvector_to_array(c.terms)) AS found
             WHERE substr(found, {TAG_CHARS + 1}) = ANY(%(terms)s)),
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
class Posting:
    """In how many chunks of which of the libraries a term stands; `total` in all of them.

    `tags` are what the libraries' lexemes begin with.
    """

    term: str
    total: int
    tags: Sequence[str]
    chunks: Sequence[int]


@dataclass(frozen=True)
class Query:
    """A question made ready for both legs, in the libraries that exist for it.

    `idf` holds the weight of every term of the question, `most` what a passage with all of them would sum up
    (`terms.weigh`); `postings` where they stand, rarest first.
    """

    scope: Scope
    chunks: int
    vector: str
    model: AIModel
    idf: Mapping[str, float]
    postings: Sequence[Posting]
    all_chunks: int = 0  # of everybody: what the vector index holds
    filter: Fragment = NOTHING
    most: float = 0.0
    narrowed: int | None = None  # chunks that the filters leave, at most; None without filters
    own: Mapping[str, float] = field(default_factory=dict)  # the question's own terms and their idf
    groups: tuple[Group, ...] = ()  # what the libraries' words say to mean the same
    wordings: tuple[Wording, ...] = ()

    @cached_property
    def params(self) -> dict[str, Any]:
        """Return the parameters that all statements share."""
        weights = {dimension(term): idf for term, idf in self.idf.items()}
        body = ",".join(f"{place + 1}:{weight:.6g}" for place, weight in sorted(weights.items()))
        return {
            "libraries": uuid_array(self.scope.library_ids),
            "team": self.scope.team_id,
            "readable": uuid_array(self.scope.readable or ()),
            "model": self.model.pk,
            "vector": self.vector,
            "weights": f"{{{body}}}/{TERM_SPACE}",
            "today": timezone.localdate(),
            **self.filter.params,
        }

    def narrow(self, sql: str) -> str:
        """Return the statement with the rights of whoever asks and the question's own filters in it."""
        return sql.replace(_NARROW, self.rights + self.filter.sql)

    @property
    def rights(self) -> str:
        """Return the condition on a document that whoever asks may read it."""
        return "" if self.scope.readable is None else _READABLE_PLACE

    @property
    def bm25_ceiling(self) -> float:
        """Return the BM25 that no passage can exceed."""
        return self.most * (K1 + 1)


def vector_text(vector: Sequence[float]) -> str:
    """Return a vector as pgvector reads it."""
    values = tuple(map(float, vector))
    return "[" + ",".join(["%.7g"] * len(values)) % values + "]"


def uuid_array(ids: Iterable[UUID]) -> str:
    """Return ids as PostgreSQL reads an array: one text is bound ten times as fast as a hundred values."""
    return "{" + ",".join(map(str, ids)) + "}"


def words_with_statement(scope: Scope, characters: Sequence[str]) -> Statement:
    """Return the commonest terms in which one of the characters stands, of a bounded part of the dictionary."""
    params = {
        "libraries": list(scope.library_ids),
        "team": scope.team_id,
        "parts": [f"%{each}%" for each in characters],
    }
    return Statement(_WORDS_WITH, params, {})


def narrowed_chunks_statement(query: Query) -> Statement:
    """Return the count of chunks in the documents that the question's filters let through."""
    return Statement(_NARROWED_CHUNKS.replace(_NARROW, query.rights + query.filter.documents), query.params, {})


def placed_chunks_statement(query: Query) -> Statement:
    """Return for each library how many chunks its places hold that may be read, and how many all of them hold."""
    return Statement(_PLACED_CHUNKS, query.params, {})


def dense_statement(query: Query, depth: int) -> Statement:
    """Return the search by vectors: exact for a small readable set, by the model's HNSW index for a big one.

    Its rows are (chunk, distance, -BM25, document, its name, its day), nearest first.
    """
    params = query.params | {"depth": depth}
    if query.narrowed is not None and query.narrowed <= NARROWED_EXACT_UP_TO:
        return Statement(query.narrow(_DENSE_NARROWED), params, {})
    if is_exact(query.chunks, query.all_chunks, depth):
        return Statement(query.narrow(_DENSE_EXACT), params, {})
    return hnsw_dense_statement(query, depth)


def hnsw_dense_statement(query: Query, depth: int) -> Statement:
    """Return the search by the model's HNSW index, which goes on until it has `depth` readable chunks."""
    settings: dict[str, str | int] = {
        "hnsw.iterative_scan": "relaxed_order",
        "hnsw.ef_search": HNSW_EF_SEARCH,
        "hnsw.max_scan_tuples": HNSW_MAX_SCAN_TUPLES,
        "enable_seqscan": "off",
        "enable_sort": "off",  # the only other way to the order is to score every row
    }
    sql = query.narrow(_DENSE_HNSW.format(halfvec=halfvec_of(query.model)))
    return Statement(sql, query.params | {"depth": depth}, settings)


def is_exact(readable: int, all_chunks: int, depth: int) -> bool:
    """Return whether scanning every readable chunk is the better way.

    HNSW visits about depth / share places before `depth` of them are readable, and each costs as much as VISIT_COST
    rows of a scan: for a small share of a big index the scan is faster, and it misses nothing.
    """
    if readable <= EXACT_UP_TO:
        return True
    return readable <= EXACT_AT_MOST and readable * readable <= VISIT_COST * depth * all_chunks


def lexical_statement(query: Query, depth: int) -> Statement | None:
    """Return the search by BM25 among the chunks with the question's rarest terms; None where no term is known.

    Its rows are (chunk, -BM25, document, its name, its day), best first. Where filters leave a small share of the
    chunks, they leave about that share of the candidates: more are read.
    """
    settings: dict[str, str | int] = {"enable_seqscan": "off"}
    params = query.params | {"depth": depth}
    if query.narrowed is not None and query.narrowed <= NARROWED_EXACT_UP_TO:
        return Statement(query.narrow(_LEXICAL_NARROWED), params, settings) if query.postings else None
    budget, limit = CANDIDATE_BUDGET, CANDIDATE_LIMIT
    if query.narrowed is not None:
        more = max(1, query.chunks // query.narrowed)
        budget, limit = min(NARROWED_BUDGET, budget * more), min(NARROWED_BUDGET, limit * more)
    wanted = list(_rarest(query.postings, budget))
    if not wanted:
        return None
    sql = _LEXICAL if query.narrowed is None else _LEXICAL_AMONG
    return Statement(query.narrow(sql), params | {"wanted": _BETWEEN.join(wanted), "limit": limit}, settings)


def exact_dense_statement(query: Query, depth: int) -> Statement:
    """Return the search by vectors that reads every readable chunk: what the others are measured against."""
    return Statement(query.narrow(_DENSE_EXACT), query.params | {"depth": depth}, {})


def exact_lexical_statement(query: Query, depth: int) -> Statement:
    """Return the search by BM25 that scores every readable chunk."""
    return Statement(query.narrow(_LEXICAL_EXACT), query.params | {"depth": depth}, {})


def _rarest(postings: Sequence[Posting], budget: int) -> Iterator[str]:
    """Yield lexemes of the rarest terms whose chunks together keep to the budget; at least one."""
    left = budget
    for posting in postings:
        tail = quoted(posting.term)[1:]
        for tag, chunks in zip(posting.tags, posting.chunks, strict=True):
            if chunks > left < budget:
                return
            yield f"'{tag}{tail}"
            left -= chunks


def legs_statement(query: Query, depth: int, legs: Legs = "both") -> Statement | None:
    """Return both legs as one statement; None where there is nothing to look for.

    Its rows are (chunk, cosine or None, BM25, document, its name, the day it was created), in no order.
    """
    dense = dense_statement(query, depth) if legs != "lexical" else None
    lexical = lexical_statement(query, depth) if legs != "dense" else None
    parts = [(name, one) for name, one in (("dense", dense), ("lexical", lexical)) if one is not None]
    if not parts:
        return None
    params: dict[str, Any] = {}
    settings = dict(_STEADY)
    for _name, one in parts:
        params |= one.params
        settings |= one.settings
    tables = ", ".join(f"{name} AS MATERIALIZED ({one.sql})" for name, one in parts)
    others = " WHERE lexical.id NOT IN (SELECT id FROM dense)" if dense is not None else ""
    found = {"dense": _FROM_DENSE, "lexical": _FROM_LEXICAL + others}
    sql = f"WITH {tables} " + " UNION ALL ".join(found[name] for name, _one in parts)
    return Statement(sql, params, settings)
