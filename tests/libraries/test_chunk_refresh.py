"""Indexes of passages that people changed: made once, of what was saved last; edits outlive a new reading."""

from collections.abc import Callable
from typing import Any
from unittest import mock

import pytest

from apps.catalog.models import AIModel
from apps.core.errors import NotFound
from apps.ingestion import refresh
from apps.libraries import editing, history
from apps.libraries.editing import Content
from apps.libraries.models import Document, Section
from apps.libraries.types import SectionDraft, draft_digest
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.fake import load_embedder
from apps.users.models import User
from tests.libraries.passages import TEXTS, CountingEmbedder, broken, chunks, drafts, store, texts


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
