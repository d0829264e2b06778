"""What people do with passages. Each act is one transaction, keeps what was before, and leaves an audit event.

The text is changed at once; its vector and its lexical terms follow in a worker, which `chunks_changed` rings for.
Until then the old ones serve. Everybody who writes chunks locks the document and then its library.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import F

from apps.audit import services as audit
from apps.audit.services import Value
from apps.core.errors import NotFound
from apps.libraries.carrying import rewrite_sections, snapshot, without_overlap, write_down
from apps.libraries.edit_errors import (
    LastPassage,
    NoNextPassage,
    NothingToSplit,
    NotReadYet,
    PassageChanged,
    PassageEmpty,
    PassageTooLong,
)
from apps.libraries.lexical_store import forget_chunks
from apps.libraries.models import Chunk, ChunkEdit, ChunkEmbedding, Document, DocumentVersion, Library
from apps.libraries.places import joined_boxes, split_place
from apps.libraries.signals import chunks_changed
from apps.libraries.types import draft_digest, embedded_text, text_digest
from apps.users.models import User

MAX_TEXT_CHARS = 20_000
MAX_KEYWORDS, MAX_KEYWORD_CHARS = 30, 100
MAX_QUESTIONS, MAX_QUESTION_CHARS = 20, 500


@dataclass(frozen=True, slots=True)
class Content:
    """What a person wrote: the text of a passage, keywords, and questions that it answers."""

    text: str
    keywords: tuple[str, ...] = ()
    questions: tuple[str, ...] = ()


def stamp_of(chunk: Chunk) -> str:
    """Return a short digest of what a person edits, to notice that somebody else was quicker."""
    return text_digest("\x1f".join((chunk.text, *chunk.keywords, "\x1e", *chunk.questions)))[:16]


@transaction.atomic
def edit(*, user: User, chunk: Chunk, content: Content, stamp: str = "") -> Chunk:
    """Change text, keywords and questions. Raises PassageChanged, PassageEmpty or PassageTooLong."""
    clean = _clean(content)
    row = locked(chunk)
    if stamp and stamp != stamp_of(row):
        raise PassageChanged
    before, old_text = snapshot(row), row.text
    write(row, clean)
    if snapshot(row) == before:
        return row
    save(row)
    write_down("edited", row, user, before)
    if row.text != old_text:
        rewrite_sections([row.section_id])
    _tell(user, row, "chunk.edited")
    return row


@transaction.atomic
def set_enabled(*, user: User, chunk: Chunk, is_enabled: bool) -> Chunk:
    """Let searches find the passage, or not. Nothing is embedded again for it."""
    row = locked(chunk)
    if row.is_enabled == is_enabled:
        return row
    before = snapshot(row)
    row.is_enabled = is_enabled
    row.save(update_fields=["is_enabled", "updated_at"])
    write_down("enabled" if is_enabled else "disabled", row, user, before)
    rewrite_sections([row.section_id])
    _tell(user, row, "chunk.enabled" if is_enabled else "chunk.disabled")
    return row


@transaction.atomic
def add(*, user: User, document: Document, after: Chunk | None, content: Content) -> Chunk:
    """Put a new passage behind `after`, or first. Raises NotReadYet, PassageEmpty or PassageTooLong."""
    clean = _clean(content)
    version = lock_document(document)
    anchor = _again(after) if after is not None else None
    if anchor is not None and anchor.document_id != document.pk:
        raise NotFound
    place: dict[str, Any] = {"ordinal": 0}
    if anchor is not None:
        place = {
            "ordinal": anchor.ordinal + 1,
            "heading_path": anchor.heading_path,
            "page_from": anchor.page_to,
            "page_to": anchor.page_to,
            "char_from": anchor.char_to,
            "char_to": anchor.char_to,
        }
    row = insert(version, {**place, "is_manual": True}, clean)
    write_down("added", row, user, {})
    _tell(user, row, "chunk.added")
    return row


@transaction.atomic
def split(*, user: User, chunk: Chunk, content: Content, at: int, stamp: str = "") -> tuple[Chunk, Chunk]:
    """Cut the passage in two at a character of `content.text`. Raises NothingToSplit, PassageChanged and others."""
    clean = _clean(content)
    text = _plain(content.text)
    head, tail = text[: max(0, at)].strip(), text[max(0, at) :].strip()
    if not head or not tail:
        raise NothingToSplit
    row = locked(chunk)
    if stamp and stamp != stamp_of(row):
        raise PassageChanged
    before = snapshot(row)
    first_place, second_place = split_place(row, len(head) / (len(head) + len(tail)))
    for name, value in first_place.items():
        setattr(row, name, value)
    write(row, Content(head, clean.keywords, clean.questions))
    row.is_manual = True
    save(row)
    fields = {
        **second_place,
        "ordinal": row.ordinal + 1,
        "heading_path": row.heading_path,
        "section": row.section,
        "is_manual": True,
        "is_enabled": row.is_enabled,
        "source_digest": row.source_digest,
    }
    second = insert(row.version, fields, Content(tail))
    write_down("split", row, user, before | {"born": str(second.pk)})
    write_down("added", second, user, {})
    rewrite_sections([row.section_id])
    _tell(user, row, "chunk.split")
    return row, second


@transaction.atomic
def merge(*, user: User, chunk: Chunk) -> tuple[Chunk, ChunkEdit]:
    """Join the passage with the next one. Raises NoNextPassage or PassageTooLong."""
    row = locked(chunk)
    following = Chunk.objects.filter(version=row.version_id, ordinal=row.ordinal + 1).first()
    if following is None:
        raise NoNextPassage
    before, second = snapshot(row), snapshot(following)
    sections = [row.section_id, following.section_id]
    text = without_overlap(row.text, following.text, row.char_to - following.char_from)
    whole = row.text + ("\n\n" if text == following.text else "") + text
    clean = _clean(
        Content(whole, _united(row.keywords, following.keywords), _united(row.questions, following.questions))
    )
    remove(following)
    row.boxes = joined_boxes(row.boxes, following.boxes)
    row.page_from, row.page_to = row.page_from or following.page_from, following.page_to or row.page_to
    row.char_to = max(row.char_to, following.char_to)
    row.is_manual = True
    if following.section_id != row.section_id:
        row.section = None
    write(row, clean)
    save(row)
    done = write_down("merged", row, user, before | {"second": second})
    rewrite_sections(sections)
    _tell(user, row, "chunk.merged")
    return row, done


@transaction.atomic
def delete(*, user: User, chunk: Chunk) -> ChunkEdit:
    """Remove the passage; the edit that is returned brings it back. Raises LastPassage for a document's only one."""
    row = locked(chunk)
    if row.version.chunk_count <= 1:
        raise LastPassage
    done = write_down("deleted", row, user, snapshot(row), is_gone=True)
    remove(row)
    rewrite_sections([row.section_id])
    _tell(user, row, "chunk.deleted")
    return done


