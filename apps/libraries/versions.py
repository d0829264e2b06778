"""Switches a document to what was read from a version, in one transaction: a search sees the old chunks or the new."""

from collections.abc import Sequence

from django.db import transaction

from apps.catalog.models import AIModel
from apps.libraries import lexical_store
from apps.libraries.models import Chunk, ChunkEmbedding, Document, DocumentVersion, Library
from apps.libraries.reading import save_blocks, title_of
from apps.libraries.types import ChunkDraft, ParsedDocument
from apps.runtimes.contracts import Floats

ROWS = 500  # per INSERT
HEADING_MAX = 300  # characters, as in Chunk.heading_path


@transaction.atomic
def store_version(
    *,
    version: DocumentVersion,
    drafts: Sequence[ChunkDraft],
    vectors: Floats,
    model: AIModel,
    blocks: ParsedDocument | None,
) -> bool:
    """Make the drafts the document's chunks; returns False, and stores nothing, when it was deleted meanwhile.

    `vectors` has shape (len(drafts), dimensions). `blocks` is kept for the document page unless None. Everybody who
    writes chunks locks the document and then its library, so two writers wait for each other and never deadlock.
    """
    if len(drafts) != len(vectors):
        message = f"{len(drafts)} chunks, {len(vectors)} vectors"
        raise ValueError(message)
    document = Document.objects.select_for_update(no_key=True).get(pk=version.document_id)
    library = Library.objects.select_for_update(no_key=True).get(pk=document.library_id)
    if document.deleted_at is not None or library.deleted_at is not None:
        return False
    drop_chunks(document)
    chunks = [_row(draft, version, document, library) for draft in drafts]
    lexical_store.index_chunks(library.pk, chunks, title=title_of(document.name))
    Chunk.objects.bulk_create(chunks, batch_size=ROWS)
    ChunkEmbedding.objects.bulk_create(
        (
            ChunkEmbedding(chunk=chunk, model=model, library=library, vector=vector)
            for chunk, vector in zip(chunks, vectors, strict=True)
        ),
        batch_size=ROWS,
    )
    _switch(document, version, len(chunks), blocks)
    return True


def drop_chunks(document: Document) -> None:
    """Delete the document's chunks with their vectors and their share of the term statistics; needs a transaction."""
    old = Chunk.objects.filter(document=document)
    lexical_store.forget_chunks(old)
    ChunkEmbedding.objects.filter(chunk__in=old).delete()
    old.delete()


def _switch(document: Document, version: DocumentVersion, count: int, blocks: ParsedDocument | None) -> None:
    version.chunk_count = count
    fields = ["chunk_count", "updated_at"]
    if blocks is not None:
        version.blocks.name = save_blocks(version, blocks.blocks)
        version.pages = blocks.pages
        fields += ["blocks", "pages"]
    version.save(update_fields=fields)
    Document.objects.filter(pk=document.pk).update(current_version=version)


def _row(draft: ChunkDraft, version: DocumentVersion, document: Document, library: Library) -> Chunk:
    return Chunk(
        team_id=library.team_id,
        library=library,
        document=document,
        version=version,
        ordinal=draft.ordinal,
        text=draft.text,
        heading_path=[heading[:HEADING_MAX] for heading in draft.heading_path],
        page_from=draft.page_from,
        page_to=draft.page_to,
        boxes=[[box.page, box.x0, box.y0, box.x1, box.y1] for box in draft.boxes],
        char_from=draft.char_from,
        char_to=draft.char_to,
        tokens=draft.tokens,
    )
