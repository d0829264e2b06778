"""Switches a document to what was read from a version, in one transaction: a search sees the old chunks or the new.

Chunks whose text did not change keep their rows (`matching`), so that citations hold, edits stay, and nothing is
embedded or indexed twice.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from apps.catalog.models import AIModel
from apps.libraries import diffs, lexical_store
from apps.libraries.carrying import merged_into_others, removed_digests, rewrite_sections
from apps.libraries.copying import copy_chunks, copy_vectors
from apps.libraries.matching import Old, Placed, place
from apps.libraries.models import Chunk, ChunkEmbedding, Document, DocumentVersion, Library, Section
from apps.libraries.reading import save_blocks, title_of
from apps.libraries.types import (
    ChunkDraft,
    Cutting,
    ParsedDocument,
    SectionDraft,
    draft_digest,
    embedded_text,
    text_digest,
)
from apps.runtimes.contracts import Floats

CUT_SOMEHOW = Cutting()
ROWS = 500  # per INSERT
HEADING_MAX = 300  # characters, as in Chunk.heading_path

_MOVE = """
UPDATE libraries_chunk c
SET version_id = %s, ordinal = n.ordinal, page_from = coalesce(n.page_from, c.page_from),
    page_to = coalesce(n.page_to, c.page_to), boxes = coalesce(n.boxes, c.boxes),
    char_from = greatest(0, c.char_from + n.shift), char_to = greatest(0, coalesce(n.char_to, c.char_to + n.shift)),
    section_id = n.section, updated_at = now()
FROM jsonb_to_recordset(%s::jsonb) AS n(
    id uuid, ordinal int, page_from int, page_to int, boxes jsonb, shift int, char_to int, section uuid
) WHERE c.id = n.id
"""


@transaction.atomic
def store_version(
    *,
    version: DocumentVersion,
    drafts: Sequence[ChunkDraft],
    vectors: Floats,
    model: AIModel,
    blocks: ParsedDocument | None,
    cutting: Cutting = CUT_SOMEHOW,
) -> bool:
    """Make the drafts the document's chunks; returns False, and stores nothing, when that is not wanted any more.

    That is so when the document was deleted meanwhile or has a newer version. `vectors` has shape (len(drafts),
    dimensions). `blocks` is kept for the document page unless None. Everybody who writes chunks locks the document and
    then its library, so two writers wait for each other and never deadlock.
    """
    if len(drafts) != len(vectors):
        message = f"{len(drafts)} chunks, {len(vectors)} vectors"
        raise ValueError(message)
    both = Document.objects.select_related("library").select_for_update(no_key=True, of=("self", "library"))
    document = both.get(pk=version.document_id)
    library = document.library
    if document.deleted_at is not None or library.deleted_at is not None or _is_outdated(document, version):
        return False
    before = document.current_version
    if before is not None and before.pk != version.pk:
        diffs.keep_former(before)
    writer = _Writer(document, library, version, model)
    count = writer.write(drafts, vectors, cutting.sections, was_titled=before.indexed_title if before else "")
    version.cut_by, version.indexed_title = cutting.rule, writer.title
    _switch(document, version, count, blocks)
    return True


def drop_chunks(document: Document) -> None:
    """Delete the document's chunks with their vectors and their share of the term statistics; needs a transaction."""
    _drop(document, keep=())


def _is_outdated(document: Document, version: DocumentVersion) -> bool:
    """Return whether a later version was stored already: a job that ends late must not win."""
    return document.current_version is not None and document.current_version.number > version.number