def locked(chunk: Chunk) -> Chunk:
    """Return the passage as it is now, with its document and library locked. Raises NotFound where it is gone."""
    lock_document(chunk.document)
    return _again(chunk)


def lock_document(document: Document) -> DocumentVersion:
    """Lock a document and its library; return its current version. Raises NotReadYet, or NotFound for a deleted one."""
    row = Document.objects.select_for_update(no_key=True).filter(pk=document.pk, deleted_at=None).first()
    if row is None:
        raise NotFound
    Library.objects.select_for_update(no_key=True).get(pk=row.library_id)
    if row.current_version_id is None:
        raise NotReadYet
    return DocumentVersion.objects.select_related("document__library").get(pk=row.current_version_id)


def _again(chunk: Chunk) -> Chunk:
    rows = Chunk.objects.select_related("document__library__team", "version", "section").defer("terms", "weights")
    row = rows.filter(pk=chunk.pk).first()
    if row is None:
        raise NotFound
    return row


def write(row: Chunk, content: Content) -> None:
    """Put new content into a row that is not saved yet, and tell whether it has to be indexed again."""
    row.text, row.keywords, row.questions = content.text, list(content.keywords), list(content.questions)
    if not row.source_digest:
        row.is_edited = row.is_edited or not row.is_manual
    else:
        row.is_edited = draft_digest(row.heading_path, row.text) != row.source_digest
    row.is_pending = row.embedded_digest != digest_of(row)


