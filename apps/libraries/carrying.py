"""What people made of chunks and what has to outlive a new reading: snapshots, removals, the sections that are read."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.libraries.models import Chunk, ChunkEdit, Document, Section
from apps.users.models import User

CONTENT = ("text", "keywords", "questions", "is_enabled")
PLACE = ("heading_path", "page_from", "page_to", "boxes", "char_from", "char_to", "tokens", "ordinal")
ORIGIN = ("is_manual", "is_edited", "source_digest")
REMOVING = ("deleted", "merged")


def snapshot(chunk: Chunk) -> dict[str, Any]:
    """Return all that is needed to bring the chunk back as it is now, as JSON."""
    kept = {name: getattr(chunk, name) for name in (*CONTENT, *PLACE, *ORIGIN)}
    return kept | {"chunk": str(chunk.pk), "section": str(chunk.section_id) if chunk.section_id else None}


def from_snapshot(kept: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a chunk that `snapshot` kept; a section that is gone by now is left out."""
    fields = {name: kept[name] for name in (*CONTENT, *PLACE, *ORIGIN) if name in kept}
    section = kept.get("section")
    return fields | {"section": Section.objects.filter(pk=section).first() if section else None}


def write_down(
    action: str, chunk: Chunk, user: User | None, before: Mapping[str, Any], *, is_gone: bool = False
) -> ChunkEdit:
    """Append one change to the history; a chunk that is about to go is remembered by the id in `before`."""
    return ChunkEdit.objects.create(
        chunk=None if is_gone else chunk,
        document_id=chunk.document_id,
        action=action,
        before=dict(before),
        made_by=user,
    )


def removed_digests(document: Document) -> Counter[str]:
    """Return how many passages with each `source_digest` people removed: a new reading must not bring them back."""
    return _removed(_removing(document))


def merged_into_others(document: Document, kept: Iterable[UUID]) -> Counter[str]:
    """Return those of `removed_digests` that were merged into a row that is not `kept`: their text has to come back."""
    return _removed(_removing(document).filter(action="merged").exclude(chunk__in=list(kept)))


def _removing(document: Document) -> QuerySet[ChunkEdit]:
    edits = ChunkEdit.objects.filter(document=document)
    undone = {before.get("undoes") for before in edits.filter(action="restored").values_list("before", flat=True)}
    return edits.filter(action__in=REMOVING).exclude(pk__in=[pk for pk in undone if pk])


def _removed(edits: QuerySet[ChunkEdit]) -> Counter[str]:
    gone: Counter[str] = Counter()
    for before in edits.values_list("before", flat=True):
        removed = before.get("second", before)  # of a merge the second passage went
        if removed.get("source_digest"):
            gone[removed["source_digest"]] += 1
    return gone


def rewrite_sections(section_ids: Iterable[UUID | None]) -> None:
    """Write the text of these sections anew from their enabled chunks.

    A section is read in place of each of its chunks, so it may not keep words that people corrected, disabled or
    deleted.
    """
    wanted = {pk for pk in section_ids if pk}
    if not wanted:
        return
    texts: dict[UUID, list[Chunk]] = {pk: [] for pk in wanted}
    rows = Chunk.objects.filter(section__in=wanted, is_enabled=True).order_by("ordinal")
    for chunk in rows.only("section_id", "text", "char_from", "char_to", "is_edited", "is_manual"):
        if chunk.section_id is not None:
            texts[chunk.section_id].append(chunk)
    for section_id, chunks in texts.items():
        Section.objects.filter(pk=section_id).update(text=joined(chunks))


def joined(chunks: Iterable[Chunk]) -> str:
    """Return the chunks' texts as one, without what the second of two neighbours repeats of the first."""
    whole, end = "", -1
    for chunk in chunks:
        text = without_overlap(whole, chunk.text, end - chunk.char_from)
        whole = f"{whole}\n\n{text}" if whole and text == chunk.text else whole + text
        end = max(end, chunk.char_to)
    return whole


def without_overlap(before: str, text: str, overlap: int) -> str:
    """Return `text` without its first `overlap` characters where `before` ends with just these."""
    return text[overlap:] if 0 < overlap < len(text) and before.endswith(text[:overlap]) else text
