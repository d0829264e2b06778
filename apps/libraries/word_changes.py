"""The way of a library from one wording to the next: a draft, its application in the background, and back again.

Passages that have one of the touched words are indexed again, document by document; the others stay as they are, for
the words change nothing in them. Questions are read by the old wording until the last document is done. Synonyms alone
need no new index and are applied at once.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, Sum
from django.db.models.functions import Now
from django.utils import timezone

from apps.audit import services as audit
from apps.libraries.lexical import fold, units_of
from apps.libraries.lexical_store import indexed_text, reindex_chunks
from apps.libraries.lexicons import forget, trial, wording_of
from apps.libraries.models import Chunk, Document, Lexicon, Library
from apps.libraries.word_errors import NothingToUndo, WordsBusy
from apps.libraries.wording import Finder, Wording, stored_wording, words_finder
from apps.users.models import User

LEASE = timedelta(seconds=120)
ROWS = 200  # chunks at a time
TRIED_AT_MOST = 3_000  # passages indexed for a comparison: about ten seconds
State = Lexicon.State


def of_library(library: Library) -> Lexicon:
    """Return the library's row; a new one, not stored, where nobody wrote a word yet."""
    return Lexicon.objects.filter(library=library).first() or Lexicon(library=library)


@transaction.atomic
def save_draft(*, user: User, library: Library, wording: Wording) -> Lexicon:
    """Keep a change that is not applied yet; one that changes nothing is no draft. Raises WordsBusy."""
    row = _locked(library)
    _refuse_if_busy(row)
    row.draft = None if wording == wording_of(row) else wording.as_json
    row.report, row.updated_by = {}, user
    row.save(update_fields=["draft", "report", "updated_by", "updated_at"])
    return row


@transaction.atomic
def discard_draft(*, user: User, library: Library) -> Lexicon:
    """Forget the draft. Raises WordsBusy."""
    row = _locked(library)
    _refuse_if_busy(row)
    row.draft, row.report, row.updated_by = None, {}, user
    row.save(update_fields=["draft", "report", "updated_by", "updated_at"])
    return row


@transaction.atomic
def apply_draft(*, user: User, library: Library) -> Lexicon:
    """Begin to make the draft the library's wording; at once where no passage has to be indexed again."""
    row = _locked(library)
    if row.state == State.APPLYING:
        raise WordsBusy
    if row.draft is not None:
        _begin(row, stored_wording(row.draft), user)
    return row


@transaction.atomic
def undo(*, user: User, library: Library) -> Lexicon:
    """Go back to what was applied before; a change that is on its way is turned round. Raises NothingToUndo."""
    row = _locked(library)
    if row.state == State.APPLYING:
        _begin(row, wording_of(row), user)
    elif row.former is None:
        raise NothingToUndo
    else:
        _begin(row, stored_wording(row.former), user)
    return row


def _refuse_if_busy(row: Lexicon) -> None:
    if row.state == State.APPLYING:
        raise WordsBusy


def _locked(library: Library) -> Lexicon:
    """Return the library's row with the library locked: no passage is written meanwhile."""
    Library.objects.select_for_update(no_key=True).get(pk=library.pk)
    row, _is_new = Lexicon.objects.select_for_update().get_or_create(library=library)
    return row


def _begin(row: Lexicon, wanted: Wording, user: User) -> None:
    """Set out for another wording. Passages may be indexed by what was applied and by what was on its way."""
    applied = wording_of(row)
    half_way = stored_wording(row.target) if row.target else applied
    touched = {*applied.words, *half_way.words} ^ set(wanted.words)
    touched |= set(applied.words) ^ set(half_way.words)
    touched |= set((row.target or {}).get("touched", ()))
    chunks = _chunks_of(row.library_id) if touched else 0
    row.target = wanted.as_json | {"touched": sorted(touched)}
    row.state, row.cursor, row.lease_until = State.APPLYING, None, None
    row.progress_done, row.progress_total, row.updated_by = 0, chunks, user
    if chunks:
        row.save()
    else:
        _finish(row)
    library = Library.objects.select_related("team").get(pk=row.library_id)
    detail: dict[str, str | int] = {"words": len(wanted.words), "synonyms": len(wanted.synonyms)}
    audit.record("library.words-changed", actor=user, team=library.team, target=library, detail=detail)


def _chunks_of(library_id: UUID) -> int:
    documents = Document.objects.filter(library=library_id, current_version__chunk_count__gt=0)
    return int(documents.aggregate(n=Sum("current_version__chunk_count"))["n"] or 0)


def _finish(row: Lexicon) -> None:
    """Make the target what is applied."""
    before, target = wording_of(row), stored_wording(row.target)
    if target != before:
        row.former = before.as_json
    row.words, row.synonyms, row.digest = list(target.words), [list(group) for group in target.synonyms], target.digest
    if row.draft is not None and stored_wording(row.draft) == target:
        row.draft, row.report = None, {}
    row.target, row.cursor, row.state, row.lease_until = None, None, State.APPLIED, None
    row.progress_done = row.progress_total = 0
    row.save()
    library_id = row.library_id
    transaction.on_commit(lambda: forget(library_id))


