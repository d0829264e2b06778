"""The log of questions: one row an answer, kept for a while, voted on, with a vector for clustering."""

from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from django.utils import timezone

from apps.catalog.models import AIModel
from apps.libraries import asked
from apps.libraries.models import AskedQuestion, Library
from apps.runtimes.contracts import Floats
from apps.runtimes.fake import FakeEmbedder
from apps.users.models import User
from tests import factories


def question(library: Library, user: User | None = None, **fields: Any) -> AskedQuestion:
    values: dict[str, Any] = {
        "team_id": library.team_id,
        "user": user,
        "library_ids": [library.pk],
        "source": AskedQuestion.Source.CHAT,
        "question": "When does water boil?",
    }
    return asked.record(asked.Asked(**(values | fields)))


def embed(texts: Sequence[str]) -> Floats:
    return FakeEmbedder().embed_queries(texts)


def test_it_keeps_what_was_asked_and_what_was_searched_where_that_differs(library: Library, ann: User) -> None:
    plain = question(library, ann, searched="When does water boil?", support=0.4)
    rewritten = question(library, ann, question="And milk?", searched="When does milk boil?")

    assert (plain.searched, rewritten.searched) == ("", "When does milk boil?")
    assert list(asked.asked_in(library)) == [rewritten, plain]


def test_it_has_one_row_for_an_answer_that_is_made_again(library: Library, ann: User) -> None:
    message_id = uuid4()
    question(library, ann, message_id=message_id, is_refusal=True)
    asked.vote(message_id, -1)

    question(library, ann, message_id=message_id, is_refusal=False)

    row = AskedQuestion.objects.get()
    assert (row.is_refusal, row.vote) == (False, -1)


def test_it_shows_only_the_questions_of_the_library(library: Library, ann: User) -> None:
    other = factories.LibraryFactory(team=library.team)
    question(library, ann)

    assert not asked.asked_in(other)


def test_it_cuts_what_is_too_long_for_its_columns(library: Library) -> None:
    row = question(library, question="字" * 9_000, searched="字" * 9_000)

    assert len(row.question) == 4_000


def test_it_purges_what_is_older_than_the_setting(library: Library, settings: Any) -> None:
    old, kept = question(library), question(library)
    age = timezone.timedelta(days=settings.ENV.question_days, hours=1)
    AskedQuestion.objects.filter(pk=old.pk).update(created_at=timezone.now() - age)

    assert asked.purge() == 1
    assert list(AskedQuestion.objects.all()) == [kept]


def test_it_makes_the_vectors_later_and_anew_for_another_model(library: Library, embedding_model: AIModel) -> None:
    question(library)

    assert asked.embed_waiting(embedding_model, embed) == 1
    assert asked.embed_waiting(embedding_model, embed) == 0

    other = factories.AIModelFactory(name="other-embedder", is_default=False)
    assert asked.waiting(other).count() == 1
