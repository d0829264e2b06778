"""Puts a corpus into the tables of a benchmark's own database, by COPY: a million chunks take minutes, not hours.

What stands there is what `store_version` would have written: the terms, weights and statistics come from the same
functions, sentence by sentence (no term crosses the end of a sentence).
"""

import os
import struct
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID, uuid4

import numpy as np
from django.db import connection

from apps.catalog.models import AIModel
from apps.evaluation.bench.corpus import Corpus, Drawn
from apps.libraries.lexical import analyse, dimension
from apps.libraries.lexical_store import K1, B, lexeme
from apps.libraries.models import TERM_SPACE, Document, DocumentVersion, Library
from apps.libraries.vectors import ensure_vector_index
from apps.rag.types import Scope
from apps.runtimes.contracts import Floats
from apps.users.models import Team

LIBRARIES = 100
ONE_PERCENT = 18  # the library of this rank has 1.0 % of Zipf's 100 sizes
SMALL_TEAMS = {"one percent": (ONE_PERCENT,), "three percent": (5,), "tail": tuple(range(90, 100))}
DOCUMENT_CHUNKS = 40
_HEAD = b"PGCOPY\n\xff\r\n\0" + struct.pack(">ii", 0, 0)
_TAIL = struct.pack(">h", -1)
_CONSTANTS = {  # columns that COPY leaves out
    "created_at": "now()", "updated_at": "now()", "heading_path": "'{}'", "boxes": "'[]'", "char_from": "0",
    "char_to": "0", "keywords": "'{}'", "questions": "'{}'", "is_enabled": "true", "is_manual": "false",
    "is_edited": "false", "is_pending": "false", "source_digest": "''", "embedded_digest": "''", "tokens": "300",
}  # fmt: skip
_TABLES = {
    "lexical_index": "chunk_terms",
    "chunks": "libraries_chunk",
    "vectors": "libraries_chunkembedding",
    "term_statistics": "libraries_termstatistics",
}
_CHUNK_COLUMNS = "id, team_id, library_id, document_id, version_id, ordinal, text, term_count, terms, weights"
_VECTOR_COLUMNS = "chunk_id, model_id, library_id, vector"


@dataclass(slots=True)
class Loaded:
    """What was loaded: the readers' scopes by name, how long each step took, and the sizes of the indexes in bytes."""

    chunks: int
    scopes: dict[str, Scope]
    sizes: dict[UUID, int]  # chunks of each library
    seconds: dict[str, float] = field(default_factory=dict)
    bytes: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a chunk goes."""

    library: Library
    document: UUID
    version: UUID
    ordinal: int


class _Terms:
    """The terms of every sentence, analysed once."""

    def __init__(self, sentences: Sequence[str]) -> None:
        known: dict[str, int] = {}
        self.of: list[tuple[np.ndarray, np.ndarray]] = []
        for sentence in sentences:
            count = Counter(analyse(sentence))
            ids = np.fromiter((known.setdefault(term, len(known)) for term in count), np.int64, len(count))
            self.of.append((ids, np.fromiter(count.values(), np.int64, len(count))))
        self.terms = list(known)
        self.dimensions = np.array([dimension(term) for term in known], np.int64)

    def counted(self, sentences: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return the distinct terms of a chunk in the order of their dimensions, and how often each stands there."""
        ids = np.concatenate([self.of[number][0] for number in sentences])
        counts = np.concatenate([self.of[number][1] for number in sentences])
        found, inverse = np.unique(ids, return_inverse=True)
        order = np.argsort(self.dimensions[found])
        return found[order], np.bincount(inverse, counts)[order]


