"""A document's passages as its page shows them: fifty at a time, one of them chosen, perhaps only some of them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import Count, Q, QuerySet

from apps.core.errors import NotFound
from apps.libraries.models import Chunk, Document
from apps.users.models import User

PART_CHUNKS = 50
MAX_QUERY_CHARS = 100
SHOWN: Mapping[str, Q] = {  # which passages can be asked for; the keys are the address's
    "edited": Q(is_edited=True),
    "manual": Q(is_manual=True),
    "disabled": Q(is_enabled=False),
    "pending": Q(is_pending=True),
}


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the address asks for: a passage, a page or a part; only some kinds of passages; those with a text."""

    chunk: UUID | None = None
    page: int | None = None
    part: int = 1
    show: str = ""
    text: str = ""

    @property
    def is_filtered(self) -> bool:
        """Return whether not all passages are asked for."""
        return bool(self.show or self.text)

    def query(self, part: int | None = None) -> str:
        """Return the query string that asks for this again, or for another part of it."""
        given = {"show": self.show, "q": self.text, "part": part or (self.part if self.part > 1 else "")}
        return urlencode({name: value for name, value in given.items() if value})


@dataclass(frozen=True, slots=True)
class ChunkPart:
    """Some chunks in order; `number` counts parts from 1. `counts`: how many passages there are of each kind."""

    chunks: Sequence[Chunk]
    number: int
    parts: int
    chosen: Chunk | None = None
    wanted: Wanted = Wanted()
    counts: Mapping[str, int] = field(default_factory=dict)

    @property
    def window(self) -> tuple[int, int] | None:
        """Return the whole-text range that these chunks cover; None shows the start."""
        if not self.chunks:
            return None
        first = 0 if self.number == 1 else self.chunks[0].char_from
        return first, max(chunk.char_to for chunk in self.chunks)

    @property
    def again(self) -> str:
        """Return the query string that shows this part again."""
        return self.wanted.query(self.number)

    @property
    def earlier(self) -> str:
        """Return the query string of the part before."""
        return self.wanted.query(self.number - 1)

    @property
    def later(self) -> str:
        """Return the query string of the next part."""
        return self.wanted.query(self.number + 1)


def chunk_part(document: Document, wanted: Wanted) -> ChunkPart:
    """Return the part that holds the wanted passage or page, else the wanted part.

    Raises NotFound for another document's passage.
    """
    rows = _matching(document, wanted)
    chosen = _chosen(document, wanted)
    counts = _counts(document)
    total = rows.count() if wanted.is_filtered else counts["all"]
    parts = max(1, -(-total // PART_CHUNKS))
    at = rows.filter(ordinal__lt=chosen.ordinal).count() // PART_CHUNKS + 1 if chosen else wanted.part
    number = min(parts, max(1, at))
    first = (number - 1) * PART_CHUNKS
    shown = rows.defer("terms", "weights").order_by("ordinal")[first : first + PART_CHUNKS]
    return ChunkPart(list(shown), number, parts, chosen, wanted, counts)


def _matching(document: Document, wanted: Wanted) -> QuerySet[Chunk]:
    rows = Chunk.objects.filter(document=document)
    if wanted.show in SHOWN:
        rows = rows.filter(SHOWN[wanted.show])
    if wanted.text:
        rows = rows.filter(Q(text__icontains=wanted.text) | Q(heading_path__icontains=wanted.text))
    return rows


def _chosen(document: Document, wanted: Wanted) -> Chunk | None:
    """Return the passage that was asked for, or the first one of the page that was asked for."""
    rows = Chunk.objects.filter(document=document).defer("terms", "weights")
    if wanted.chunk is not None:
        chosen = rows.filter(pk=wanted.chunk).first()
        if chosen is None:
            raise NotFound
        return chosen
    if wanted.page is None:
        return None
    on_page = rows.filter(page_from__lte=wanted.page, page_to__gte=wanted.page).order_by("ordinal")
    return on_page.first() or rows.filter(page_from__gte=wanted.page).order_by("ordinal").first()


def _counts(document: Document) -> dict[str, int]:
    kinds = {name: Count("pk", filter=condition) for name, condition in SHOWN.items()}
    return Chunk.objects.filter(document=document).order_by().aggregate(all=Count("pk"), **kinds)


def neighbours(user: User, document: Document) -> tuple[Document | None, Document | None]:
    """Return the documents before and after this one in the library's list as the person sees it (newest first)."""
    others = Document.objects.readable_by(user).filter(library=document.library_id).only("pk", "name", "created_at")
    same = Q(created_at=document.created_at)
    newer = others.filter(Q(created_at__gt=document.created_at) | same & Q(pk__lt=document.pk))
    older = others.filter(Q(created_at__lt=document.created_at) | same & Q(pk__gt=document.pk))
    return newer.order_by("created_at", "-pk").first(), older.order_by("-created_at", "pk").first()
