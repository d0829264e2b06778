"""Curated answers: written by editors, found by vectors within what a gate allowed, counted, deleted with undo."""

from collections.abc import Sequence
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.catalog.models import AIModel
from apps.libraries import curated
from apps.libraries.curated import Draft
from apps.libraries.errors import AnswerMissing, AnswerTooLong, QuestionMissing, QuestionTaken, TooManyWordings
from apps.libraries.models import CuratedAnswer, CuratedVector, Library
from apps.runtimes.contracts import Floats
from apps.runtimes.fake import FakeEmbedder
from apps.users.models import User
from tests import factories

QUESTION = "How do I reset my password?"
DRAFT = Draft(QUESTION, "Press **Reset**.", ("I forgot my password", "Password lost"))


@pytest.fixture
def row(library: Library, ed: User) -> CuratedAnswer:
    return curated.create(user=ed, library=library, draft=DRAFT)


def embed(texts: Sequence[str]) -> Floats:
    return FakeEmbedder().embed_queries(texts)


def near(library: Library, model: AIModel, question: str = QUESTION) -> list[str]:
    vector = embed([question])[0].tolist()
    return [found.wording for found in curated.nearest(library.team_id, [library.pk], model, vector)]


def test_it_cleans_what_an_editor_types(library: Library, ed: User) -> None:
    draft = Draft("  How?\n ", "A.\r\n\r\nB.\x00 ", ("How?", " Why? ", "", "Why?"))

    row = curated.create(user=ed, library=library, draft=draft)

    assert (row.question, row.variants, row.answer) == ("How?", ["Why?"], "A.\n\nB.")
    assert AuditEvent.objects.filter(action="answer.created").exists()


@pytest.mark.parametrize(
    ("draft", "error"),
    [
        (Draft(" ", "A."), QuestionMissing),
        (Draft("Q?", " \n"), AnswerMissing),
        (Draft("Q?", "A" * 20_001), AnswerTooLong),
        (Draft("Q?", "A.", tuple(f"Q{n}?" for n in range(40))), TooManyWordings),
    ],
)
def test_it_refuses_what_is_no_answer(library: Library, ed: User, draft: Draft, error: type[Exception]) -> None:
    with pytest.raises(error):
        curated.create(user=ed, library=library, draft=draft)


def test_it_has_one_answer_to_a_wording(row: CuratedAnswer, library: Library, ed: User) -> None:
    with pytest.raises(QuestionTaken):
        curated.create(user=ed, library=library, draft=Draft("Password lost", "Another."))

    curated.delete(user=ed, curated=row)
    curated.create(user=ed, library=library, draft=Draft("Password lost", "Another."))


def test_it_is_found_once_a_worker_made_the_vectors(
    row: CuratedAnswer, library: Library, embedding_model: AIModel
) -> None:
    assert near(library, embedding_model) == []

    assert curated.embed_waiting(embedding_model, embed) == 3
    assert curated.embed_waiting(embedding_model, embed) == 0

    assert near(library, embedding_model)[0] == QUESTION
    assert set(near(library, embedding_model)) == set(row.wordings)


def test_it_keeps_the_vectors_of_wordings_that_stay(row: CuratedAnswer, ed: User, embedding_model: AIModel) -> None:
    curated.embed_waiting(embedding_model, embed)
    kept = CuratedVector.objects.get(wording=QUESTION).pk

    curated.change(user=ed, curated=row, draft=Draft(QUESTION, "Otherwise.", ("Another wording",)))

    assert list(CuratedVector.objects.values_list("pk", flat=True)) == [kept]
    assert [wording for _id, wording in curated.waiting(embedding_model)] == ["Another wording"]


def test_it_stores_no_vector_of_a_wording_that_went_meanwhile(
    row: CuratedAnswer, ed: User, embedding_model: AIModel
) -> None:
    def change_while_embedding(texts: Sequence[str]) -> Floats:
        curated.change(user=ed, curated=row, draft=Draft("Another question?", "Otherwise."))
        return embed(texts)

    assert curated.embed_waiting(embedding_model, change_while_embedding) == 0
    assert not CuratedVector.objects.exists()


def test_it_makes_vectors_anew_for_another_model(row: CuratedAnswer, embedding_model: AIModel) -> None:
    curated.embed_waiting(embedding_model, embed)
    other = factories.AIModelFactory(name="other-embedder", is_default=False)

    assert len(curated.waiting(other)) == 3


def test_it_holds_the_longest_wordings_that_can_be_typed(library: Library, ed: User, embedding_model: AIModel) -> None:
    curated.create(user=ed, library=library, draft=Draft("汉" * 1000, "A.", ("字" * 1000,)))

    assert curated.embed_waiting(embedding_model, embed) == 2


