"""Passages in people's hands: each act keeps what was, only what changed is embedded again, and all can be undone."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import numpy as np
import pytest

from apps.audit.models import AuditEvent
from apps.catalog.models import AIModel
from apps.core.errors import NotFound
from apps.core.invariants import verify
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
from apps.libraries.models import Chunk, ChunkEdit, ChunkEmbedding, Document, Section
from apps.libraries.types import Box, ChunkDraft, Cutting, SectionDraft, draft_digest
from apps.libraries.versions import store_version
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.fake import load_embedder
from apps.users.models import User
from tests import factories

TEXTS = ("Water boils at 100 degrees.", "Ice melts at 0 degrees.", "Lead melts at 327 degrees.")


def drafts(texts: tuple[str, ...] = TEXTS, *, sections: bool = False) -> list[ChunkDraft]:
    made, start = [], 0
    for number, text in enumerate(texts):
        made.append(
            ChunkDraft(
                number,
                text,
                6,
                heading_path=("Heat",),
                page_from=number + 1,
                page_to=number + 1,
                boxes=(Box(number + 1, 0.1, 0.1, 0.9, 0.3),),
                char_from=start,
                char_to=start + len(text),
                section=0 if sections else None,
            )
        )
        start += len(text) + 2
    return made


def store(document: Document, model: AIModel, made: list[ChunkDraft], sections: tuple[SectionDraft, ...] = ()) -> None:
    vectors = np.zeros((len(made), factories.DIMENSIONS), dtype=np.float32)
    vectors[:, 0] = 1
    version = document.versions.get()
    assert store_version(
        version=version, drafts=made, vectors=vectors, model=model, blocks=None, cutting=Cutting("", sections)
    )


@pytest.fixture
def stored(document: Document, embedding_model: AIModel) -> Document:
    """Return t1's document with three passages."""
    store(document, embedding_model, drafts())
    document.refresh_from_db()
    return document


def chunks(document: Document) -> list[Chunk]:
    return list(Chunk.objects.filter(document=document).order_by("ordinal"))


def texts(document: Document) -> list[str]:
    return [chunk.text for chunk in chunks(document)]


def broken() -> list[str]:
    return [f"{found.check}: {found.what}" for found in verify() if found.check.startswith("libraries.")]


class CountingEmbedder:
    """The fake model, with a list of what it was given."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def __call__(self, spec: Any) -> Any:
        real = load_embedder(spec)
        embedder = mock.Mock(wraps=real)

        def embed(given: list[str]) -> Any:
            self.seen += given
            return real.embed_passages(given)

        embedder.embed_passages = embed
        return embedder


@pytest.fixture
def embedder() -> Any:
    """Watch what is embedded."""
    counting = CountingEmbedder()
    with mock.patch("apps.ingestion.refresh.registry.embedder", counting):
        yield counting


def test_it_embeds_again_only_the_passage_that_was_edited(
    stored: Document, ed: User, embedder: CountingEmbedder
) -> None:
    """anchors 4, chunk view: an edit costs one vector, whatever the document's length."""
    second = chunks(stored)[1]

    editing.edit(user=ed, chunk=second, content=Content("Ice melts at zero.", ("frost",), ("When does ice melt?",)))
    assert broken() == []  # the old vector and the old terms serve until then
    assert refresh.embed_changed() == 1

    assert embedder.seen == ["Heat\nWhen does ice melt?\nIce melts at zero.\nfrost"]
    row = chunks(stored)[1]
    assert (row.pk, row.text, row.is_edited, row.is_pending) == (second.pk, "Ice melts at zero.", True, False)
    assert "frost" in row.terms
    assert refresh.embed_changed() == 0
    assert broken() == []


def test_it_embeds_nothing_for_a_switch_or_an_edit_taken_back(
    stored: Document, ed: User, embedder: CountingEmbedder
) -> None:
    first = chunks(stored)[0]

    editing.set_enabled(user=ed, chunk=first, is_enabled=False)
    editing.edit(user=ed, chunk=first, content=Content("Something else."))
    editing.edit(user=ed, chunk=first, content=Content(TEXTS[0]))
    refresh.embed_changed()

    assert embedder.seen == []
    row = chunks(stored)[0]
    assert (row.is_enabled, row.is_edited, row.is_pending) == (False, False, False)
    assert broken() == []


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


