"""Finds the passages for a question: vectors and BM25, both filtered by access inside their SQL, then ranked.

The only file of the pipeline that reads the database: its SQL is made in `statements`, and sent by `fetching`.
"""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from apps.catalog.errors import NoModel
from apps.catalog.models import AIModel
from apps.catalog.services import default_model, ready_models, spec_of
from apps.core import tenancy
from apps.libraries.lexical import WORD_MARK
from apps.libraries.lexicons import wordings_of
from apps.libraries.types import Box, passage_text
from apps.rag import links, ranking, reranking
from apps.rag.fetching import Rows, fetch, rows_of, rows_of_both
from apps.rag.filtering import fragment_of
from apps.rag.fusion import Evidence, Scale, language_of
from apps.rag.options import Filters, SearchOptions
from apps.rag.ranking import Candidate, Ranked
from apps.rag.scales import cosine_floor
from apps.rag.search_facts import facts_of_fusion, facts_of_legs, facts_of_query
from apps.rag.statements import (
    ALL_CHUNKS,
    PASSAGES,
    SCOPE,
    TERMS,
    Posting,
    Query,
    Statement,
    legs_statement,
    narrowed_chunks_statement,
    placed_chunks_statement,
    uuid_array,
    vector_text,
    words_with_statement,
)
from apps.rag.support import apart_of, signs_of, support_of
from apps.rag.terms import said_in, terms_of, weigh
from apps.rag.tracing import Stopwatch
from apps.rag.types import Found, Passage, Scope, Section
from apps.runtimes.contracts import Embedder, Reranker, RuntimeFailure
from apps.runtimes.registry import embedder, reranker

MAX_QUESTION_CHARS = 2_000  # what an embedding model reads of it anyway
RERANK_MS = 1_500.0
BESIDE_FROM = 5_000  # readable chunks; of fewer both legs together take less than two messages cost more
MOST = 0.5  # of the chunks: above it, hidden ones are passed over behind the sorting
SPARE = 4  # passages read beside the asked ones: in half of the searches a repeat makes room for one of them


@dataclass(frozen=True, slots=True)
class SearchTools:
    """The embedding model and its row: vectors of other models are never compared with its own.

    `rerank_model` is None where no rerank model is installed; it is loaded when a search first uses it.
    """

    embedder: Embedder
    model: AIModel
    rerank_model: AIModel | None = None
    rerank_ms: float = RERANK_MS

    @classmethod
    def default(cls) -> "SearchTools":
        """Return the tools of the default embedding model. Raises NoModel or RuntimeFailure."""
        model = default_model(AIModel.Kind.EMBEDDING)
        rerank = ready_models(AIModel.Kind.RERANK).filter(is_default=True).first()
        return cls(embedder(spec_of(model)), model, rerank, float(settings.ENV.rerank_ms))


