"""Keeps the lexical index and its statistics right when chunks come and go.

A chunk's `terms` say where GIN finds it; each lexeme carries a tag of its library, so that looking up a term costs what
the readable libraries hold and not what all tenants hold. Its `weights` are BM25 without idf: tf * (k1 + 1) /
(tf + k1 * (1 - b + b * length / average)), at `dimension(term)`; idf is put into the question's vector, so it is always
that of today. The average length is the library's at the time of writing: measured against exact rescoring it costs
0.0002 nDCG@10 (docs/adr/0003), and no stored row ever has to change.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet
from pgvector import SparseVector

from apps.libraries.lexical import MAX_TERM_COUNT, analyse, dimension, quoted
from apps.libraries.lexicons import index_finder
from apps.libraries.models import TERM_SPACE, Chunk
from apps.libraries.types import passage_text, searched_text

K1 = 1.2  # Robertson and Zaragoza's usual values; 0.9 to 1.5 changed no set by more than 0.003
B = 0.75
TAG_CHARS = 8
_ROWS = 100  # per UPDATE

# The rows are written in the order of their terms, so that two writers wait for each other instead of deadlocking.
_ADD_TERMS = """
INSERT INTO libraries_termstatistics (library_id, term, chunks)
SELECT %s, term, n FROM unnest(%s::text[], %s::int[]) AS given (term, n) ORDER BY term COLLATE "C"
ON CONFLICT (library_id, term) DO UPDATE SET chunks = libraries_termstatistics.chunks + EXCLUDED.chunks
"""
_ADD_TOTALS = """
INSERT INTO libraries_librarystatistics (library_id, chunks, occurrences) VALUES (%s, %s, %s)
ON CONFLICT (library_id) DO UPDATE SET chunks = libraries_librarystatistics.chunks + EXCLUDED.chunks,
    occurrences = libraries_librarystatistics.occurrences + EXCLUDED.occurrences
RETURNING chunks, occurrences
"""
_COUNT_GOING = """
SELECT c.library_id, count(*), coalesce(sum(c.term_count), 0) FROM libraries_chunk c
WHERE c.id = ANY(%s) AND c.terms IS NOT NULL GROUP BY c.library_id ORDER BY c.library_id
"""
_TAKE_TERMS = """
WITH gone AS (
    SELECT substr(lexeme, %s) AS term, count(*) AS n
    FROM libraries_chunk c CROSS JOIN LATERAL unnest(tsvector_to_array(c.terms)) AS lexeme
    WHERE c.id = ANY(%s) AND c.library_id = %s GROUP BY 1
), locked AS MATERIALIZED (
    SELECT s.id, gone.n FROM libraries_termstatistics s JOIN gone ON gone.term = s.term
    WHERE s.library_id = %s ORDER BY s.term COLLATE "C" FOR UPDATE OF s
)
UPDATE libraries_termstatistics s SET chunks = s.chunks - locked.n FROM locked WHERE s.id = locked.id
"""
_DROP_UNUSED = "DELETE FROM libraries_termstatistics WHERE library_id = %s AND chunks <= 0"


def index_chunks(library_id: UUID, chunks: Sequence[Chunk], *, title: str) -> None:
    """Fill the lexical columns of chunks that are about to be inserted, and count them in.

    Call it in the transaction of the insert, with the library locked. `title` is the document's.
    """
    if not chunks:
        return
    own_words = index_finder(library_id)
    counts = [_counted(analyse(indexed_text(title, chunk), own_words)) for chunk in chunks]
    lengths = [sum(count.values()) for count in counts]
    chunk_total, occurrences = _add(library_id, counts, lengths)
    average = max(occurrences / chunk_total, 1.0)
    for chunk, count, length in zip(chunks, counts, lengths, strict=True):
        chunk.terms = tsvector_of(library_id, count)
        chunk.weights = weights_of(count, length=length, average=average)
        chunk.term_count = length


def forget_chunks(chunks: QuerySet[Chunk]) -> None:
    """Count chunks out. Call it before they are deleted, in the same transaction."""
    ids = list(chunks.order_by().values_list("pk", flat=True))
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_GOING, [ids])
        for library_id, count, occurrences in cursor.fetchall():
            cursor.execute(_ADD_TOTALS, [library_id, -count, -occurrences])
            cursor.execute(_TAKE_TERMS, [TAG_CHARS + 1, ids, library_id, library_id])
            cursor.execute(_DROP_UNUSED, [library_id])


def tidy_index() -> None:
    """Merge what was written lately into the GIN index; nothing where nothing was. After the transaction that wrote.

    GIN keeps inserts in a list until a vacuum comes by, and each lexeme of a question reads all of it: four pages of it
    doubled the time of the lexical leg at 100,000 chunks (docs/adr/0023).
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT gin_clean_pending_list('chunk_terms'::regclass)")


def reindex_chunks(library_id: UUID, chunks: Sequence[Chunk], *, title: str) -> None:
    """Count rows out as they are stored and in as they are now, and store their new lexical columns.

    Call it in a transaction that holds the document's and the library's lock.
    """
    if not chunks:
        return
    forget_chunks(Chunk.objects.filter(pk__in=[chunk.pk for chunk in chunks]))
    index_chunks(library_id, chunks, title=title)
    Chunk.objects.bulk_update(chunks, ["terms", "weights", "term_count"], batch_size=_ROWS)


def indexed_text(title: str, chunk: Chunk) -> str:
    """Return what is searched of a chunk, under its document's title."""
    return passage_text(title, chunk.heading_path, searched_text(chunk.text, chunk.keywords, chunk.questions))


def lexeme(library_id: UUID, term: str) -> str:
    """Return the term as it stands in `Chunk.terms` of this library."""
    return library_id.hex[:TAG_CHARS] + term


def term_of(tagged: str) -> str:
    """Return the term of a lexeme."""
    return tagged[TAG_CHARS:]


def tsvector_of(library_id: UUID, terms: Iterable[str]) -> str:
    """Return PostgreSQL's text of a tsvector with the library's lexemes, without positions."""
    return " ".join(quoted(lexeme(library_id, term)) for term in sorted(terms))


def weights_of(count: Mapping[str, int], *, length: int, average: float) -> SparseVector:
    """Return BM25's weight of each term, without idf, for a text of `length` terms."""
    shortness = K1 * (1 - B + B * length / average)
    weights: dict[int, float] = {}
    for term, times in count.items():
        place = dimension(term)
        weights[place] = weights.get(place, 0.0) + times * (K1 + 1) / (times + shortness)
    return SparseVector(weights, TERM_SPACE)


def _counted(terms: Sequence[str]) -> Counter[str]:
    count = Counter(terms)
    if len(count) <= MAX_TERM_COUNT:
        return count
    return Counter(dict(list(count.items())[:MAX_TERM_COUNT]))


def _add(library_id: UUID, counts: Sequence[Counter[str]], lengths: Sequence[int]) -> tuple[int, int]:
    chunks_with: Counter[str] = Counter()
    for count in counts:
        chunks_with.update(count.keys())
    with connection.cursor() as cursor:
        cursor.execute(_ADD_TOTALS, [library_id, len(counts), sum(lengths)])
        total, occurrences = cursor.fetchone()
        cursor.execute(_ADD_TERMS, [library_id, list(chunks_with), list(chunks_with.values())])
    return int(total), int(occurrences)
