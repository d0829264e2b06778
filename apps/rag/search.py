"""Finds the passages for a question: vectors and BM25, both filtered by access inside their SQL, then fused.

The only file of the pipeline that touches the database. Which plan each statement gets is decided here and not by the
planner, which loses results of filtered HNSW scans silently (docs/adr/0004); tests hold the plans by EXPLAIN.
"""

import json
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.libraries.lexical import WORD_MARK, analyse_question, dimension, quoted
from apps.libraries.lexical_store import K1, lexeme, term_of
from apps.libraries.models import TERM_SPACE
from apps.libraries.types import Box
from apps.libraries.vectors import halfvec_of
from apps.rag.fusion import Evidence, Method, Ranked, Scale, fuse, inverse_frequency, language_of
from apps.rag.support import support_of
from apps.rag.types import Found, Passage, Scope, Section
from apps.runtimes.contracts import Embedder
from apps.runtimes.registry import embedder

MAX_QUESTION_CHARS = 2_000  # what an embedding model reads of it anyway
MAX_QUESTION_TERMS = 200  # the rarest ones; a question has about 20
EXACT_UP_TO = 5_000  # chunks: scanning them takes about 15 ms and misses nothing
EXACT_AT_MOST = 50_000
HNSW_EF_SEARCH = 200
HNSW_MAX_SCAN_TUPLES = 60_000
CANDIDATE_BUDGET = 4_000  # chunks that the lexical leg scores: it reads the postings of the rarest terms up to this sum
CANDIDATE_LIMIT = 10_000  # and never more, however common the rarest term is
COSINE_FLOORS = {"multilingual-e5": 0.7}  # about the cosine of unrelated texts, by the beginning of the model's name

