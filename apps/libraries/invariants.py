"""What must always hold of libraries, documents, chunks and files."""

from datetime import timedelta

from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import Q

from apps.core.invariants import invariant
from apps.libraries import rights_invariants  # noqa: F401  (registers its checks)
from apps.libraries.lexicons import wording_of
from apps.libraries.models import Chunk, DocumentVersion, Lexicon
from apps.libraries.purge import orphans
from apps.libraries.types import embedded_text, text_digest

SHOWN = 20  # violations of one kind that are listed
ORPHAN_AGE = timedelta(hours=1)  # younger files may belong to an upload that is being committed


def _rows(sql: str) -> list[tuple[str, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"{sql} LIMIT {SHOWN}")
        return [tuple(str(value) for value in row) for row in cursor.fetchall()]


@invariant("libraries.ready-documents-are-complete")
def ready_documents_are_complete() -> list[str]:
    """A ready document has a current version whose chunks are numbered 0..n-1; a mere container of files has none."""
    sql = """
        SELECT d.id, v.chunk_count, count(c.id), coalesce(min(c.ordinal), 0), coalesce(max(c.ordinal) + 1, 0)
        FROM libraries_document d
        LEFT JOIN libraries_documentversion v ON v.id = d.current_version_id
        LEFT JOIN libraries_chunk c ON c.version_id = v.id
        WHERE d.status = 'ready'
        GROUP BY d.id, v.id
        HAVING v.id IS NULL OR (v.chunk_count = 0 AND NOT v.facts ? 'parts') OR count(c.id) <> v.chunk_count
            OR count(c.id) <> coalesce(max(c.ordinal) + 1, 0) OR min(c.ordinal) <> 0"""
    return [
        f"document {row[0]} says {row[1]} chunks and has {row[2]} (ordinals {row[3]}..{row[4]})" for row in _rows(sql)
    ]


@invariant("libraries.every-chunk-has-one-vector")
def every_chunk_has_one_vector() -> list[str]:
    """Each chunk has a vector of the default embedding model, in its own library, of the model's size.

    A chunk that a person added has none while it is pending.
    """
    sql = """
        SELECT c.id, count(e.id)
        FROM libraries_chunk c
        JOIN catalog_aimodel m ON m.kind = 'embedding' AND m.is_default
        LEFT JOIN libraries_chunkembedding e
            ON e.chunk_id = c.id AND e.model_id = m.id AND e.library_id = c.library_id
            AND (m.dimensions IS NULL OR vector_dims(e.vector) = m.dimensions)
        GROUP BY c.id HAVING count(e.id) <> 1 AND NOT (c.is_pending AND count(e.id) = 0)"""
    return [f"chunk {row[0]} has {row[1]} vectors of the default model" for row in _rows(sql)]


@invariant("libraries.indexes-are-of-the-text")
def indexes_are_of_the_text() -> list[str]:
    """A chunk that is not pending has lexical terms, and after an edit its vector is of what it says now."""
    bare = Chunk.objects.filter(is_pending=False, terms=None).values_list("pk", flat=True)[:SHOWN]
    touched = Q(is_edited=True) | Q(is_manual=True) | ~Q(keywords=[]) | ~Q(questions=[])
    rows = Chunk.objects.filter(touched, is_pending=False).exclude(embedded_digest="").defer("terms", "weights")
    stale = [row.pk for row in rows.iterator() if row.embedded_digest != _digest(row)][:SHOWN]
    return [f"chunk {pk} has no terms" for pk in bare] + [f"chunk {pk} has the vector of another text" for pk in stale]


def _digest(row: Chunk) -> str:
    return text_digest(embedded_text(row.heading_path, row.text, row.keywords, row.questions))


@invariant("libraries.chunks-belong-to-the-current-version")
def chunks_belong_to_the_current_version() -> list[str]:
    """No chunk of an old version is left, and team and library repeat what the document says."""
    sql = """
        SELECT c.id, c.document_id
        FROM libraries_chunk c
        JOIN libraries_document d ON d.id = c.document_id
        JOIN libraries_library l ON l.id = d.library_id
        WHERE c.version_id IS DISTINCT FROM d.current_version_id OR c.library_id <> d.library_id
            OR c.team_id <> l.team_id"""
    return [f"chunk {row[0]} of document {row[1]} is not of its current version, library or team" for row in _rows(sql)]


@invariant("libraries.sections-belong-to-their-chunks")
def sections_belong_to_their_chunks() -> list[str]:
    """A section is of its document's current version, and is read for chunks of that document alone."""
    sql = """
        SELECT s.id, s.document_id
        FROM libraries_section s
        JOIN libraries_document d ON d.id = s.document_id
        LEFT JOIN libraries_chunk c ON c.section_id = s.id AND c.document_id <> s.document_id
        WHERE s.version_id IS DISTINCT FROM d.current_version_id OR c.id IS NOT NULL"""
    return [f"section {row[0]} of document {row[1]} is not of its current version" for row in _rows(sql)]


@invariant("libraries.every-version-has-its-file")
def every_version_has_its_file() -> list[str]:
    """The bytes of each version are in the storage, with the size that was counted."""
    broken: list[str] = []
    for version in DocumentVersion.objects.only("id", "file", "blocks", "size_bytes").iterator():
        key = version.file.name or ""
        if not key or not default_storage.exists(key):
            broken.append(f"version {version.pk}: its file is missing")
        elif default_storage.size(key) != version.size_bytes:
            broken.append(f"version {version.pk}: its file has another size")
        if version.blocks and not default_storage.exists(version.blocks.name or ""):
            broken.append(f"version {version.pk}: its parsed text is missing")
    return broken[:SHOWN]


@invariant("libraries.every-file-has-its-version")
def every_file_has_its_version() -> list[str]:
    """No file older than an hour lies in the storage without a row."""
    return [f"file {key} belongs to no version" for key in orphans(ORPHAN_AGE)][:SHOWN]


@invariant("libraries.term-statistics-are-as-counted")
def term_statistics_are_as_counted() -> list[str]:
    """BM25's totals and document frequencies are what a count of the stored chunks gives (`lexical_store`)."""
    totals = """
        SELECT l.id FROM libraries_library l
        LEFT JOIN libraries_librarystatistics s ON s.library_id = l.id
        LEFT JOIN (
            SELECT library_id, count(*) AS chunks, sum(term_count) AS occurrences
            FROM libraries_chunk WHERE terms IS NOT NULL GROUP BY library_id
        ) c ON c.library_id = l.id
        WHERE coalesce(s.chunks, 0) <> coalesce(c.chunks, 0)
            OR coalesce(s.occurrences, 0) <> coalesce(c.occurrences, 0)"""
    terms = """
        SELECT coalesce(s.library_id, c.library_id), coalesce(s.term, c.term), s.chunks, c.chunks
        FROM libraries_termstatistics s
        FULL JOIN (
            SELECT library_id, substr(lexeme, 9) AS term, count(*) AS chunks
            FROM libraries_chunk CROSS JOIN LATERAL unnest(tsvector_to_array(terms)) AS lexeme GROUP BY 1, 2
        ) c ON c.library_id = s.library_id AND c.term = s.term
        WHERE s.chunks IS DISTINCT FROM c.chunks"""
    broken = [f"library {row[0]}: the totals of its term statistics are wrong" for row in _rows(totals)]
    return broken + [f"library {row[0]}: {row[1]!r} counts {row[2]} and stands in {row[3]}" for row in _rows(terms)]


@invariant("libraries.words-are-as-told")
def words_are_as_told() -> list[str]:
    """A library's digest is that of its words, and a change is on its way exactly where there is a target."""
    broken: list[str] = []
    for row in Lexicon.objects.iterator():
        if row.digest != wording_of(row).digest:
            broken.append(f"library {row.library_id}: the digest of its words is wrong")
        if (row.target is not None) != (row.state == Lexicon.State.APPLYING):
            broken.append(
                f"library {row.library_id}: its words are {row.state} with{'' if row.target else 'out'} a target"
            )
    return broken[:SHOWN]
