"""A document's chunks as its page shows them: a hundred at a time, one of them chosen."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q

from apps.core.errors import NotFound
from apps.libraries.models import Chunk, Document

PART_CHUNKS = 100


@dataclass(frozen=True, slots=True)
class ChunkPart:
    """Some chunks in order; `number` counts parts from 1."""

    chunks: Sequence[Chunk]
    number: int
    parts: int
    chosen: Chunk | None = None

    @property
    def window(self) -> tuple[int, int] | None:
        """Return the whole-text range that these chunks cover; None shows the start."""
        if not self.chunks:
            return None
        first = 0 if self.number == 1 else self.chunks[0].char_from
        return first, max(chunk.char_to for chunk in self.chunks)


def chunk_part(document: Document, *, chunk: UUID | None, number: str) -> ChunkPart:
    """Return the part that holds `chunk`, else part `number`. Raises NotFound for another document's chunk."""
    chosen = None
    if chunk is not None:
        chosen = Chunk.objects.filter(document=document, pk=chunk).first()
        if chosen is None:
            raise NotFound
    version = document.current_version
    count = version.chunk_count if version else 0
    parts = max(1, -(-count // PART_CHUNKS))
    wanted = chosen.ordinal // PART_CHUNKS + 1 if chosen else int(number) if number.isdecimal() else 1
    wanted = min(parts, max(1, wanted))
    first = (wanted - 1) * PART_CHUNKS
    rows = Chunk.objects.filter(document=document, ordinal__gte=first, ordinal__lt=first + PART_CHUNKS)
    return ChunkPart(list(rows.defer("terms", "weights").order_by("ordinal")), wanted, parts, chosen)


def neighbours(document: Document) -> tuple[Document | None, Document | None]:
    """Return the documents before and after this one in the library's list (newest first)."""
    others = Document.objects.filter(library=document.library_id, deleted_at=None).only("pk", "name", "created_at")
    same = Q(created_at=document.created_at)
    newer = others.filter(Q(created_at__gt=document.created_at) | same & Q(pk__lt=document.pk))
    older = others.filter(Q(created_at__lt=document.created_at) | same & Q(pk__gt=document.pk))
    return newer.order_by("created_at", "-pk").first(), older.order_by("-created_at", "pk").first()
