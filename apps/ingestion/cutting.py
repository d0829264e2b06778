"""From a parsed document to chunks ready to be staged: by the library's rule, where an earlier version was cut."""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from apps.catalog.models import AIModel
from apps.catalog.services import default_model, spec_of
from apps.ingestion.anchors import NO_ANCHORS, Anchors, anchors_of
from apps.ingestion.chunking import Rule, rule_of
from apps.ingestion.parse_errors import Empty
from apps.ingestion.strategies import Cut, cut
from apps.libraries.models import Chunk, ChunkEmbedding, Document, DocumentVersion
from apps.libraries.reading import load_blocks, title_of
from apps.libraries.types import ChunkDraft, ParsedDocument, draft_digest, embedded_text, text_digest
from apps.runtimes import registry


@dataclass(frozen=True, slots=True)
class Prepared:
    """The chunks of a version, the rule and the model they were cut for, and by ordinal the vectors known already.

    A vector is its float32 values, little endian, as `StagedChunk.vector`.
    """

    cut: Cut
    rule: Rule
    model: AIModel
    vectors: Mapping[int, bytes]


def prepare(version: DocumentVersion, parsed: ParsedDocument) -> Prepared:
    """Cut a version's text. Raises Empty where there is none, NoModel or RuntimeFailure.

    Call it before the version's stored text is replaced: where the document was cut before is found in it.
    """
    document = version.document
    rule = rule_of(document.library)
    model = default_model(AIModel.Kind.EMBEDDING)
    tokenizer = registry.tokenizer(spec_of(model))
    found = cut(
        parsed,
        rule,
        title=title_of(document.name),
        tokenizer=tokenizer,
        anchors=_anchors(document.current_version, rule),
    )
    if not found.chunks:
        raise Empty
    return Prepared(found, rule, model, _known_vectors(document, model, found.chunks))


def _anchors(current: DocumentVersion | None, rule: Rule) -> Anchors:
    """Return where the document is cut now, if that was by the same rule."""
    if current is None or current.cut_by != rule.digest:
        return NO_ANCHORS
    ends = Chunk.objects.filter(version=current, is_manual=False).values_list("char_to", flat=True)
    return anchors_of(load_blocks(current), ends)


def _known_vectors(document: Document, model: AIModel, chunks: Sequence[ChunkDraft]) -> dict[int, bytes]:
    """Return the vectors that the document has already: of chunks that stay, and of the same text elsewhere."""
    staying, same = _stored_vectors(document, model)
    known: dict[int, bytes] = {}
    for chunk in chunks:
        waiting = staying.get(draft_digest(chunk.heading_path, chunk.text))
        if waiting:
            known[chunk.ordinal] = waiting.popleft()
            continue
        vector = same.get(digest_of(chunk))
        if vector is not None:
            known[chunk.ordinal] = vector
    return known


def _stored_vectors(document: Document, model: AIModel) -> tuple[dict[str, deque[bytes]], dict[str, bytes]]:
    """Return the vectors by the draft that a row came from, in order, and by the text that they were made from."""
    staying: dict[str, deque[bytes]] = {}
    same: dict[str, bytes] = {}
    if document.current_version_id is None:  # it was never indexed
        return staying, same
    rows = ChunkEmbedding.objects.filter(chunk__document=document, model=model).order_by("chunk__ordinal")
    columns = ("chunk__source_digest", "chunk__embedded_digest", "chunk__is_manual", "vector")
    for source, embedded, is_manual, vector in rows.values_list(*columns).iterator():
        packed = np.asarray(vector, dtype="<f4").tobytes()
        if source and not is_manual:
            staying.setdefault(source, deque()).append(packed)
        if embedded:
            same[embedded] = packed
    return staying, same


def digest_of(chunk: ChunkDraft) -> str:
    """Return the digest of what the chunk's vector is made from."""
    return text_digest(embedded_text(chunk.heading_path, chunk.text, (), chunk.questions))


def section_payloads(prepared: Prepared) -> Iterator[tuple[ChunkDraft, int | None]]:
    """Yield each chunk with the number of the section that begins with it, None where none does."""
    told: set[int] = set()
    for chunk in prepared.cut.chunks:
        is_first = chunk.section is not None and chunk.section not in told
        if chunk.section is not None:
            told.add(chunk.section)
        yield chunk, chunk.section if is_first else None