class _Writer:
    """Puts drafts in the place of a document's chunks."""

    def __init__(self, document: Document, library: Library, version: DocumentVersion, model: AIModel) -> None:
        self.title = title_of(document.name)
        self._document = document
        self._library = library
        self._version = version
        self._model = model

    def write(
        self, drafts: Sequence[ChunkDraft], vectors: Floats, sections: Sequence[SectionDraft], *, was_titled: str
    ) -> int:
        """Return the number of chunks after the switch."""
        olds = _olds(self._document)
        if olds or self._document.current_version_id is not None:
            return self._replace(olds, drafts, vectors, sections, was_titled)
        self._add([Placed(index) for index in range(len(drafts))], drafts, vectors, self._sections(sections))
        return len(drafts)

    def _replace(
        self,
        olds: Sequence[Old],
        drafts: Sequence[ChunkDraft],
        vectors: Floats,
        sections: Sequence[SectionDraft],
        was_titled: str,
    ) -> int:
        old_sections = list(Section.objects.filter(document=self._document).values_list("pk", flat=True))
        placed = self._place(olds, drafts)
        kept = [each.old.id for each in placed if each.old is not None]
        _drop(self._document, keep=kept)
        rows = self._sections(sections)
        self._move(placed, drafts, rows)
        self._add(placed, drafts, vectors, rows)
        self._embed_kept(placed, vectors)
        if kept and was_titled != self.title:
            self._retitle(kept)
        Section.objects.filter(pk__in=old_sections).delete()
        rewrite_sections(_touched(kept))
        return len(placed)

    def _add(
        self,
        placed: Sequence[Placed],
        drafts: Sequence[ChunkDraft],
        vectors: Floats,
        sections: Mapping[int, Section],
    ) -> None:
        """Write the rows that are new, with their terms and vectors."""
        fresh = [
            (self._row(ordinal, drafts[each.draft], sections), each.draft)
            for ordinal, each in enumerate(placed)
            if each.old is None and each.draft is not None
        ]
        lexical_store.index_chunks(self._library.pk, [row for row, _draft in fresh], title=self.title)
        copy_chunks([row for row, _draft in fresh])
        self._embed((row.pk, vectors[draft]) for row, draft in fresh)

    def _place(self, olds: Sequence[Old], drafts: Sequence[ChunkDraft]) -> list[Placed]:
        """Return the new order. What was merged into a row that goes comes back: its text is nowhere else."""
        removed = removed_digests(self._document)
        placed = place(olds, drafts, removed)
        kept = [each.old.id for each in placed if each.old is not None]
        lost = merged_into_others(self._document, kept) if removed else None
        return place(olds, drafts, removed - lost) if lost else placed

    def _sections(self, sections: Sequence[SectionDraft]) -> dict[int, Section]:
        rows = {
            draft.ordinal: Section(
                document=self._document,
                version=self._version,
                ordinal=draft.ordinal,
                text=draft.text,
                heading_path=_headings(draft.heading_path),
                page_from=draft.page_from,
                page_to=draft.page_to,
                char_from=draft.char_from,
                char_to=draft.char_to,
            )
            for draft in sections
        }
        Section.objects.bulk_create(rows.values(), batch_size=ROWS)
        return rows

    def _move(self, placed: Sequence[Placed], drafts: Sequence[ChunkDraft], sections: Mapping[int, Section]) -> None:
        """Give the rows that stay their new number and place, all in one statement."""
        moved = [
            {"id": str(each.old.id), "ordinal": ordinal, "shift": each.shift}
            | (_place_of(drafts[each.draft], sections, is_part=each.is_part) if each.draft is not None else {})
            for ordinal, each in enumerate(placed)
            if each.old is not None
        ]
        if moved:
            with connection.cursor() as cursor:
                cursor.execute(_MOVE, [self._version.pk, json.dumps(moved)])

    def _row(self, ordinal: int, draft: ChunkDraft, sections: Mapping[int, Section]) -> Chunk:
        return Chunk(
            team_id=self._library.team_id,
            library=self._library,
            document=self._document,
            version=self._version,
            ordinal=ordinal,
            text=draft.text,
            heading_path=_headings(draft.heading_path),
            page_from=draft.page_from,
            page_to=draft.page_to,
            boxes=_boxes(draft),
            char_from=draft.char_from,
            char_to=draft.char_to,
            tokens=draft.tokens,
            section=sections.get(draft.section) if draft.section is not None else None,
            questions=list(draft.questions),
            source_digest=draft_digest(draft.heading_path, draft.text),
            embedded_digest=text_digest(embedded_text(draft.heading_path, draft.text, (), draft.questions)),
        )

    def _embed(self, rows: Iterable[tuple[UUID, Any]]) -> None:
        copy_vectors(rows, model_id=self._model.pk, library_id=self._library.pk)

    def _embed_kept(self, placed: Sequence[Placed], vectors: Floats) -> None:
        """Give rows that stay a vector of this model where they lack one; an edited row's is made anew soon."""
        kept = {each.old.id: each for each in placed if each.old is not None}
        held = ChunkEmbedding.objects.filter(chunk__in=list(kept), model=self._model)
        have = set(held.values_list("chunk", flat=True))
        lacking = [each for chunk, each in kept.items() if chunk not in have and each.old is not None]
        self._embed((each.old.id, vectors[each.draft]) for each in lacking if each.old and each.draft is not None)
        unsure = [each.old.id for each in lacking if each.old and (each.old.is_own_text or each.draft is None)]
        Chunk.objects.filter(pk__in=unsure).update(is_pending=True, embedded_digest="")

    def _retitle(self, kept: Sequence[UUID]) -> None:
        """Index rows that stay under the document's new title."""
        for at in range(0, len(kept), ROWS):
            rows = list(Chunk.objects.filter(pk__in=kept[at : at + ROWS], terms__isnull=False).order_by("ordinal"))
            lexical_store.reindex_chunks(self._library.pk, rows, title=self.title)