def test_it_keeps_edits_when_the_document_is_read_again(stored: Document, ed: User, embedding_model: AIModel) -> None:
    """anchors 2, theme 7: a new reading of a file must not throw away what people did."""
    first, second, third = chunks(stored)
    editing.edit(user=ed, chunk=first, content=Content("Water boils at 99.", ("steam",)))
    editing.set_enabled(user=ed, chunk=second, is_enabled=False)
    editing.add(user=ed, document=stored, after=second, content=Content("Mine."))
    editing.delete(user=ed, chunk=third)
    refresh.embed_changed()

    store(stored, embedding_model, drafts((*TEXTS, "Gold melts at 1064 degrees.")))

    assert texts(stored) == ["Water boils at 99.", TEXTS[1], "Mine.", "Gold melts at 1064 degrees."]
    assert [c.is_enabled for c in chunks(stored)] == [True, False, True, True]
    assert [c.pk for c in chunks(stored)][:2] == [first.pk, second.pk]
    refresh.embed_changed()
    assert broken() == []


def test_it_keeps_splits_and_merges_when_the_document_is_read_again(
    stored: Document, ed: User, embedding_model: AIModel
) -> None:
    first, second, _ = chunks(stored)
    editing.split(user=ed, chunk=first, content=Content(TEXTS[0]), at=5)
    editing.merge(user=ed, chunk=second)
    left = texts(stored)

    store(stored, embedding_model, drafts())

    assert texts(stored) == left == ["Water", "boils at 100 degrees.", f"{TEXTS[1]}\n\n{TEXTS[2]}"]
    refresh.embed_changed()
    assert broken() == []


def test_it_reads_no_old_words_in_the_place_of_a_corrected_passage(
    document: Document, embedding_model: AIModel, ed: User
) -> None:
    """A parent is read in place of its children: it may not keep what they were corrected from, or what is disabled."""
    whole = SectionDraft(0, "\n\n".join(TEXTS))
    store(document, embedding_model, drafts(sections=True), (whole,))
    first, second, third = chunks(document)

    editing.edit(user=ed, chunk=first, content=Content("Water boils at 99."))
    editing.set_enabled(user=ed, chunk=second, is_enabled=False)
    assert Section.objects.get(document=document).text == f"Water boils at 99.\n\n{TEXTS[2]}"

    done = editing.delete(user=ed, chunk=third)
    assert Section.objects.get(document=document).text == "Water boils at 99."
    history.restore(user=ed, document=document, edit_id=done.pk)
    assert TEXTS[2] in Section.objects.get(document=document).text


def test_it_leaves_passages_pending_while_the_model_is_broken(stored: Document, ed: User) -> None:
    editing.edit(user=ed, chunk=chunks(stored)[0], content=Content("Changed."))

    with mock.patch("apps.ingestion.refresh.registry.embedder", side_effect=RuntimeFailure("no memory")):
        assert refresh.embed_changed() == 0
    assert refresh.pending().count() == 1

    assert refresh.embed_changed() == 1
    assert not refresh.pending().exists()


def test_it_does_not_call_a_vector_right_that_was_made_from_older_text(stored: Document, ed: User) -> None:
    """Two people edit while the model works: what was saved last is embedded last."""
    chunk = chunks(stored)[0]
    editing.edit(user=ed, chunk=chunk, content=Content("First."))
    seen: list[str] = []

    def slow(spec: Any) -> Any:
        real = load_embedder(spec)

        def embed(given: list[str]) -> Any:
            if not seen:
                editing.edit(user=ed, chunk=chunk, content=Content("Second."))
            seen.extend(given)
            return real.embed_passages(given)

        return mock.Mock(embed_passages=embed)

    with mock.patch("apps.ingestion.refresh.registry.embedder", slow):
        refresh.embed_changed()
        refresh.embed_changed()

    assert seen == ["Heat\nFirst.", "Heat\nSecond."]
    assert not refresh.pending().exists()
    assert broken() == []


def test_it_rings_for_vectors_after_the_commit(
    stored: Document, ed: User, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    with (
        mock.patch("apps.ingestion.receivers.ring") as ring,
        django_capture_on_commit_callbacks(execute=True),
    ):
        editing.edit(user=ed, chunk=chunks(stored)[0], content=Content("Changed."))
        assert not ring.called
    assert ring.called


def test_it_waits_with_passages_of_a_deleted_document(stored: Document, ed: User) -> None:
    editing.edit(user=ed, chunk=chunks(stored)[0], content=Content("Changed."))
    Document.objects.update(deleted_at="2026-01-01T00:00Z")

    assert refresh.embed_changed() == 0
    with pytest.raises(NotFound):
        editing.edit(user=ed, chunk=chunks(stored)[1], content=Content("Changed."))


def test_it_knows_a_draft_again(stored: Document) -> None:
    assert chunks(stored)[0].source_digest == draft_digest(("Heat",), TEXTS[0])
