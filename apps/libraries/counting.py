"""The numbers of libraries, of what a person may read in them."""

from collections.abc import Iterable
from typing import Any

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
        found: dict[str, Any] = dict(numbers.get(library.pk, {}))
        shown: Any = library  # what `with_counts` gives as columns, too
        shown.document_count = found.get("document_count", 0)
        shown.chunk_count = found.get("chunk_count") or 0
        shown.size_bytes = found.get("bytes") or 0
        shown.unsettled_count = found.get("unsettled_count", 0)
    return rows
