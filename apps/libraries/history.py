"""What was done to a passage, by whom and when, with the words that changed; and bringing back what was."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.audit import services as audit
from apps.audit.services import Value
from apps.core.errors import NotFound
from apps.libraries.carrying import CONTENT, from_snapshot, rewrite_sections, snapshot, write_down
from apps.libraries.diffs import Piece, word_pieces
from apps.libraries.edit_errors import NotUndoable
from apps.libraries.editing import Content, insert, lock_document, remove, save, write
from apps.libraries.models import Chunk, ChunkEdit, Document, DocumentVersion
from apps.libraries.signals import chunks_changed
from apps.users.models import User

SHOWN = 50


@dataclass(frozen=True, slots=True)
class Entry:
    """One change as it is shown: `after` is how the passage was left by it."""

    edit: ChunkEdit
    words: tuple[Piece, ...]
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    may_restore: bool

    @property
    def extras(self) -> list[tuple[str, str, str]]:
        """Return what else changed: (name, before, after) of the keywords and the questions."""
        names = ("keywords", "questions")
        pairs = [(name, " · ".join(self.before.get(name, [])), " · ".join(self.after.get(name, []))) for name in names]
        return [row for row in pairs if row[1] != row[2]] if self.before else []

    @property
    def has_other_words(self) -> bool:
        """Return whether the text itself changed."""
        return any(piece.op != "same" for piece in self.words)


def entries(chunk: Chunk) -> list[Entry]:
    """Return the passage's changes, the latest first."""
    edits = list(ChunkEdit.objects.filter(chunk=chunk).select_related("made_by")[:SHOWN])
    undone = _undone(chunk.document)
    after = snapshot(chunk)
    shown: list[Entry] = []
    for edit in edits:
        before = edit.before
        words = word_pieces(before["text"], after.get("text", "")) if "text" in before else ()
        is_open = edit.pk not in undone and any(before.get(name) != after.get(name) for name in CONTENT)
        shown.append(Entry(edit, words, before, after, is_open and edit.action != "added"))
        after = before  # empty before it was added, and while it was deleted
    return shown


@transaction.atomic
def restore(*, user: User, document: Document, edit_id: int) -> Chunk:
    """Make a change undone: the passage is again what it was before. Raises NotFound, or NotUndoable."""
    version = lock_document(document)
    edit = ChunkEdit.objects.filter(document=document, pk=edit_id).first()
    if edit is None:
        raise NotFound
    if edit.pk in _undone(document) or edit.action == "added":
        raise NotUndoable
    row, before = _bring_back(edit, version) if edit.action == "deleted" else _revert(edit)
    write_down("restored", row, user, before | {"undoes": edit.pk})
    rewrite_sections([row.section_id])
    detail: dict[str, Value] = {"chunk": str(row.pk), "number": row.ordinal + 1, "undone": edit.action}
    audit.record("chunk.restored", actor=user, team=document.library.team, target=document, detail=detail)
    transaction.on_commit(lambda: chunks_changed.send(sender=Chunk))
    return row


def _undone(document: Document) -> set[int]:
    restored = ChunkEdit.objects.filter(document=document, action="restored")
    return {before["undoes"] for before in restored.values_list("before", flat=True) if "undoes" in before}


def _bring_back(edit: ChunkEdit, version: DocumentVersion) -> tuple[Chunk, dict[str, Any]]:
    """Insert a deleted passage again under its old id, where it stood; nothing was there before."""
    kept = edit.before
    if Chunk.objects.filter(pk=kept["chunk"]).exists():
        raise NotUndoable
    fields = from_snapshot(kept) | {"ordinal": min(kept["ordinal"], version.chunk_count)}
    row = insert(version, fields, _content(kept), id=UUID(kept["chunk"]))
    ChunkEdit.objects.filter(document=edit.document_id, chunk=None, before__chunk=kept["chunk"]).update(chunk=row)
    return row, {}


def _revert(edit: ChunkEdit) -> tuple[Chunk, dict[str, Any]]:
    """Write what was before into the row; a merge's second part comes back, the part born of a split goes."""
    row = Chunk.objects.select_related("version__document__library").filter(edits=edit).first()
    if row is None:
        raise NotUndoable
    before, kept = snapshot(row), edit.before
    if edit.action in {"merged", "split"}:
        fields = from_snapshot(kept)
        for name in fields.keys() - {"ordinal"}:
            setattr(row, name, fields[name])
    row.is_enabled = kept["is_enabled"]
    write(row, _content(kept))
    save(row)
    if edit.action == "merged":
        second = kept["second"]
        again = {} if Chunk.objects.filter(pk=second["chunk"]).exists() else {"id": UUID(second["chunk"])}
        place = from_snapshot(second) | {"ordinal": row.ordinal + 1}
        insert(row.version, place, _content(second), **again)
    if edit.action == "split":
        born = Chunk.objects.filter(pk=kept["born"], version=row.version_id).first()
        if born is not None:
            remove(born)
    return row, before


def _content(kept: Mapping[str, Any]) -> Content:
    return Content(kept["text"], tuple(kept["keywords"]), tuple(kept["questions"]))
