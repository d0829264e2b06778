"""What stays when a document is cut anew: rows, vectors, edits and removals; what two versions differ in."""

from collections import Counter
from typing import Any
from uuid import uuid4

import numpy as np
import pytest
from django.core.files.base import ContentFile

from apps.catalog.models import AIModel
from apps.core.invariants import verify
from apps.libraries import diffs
from apps.libraries.diffs import Side, compare, word_pieces
from apps.libraries.editing import merge
from apps.libraries.matching import Old, place
from apps.libraries.models import Chunk, ChunkEdit, ChunkEmbedding, Document, DocumentVersion, FormerChunks, Section
from apps.libraries.types import Box, ChunkDraft, Cutting, SectionDraft, draft_digest
from apps.libraries.versions import store_version
from apps.users.models import User
from tests import factories

TEXTS = ["Water boils at 100 degrees.", "Ice melts at 0 degrees.", "Steam is hot.", "Snow is cold."]


def drafts_of(texts: list[str], *, page: int = 1) -> list[ChunkDraft]:
    drafts, at = [], 0
    for ordinal, text in enumerate(texts):
        box = (Box(page, 0, 0, 1, 1),)
        drafts.append(ChunkDraft(ordinal, text, 6, ("Heat",), page, page, box, at, at + len(text)))
        at += len(text) + 2
    return drafts


def store(version: DocumentVersion, texts: list[str], model: AIModel, **more: Any) -> bool:
    rng = np.random.default_rng(len("".join(texts)))
    vectors = rng.normal(size=(len(texts), factories.DIMENSIONS)).astype(np.float32)
    drafts = more.pop("drafts", None) or drafts_of(texts)
    return store_version(version=version, drafts=drafts, vectors=vectors, model=model, blocks=None, **more)


def next_version(document: Document) -> DocumentVersion:
    number = document.versions.count() + 1
    version = DocumentVersion(document=document, number=number, sha256=f"{number:064}", size_bytes=1)
    version.file.save("ignored", ContentFile(b"x"), save=True)
    return version


def rows_of(document: Document) -> list[Chunk]:
    return list(Chunk.objects.filter(document=document).order_by("ordinal"))


def broken() -> list[str]:
    return [f"{found.check}: {found.what}" for found in verify() if found.check.startswith("libraries.")]


@pytest.fixture
def stored(document: Document, embedding_model: AIModel) -> Document:
    """Return the document with four chunks."""
    assert document.current_version is not None
    store(document.current_version, TEXTS, embedding_model)
    return document


def test_it_keeps_the_rows_and_vectors_of_unchanged_chunks(stored: Document, embedding_model: AIModel) -> None:
    before = {row.text: row for row in rows_of(stored)}
    vectors = dict(ChunkEmbedding.objects.values_list("chunk__text", "pk"))
    version = next_version(stored)

    texts = ["A new beginning.", *TEXTS[:2], TEXTS[3]]
    assert store(version, texts, embedding_model, drafts=drafts_of(texts, page=7))

    after = rows_of(stored)
    assert [row.text for row in after] == texts
    assert [row.ordinal for row in after] == [0, 1, 2, 3]
    assert {row.version_id for row in after} == {version.pk}
    assert [before[text].pk for text in texts[1:]] == [row.pk for row in after[1:]]
    assert [(row.page_from, row.boxes) for row in after] == [(7, [[7, 0, 0, 1, 1]])] * 4
    assert after[1].char_from == len(texts[0]) + 2
    assert after[1].char_to == after[1].char_from + len(texts[1])
    kept = dict(ChunkEmbedding.objects.values_list("chunk__text", "pk"))
    assert {text: kept[text] for text in texts[1:]} == {text: vectors[text] for text in texts[1:]}
    assert broken() == []


def test_it_carries_edits_keywords_and_switches_over(stored: Document, embedding_model: AIModel) -> None:
    first, second, third, _fourth = rows_of(stored)
    Chunk.objects.filter(pk=first.pk).update(text="Water boils at 99 degrees.", is_edited=True)
    Chunk.objects.filter(pk=second.pk).update(keywords=["freezing"], questions=["When does ice melt?"])
    Chunk.objects.filter(pk=third.pk).update(is_enabled=False)

    store(next_version(stored), [*TEXTS, "One more."], embedding_model)

    after = rows_of(stored)
    assert [row.pk for row in after[:3]] == [first.pk, second.pk, third.pk]
    assert (after[0].text, after[0].is_edited) == ("Water boils at 99 degrees.", True)
    assert (after[1].keywords, after[1].questions) == (["freezing"], ["When does ice melt?"])
    assert not after[2].is_enabled