def load(model: AIModel, corpus: Corpus, chunks: int, *, libraries: int = LIBRARIES) -> Loaded:
    """Fill the empty tables with so many chunks in libraries of Zipf sizes, and build the indexes."""
    made, scopes = _libraries(libraries)
    shares = 1 / np.arange(1, libraries + 1)
    sizes = np.maximum(1, np.round(shares / shares.sum() * chunks)).astype(int)
    sizes[0] += chunks - sizes.sum()
    loaded = Loaded(chunks, scopes, {one.pk: int(size) for one, size in zip(made, sizes, strict=True)})
    clock = partial(_clock, loaded.seconds)
    with clock("analysis"):
        terms = _Terms(corpus.sentences)
    with clock("loading"):
        _copy_all(model, corpus, terms, _places(made, sizes))
    with clock("vacuum"):
        _run("VACUUM ANALYZE")
    with clock("lexical_index"):
        _run("CREATE INDEX chunk_terms ON libraries_chunk USING gin (terms)")
    with clock("vector_index"):
        ensure_vector_index(model)
    for name, relation in _TABLES.items():
        loaded.bytes[name] = _value(f"SELECT pg_table_size('{relation}'::regclass)")
    loaded.bytes["vector_index"] = _value(f"SELECT pg_relation_size('vector_hnsw_{model.pk.hex}'::regclass)")
    return loaded


def _libraries(count: int) -> tuple[list[Library], dict[str, Scope]]:
    """Make the teams and libraries; a scope holds a whole team, "everything" the team that owns most."""
    small = {rank: name for name, ranks in SMALL_TEAMS.items() for rank in ranks}
    teams = {name: Team.objects.create(name=name) for name in ("everything", *SMALL_TEAMS)}
    libraries = [
        Library(team=teams[small.get(rank, "everything")], name=f"library {rank + 1}") for rank in range(count)
    ]
    Library.objects.bulk_create(libraries)
    scopes = {
        name: Scope.whole(team.pk, tuple(one.pk for one in libraries if one.team_id == team.pk))
        for name, team in teams.items()
    }
    return libraries, scopes


def _places(libraries: Sequence[Library], sizes: Sequence[int]) -> Iterator[_Place]:
    """Yield a place for each chunk: documents of all libraries in turn, as they come in real life."""
    jobs = [
        (library, min(DOCUMENT_CHUNKS, size - start))
        for library, size in zip(libraries, sizes, strict=True)
        for start in range(0, size, DOCUMENT_CHUNKS)
    ]
    order = np.random.default_rng(11).permutation(len(jobs))
    for start in range(0, len(order), 1_000):
        chosen = [jobs[place] for place in order[start : start + 1_000]]
        documents = [
            Document(library=library, name=f"document {start + n}.txt", sha256=uuid4().hex, status="ready")
            for n, (library, _count) in enumerate(chosen)
        ]
        versions = [
            DocumentVersion(document=document, sha256=document.sha256, chunk_count=count)
            for document, (_library, count) in zip(documents, chosen, strict=True)
        ]
        Document.objects.bulk_create(documents)
        DocumentVersion.objects.bulk_create(versions)
        for document, version in zip(documents, versions, strict=True):
            document.current_version = version
        Document.objects.bulk_update(documents, ["current_version"])
        for (library, count), document, version in zip(chosen, documents, versions, strict=True):
            for ordinal in range(count):
                yield _Place(library, document.pk, version.pk, ordinal)


def _copy_all(model: AIModel, corpus: Corpus, terms: _Terms, places: Iterator[_Place]) -> None:
    for column, value in _CONSTANTS.items():
        _run(f"ALTER TABLE libraries_chunk ALTER COLUMN {column} SET DEFAULT {value}")
    _run("DROP INDEX chunk_terms")
    held = list(places)
    tally = _Tally(terms)
    for start, drawn in _numbered(corpus.draw(len(held))):
        part = held[start : start + len(drawn.sentences)]
        ids = [os.urandom(16) for _ in part]
        tally.average = tally.average or _average(terms, drawn)
        _copy("libraries_chunk", _CHUNK_COLUMNS, _chunk_rows(corpus, tally, part, ids, drawn))
        _copy("libraries_chunkembedding", _VECTOR_COLUMNS, _vector_rows(model, part, ids, drawn.vectors))
    tally.store()


def _numbered(parts: Iterator[Drawn]) -> Iterator[tuple[int, Drawn]]:
    start = 0
    for part in parts:
        yield start, part
        start += len(part.sentences)


def _average(terms: _Terms, drawn: Drawn) -> float:
    return float(np.mean([terms.counted(numbers)[1].sum() for numbers in drawn.sentences]))