@dataclass(slots=True)
class _Reading:
    """One search from its candidates to its passages; `rows` are those of the chunks that were read, by id."""

    question: str
    query: Query
    k: int
    options: SearchOptions
    tools: SearchTools
    watch: Stopwatch
    rows: dict[UUID, Sequence[Any]] = field(default_factory=dict)

    def passages(self, ranked: list[Ranked]) -> tuple[Passage, ...]:
        """Return the best passages, in the order that their texts give them."""
        first = max(self.k, links.WITNESSES)
        self._fetch(ranked[: first + SPARE])
        ranked = ranking.linked(ranked, self._texts, self.options)
        self.watch.lap("fusion", **facts_of_fusion(ranked, self.options))
        if self.options.rerank and self.tools.rerank_model is not None and ranked:
            ranked = self._reranked(ranked, self.tools.rerank_model)
        chosen = ranking.arranged(ranked, self._texts, self.question, self.options)[: self.k]
        self._fetch(chosen)
        found = tuple(
            _passage(self.query, self.rows[each.chunk_id], each) for each in chosen if each.chunk_id in self.rows
        )
        self.watch.lap("loading", read=len(self.rows), given=len(found))
        return found

    def _reranked(self, ranked: list[Ranked], model: AIModel) -> list[Ranked]:
        depth = self.options.rerank_depth
        self._fetch(ranked[:depth])
        first = [each for each in ranked[:depth] if each.chunk_id in self.rows]
        texts = [passage_text(row[4], row[6], row[5]) for row in (self.rows[each.chunk_id] for each in first)]
        said = reranking.read(partial(_reranker, model), self.question, texts, budget_ms=self.tools.rerank_ms)
        facts = {"failure": said.failure} if said.failure else {}
        self.watch.lap("rerank", model=model.name, read=len(said.scores), of=len(first), **facts)
        return ranking.reranked(first + ranked[depth:], said.scores)

    def _fetch(self, ranked: Sequence[Ranked]) -> None:
        missing = [each.chunk_id for each in ranked if each.chunk_id not in self.rows]
        if missing:
            params = self.query.params | {"found": missing, "terms": list(self.query.idf)}
            self.rows |= {row[0]: row for row in rows_of(Statement(self.query.narrow(PASSAGES), params, {}))}

    @property
    def _texts(self) -> dict[UUID, str]:
        return {chunk_id: row[5] for chunk_id, row in self.rows.items()}


def search(scope: Scope, question: str, *, k: int, options: SearchOptions | None = None, tools: SearchTools) -> Found:
    """Return the best `k` passages in `scope`, and the question's support. Reads only; no text makes it fail."""
    options = options or SearchOptions()
    with tenancy.acting_for(scope.team_id):
        return _filled(scope, question, k, options, tools)


def _filled(scope: Scope, question: str, k: int, options: SearchOptions, tools: SearchTools) -> Found:
    """Return the passages with a preferred phrase where the options name any, the best of the others behind them."""
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
    watch = Stopwatch()
    vector = tools.embedder.embed_queries([question])[0]
    watch.lap("embedding", model=tools.model.name)
    query = narrowed(prepare(scope, question, vector_text(vector), tools.model), options.filters)
    watch.lap("terms", **facts_of_query(query))
    candidates = _candidates(query, options)
    ranked = ranking.rank(candidates, _scale(query), options, today=timezone.localdate())
    watch.lap("legs", **facts_of_legs(ranked, options))
    passages = _Reading(question, query, k, options, tools, watch).passages(ranked)
    evidence = [candidate.evidence for candidate in candidates]
    is_cross = bool(passages) and language_of(passages[0].text) != language
    said = said_in([passage.text for passage in passages], question, query.wordings)
    chunks = query.chunks if query.narrowed is None else query.narrowed
    signs = signs_of(said, evidence, passages, _scale(query), query.own, query.groups)
    signs = replace(signs, apart=apart_of(evidence, chunks))
    support = support_of(signs, language, is_cross_language=is_cross) if candidates else 0.0
    milliseconds = (time.perf_counter() - began) * 1000
    return Found(passages, support, language, milliseconds, watch.stages, asdict(signs), query.idf, said)


def prepare(scope: Scope, question: str, vector: str, model: AIModel) -> Query:
    """Look up how much there is to read, and how rare each term of the question is in it: one round trip."""
    wordings = tuple(wordings_of(scope.library_ids))
    terms = terms_of(question, wordings)
    if lone := terms.lone:
        terms = terms.with_words([row[0] for row in rows_of(words_with_statement(scope, lone))])
    asked = {"libraries": uuid_array(scope.library_ids), "team": scope.team_id, "terms": terms.all}
    libraries, ((all_chunks,),), postings = fetch(
        Statement(SCOPE, asked, {}), Statement(ALL_CHUNKS, {}, {}), Statement(TERMS, asked, {})
    )
    chunks = sum(row[1] for row in libraries)
    weights = weigh(terms, {term: total for term, total, *_ in postings}, chunks)
    rarest = sorted(
        (Posting(*row) for row in postings if row[0] in weights.by_term),
        key=lambda posting: (posting.total, posting.term),
    )
    where = replace(scope, library_ids=tuple(row[0] for row in libraries))
    query = Query(where, chunks, vector, model, weights.by_term, rarest, int(all_chunks), most=weights.most)
    query = replace(query, own=weights.own, groups=terms.groups, wordings=wordings)
    return _shared(query, dict(libraries)) if scope.is_partial else query


