"""Finds the passages for a question: vectors and BM25, both filtered by access inside their SQL, then fused.

The only file of the pipeline that touches the database; its SQL is made in `statements`.
"""

import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from django.db import connection, transaction

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.libraries.lexical import WORD_MARK, analyse_question
from apps.libraries.lexical_store import lexeme, term_of
from apps.libraries.types import Box
from apps.rag.filtering import fragment_of
from apps.rag.fusion import Evidence, Ranked, Scale, fuse, inverse_frequency, language_of
from apps.rag.options import Filters, SearchOptions
from apps.rag.scales import cosine_floor
from apps.rag.statements import (
    ALL_CHUNKS,
    EVIDENCE,
    EXACT_UP_TO,
    PASSAGES,
    SCOPE,
    TERMS,
    Query,
    Statement,
    dense_statement,
    lexical_statement,
    narrowed_chunks_statement,
    vector_text,
)
from apps.rag.support import support_of
from apps.rag.types import Found, Passage, Scope, Section
from apps.runtimes.contracts import Embedder
from apps.runtimes.registry import embedder

MAX_QUESTION_CHARS = 2_000  # what an embedding model reads of it anyway
MAX_QUESTION_TERMS = 200  # the rarest ones; a question has about 20


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


def search(scope: Scope, question: str, *, k: int, options: SearchOptions | None = None, tools: SearchTools) -> Found:
    """Return the best `k` passages in `scope`, and the question's support. Reads only; no text makes it fail."""
    options = options or SearchOptions()
    found = _search(scope, question, k, options, tools)
    if not options.filters.preferred or len(found.passages) >= k:
        return found
    others = replace(options, filters=replace(options.filters, preferred=()))
    return _filled_up(found, _search(scope, question, k, others, tools), k)


def _filled_up(first: Found, others: Found, k: int) -> Found:
    """Return the passages with a preferred phrase, and behind them the best of the others."""
    have = {passage.chunk_id for passage in first.passages}
    rest = [passage for passage in others.passages if passage.chunk_id not in have]
    return replace(
        others,
        passages=(*first.passages, *rest)[:k],
        support=max(first.support, others.support),
        milliseconds=first.milliseconds + others.milliseconds,
        stages=(*first.stages, *others.stages),
    )


def _search(scope: Scope, question: str, k: int, options: SearchOptions, tools: SearchTools) -> Found:
    question = question.replace("\0", " ").strip()[:MAX_QUESTION_CHARS]
    language = language_of(question)
    began = time.perf_counter()
    if not question or not scope.library_ids or k < 1:
        return Found((), 0.0, language)
    vector = tools.embedder.embed_queries([question])[0]
    with transaction.atomic():
        query = narrowed(prepare(scope, question, vector_text(vector), tools.model), options.filters)
        ranked = _rank(query, options)
        passages = _load(query, ranked[:k])
    evidence = [entry.evidence for entry in ranked]
    is_cross = bool(passages) and language_of(passages[0].text) != language
    support = support_of(evidence, _scale(query), language, is_cross_language=is_cross)
    return Found(passages, support, language, (time.perf_counter() - began) * 1000)


def prepare(scope: Scope, question: str, vector: str, model: AIModel) -> Query:
    """Look up how much there is to read, and how rare each term of the question is in it."""
    asked = {"libraries": list(scope.library_ids), "team": scope.team_id}
    libraries = _rows(Statement(SCOPE, asked, {}))
    scope = Scope(scope.team_id, tuple(row[0] for row in libraries))
    chunks = sum(row[1] for row in libraries)
    terms = list(Counter(analyse_question(question)))
    postings = _rows(Statement(TERMS, {"libraries": list(scope.library_ids), "terms": terms}, {}))
    in_chunks: Counter[str] = Counter()
    for _library_id, term, count in postings:
        in_chunks[term] += count
    idf = {term: inverse_frequency(chunks, in_chunks[term]) for term in terms}
    kept = dict(sorted(idf.items(), key=lambda entry: -entry[1])[:MAX_QUESTION_TERMS])
    rarest = sorted((row for row in postings if row[1] in kept), key=lambda row: (in_chunks[row[1]], row[1]))
    return Query(scope, chunks, vector, model, kept, rarest)


def narrowed(query: Query, filters: Filters) -> Query:
    """Return the query with the question's own filters, and how many chunks these leave at most."""
    fragment = fragment_of(filters, query.scope.library_ids)
    if not fragment:
        return query
    query = replace(query, filter=fragment)
    left = query.chunks
    if fragment.documents:
        left = min(left, int(_rows(narrowed_chunks_statement(query))[0][0]))
    if fragment.terms:
        asked = {"libraries": list(query.scope.library_ids), "terms": list(fragment.terms)}
        counts = Counter(dict.fromkeys(fragment.terms, 0))
        for _library_id, term, chunks in _rows(Statement(TERMS, asked, {})):
            counts[term] += chunks
        left = min(left, *counts.values())
    return replace(query, narrowed=left)


def _rank(query: Query, options: SearchOptions) -> list[Ranked]:
    all_chunks = query.chunks
    if query.chunks > EXACT_UP_TO:
        all_chunks = int(_rows(Statement(ALL_CHUNKS, {}, {}))[0][0])
    lexical = lexical_statement(query, options.depth)
    found = [row[0] for row in _rows(dense_statement(query, options.depth, all_chunks=all_chunks))]
    found += [row[0] for row in _rows(lexical)] if lexical else []
    rows = _rows(Statement(query.narrow(EVIDENCE), query.params | {"found": list(set(found))}, {}))
    evidence = [Evidence(chunk_id, cosine, bm25) for chunk_id, cosine, bm25 in rows]
    return fuse(evidence, _scale(query), method=options.method, dense_weight=options.dense_weight)


def _load(query: Query, ranked: Sequence[Ranked]) -> tuple[Passage, ...]:
    lexemes = [lexeme(library_id, term) for library_id, term, _chunks in query.postings]
    params = query.params | {"found": [each.evidence.chunk_id for each in ranked], "lexemes": lexemes}
    rows = _rows(Statement(query.narrow(PASSAGES), params, {}))
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
    return Scale(cosine_floor(query.model.name), query.bm25_ceiling)


def _rows(statement: Statement) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        for name, value in statement.settings.items():
            cursor.execute(f"SET LOCAL {name} = {value}")
        cursor.execute(statement.sql, statement.params)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        for name in statement.settings:
            cursor.execute(f"SET LOCAL {name} TO DEFAULT")
    return rows