def waiting() -> list[UUID]:
    """Return the libraries whose change no worker carries out."""
    rows = Lexicon.objects.filter(state=State.APPLYING, library__deleted_at=None)
    return list(rows.filter(Q(lease_until=None) | Q(lease_until__lt=Now())).values_list("library_id", flat=True))


def work(library_id: UUID, *, until: float, is_stopping: Callable[[], bool] = lambda: False) -> bool:
    """Index passages by the target until `until` (monotonic seconds); returns whether more is to be done.

    One worker at a time, by lease; what a dead one leaves is taken up behind its last document.
    """
    free = Q(lease_until=None) | Q(lease_until__lt=Now())
    mine = Lexicon.objects.filter(free, library=library_id, state=State.APPLYING)
    if not mine.update(lease_until=timezone.now() + LEASE):
        return False
    while time.monotonic() < until and not is_stopping():
        if not _step(library_id):
            return False
    Lexicon.objects.filter(library=library_id, state=State.APPLYING).update(lease_until=None)
    return True


def _step(library_id: UUID) -> bool:
    """Index the next document; returns whether there may be another."""
    row = Lexicon.objects.filter(library=library_id, state=State.APPLYING).first()
    if row is None or row.target is None:
        return False
    documents = Document.objects.filter(library=library_id, current_version__chunk_count__gt=0).order_by("pk")
    if row.cursor is not None:
        documents = documents.filter(pk__gt=row.cursor)
    document = documents.select_related("current_version").first()
    if document is None:
        return not _end(library_id, row.target)
    finder = words_finder(tuple(row.target["touched"]))
    version = document.current_version
    touched = _touched(document, version.indexed_title if version else "", finder)
    return _write(row, document, touched)


def _touched(document: Document, title: str, finder: Finder) -> list[UUID]:
    """Return the document's indexed chunks in which a touched word stands."""
    rows = Chunk.objects.filter(document=document, terms__isnull=False).order_by("ordinal")
    rows = rows.only("pk", "heading_path", "text", "keywords", "questions")
    return [row.pk for row in rows.iterator(chunk_size=ROWS) if _has(finder, indexed_text(title, row))]


def _has(finder: Finder, text: str) -> bool:
    folded = fold(text)
    return bool(finder.find(folded, units_of(folded)))


@transaction.atomic
def _write(row: Lexicon, document: Document, touched: Sequence[UUID]) -> bool:
    """Index the touched chunks and move on behind the document; returns False where the change was turned round."""
    locked = Document.objects.select_for_update(no_key=True).filter(pk=document.pk).first()
    Library.objects.select_for_update(no_key=True).get(pk=row.library_id)
    same = Lexicon.objects.filter(library=row.library_id, state=State.APPLYING, target=row.target, cursor=row.cursor)
    if not same.exists():
        return True
    if locked is not None:
        for at in range(0, len(touched), ROWS):
            chunks = Chunk.objects.filter(pk__in=touched[at : at + ROWS], document=document, terms__isnull=False)
            version = document.current_version
            title = version.indexed_title if version else ""
            reindex_chunks(row.library_id, list(chunks.order_by("ordinal")), title=title)
    count = document.current_version.chunk_count if document.current_version else 0
    same.update(
        cursor=document.pk,
        progress_done=min(row.progress_total, row.progress_done + count),
        lease_until=timezone.now() + LEASE,
    )
    return True


@transaction.atomic
def _end(library_id: UUID, target: Mapping[str, object]) -> bool:
    """Switch questions to the target; returns False where the change was turned round meanwhile."""
    Library.objects.select_for_update(no_key=True).get(pk=library_id)
    row = Lexicon.objects.select_for_update().get(library=library_id)
    if row.state != State.APPLYING or row.target != target:
        return False
    _finish(row)
    return True


def index_for_trial(library_id: UUID, wording: Wording, *, most: int = TRIED_AT_MOST) -> int:
    """Index the passages that the wording changes as if it were applied, at most `most`; returns how many.

    For a comparison: call it in a transaction that is rolled back. Whoever writes passages of the library waits until
    then.
    """
    Library.objects.select_for_update(no_key=True).get(pk=library_id)
    row = Lexicon.objects.filter(library=library_id).first()
    before = set(wording_of(row).words) if row else set()
    finder = words_finder(tuple(sorted(before ^ set(wording.words))))
    count = 0
    if not finder:
        return count
    documents = Document.objects.filter(library=library_id, current_version__chunk_count__gt=0)
    with trial({library_id: wording}):
        for document in documents.select_related("current_version").order_by("pk"):
            count += _try(library_id, document, finder, most - count)
            if count >= most:
                break
    return count


def _try(library_id: UUID, document: Document, finder: Finder, most: int) -> int:
    title = document.current_version.indexed_title if document.current_version else ""
    touched = _touched(document, title, finder)[:most]
    for at in range(0, len(touched), ROWS):
        chunks = Chunk.objects.filter(pk__in=touched[at : at + ROWS]).order_by("ordinal")
        reindex_chunks(library_id, list(chunks), title=title)
    return len(touched)