def test_it_drops_an_edit_whose_source_has_changed(stored: Document, embedding_model: AIModel) -> None:
    first = rows_of(stored)[0]
    Chunk.objects.filter(pk=first.pk).update(text="Edited.", is_edited=True)

    store(next_version(stored), ["Water boils at 95 degrees up here.", *TEXTS[1:]], embedding_model)

    assert [row.text for row in rows_of(stored)] == ["Water boils at 95 degrees up here.", *TEXTS[1:]]


def test_it_keeps_added_chunks_behind_their_neighbour_and_removed_ones_away(
    stored: Document, embedding_model: AIModel
) -> None:
    rows = rows_of(stored)
    added = factories.ChunkFactory(
        document=stored, ordinal=4, text="By hand.", is_manual=True, is_pending=True, char_from=0
    )
    Chunk.objects.filter(pk=rows[3].pk).update(ordinal=5)
    digest = draft_digest(("Heat",), TEXTS[1])
    ChunkEdit.objects.create(document=stored, action="deleted", before={"source_digest": digest})
    Chunk.objects.filter(pk=rows[1].pk).delete()

    store(next_version(stored), ["New.", *TEXTS], embedding_model)

    after = rows_of(stored)
    assert [row.text for row in after] == ["New.", TEXTS[0], TEXTS[2], "By hand.", TEXTS[3]]
    assert after[3].pk == added.pk
    assert after[3].is_pending


def test_it_keeps_both_parts_of_a_split(stored: Document, embedding_model: AIModel) -> None:
    row = rows_of(stored)[0]
    Chunk.objects.filter(document=stored, ordinal__gt=0).delete()
    Chunk.objects.filter(pk=row.pk).update(text="Water boils", char_to=11, is_edited=True)
    part = factories.ChunkFactory(
        document=stored,
        ordinal=1,
        text="at 100 degrees.",
        char_from=12,
        char_to=27,
        is_manual=True,
        is_pending=True,
        source_digest=row.source_digest,
    )

    store(next_version(stored), ["New.", TEXTS[0]], embedding_model)

    after = rows_of(stored)
    assert [(each.pk, each.text) for each in after[1:]] == [(row.pk, "Water boils"), (part.pk, "at 100 degrees.")]
    assert [(each.char_from, each.char_to) for each in after[1:]] == [(6, 17), (18, 33)]


@pytest.mark.parametrize("is_first_changed", [False, True])
def test_a_merged_passage_loses_no_text(
    is_first_changed: Any, stored: Document, embedding_model: AIModel, alice: User
) -> None:
    """The second part stays away while the row that holds its text stays, and comes back when that goes."""
    first, second, *_ = rows_of(stored)
    merge(user=alice, chunk=first)
    texts = ["Water boils at 95 degrees." if is_first_changed else TEXTS[0], *TEXTS[1:]]

    store(next_version(stored), texts, embedding_model)

    after = [row.text for row in rows_of(stored)]
    assert len(after) == (4 if is_first_changed else 3)
    assert sum(second.text in text for text in after) == 1


def test_it_keeps_rows_from_before_digests_were_kept(stored: Document, embedding_model: AIModel) -> None:
    ids = [row.pk for row in rows_of(stored)]
    Chunk.objects.update(source_digest="", embedded_digest="")

    store(next_version(stored), TEXTS, embedding_model)

    assert [row.pk for row in rows_of(stored)] == ids


def test_it_gives_every_chunk_a_vector_of_another_model(stored: Document) -> None:
    other = factories.AIModelFactory(name="other-embedder", is_default=False)
    edited = rows_of(stored)[0]
    Chunk.objects.filter(pk=edited.pk).update(text="Edited.", is_edited=True)

    store(next_version(stored), TEXTS, other)

    assert ChunkEmbedding.objects.filter(model=other).count() == 4
    assert ChunkEmbedding.objects.exclude(model=other).count() == 4  # of unchanged texts: still right, should it serve
    assert rows_of(stored)[0].embedded_digest == ""  # the draft's vector serves until the edited text has its own
    assert [row.is_pending for row in rows_of(stored)] == [True, False, False, False]


