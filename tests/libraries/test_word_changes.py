"""A library's words on their way from a draft to every passage, and back."""

import random
import time
from contextlib import suppress
from uuid import UUID

import pytest
from django.db import connection, transaction

from apps.libraries import lexicons, word_changes
from apps.libraries.invariants import term_statistics_are_as_counted, words_are_as_told
from apps.libraries.lexical import analyse
from apps.libraries.lexical_store import indexed_text
from apps.libraries.models import Chunk, Document, Lexicon, Library, TermStatistics
from apps.libraries.types import ChunkDraft
from apps.libraries.versions import store_version
from apps.libraries.word_errors import NothingToUndo, WordsBusy
from apps.libraries.wording import PLAIN, Wording, words_finder
from apps.users.models import User
from tests.factories import AIModelFactory, LibraryFactory, UserFactory
from tests.rag.corpus import EMBEDDER, fill

WORDS = Wording(("云雀平台", "service level"))


@pytest.fixture
def editor() -> User:
    return UserFactory()


def change(library: Library, wording: Wording, user: User) -> Lexicon:
    word_changes.save_draft(user=user, library=library, wording=wording)
    return word_changes.apply_draft(user=user, library=library)


def carry_out(library: Library) -> None:
    assert not word_changes.work(library.pk, until=time.monotonic() + 60)


def as_from_scratch(library: Library, wording: Wording) -> bool:
    """Return whether each passage's terms and the statistics are what analysing everything anew gives."""
    finder = words_finder(wording.words)
    for row in Chunk.objects.filter(library=library).select_related("version"):
        wanted = set(analyse(indexed_text(row.version.indexed_title, row), finder))
        have = {each[8:] for each in _lexemes(row)}
        assert have == wanted, row.text
    return term_statistics_are_as_counted() == []


def _lexemes(row: Chunk) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT tsvector_to_array(terms) FROM libraries_chunk WHERE id = %s", [row.pk])
        return list(cursor.fetchone()[0])


@pytest.mark.django_db
def test_a_new_word_reaches_every_passage_that_has_it(editor: User) -> None:
    library = LibraryFactory()
    fill(library, ["云雀平台上线。", "别的内容。"], name="a.txt")
    fill(library, ["Service levels matter.", "關於雲雀平台"], name="b.txt")

    change(library, WORDS, editor)
    assert lexicons.wordings_of([library.pk]) == [PLAIN]  # questions are read by the old words until the last one
    carry_out(library)

    lexicons.forget(library.pk)  # done on commit
    assert lexicons.wordings_of([library.pk]) == [WORDS]
    assert as_from_scratch(library, WORDS)
    assert TermStatistics.objects.get(library=library, term="=云雀平台").chunks == 2


@pytest.mark.django_db
def test_passages_without_a_touched_word_are_left_alone(editor: User, monkeypatch: pytest.MonkeyPatch) -> None:
    library = LibraryFactory()
    fill(library, ["云雀平台", *[f"无关内容 {n}" for n in range(20)]])
    written: list[UUID] = []
    real = word_changes.reindex_chunks

    def watch(library_id: UUID, chunks: list[Chunk], *, title: str) -> None:
        written.extend(chunk.pk for chunk in chunks)
        real(library_id, chunks, title=title)

    monkeypatch.setattr(word_changes, "reindex_chunks", watch)
    change(library, WORDS, editor)
    carry_out(library)

    assert len(written) == 1


@pytest.mark.django_db
def test_synonyms_alone_are_applied_at_once(editor: User) -> None:
    library = LibraryFactory()
    fill(library, ["退款说明"])

    row = change(library, Wording((), (("退货", "退款"),)), editor)

    assert row.state == Lexicon.State.APPLIED
    assert row.draft is None
    assert lexicons.wording_of(Lexicon.objects.get(library=library)).synonyms == (("退货", "退款"),)


@pytest.mark.django_db
def test_undo_brings_back_what_was(editor: User) -> None:
    library = LibraryFactory()
    fill(library, ["云雀平台上线。", "service level"])
    change(library, WORDS, editor)
    carry_out(library)

    word_changes.undo(user=editor, library=library)
    carry_out(library)

    assert as_from_scratch(library, PLAIN)
    assert Lexicon.objects.get(library=library).digest == ""
    word_changes.undo(user=editor, library=library)
    carry_out(library)
    assert as_from_scratch(library, WORDS)


@pytest.mark.django_db
def test_nothing_can_be_undone_at_first(editor: User) -> None:
    with pytest.raises(NothingToUndo):
        word_changes.undo(user=editor, library=LibraryFactory())


@pytest.mark.django_db
def test_a_change_on_its_way_can_be_turned_round(editor: User) -> None:
    library = LibraryFactory()
    for name in ("a.txt", "b.txt", "c.txt"):
        fill(library, ["云雀平台上线。"], name=name)
    change(library, WORDS, editor)
    word_changes._step(library.pk)

    with pytest.raises(WordsBusy):
        word_changes.save_draft(user=editor, library=library, wording=PLAIN)
    word_changes.undo(user=editor, library=library)
    carry_out(library)

    assert as_from_scratch(library, PLAIN)