class _Tally:
    """The statistics of all libraries, and the encoded rows of their chunks."""

    def __init__(self, terms: _Terms) -> None:
        self.terms = terms
        self.average = 0.0
        self._chunks_with: dict[UUID, np.ndarray] = {}
        self._totals: Counter[UUID] = Counter()
        self._occurrences: Counter[UUID] = Counter()
        self._lexemes: dict[UUID, list[bytes]] = {}

    def add(self, library: UUID, sentences: Sequence[int]) -> tuple[bytes, bytes, int]:
        """Count a chunk in; return its tsvector, its weights and its length as COPY reads them."""
        ids, counts = self.terms.counted(sentences)
        length = int(counts.sum())
        if library not in self._chunks_with:
            self._chunks_with[library] = np.zeros(len(self.terms.terms), np.int32)
            tag = lexeme(library, "")
            self._lexemes[library] = [f"{tag}{term}".encode() + b"\0\0\0" for term in self.terms.terms]
        self._chunks_with[library][ids] += 1
        self._totals[library] += 1
        self._occurrences[library] += length
        lexemes = self._lexemes[library]
        vector = struct.pack(">i", len(ids)) + b"".join([lexemes[number] for number in ids])
        weights = counts * (K1 + 1) / (counts + K1 * (1 - B + B * length / self.average))
        head = struct.pack(">iii", TERM_SPACE, len(ids), 0)
        return (
            vector,
            head + self.terms.dimensions[ids].astype(">i4").tobytes() + weights.astype(">f4").tobytes(),
            length,
        )

    def store(self) -> None:
        """Write the statistics."""
        with connection.cursor() as cursor:
            for library, total in self._totals.items():
                cursor.execute(
                    "INSERT INTO libraries_librarystatistics (library_id, chunks, occurrences) VALUES (%s, %s, %s)",
                    [library, total, self._occurrences[library]],
                )
            copied = "COPY libraries_termstatistics (library_id, term, chunks) FROM STDIN"
            with _outside_the_wall("libraries_termstatistics"), cursor.copy(copied) as copy:
                for library, chunks in self._chunks_with.items():
                    for number in np.flatnonzero(chunks):
                        copy.write_row((library, self.terms.terms[number], int(chunks[number])))


def _chunk_rows(
    corpus: Corpus, tally: _Tally, places: Sequence[_Place], ids: Sequence[bytes], drawn: Drawn
) -> Iterator[bytes]:
    for place, chunk, sentences in zip(places, ids, drawn.sentences, strict=True):
        terms, weights, length = tally.add(place.library.pk, sentences)
        yield _row(
            chunk,
            place.library.team_id.bytes,
            place.library.pk.bytes,
            place.document.bytes,
            place.version.bytes,
            struct.pack(">i", place.ordinal),
            corpus.text(sentences).encode(),
            struct.pack(">i", length),
            terms,
            weights,
        )


def _vector_rows(model: AIModel, places: Sequence[_Place], ids: Sequence[bytes], vectors: Floats) -> Iterator[bytes]:
    head = struct.pack(">hh", vectors.shape[1], 0)
    plain = vectors.astype(">f4")
    for place, chunk, vector in zip(places, ids, plain, strict=True):
        yield _row(chunk, model.pk.bytes, place.library.pk.bytes, head + vector.tobytes())


def _row(*values: bytes) -> bytes:
    return struct.pack(">h", len(values)) + b"".join([struct.pack(">i", len(value)) + value for value in values])


@contextmanager
def _outside_the_wall(table: str) -> Iterator[None]:
    """Free the table's owner from its policy meanwhile: COPY is refused behind one."""
    _run(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY")
    try:
        yield
    finally:
        _run(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")


def _copy(table: str, columns: str, rows: Iterator[bytes]) -> None:
    with (
        _outside_the_wall(table),
        connection.cursor() as cursor,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT binary)") as copy,
    ):
        copy.write(_HEAD)
        for row in rows:
            copy.write(row)
        copy.write(_TAIL)


@contextmanager
def _clock(seconds: dict[str, float], name: str) -> Iterator[None]:
    began = time.perf_counter()
    yield
    seconds[name] = round(time.perf_counter() - began, 1)


def _run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def _value(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return int(cursor.fetchone()[0])
