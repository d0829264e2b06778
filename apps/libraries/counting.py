"""The numbers of libraries, of what a person may read in them."""

from collections.abc import Iterable

from django.db.models import Count, Q, Sum

from apps.libraries.models import Document, Library
from apps.libraries.rights import Rights


def counted(libraries: Iterable[Library], held: Rights) -> list[Library]:
    """Return libraries with `document_count`, `chunk_count`, `size_bytes` and `unsettled_count`; one query."""
    rows = list(libraries)
    alive = Document.objects.filter(library__in=rows, deleted_at=None)
    numbers = {
        row["library"]: row
        for row in held.narrow(alive)
        .order_by()
        .values("library")
        .annotate(
            document_count=Count("pk"),
            chunk_count=Sum("current_version__chunk_count"),
            bytes=Sum("size_bytes"),
            unsettled_count=Count("pk", filter=~Q(status__in=Document.SETTLED)),
        )
    }
    for library in rows:
        found = numbers.get(library.pk, {})
        library.document_count = found.get("document_count", 0)
        library.chunk_count = found.get("chunk_count") or 0
        library.size_bytes = found.get("bytes") or 0
        library.unsettled_count = found.get("unsettled_count", 0)
    return rows
