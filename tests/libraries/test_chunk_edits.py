"""Passages in people's hands: each act keeps what was, only what changed is embedded again, and all can be undone."""

import pytest

from apps.audit.models import AuditEvent
from apps.catalog.models import AIModel
from apps.core.errors import NotFound
from apps.ingestion import refresh
from apps.libraries import editing, history
from apps.libraries.carrying import removed_digests
from apps.libraries.edit_errors import (
    LastPassage,
    NoNextPassage,
    NothingToSplit,
    NotUndoable,
    PassageChanged,
    PassageEmpty,
    PassageTooLong,
)
from apps.libraries.editing import Content
from apps.libraries.models import Chunk, ChunkEdit, ChunkEmbedding, Document
from apps.libraries.types import ChunkDraft
from apps.users.models import User
from tests import factories
from tests.libraries.passages import TEXTS, CountingEmbedder, broken, chunks, drafts, store, texts


def test_it_keeps_who_changed_what_and_brings_it_back(stored: Document, ed: User, ada: User) -> None:
    chunk = chunks(stored)[0]
    editing.edit(user=ed, chunk=chunk, content=Content("Water boils at 99 degrees.", ("steam",)))
    editing.set_enabled(user=ada, chunk=chunk, is_enabled=False)

    latest, first = history.entries(chunks(stored)[0])
    assert [(entry.edit.action, entry.edit.made_by) for entry in (latest, first)] == [("disabled", ada), ("edited", ed)]
    assert [words.text for words in first.words if words.op == "removed"] == ["100"]
    assert [words.text for words in first.words if words.op == "added"] == ["99"]

    history.restore(user=ada, document=stored, edit_id=first.edit.pk)

    row = chunks(stored)[0]
    assert (row.text, row.keywords, row.is_enabled, row.is_edited) == (TEXTS[0], [], True, False)
    assert AuditEvent.objects.filter(action__startswith="chunk.").count() == 3
    with pytest.raises(NotUndoable):
        history.restore(user=ada, document=stored, edit_id=first.edit.pk)


def test_it_does_not_overwrite_what_somebody_else_saved(stored: Document, ed: User, ada: User) -> None:
    chunk = chunks(stored)[0]
    seen = editing.stamp_of(chunk)
    editing.edit(user=ada, chunk=chunk, content=Content("Ada was quicker."), stamp=seen)

    with pytest.raises(PassageChanged):
        editing.edit(user=ed, chunk=chunk, content=Content("Ed was slower."), stamp=seen)

    assert texts(stored)[0] == "Ada was quicker."


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (Content("  \x00\r\n"), PassageEmpty),
        (Content("x" * 20_001), PassageTooLong),
        (Content("x", tuple(str(n) for n in range(31))), PassageTooLong),
        (Content("x", ("k" * 101,)), PassageTooLong),
        (Content("x", (), ("q" * 501,)), PassageTooLong),
    ],
)
def test_it_refuses_what_no_index_can_hold(
    content: Content, error: type[Exception], stored: Document, ed: User
) -> None:
    with pytest.raises(error):
        editing.edit(user=ed, chunk=chunks(stored)[0], content=content)

    assert texts(stored) == list(TEXTS)


def test_it_takes_hostile_text_as_text(stored: Document, ed: User) -> None:
    hostile = Content("a\x00b\r\nc <script>", (" k\x00 w ", "k w", ""), ("", "  Why\n?  "))

    row = editing.edit(user=ed, chunk=chunks(stored)[0], content=hostile)

    assert (row.text, row.keywords, row.questions) == ("ab\nc <script>", ["k w"], ["Why ?"])


def test_it_splits_a_passage_where_the_caret_is(stored: Document, ed: User, embedder: CountingEmbedder) -> None:
    chunk = chunks(stored)[0]

    first, second = editing.split(user=ed, chunk=chunk, content=Content("汉字 one.\r\nTwo."), at=len("汉字 one.\n"))

    assert texts(stored) == ["汉字 one.", "Two.", *TEXTS[1:]]
    assert first.pk == chunk.pk
    assert [c.ordinal for c in chunks(stored)] == [0, 1, 2, 3]
    assert first.source_digest == second.source_digest
    assert (first.boxes[0][2], second.boxes[-1][4]) == (0.1, 0.3)
    assert first.boxes[-1][4] == second.boxes[0][2]
    assert broken() == []
    assert refresh.embed_changed() == 2
    assert len(embedder.seen) == 2
    assert broken() == []

    merged, undo = editing.merge(user=ed, chunk=first)
    assert merged.boxes == chunk.boxes
    history.restore(user=ed, document=stored, edit_id=undo.pk)

    edit = ChunkEdit.objects.get(action="split")
    history.restore(user=ed, document=stored, edit_id=edit.pk)
    assert texts(stored) == list(TEXTS)
    assert chunks(stored)[0].boxes == chunk.boxes
    refresh.embed_changed()
    assert broken() == []


