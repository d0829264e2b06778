"""An editor's answer in a chat: given at once, counted, cited, gone around, and kept from a good answer."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.catalog.models import AIModel
from apps.chat import answering, pipeline
from apps.chat.models import AnswerTrace, Citation, Conversation, Message
from apps.libraries import curated
from apps.libraries.curated import Draft
from apps.libraries.models import AskedQuestion, Chunk, CuratedAnswer, Library
from apps.runtimes.fake import FakeEmbedder
from apps.users.models import User
from tests import factories
from tests.chat.conftest import Script, pending_answer, steps

pytestmark = pytest.mark.django_db

QUESTION = "How do I reset my password?"
ANSWER = "Open the profile and press **Reset**."


@pytest.fixture
def given(library: Library, ed: User, embedding_model: AIModel) -> CuratedAnswer:
    """Return an editor's answer that questions can meet."""
    row = curated.create(user=ed, library=library, draft=Draft(QUESTION, ANSWER))
    curated.embed_waiting(embedding_model, FakeEmbedder().embed_queries)
    return row


def ask(conversation: Conversation, chunk: Chunk, text: str, **fields: Any) -> Message:
    """Return the answer that the real pipeline gives, on fake models."""
    question = factories.MessageFactory(conversation=conversation, text=text)
    answer = pending_answer(conversation, question, chunk)
    Message.objects.filter(pk=answer.pk).update(**fields)
    claimed = answering.claim(answer.pk)
    assert claimed is not None
    answering.Attempt(claimed).run(pipeline.steps_of(claimed))
    answer.refresh_from_db()
    return answer


def test_it_is_given_word_for_word_with_its_own_citation(
    given: CuratedAnswer, conversation: Conversation, chunk: Chunk
) -> None:
    answer = ask(conversation, chunk, "how do i reset my password")

    citation = answer.citations.get()
    assert answer.text == f"{ANSWER} [1]"
    assert (answer.state, answer.curated_id) == (Message.State.DONE, given.pk)
    assert (citation.curated_id, citation.chunk_id, citation.passage) == (given.pk, None, ANSWER)
    given.refresh_from_db()
    assert given.hit_count == 1
    assert given.last_hit_at is not None


def test_it_is_logged_as_a_question_that_was_answered(
    given: CuratedAnswer, conversation: Conversation, chunk: Chunk, alice: User
) -> None:
    answer = ask(conversation, chunk, QUESTION)

    asked = AskedQuestion.objects.get(message_id=answer.pk)
    assert (asked.user, asked.curated, asked.support, asked.is_refusal) == (alice, given, 1.0, False)
    assert asked.nearest_library_id == given.library_id


@pytest.mark.parametrize(
    "question",
    ["How do I reset the password of 2 users?", "How do I not reset my password?", "When do I reset my password?"],
)
def test_it_is_not_given_to_a_question_that_differs(
    given: CuratedAnswer, conversation: Conversation, chunk: Chunk, question: str
) -> None:
    assert ask(conversation, chunk, question).curated_id is None


def test_it_is_not_given_where_the_asker_wants_a_search(
    given: CuratedAnswer, conversation: Conversation, chunk: Chunk
) -> None:
    answer = ask(conversation, chunk, QUESTION, skips_curated=True)

    assert answer.curated_id is None
    given.refresh_from_db()
    assert given.hit_count == 0


def test_it_is_not_given_to_a_question_with_filters(
    given: CuratedAnswer, conversation: Conversation, chunk: Chunk
) -> None:
    assert ask(conversation, chunk, f"{QUESTION} tag:finance").curated_id is None


def test_it_is_not_given_beyond_the_libraries_of_the_question(given: CuratedAnswer, conversation: Conversation) -> None:
    """Case: an answer of a library that the conversation does not search, or may no longer read."""
    elsewhere = factories.ChunkFactory(document__library__team=conversation.team)

    assert ask(conversation, elsewhere, QUESTION).curated_id is None


def test_its_page_says_whose_answer_it_is_and_offers_a_search(
    given: CuratedAnswer, conversation: Conversation, chunk: Chunk, alice_client: Client
) -> None:
    answer = ask(conversation, chunk, QUESTION)

    page = alice_client.get(reverse("chat:conversation", args=[conversation.pk])).content.decode()

    assert "Answer by Ed" in page
    assert "Search anyway" in page
    assert reverse("chat:citation", args=[answer.pk, 1]) in page


def test_searching_anyway_makes_another_answer_that_searches(
    given: CuratedAnswer, conversation: Conversation, chunk: Chunk, alice_client: Client
) -> None:
    answer = ask(conversation, chunk, QUESTION)

    alice_client.post(reverse("chat:again", args=[answer.pk]), {"anyway": "1"})

    made = Message.objects.exclude(pk=answer.pk).get(parent_id=answer.parent_id)
    assert made.skips_curated
    assert made.state == Message.State.PENDING


