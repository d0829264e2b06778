"""What a library takes up: originals, parsed text, pictures, vectors and search index, and which documents are biggest.

The figures of the database are sizes of the stored values, before indexes. They are kept for some minutes, since
counting reads every chunk of the library.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.core.cache import cache
from django.core.files.storage import default_storage
from django.db import connection
from django.db.models import Count, Exists, F, IntegerField, OuterRef, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce

from apps.libraries.models import Document, DocumentVersion, Figure, Library
from apps.users.models import User

KEEP_S = 300
BIGGEST = 10
FILES_MAX = 20_000  # whose sizes are asked for one by one

_CHUNKS = """
SELECT coalesce(sum(octet_length(text)), 0),
       coalesce(sum(coalesce(pg_column_size(terms), 0) + coalesce(pg_column_size(weights), 0)), 0)
FROM libraries_chunk WHERE library_id = %s
"""
_VECTORS = "SELECT coalesce(sum(pg_column_size(vector)), 0) FROM libraries_chunkembedding WHERE library_id = %s"


@dataclass(frozen=True, slots=True)
class Usage:
    """Bytes by kind; `trash` is the part of `originals` that belongs to deleted documents, `former` to old versions."""

    originals: int
    former: int
    trash: int
    parsed: int
    figures: int
    passages: int
    lexical: int
    vectors: int

    @property
    def total(self) -> int:
        """Return all bytes; `former` and `trash` are within the originals."""
        return self.originals + self.parsed + self.figures + self.passages + self.lexical + self.vectors


def usage(library: Library) -> Usage:
    """Return what the library takes up, counted within the last minutes."""
    key = f"storage:{library.pk}"
    found: Usage | None = cache.get(key)
    if found is None:
        found = _count(library.pk)
        cache.set(key, found, KEEP_S)
    return found


def biggest(user: User, library: Library) -> QuerySet[Document]:
    """Return the biggest documents that the person may read; `stored_bytes` and `version_count` of all versions."""
    versions = DocumentVersion.objects.filter(document=OuterRef("pk")).order_by().values("document")
    stored = Subquery(versions.annotate(n=Sum("size_bytes")).values("n"))
    count = Subquery(versions.annotate(n=Count("pk")).values("n"), output_field=IntegerField())
    live = Document.objects.readable_by(user).filter(library=library)
    rows = live.annotate(stored_bytes=Coalesce(stored, F("size_bytes")), version_count=Coalesce(count, 0))
    return rows.select_related("current_version").order_by("-stored_bytes", "pk")[:BIGGEST]


def _count(library_id: UUID) -> Usage:
    versions = DocumentVersion.objects.filter(document__library=library_id)
    with connection.cursor() as cursor:
        cursor.execute(_CHUNKS, [library_id])
        passages, lexical = cursor.fetchone()
        cursor.execute(_VECTORS, [library_id])
        vectors = cursor.fetchone()[0]
    live = versions.filter(document__deleted_at=None)
    newer = DocumentVersion.objects.filter(document=OuterRef("document"), number__gt=OuterRef("number"))
    blocks = versions.exclude(blocks="").values_list("blocks", flat=True)
    pictures = Figure.objects.filter(version__document__library=library_id).values_list("file", flat=True)
    return Usage(
        originals=_bytes(versions),
        former=_bytes(live.filter(Exists(newer))),
        trash=_bytes(versions.exclude(document__deleted_at=None)),
        parsed=_file_bytes(list(blocks[:FILES_MAX])),
        figures=_file_bytes(list(pictures[:FILES_MAX])),
        passages=int(passages),
        lexical=int(lexical),
        vectors=int(vectors),
    )


def _bytes(versions: QuerySet[DocumentVersion]) -> int:
    return int(versions.aggregate(n=Coalesce(Sum("size_bytes"), 0))["n"])


def _file_bytes(keys: Sequence[str]) -> int:
    total = 0
    for key in keys:
        try:
            total += default_storage.size(key)
        except FileNotFoundError:
            continue
    return total