def _olds(document: Document) -> list[Old]:
    """Return the document's rows in order. Rows from before digests were kept are known by their text."""
    rows = Chunk.objects.filter(document=document).order_by("ordinal")
    values = list(rows.values_list("pk", "source_digest", "is_manual", "is_edited", "char_from"))
    unknown = [pk for pk, digest, is_manual, *_ in values if not digest and not is_manual]
    texts = rows.filter(pk__in=unknown).values_list("pk", "heading_path", "text")
    digests = {pk: draft_digest(path, text) for pk, path, text in texts}
    return [
        Old(pk, digest or digests.get(pk, ""), is_manual, is_edited, char_from)
        for pk, digest, is_manual, is_edited, char_from in values
    ]


def _drop(document: Document, keep: Sequence[UUID]) -> None:
    old = Chunk.objects.filter(document=document).exclude(pk__in=keep)
    lexical_store.forget_chunks(old)
    ChunkEmbedding.objects.filter(chunk__in=old).delete()
    old.delete()


def _touched(kept: Sequence[UUID]) -> set[UUID | None]:
    """Return the sections whose text is not the file's any more: a person changed or disabled a chunk of theirs."""
    rows = Chunk.objects.filter(pk__in=kept, section__isnull=False)
    changed = rows.filter(is_edited=True) | rows.filter(is_manual=True) | rows.filter(is_enabled=False)
    return set(changed.values_list("section", flat=True))


def _place_of(draft: ChunkDraft, sections: Mapping[int, Section], *, is_part: bool) -> dict[str, Any]:
    """Return where a row that stays stands now; a part of its draft keeps its own length."""
    section = sections.get(draft.section) if draft.section is not None else None
    row: dict[str, Any] = {"section": str(section.pk) if section else None}
    if is_part:
        return row
    return row | {
        "page_from": draft.page_from,
        "page_to": draft.page_to,
        "char_to": draft.char_to,
        "boxes": _boxes(draft),
    }


def _switch(document: Document, version: DocumentVersion, count: int, blocks: ParsedDocument | None) -> None:
    version.chunk_count = count
    fields = ["chunk_count", "cut_by", "indexed_title", "updated_at"]
    if blocks is not None:
        version.blocks.name = save_blocks(version, blocks.blocks)
        version.pages = blocks.pages
        fields += ["blocks", "pages"]
    version.save(update_fields=fields)
    Document.objects.filter(pk=document.pk).update(current_version=version)


def _headings(path: Sequence[str]) -> list[str]:
    return [heading[:HEADING_MAX] for heading in path]


def _boxes(draft: ChunkDraft) -> list[list[float]]:
    return [[box.page, box.x0, box.y0, box.x1, box.y1] for box in draft.boxes]
