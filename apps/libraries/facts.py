"""What the drawer tells of a document: figures of its passages, of its pages, of the file."""

from collections.abc import Mapping
from dataclasses import dataclass

from django.db.models import Avg, Count, Max, Q, Sum
from django.db.models.functions import Length

from apps.libraries.models import Chunk, Document, DocumentVersion, PageReading


@dataclass(frozen=True, slots=True)
class Facts:
    """Technical facts; `own` is what the file says of itself, in its order."""

    own: Mapping[str, str]
    rule: str  # by which its library's passages are cut
    chunks: int
    edited: int
    disabled: int
    characters: int  # of all passages
    average: int  # tokens of a passage
    longest: int
    tokens: int
    figures: int
    recognised: int  # pages
    confidence: int | None  # of them, 0..100
    unread: int


def facts_of(document: Document, version: DocumentVersion | None) -> Facts:
    """Return the facts of a document and its version, by three queries."""
    cut = Chunk.objects.filter(document=document).order_by()
    sums = cut.aggregate(
        chunks=Count("pk"),
        edited=Count("pk", filter=Q(is_edited=True) | Q(is_manual=True)),
        disabled=Count("pk", filter=Q(is_enabled=False)),
        average=Avg("tokens"),
        longest=Max("tokens"),
        tokens=Sum("tokens"),
        characters=Sum(Length("text")),
    )
    read = PageReading.objects.filter(version=version).order_by()
    pages = read.aggregate(
        recognised=Count("pk", filter=Q(method=PageReading.Method.OCR)),
        unread=Count("pk", filter=Q(method=PageReading.Method.FAILED)),
        confidence=Avg("confidence", filter=Q(method=PageReading.Method.OCR)),
    )
    return Facts(
        own=_own(version),
        rule=str(document.library.chunking.get("strategy", "structure")),
        chunks=sums["chunks"],
        edited=sums["edited"],
        disabled=sums["disabled"],
        characters=sums["characters"] or 0,
        average=round(sums["average"] or 0),
        longest=sums["longest"] or 0,
        tokens=sums["tokens"] or 0,
        figures=version.figures.count() if version else 0,
        recognised=pages["recognised"],
        confidence=None if pages["confidence"] is None else round(100 * pages["confidence"]),
        unread=pages["unread"],
    )


def _own(version: DocumentVersion | None) -> dict[str, str]:
    """Return what the file says of itself; how many files it holds is shown as their list."""
    facts = version.facts if version else {}
    return {str(key): str(value) for key, value in facts.items() if key != "parts" and value not in {"", None}}
