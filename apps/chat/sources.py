"""What the drawer shows of a citation: the PDF page, the text around the passage, or the stored copy."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from apps.chat.models import Citation
from apps.libraries.models import Document, DocumentVersion
from apps.libraries.reading import load_blocks
from apps.libraries.types import Block
from apps.users.models import User

CONTEXT_CHARS = 4_000  # of text shown before and after a passage
SEPARATOR = 2  # blocks are joined by an empty line in the offsets of a passage

Kind = Literal["pdf", "text", "gone"]


@dataclass(frozen=True, slots=True)
class Extract:
    """A block of the document, cut where the passage begins and ends."""

    kind: str
    before: str
    marked: str
    after: str


@dataclass(frozen=True, slots=True)
class Source:
    """A citation ready to be shown."""

    citation: Citation
    kind: Kind
    position: int  # among the answer's citations, from 1
    total: int
    previous: int | None  # numbers of its neighbours
    following: int | None
    extracts: Sequence[Extract] = ()
    is_outdated: bool = False  # the document has a newer version than the one cited

    @property
    def file_query(self) -> str:
        """Return the query that names the cited version of the document's file."""
        return f"?version={self.citation.version_id}"

    @property
    def quote(self) -> str:
        """Return the words to copy."""
        return self.citation.quote or self.citation.passage


def source_of(user: User, citation: Citation) -> Source:
    """Return the source by the rights of now: without them, or without the document, only the stored copy."""
    numbers = list(citation.message.citations.values_list("number", flat=True))
    index = numbers.index(citation.number)
    version = _readable_version(user, citation)
    extracts = _extracts(load_blocks(version), citation) if version and not _is_pdf(version) else ()
    kind: Kind = "gone" if version is None else "pdf" if _is_pdf(version) else "text" if extracts else "gone"
    document = citation.document
    return Source(
        citation=citation,
        kind=kind,
        position=index + 1,
        total=len(numbers),
        previous=numbers[index - 1] if index else None,
        following=numbers[index + 1] if index + 1 < len(numbers) else None,
        extracts=extracts,
        is_outdated=bool(version and document and document.current_version_id != version.pk),
    )


def _readable_version(user: User, citation: Citation) -> DocumentVersion | None:
    version = citation.version
    if version is None or not Document.objects.readable_by(user).filter(pk=version.document_id).exists():
        return None
    return version


def _is_pdf(version: DocumentVersion) -> bool:
    return version.media_type == "application/pdf"


def _extracts(blocks: Sequence[Block], citation: Citation) -> list[Extract]:
    """Return the blocks around the passage."""
    first, last = citation.char_from, citation.char_to
    extracts: list[Extract] = []
    start = 0
    for block in blocks:
        end = start + len(block.text)
        if end > first - CONTEXT_CHARS and start < last + CONTEXT_CHARS:
            cut_from, cut_to = (min(max(place - start, 0), len(block.text)) for place in (first, last))
            text = block.text
            extracts.append(Extract(block.kind, text[:cut_from], text[cut_from:cut_to], text[cut_to:]))
        start = end + SEPARATOR
    return extracts