def digest_of(row: Chunk) -> str:
    """Return the digest of what the row's vector should be made from."""
    return text_digest(embedded_text(row.heading_path, row.text, row.keywords, row.questions))


def save(row: Chunk) -> None:
    """Store a changed row; the lexical columns stay as they are until the worker has made the new ones."""
    own = [field.name for field in Chunk._meta.concrete_fields if field.name not in {"id", "terms", "weights"}]
    row.save(update_fields=own)


def insert(version: DocumentVersion, fields: dict[str, Any], content: Content, **more: Any) -> Chunk:
    """Store a new row at `fields["ordinal"]`; those behind it move on by one."""
    document = version.document
    Chunk.objects.filter(version=version, ordinal__gte=fields["ordinal"]).update(ordinal=F("ordinal") + 1)
    DocumentVersion.objects.filter(pk=version.pk).update(chunk_count=F("chunk_count") + 1)
    row = Chunk(
        **{"tokens": max(1, len(content.text) // 3), **fields, **more},  # an estimate until the worker has counted
        team_id=document.library.team_id,
        library_id=document.library_id,
        document=document,
        version=version,
    )
    write(row, content)
    row.is_pending = True
    row.save(force_insert=True)
    return row


def remove(row: Chunk) -> None:
    """Delete a row with its vectors and its share of the statistics; those behind it move up."""
    only = Chunk.objects.filter(pk=row.pk)
    forget_chunks(only)
    ChunkEmbedding.objects.filter(chunk=row.pk).delete()
    only.delete()
    Chunk.objects.filter(version=row.version_id, ordinal__gt=row.ordinal).update(ordinal=F("ordinal") - 1)
    DocumentVersion.objects.filter(pk=row.version_id).update(chunk_count=F("chunk_count") - 1)


def _tell(user: User, row: Chunk, action: str) -> None:
    document = row.document
    detail: dict[str, Value] = {"chunk": str(row.pk), "number": row.ordinal + 1, "name": document.name}
    audit.record(action, actor=user, team=document.library.team, target=document, detail=detail)
    transaction.on_commit(lambda: chunks_changed.send(sender=Chunk))


def _clean(content: Content) -> Content:
    """Return the content without control characters, empty entries and repeats. Raises what does not fit."""
    text = _plain(content.text).strip()
    if not text:
        raise PassageEmpty
    keywords = _united(_lines(content.keywords), ())
    questions = _united(_lines(content.questions), ())
    is_long = len(text) > MAX_TEXT_CHARS or len(keywords) > MAX_KEYWORDS or len(questions) > MAX_QUESTIONS
    is_long = is_long or any(len(word) > MAX_KEYWORD_CHARS for word in keywords)
    if is_long or any(len(question) > MAX_QUESTION_CHARS for question in questions):
        raise PassageTooLong(text=MAX_TEXT_CHARS, keywords=MAX_KEYWORDS, questions=MAX_QUESTIONS)
    return Content(text, keywords, questions)


def _plain(text: str) -> str:
    """Return the text with plain line ends and without NUL, which PostgreSQL refuses."""
    return text.replace("\r\n", "\n").replace("\r", "\n").replace("\x00", "")


def _lines(values: Iterable[str]) -> list[str]:
    return [line for value in values if (line := " ".join(_plain(value).split()))]


def _united(first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