@pytest.mark.django_db
def test_a_dead_worker_is_followed_by_another_behind_its_last_document(editor: User) -> None:
    library = LibraryFactory()
    for name in ("a.txt", "b.txt", "c.txt"):
        fill(library, ["云雀平台上线。"], name=name)
    change(library, WORDS, editor)
    assert word_changes.waiting() == [library.pk]

    assert word_changes.work(library.pk, until=0)  # no time for a single document: gives the lease back
    Lexicon.objects.filter(library=library).update(lease_until=None)
    word_changes._step(library.pk)  # … and dies here, holding its lease
    assert word_changes.waiting() == []
    assert not word_changes.work(library.pk, until=time.monotonic() + 60)  # the lease of the dead one still holds
    Lexicon.objects.filter(library=library).update(lease_until=None)
    carry_out(library)

    assert as_from_scratch(library, WORDS)


@pytest.mark.django_db
def test_what_arrives_meanwhile_is_written_by_the_new_words(editor: User) -> None:
    library = LibraryFactory()
    fill(library, ["云雀平台上线。"], name="a.txt")
    change(library, WORDS, editor)
    while word_changes._step(library.pk) and Lexicon.objects.get(library=library).cursor is None:
        pass
    fill(library, ["云雀平台下线。"], name="late.txt")
    carry_out(library)

    assert as_from_scratch(library, WORDS)


@pytest.mark.django_db
def test_passages_of_deleted_documents_are_right_when_these_come_back(editor: User) -> None:
    library = LibraryFactory()
    (chunk,) = fill(library, ["云雀平台上线。"])
    Document.objects.filter(pk=chunk.document_id).update(deleted_at="2026-01-01T00:00:00Z")
    change(library, WORDS, editor)
    carry_out(library)

    assert as_from_scratch(library, WORDS)


PIECES = ["云雀平台", "service level", "水的沸点", "KB-1042", "平台云雀", "处理器速度", "levels of service"]
WORDINGS = [PLAIN, WORDS, Wording(("处理器速度", "云雀平台")), Wording(("的沸点",)), Wording((), (("水", "water"),))]
LONG_AGO = "2026-01-01T00:00:00Z"


class Life:
    """What may happen to a library, one thing at a time."""

    ACTS = ("insert", "insert", "version", "disable", "delete", "restore", "words", "words", "trial")

    def __init__(self, seed: int, editor: User) -> None:
        self.rng = random.Random(seed)  # noqa: S311
        self.library, self.editor, self.model = LibraryFactory(), editor, AIModelFactory()

    def go_on(self) -> None:
        getattr(self, self.rng.choice(self.ACTS))()

    def _texts(self) -> list[str]:
        return [" ".join(self.rng.choices(PIECES, k=self.rng.randint(1, 5))) for _ in range(self.rng.randint(1, 4))]

    def _any(self) -> Document | None:
        documents = list(Document.objects.filter(library=self.library).order_by("created_at"))
        return self.rng.choice(documents) if documents else None

    def insert(self) -> None:
        count = Document.objects.filter(library=self.library).count()
        fill(self.library, self._texts(), name=f"d{count} 云雀平台.txt", model=self.model)

    def version(self) -> None:
        document = self._any()
        if document is not None and document.deleted_at is None and document.current_version is not None:
            texts = self._texts()
            drafts = [ChunkDraft(n, text, tokens=3) for n, text in enumerate(texts)]
            vectors = EMBEDDER.embed_passages(texts)
            store_version(
                version=document.current_version, drafts=drafts, vectors=vectors, model=self.model, blocks=None
            )

    def disable(self) -> None:
        Chunk.objects.filter(document=self._any()).update(is_enabled=self.rng.random() < 0.5)

    def delete(self) -> None:
        document = self._any()
        if document is not None:
            Document.objects.filter(pk=document.pk).update(deleted_at=LONG_AGO)

    def restore(self) -> None:
        Document.objects.filter(library=self.library).update(deleted_at=None)

    def words(self) -> None:
        change(self.library, self.rng.choice(WORDINGS), self.editor)
        if self.rng.random() < 0.3:
            word_changes._step(self.library.pk)
            with suppress(NothingToUndo):
                word_changes.undo(user=self.editor, library=self.library)
        if Lexicon.objects.get(library=self.library).state == Lexicon.State.APPLYING:
            carry_out(self.library)

    def trial(self) -> None:
        with transaction.atomic():
            word_changes.index_for_trial(self.library.pk, self.rng.choice(WORDINGS))
            assert term_statistics_are_as_counted() == []
            transaction.set_rollback(True)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_statistics_are_as_from_scratch_after_any_changes(seed: int, editor: User) -> None:
    """Inserts, new versions, disabling, deletion, restoring, trials and changes of words in any order.

    What is disabled, expired or in the trash counts as long as its rows are there: the statistics say what is stored.
    """
    life = Life(seed, editor)
    for _ in range(16):
        life.go_on()

    assert words_are_as_told() == []
    row = Lexicon.objects.filter(library=life.library).first()
    assert as_from_scratch(life.library, lexicons.wording_of(row) if row else PLAIN)


@pytest.mark.django_db
def test_the_invariant_sees_words_that_are_not_as_told(editor: User) -> None:
    library = LibraryFactory()
    change(library, Wording((), (("a b", "c d"),)), editor)
    assert words_are_as_told() == []

    Lexicon.objects.filter(library=library).update(words=["other words"], state=Lexicon.State.APPLYING)

    assert len(words_are_as_told()) == 2