def test_its_drawer_shows_what_was_given_also_when_it_was_changed_or_deleted(
    given: CuratedAnswer, conversation: Conversation, chunk: Chunk, alice_client: Client, ed: User
) -> None:
    answer = ask(conversation, chunk, QUESTION)
    address = reverse("chat:citation", args=[answer.pk, 1])

    assert "Open in the library" in alice_client.get(address).content.decode()
    curated.change(user=ed, curated=given, draft=Draft(QUESTION, "Otherwise."))
    changed = alice_client.get(address).content.decode()
    curated.delete(user=ed, curated=given)
    gone = alice_client.get(address).content.decode()

    assert "was changed since" in changed
    assert "no longer in the library" in gone
    assert "Open the profile" in changed
    assert "Open the profile" in gone


def test_an_answer_is_kept_for_the_library_by_an_editor(
    conversation: Conversation, chunk: Chunk, alice_client: Client
) -> None:
    answer = factories.AnswerFactory(conversation=conversation, text="It boils at 100 degrees. [1]")
    factories.CitationFactory(message=answer, chunk=chunk)
    address = reverse("chat:keep", args=[answer.pk])

    form = alice_client.get(address).content.decode()
    saved = alice_client.post(
        address, {"library": str(chunk.library_id), "question": "When does water boil?", "answer": "At 100 degrees."}
    )

    assert "It boils at 100 degrees.</textarea>" in form
    assert saved.status_code == 200
    row = CuratedAnswer.objects.get()
    assert (row.library_id, row.source_message) == (chunk.library_id, answer.pk)


def test_a_viewer_keeps_nothing(library: Library, ann: User, ann_client: Client) -> None:
    """Case: a viewer's own chat must not let them write to a library."""
    conversation = factories.ConversationFactory(team=library.team, owner=ann)
    answer = factories.AnswerFactory(conversation=conversation)
    address = reverse("chat:keep", args=[answer.pk])
    form = {"library": str(library.pk), "question": "Q?", "answer": "A."}

    assert ann_client.get(address).status_code == 403
    assert ann_client.post(address, form).status_code == 403
    assert not CuratedAnswer.objects.exists()


def test_nothing_is_kept_in_a_library_of_another_team(
    conversation: Conversation, alice_client: Client, t2: Any
) -> None:
    """Case: the form names a foreign library."""
    answer = factories.AnswerFactory(conversation=conversation)
    factories.LibraryFactory(team=conversation.team)
    foreign = factories.LibraryFactory(team=t2)
    form = {"library": str(foreign.pk), "question": "Q?", "answer": "A."}

    assert alice_client.post(reverse("chat:keep", args=[answer.pk]), form).status_code == 404


def test_how_an_answer_was_made_is_kept_and_shown_to_its_asker_alone(
    pending: Message, chunk: Chunk, script: Script, alice_client: Client, ada_client: Client
) -> None:
    """Case: a private chat stays private, also its traces."""
    script(lambda _message: steps(chunk, ["Water ", "boils. [1]"]))
    claimed = answering.claim(pending.pk)
    assert claimed is not None
    answering.Attempt(claimed).run(pipeline.steps_of(claimed))
    AnswerTrace.objects.update_or_create(
        message=pending,
        defaults={
            "stages": [
                {"name": "condense", "milliseconds": 1.0, "facts": {"asked": "<script>alert(1)</script>"}},
                {"name": "search", "milliseconds": 9.0, "facts": {"support": 0.9, "passages": [{"rank": 1}]}},
                {"name": "search.terms", "milliseconds": 2.0, "facts": {"terms": [["water", 2.5, 7]]}},
                {"name": "strange", "milliseconds": 0.0, "facts": {"given": "", "new_fact": {"a": [1, 2.5]}}},
            ]
        },
    )
    address = reverse("chat:trace", args=[pending.pk])

    shown = alice_client.get(address)

    assert shown.status_code == 200
    assert "water" in shown.content.decode()
    assert "<script>alert" not in shown.content.decode()
    assert ada_client.get(address).status_code == 404


def test_an_answer_without_a_trace_says_so(pending: Message, alice_client: Client) -> None:
    assert "Nothing was kept" in alice_client.get(reverse("chat:trace", args=[pending.pk])).content.decode()


def test_its_citation_outlives_a_deleted_answer(given: CuratedAnswer, conversation: Conversation, chunk: Chunk) -> None:
    answer = ask(conversation, chunk, QUESTION)

    CuratedAnswer.objects.all().delete()

    assert Citation.objects.get(message=answer).passage == ANSWER
    assert AskedQuestion.objects.get(message_id=answer.pk).curated is None