def test_it_indexes_kept_chunks_under_a_new_title(stored: Document, embedding_model: AIModel) -> None:
    Document.objects.filter(pk=stored.pk).update(name="Zephyrs.txt")

    store(next_version(stored), TEXTS, embedding_model)

    assert all("zephyr" in str(row.terms) for row in rows_of(stored))
    assert broken() == []


def test_it_never_lets_an_older_version_win(stored: Document, embedding_model: AIModel) -> None:
    """A job of version 1 that ends after version 2 was stored."""
    first = stored.current_version
    assert first is not None
    store(next_version(stored), TEXTS[:2], embedding_model)

    assert not store(first, TEXTS, embedding_model)

    assert [row.text for row in rows_of(stored)] == TEXTS[:2]


def test_it_stores_sections_and_rewrites_those_that_people_changed(stored: Document, embedding_model: AIModel) -> None:
    version = next_version(stored)
    rows = rows_of(stored)
    Chunk.objects.filter(pk=rows[1].pk).update(is_enabled=False)
    sections = (SectionDraft(0, "\n\n".join(TEXTS[:2])), SectionDraft(1, "\n\n".join(TEXTS[2:])))
    drafts = [ChunkDraft(d.ordinal, d.text, d.tokens, d.heading_path, section=d.ordinal // 2) for d in drafts_of(TEXTS)]

    store(version, TEXTS, embedding_model, drafts=drafts, cutting=Cutting("rule", sections))

    assert [row.pk for row in rows_of(stored)] == [row.pk for row in rows]
    texts = list(Section.objects.filter(document=stored).values_list("text", flat=True))
    assert texts == [TEXTS[0], "\n\n".join(TEXTS[2:])]
    version.refresh_from_db()
    assert version.cut_by == "rule"
    store(version, TEXTS, embedding_model)
    assert not Section.objects.exists()
    assert {row.section_id for row in rows_of(stored)} == {None}


def test_it_compares_versions_after_the_old_chunks_are_gone(stored: Document, embedding_model: AIModel) -> None:
    first, version = stored.current_version, next_version(stored)
    assert first is not None
    store(version, [TEXTS[0], "Ice melts at 1 degree.", TEXTS[3], "New."], embedding_model)

    found = diffs.diff(first, version)

    assert [change.kind for change in found.changes] == ["same", "changed", "removed", "same", "added"]
    assert (found.counts.same, found.counts.changed, found.counts.added, found.counts.removed) == (2, 1, 1, 1)
    assert next((p.op, p.text) for p in found.changes[1].pieces if p.op != "same") == ("removed", "0")
    assert found.changes[0].new is not None
    assert found.changes[0].new.chunk_id == rows_of(stored)[0].pk
    back = diffs.diff(version, first)
    assert [change.kind for change in back.changes if change.kind != "same"] == ["changed", "added", "removed"]
    assert FormerChunks.objects.count() == 1
    assert not diffs.diff(first, next_version(stored)).is_known


def test_it_marks_han_characters_one_by_one() -> None:
    pieces = word_pieces("出差报销应在十日内提交。", "出差报销应在五日内提交。")

    assert [(piece.op, piece.text) for piece in pieces] == [
        ("same", "出差报销应在"),
        ("removed", "十"),
        ("added", "五"),
        ("same", "日内提交。"),
    ]


def test_it_compares_long_and_repetitive_versions_in_linear_time() -> None:
    """A quadratic step would need hours here; the suite's own time limit is the assertion."""
    same = [Side(n, "boilerplate") for n in range(20_000)]

    found = compare(same, [*same[:10_000], Side(0, "new"), *same[10_000:]])

    assert found.counts.added + found.counts.changed >= 1


def test_it_matches_repeated_texts_one_by_one() -> None:
    digest = draft_digest((), "Page left blank.")
    olds = [Old(uuid4(), digest, False, False, n * 20) for n in range(3)]  # noqa: FBT003 -- fields
    drafts = [ChunkDraft(n, "Page left blank.", 3, char_from=n * 20) for n in range(4)]

    placed = place(olds, drafts, Counter())

    assert [each.old for each in placed] == [*olds, None]