def test_it_is_found_neither_off_nor_deleted_nor_elsewhere(
    row: CuratedAnswer, library: Library, ed: User, embedding_model: AIModel, t2: Any
) -> None:
    """Case: an answer must not be given beyond the libraries that the gate allowed."""
    curated.embed_waiting(embedding_model, embed)
    other = factories.LibraryFactory(team=library.team)
    vector = embed([QUESTION])[0].tolist()

    assert near(other, embedding_model) == []
    assert curated.nearest(t2.pk, [library.pk], embedding_model, vector) == []
    curated.switch(user=ed, curated=row, is_enabled=False)
    assert near(library, embedding_model) == []
    curated.switch(user=ed, curated=row, is_enabled=True)
    curated.delete(user=ed, curated=row)
    assert near(library, embedding_model) == []
    curated.restore(user=ed, curated=row)
    assert near(library, embedding_model)
    Library.objects.filter(pk=library.pk).update(deleted_at=timezone.now())
    assert near(library, embedding_model) == []


def test_it_purges_what_was_deleted_long_ago(row: CuratedAnswer, library: Library, ed: User, settings: Any) -> None:
    kept = curated.create(user=ed, library=library, draft=Draft("Else?", "A."))
    curated.delete(user=ed, curated=kept)
    long_ago = timezone.now() - timezone.timedelta(days=settings.ENV.undo_days + 1)
    CuratedAnswer.objects.filter(pk=row.pk).update(deleted_at=long_ago)

    assert curated.purge() == 1
    assert list(CuratedAnswer.objects.all()) == [kept]


def test_its_list_is_searched_in_questions_answers_and_other_wordings(row: CuratedAnswer, library: Library) -> None:
    for words in ("reset", "PRESS", "lost password"):
        assert list(curated.listed(library, words=words)) == [row]
    assert not curated.listed(library, words="lost 100%")
    assert not curated.listed(library, is_enabled=False)


def test_its_page_shows_the_answers(row: CuratedAnswer, library: Library, ann_client: Client) -> None:
    page = ann_client.get(reverse("libraries:answers", args=[library.pk]))

    assert page.status_code == 200
    assert QUESTION in page.content.decode()
    assert "answers/new/" not in page.content.decode()  # a viewer writes none


def test_its_page_teaches_where_there_is_none(library: Library, ed_client: Client) -> None:
    page = ed_client.get(reverse("libraries:answers", args=[library.pk])).content.decode()

    assert "No curated answers yet" in page
    assert "answers/new/" in page


def test_it_is_written_and_changed_in_the_drawer(library: Library, ed_client: Client) -> None:
    address = reverse("libraries:answer-new", args=[library.pk])
    form = {"question": "Why?", "variants": "What for?\n\nHow come?", "answer": "Because."}

    made = ed_client.post(address, form)
    row = CuratedAnswer.objects.get()
    changed = ed_client.post(reverse("libraries:answer", args=[row.pk]), form | {"answer": "So."})

    assert made.status_code == changed.status_code == 200
    assert "kb:close-drawer" in made["HX-Trigger"]
    row.refresh_from_db()
    assert (row.answer, row.variants) == ("So.", ["What for?", "How come?"])


def test_it_begins_with_the_question_that_a_gap_gives(library: Library, ed_client: Client) -> None:
    asked = {"question": "Why so?"}

    page = ed_client.get(reverse("libraries:answers", args=[library.pk]), asked).content.decode()
    form = ed_client.get(reverse("libraries:answer-new", args=[library.pk]), asked).content.decode()

    assert "answers/new/?question=Why%20so%3F" in page
    assert ">Why so?</textarea>" in form


def test_it_says_what_is_wrong_with_a_form(row: CuratedAnswer, library: Library, ed_client: Client) -> None:
    form = {"question": QUESTION, "answer": "A."}

    answer = ed_client.post(reverse("libraries:answer-new", args=[library.pk]), form, headers={"hx-request": "true"})

    assert answer.status_code == 409
    assert "answered in this library" in answer.content.decode()


def test_its_markdown_is_shown_without_scripts(row: CuratedAnswer, library: Library, ed_client: Client) -> None:
    """Case: markup that an editor types must not run in a reader's page."""
    attack = "<script>alert(1)</script> **bold** [x](javascript:alert(1))"

    preview = ed_client.post(reverse("libraries:answer-preview", args=[library.pk]), {"answer": attack})

    assert b"<script" not in preview.content
    assert b'href="javascript' not in preview.content
    assert b"<strong>bold</strong>" in preview.content


def test_it_is_deleted_with_undo(row: CuratedAnswer, ed_client: Client) -> None:
    gone = ed_client.post(reverse("libraries:answer-delete", args=[row.pk]))
    undo = reverse("libraries:answer-restore", args=[row.pk])
    assert undo in gone["HX-Trigger"]
    assert ed_client.get(reverse("libraries:answer", args=[row.pk])).status_code == 404

    ed_client.post(undo)

    assert ed_client.get(reverse("libraries:answer", args=[row.pk])).status_code == 200


def test_it_is_switched_off_and_on(row: CuratedAnswer, ed_client: Client) -> None:
    address = reverse("libraries:answer-enabled", args=[row.pk])

    ed_client.post(address, {})
    assert not CuratedAnswer.objects.get().is_enabled
    ed_client.post(address, {"enabled": "on"})
    assert CuratedAnswer.objects.get().is_enabled