def _shared(query: Query, chunks: Mapping[UUID, int]) -> Query:
    """Return the query with how many chunks are left to whoever asks, where that is a small part of the libraries."""
    placed = {row[0]: (int(row[1]), int(row[2])) for row in rows_of(placed_chunks_statement(query))}
    left = 0
    for library, total in chunks.items():
        readable, in_places = placed.get(library, (0, 0))
        left += readable + (max(0, total - in_places) if library in (query.scope.readable or ()) else 0)
    return replace(query, narrowed=left) if left < query.chunks * MOST else query


def narrowed(query: Query, filters: Filters) -> Query:
    """Return the query with the question's own filters, and how many chunks these leave at most."""
    fragment = fragment_of(filters, query.scope.library_ids)
    if not fragment:
        return query
    query = replace(query, filter=fragment)
    left = query.chunks if query.narrowed is None else query.narrowed
    if fragment.documents:
        left = min(left, int(rows_of(narrowed_chunks_statement(query))[0][0]))
    if fragment.terms:
        asked = query.params | {"terms": list(fragment.terms)}
        counts = dict.fromkeys(fragment.terms, 0) | {
            row[0]: int(row[1]) for row in rows_of(Statement(TERMS, asked, {}))
        }
        left = min(left, *counts.values())
    return replace(query, narrowed=left)


def _candidates(query: Query, options: SearchOptions) -> list[Candidate]:
    return [
        Candidate(Evidence(chunk_id, cosine, bm25), document_id, name, created_on)
        for chunk_id, cosine, bm25, document_id, name, created_on in _found(query, options)
    ]


def _found(query: Query, options: SearchOptions) -> Rows:
    """Return what the legs find, each chunk once: of much both legs at once, each on a connection of its own."""
    if options.legs == "both" and query.chunks > BESIDE_FROM:
        dense = legs_statement(query, options.depth, "dense")
        lexical = legs_statement(query, options.depth, "lexical")
        if dense and lexical:
            rows, nearest = rows_of_both(lexical, dense)
            known = {row[0] for row in nearest}
            return nearest + [row for row in rows if row[0] not in known]
    statement = legs_statement(query, options.depth, options.legs)
    return rows_of(statement) if statement else []


def _reranker(model: AIModel) -> Reranker:
    try:
        return reranker(spec_of(model))
    except NoModel as error:
        raise RuntimeFailure(str(error)) from error


def _passage(query: Query, row: Sequence[Any], ranked: Ranked) -> Passage:
    matched = sorted(row[13], key=lambda term: (-query.idf[term], term))
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
        cosine=ranked.candidate.evidence.cosine,
        bm25=ranked.candidate.evidence.bm25,
        dense_rank=ranked.dense_rank,
        lexical_rank=ranked.lexical_rank,
        matched_terms=tuple(dict.fromkeys(term.removeprefix(WORD_MARK) for term in matched)),
        section=_section(row[14:]),
        rerank=ranked.rerank,
        parts=tuple((name, round(value, 4)) for name, value in ranked.parts.items()),
    )


def _section(row: Sequence[Any]) -> Section | None:
    """Return the section that is read in place of the chunk, None for a chunk without one."""
    section_id, text, path, page_from, page_to, char_from, char_to = row
    if section_id is None or not text:
        return None
    return Section(section_id, text, tuple(path), page_from, page_to, char_from, char_to)


def _scale(query: Query) -> Scale:
    return Scale(cosine_floor(query.model.name), query.bm25_ceiling)