_FILTER = """
    c.library_id = ANY(%(libraries)s) AND c.team_id = %(team)s AND c.is_enabled
    AND d.deleted_at IS NULL AND d.current_version_id = c.version_id AND d.is_enabled
    AND coalesce(d.valid_from <= %(today)s, true) AND coalesce(d.valid_until >= %(today)s, true)
"""
_SCOPE = """
SELECT l.id, coalesce(s.chunks, 0) FROM libraries_library l
LEFT JOIN libraries_librarystatistics s ON s.library_id = l.id
WHERE l.id = ANY(%(libraries)s) AND l.team_id = %(team)s AND l.deleted_at IS NULL
"""
_ALL_CHUNKS = "SELECT coalesce(sum(chunks), 0) FROM libraries_librarystatistics"
_TERMS = """
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
_EVIDENCE = f"""
SELECT c.id, 1 - (e.vector <=> %(vector)s::vector), coalesce(-(c.weights <#> %(weights)s::sparsevec), 0)
FROM libraries_chunk c JOIN libraries_document d ON d.id = c.document_id
LEFT JOIN libraries_chunkembedding e ON e.chunk_id = c.id AND e.model_id = %(model)s
WHERE c.id = ANY(%(found)s) AND {_FILTER}
"""  # noqa: S608
_PASSAGES = f"""
SELECT c.id, c.document_id, c.version_id, c.library_id, d.name, c.text, c.heading_path, c.ordinal,
       c.page_from, c.page_to, c.boxes, c.char_from, c.char_to,
       ARRAY(SELECT unnest(tsvector_to_array(c.terms)) INTERSECT SELECT unnest(%(lexemes)s::text[])),
       s.id, s.text, s.heading_path, s.page_from, s.page_to, s.char_from, s.char_to
FROM libraries_chunk c JOIN libraries_document d ON d.id = c.document_id
LEFT JOIN libraries_section s ON s.id = c.section_id
WHERE c.id = ANY(%(found)s) AND {_FILTER}
"""  # noqa: S608


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """How to search. The defaults are measured (docs/adr/0004); `dense_weight` is the vectors' share, 0 to 1."""

    method: Method = "convex"
    dense_weight: float = 0.55
    depth: int = 100  # chunks that each leg brings into the fusion


@dataclass(frozen=True, slots=True)
class SearchTools:
    """The embedding model and its row: vectors of other models are never compared with its own."""

    embedder: Embedder
    model: AIModel

    @classmethod
    def default(cls) -> "SearchTools":
        """Return the tools of the default embedding model. Raises NoModel or RuntimeFailure."""
        model = default_model(AIModel.Kind.EMBEDDING)
        return cls(embedder(spec_of(model)), model)


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
        }

    @property
    def bm25_ceiling(self) -> float:
        """Return the BM25 that no passage can exceed."""
        return sum(self.idf.values()) * (K1 + 1)


def search(scope: Scope, question: str, *, k: int, options: SearchOptions | None = None, tools: SearchTools) -> Found:
    """Return the best `k` passages in `scope`, and the question's support. Reads only; no text makes it fail."""
    options = options or SearchOptions()
    question = question.replace("\0", " ").strip()[:MAX_QUESTION_CHARS]
    language = language_of(question)
    began = time.perf_counter()
    if not question or not scope.library_ids or k < 1:
        return Found((), 0.0, language)
    vector = tools.embedder.embed_queries([question])[0]
    with transaction.atomic():
        query = prepare(scope, question, vector_text(vector), tools.model)
        ranked = _rank(query, options)
        passages = _load(query, ranked[:k])
    evidence = [entry.evidence for entry in ranked]
    is_cross = bool(passages) and language_of(passages[0].text) != language
    support = support_of(evidence, _scale(query), language, is_cross_language=is_cross)
    return Found(passages, support, language, (time.perf_counter() - began) * 1000)


def prepare(scope: Scope, question: str, vector: str, model: AIModel) -> Query:
    """Look up how much there is to read, and how rare each term of the question is in it."""
    asked = {"libraries": list(scope.library_ids), "team": scope.team_id}
    libraries = _rows(Statement(_SCOPE, asked, {}))
    scope = Scope(scope.team_id, tuple(row[0] for row in libraries))
    chunks = sum(row[1] for row in libraries)
    terms = list(Counter(analyse_question(question)))
    postings = _rows(Statement(_TERMS, {"libraries": list(scope.library_ids), "terms": terms}, {}))
    in_chunks: Counter[str] = Counter()
    for _library_id, term, count in postings:
        in_chunks[term] += count
    idf = {term: inverse_frequency(chunks, in_chunks[term]) for term in terms}
    kept = dict(sorted(idf.items(), key=lambda entry: -entry[1])[:MAX_QUESTION_TERMS])
    rarest = sorted((row for row in postings if row[1] in kept), key=lambda row: (in_chunks[row[1]], row[1]))
    return Query(scope, chunks, vector, model, kept, rarest)


def vector_text(vector: Sequence[float]) -> str:
    """Return a vector as pgvector reads it."""
    return "[" + ",".join(f"{float(value):.7g}" for value in vector) + "]"


def dense_statement(query: Query, depth: int, *, all_chunks: int) -> Statement:
    """Return the search by vectors: exact for a small readable set, by the model's HNSW index for a big one."""
    params = query.params | {"depth": depth}
    if is_exact(query.chunks, all_chunks, depth):
        return Statement(_DENSE_EXACT, params, {})
    sql = _DENSE_HNSW.format(halfvec=halfvec_of(query.model))
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
    """Return the search by BM25 among the chunks with the question's rarest terms; None where no term is known."""
    wanted: list[str] = []
    budget = CANDIDATE_BUDGET
    for library_id, term, chunks in query.postings:
        if wanted and chunks > budget:
            break
        wanted.append(quoted(lexeme(library_id, term)))
        budget -= chunks
    if not wanted:
        return None
    params = query.params | {"wanted": " | ".join(wanted), "depth": depth, "limit": CANDIDATE_LIMIT}
    return Statement(_LEXICAL, params, {"enable_seqscan": "off"})


def _rank(query: Query, options: SearchOptions) -> list[Ranked]:
    all_chunks = query.chunks
    if query.chunks > EXACT_UP_TO:
        all_chunks = int(_rows(Statement(_ALL_CHUNKS, {}, {}))[0][0])
    lexical = lexical_statement(query, options.depth)
    found = [row[0] for row in _rows(dense_statement(query, options.depth, all_chunks=all_chunks))]
    found += [row[0] for row in _rows(lexical)] if lexical else []
    rows = _rows(Statement(_EVIDENCE, query.params | {"found": list(set(found))}, {}))
    evidence = [Evidence(chunk_id, cosine, bm25) for chunk_id, cosine, bm25 in rows]
    return fuse(evidence, _scale(query), method=options.method, dense_weight=options.dense_weight)


def _load(query: Query, ranked: Sequence[Ranked]) -> tuple[Passage, ...]:
    lexemes = [lexeme(library_id, term) for library_id, term, _chunks in query.postings]
    params = query.params | {"found": [each.evidence.chunk_id for each in ranked], "lexemes": lexemes}
    rows = _rows(Statement(_PASSAGES, params, {}))
    by_id = {row[0]: row for row in rows}
    make = partial(_passage, query)
    return tuple(make(by_id[each.evidence.chunk_id], each) for each in ranked if each.evidence.chunk_id in by_id)


def _passage(query: Query, row: Sequence[Any], ranked: Ranked) -> Passage:
    matched = sorted((term_of(found) for found in row[13]), key=lambda term: (-query.idf[term], term))
    chunk_id, document_id, version_id, library_id, *_ = row
    return Passage(
        chunk_id=chunk_id,
        document_id=document_id,
        version_id=version_id,
        library_id=library_id,
        document_name=row[4],
        text=row[5],
        heading_path=tuple(row[6]),
        ordinal=row[7],
        page_from=row[8],
        page_to=row[9],
        boxes=tuple(Box(*box) for box in json.loads(row[10])),
        char_from=row[11],
        char_to=row[12],
        score=ranked.score,
        cosine=ranked.evidence.cosine,
        bm25=ranked.evidence.bm25,
        dense_rank=ranked.dense_rank,
        lexical_rank=ranked.lexical_rank,
        matched_terms=tuple(dict.fromkeys(term.removeprefix(WORD_MARK) for term in matched)),
        section=_section(row[14:]),
    )


def _section(row: Sequence[Any]) -> Section | None:
    """Return the section that is read in place of the chunk, None for a chunk without one."""
    section_id, text, path, page_from, page_to, char_from, char_to = row
    if section_id is None or not text:
        return None
    return Section(section_id, text, tuple(path), page_from, page_to, char_from, char_to)


def _scale(query: Query) -> Scale:
    name = query.model.name
    floor = next((floor for start, floor in COSINE_FLOORS.items() if name.startswith(start)), 0.0)
    return Scale(floor, query.bm25_ceiling)


def _rows(statement: Statement) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        for name, value in statement.settings.items():
            cursor.execute(f"SET LOCAL {name} = {value}")
        cursor.execute(statement.sql, statement.params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        for name in statement.settings:
            cursor.execute(f"SET LOCAL {name} TO DEFAULT")
    return rows