@pytest.mark.parametrize("at", [-5, 0, 27, 1000])
def test_it_splits_nothing_off_at_an_end(at: int, stored: Document, ed: User) -> None:
    with pytest.raises(NothingToSplit):
        editing.split(user=ed, chunk=chunks(stored)[0], content=Content(TEXTS[0]), at=at)

    assert texts(stored) == list(TEXTS)


def test_it_merges_a_passage_with_the_next(stored: Document, ed: User) -> None:
    first, second, _ = chunks(stored)
    Chunk.objects.filter(pk=second.pk).update(keywords=["ice"])

    merged, done = editing.merge(user=ed, chunk=first)

    assert texts(stored) == [f"{TEXTS[0]}\n\n{TEXTS[1]}", TEXTS[2]]
    assert (merged.page_from, merged.page_to, merged.char_to) == (1, 2, second.char_to)
    assert len(merged.boxes) == 2
    assert merged.keywords == ["ice"]
    assert removed_digests(stored) == {second.source_digest: 1}
    refresh.embed_changed()
    assert broken() == []

    history.restore(user=ed, document=stored, edit_id=done.pk)
    assert [c.pk for c in chunks(stored)][:2] == [first.pk, second.pk]
    assert texts(stored) == list(TEXTS)
    assert chunks(stored)[1].keywords == ["ice"]
    assert not removed_digests(stored)
    refresh.embed_changed()
    assert broken() == []


def test_it_merges_without_what_the_second_repeats(document: Document, embedding_model: AIModel, ed: User) -> None:
    first = ChunkDraft(0, "One. Two.", 4, char_from=0, char_to=9)
    second = ChunkDraft(1, "Two. Three.", 4, char_from=5, char_to=16)
    store(document, embedding_model, [first, second])

    merged, _ = editing.merge(user=ed, chunk=chunks(document)[0])

    assert merged.text == "One. Two. Three."
    with pytest.raises(NoNextPassage):
        editing.merge(user=ed, chunk=merged)


def test_it_deletes_with_undo_and_keeps_numbers_and_statistics_right(stored: Document, ed: User) -> None:
    gone = chunks(stored)[1]

    done = editing.delete(user=ed, chunk=gone)

    assert texts(stored) == [TEXTS[0], TEXTS[2]]
    assert removed_digests(stored) == {gone.source_digest: 1}
    assert broken() == []

    back = history.restore(user=ed, document=stored, edit_id=done.pk)
    assert [entry.edit.action for entry in history.entries(back)] == ["restored", "deleted"]
    assert (back.pk, texts(stored)) == (gone.pk, list(TEXTS))
    assert refresh.embed_changed() == 1
    assert broken() == []
    with pytest.raises(NotUndoable):
        history.restore(user=ed, document=stored, edit_id=done.pk)


def test_it_keeps_the_last_passage_of_a_document(document: Document, embedding_model: AIModel, ed: User) -> None:
    store(document, embedding_model, drafts(TEXTS[:1]))

    with pytest.raises(LastPassage):
        editing.delete(user=ed, chunk=chunks(document)[0])


def test_it_adds_a_passage_that_is_found_once_it_has_a_vector(stored: Document, ed: User) -> None:
    anchor = chunks(stored)[0]

    added = editing.add(user=ed, document=stored, after=anchor, content=Content("Steam is hot.", ("vapour",)))
    editing.add(user=ed, document=stored, after=None, content=Content("A preface."))

    assert texts(stored) == ["A preface.", TEXTS[0], "Steam is hot.", *TEXTS[1:]]
    assert (added.page_from, added.heading_path, added.is_manual) == (1, ["Heat"], True)
    assert not ChunkEmbedding.objects.filter(chunk=added).exists()
    assert broken() == []
    assert refresh.embed_changed() == 2
    assert ChunkEmbedding.objects.filter(chunk=added).count() == 1
    assert broken() == []


def test_it_adds_behind_a_passage_of_the_same_document_only(stored: Document, ed: User) -> None:
    other = factories.ChunkFactory(document=factories.DocumentFactory(library=stored.library))

    with pytest.raises(NotFound):
        editing.add(user=ed, document=stored, after=other, content=Content("x"))
