"""The search test: asked by the web process, searched by a worker, shown to whoever asked and to nobody else."""

import re
import uuid
from unittest import mock

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from apps.catalog.models import AIModel
from apps.evaluation import testing
from apps.evaluation.models import QuestionSet, Run, SetQuestion
from apps.libraries.asked import Asked, record
from apps.libraries.models import AskedQuestion, Chunk, Library
from apps.rag.curating import Looked
from apps.rag.options import SearchSettings, as_json
from apps.rag.types import Curated
from apps.runtimes.contracts import RuntimeFailure
from apps.users.models import Membership, Role, Team, User
from tests import factories
from tests.rag.corpus import fill, tools

TEXTS = (
    "Travel expenses are refunded within ten days of the return.",
    "The canteen opens at noon and closes at two.",
    "差旅报销应在返回后十日内提交。",
)


@pytest.fixture
def chunks(library: Library, embedding_model: AIModel) -> list[Chunk]:
    """Return the chunks of a document that questions are put to."""
    return fill(library, TEXTS, model=embedding_model)


def searched(client: Client, library: Library, model: AIModel, **fields: object) -> str:
    """Ask, let the worker search, and return what the page then shows."""
    asked = client.post(f"/libraries/{library.pk}/test/run/", fields)
    assert asked.status_code == 200, asked.content
    found = re.search(rf"/libraries/{library.pk}/test/([0-9a-f-]{{36}})/", asked.content.decode())
    assert found is not None
    testing.run(found[1], lambda: tools(model))
    return client.get(f"/libraries/{library.pk}/test/{found[1]}/").content.decode()


def test_it_shows_why_each_passage_was_found(
    ed_client: Client, library: Library, embedding_model: AIModel, chunks: list[Chunk]
) -> None:
    html = searched(ed_client, library, embedding_model, question="When are travel expenses refunded?")

    assert "<mark>Travel</mark> <mark>expenses</mark>" in html
    assert f"/libraries/documents/{chunks[0].document_id}/?chunk={chunks[0].pk}" in html
    assert '<rect data-part="vectors"' in html
    assert '<rect data-part="words"' in html
    assert "Support" in html


def test_it_marks_chinese_words_without_spaces(
    ed_client: Client, library: Library, embedding_model: AIModel, chunks: list[Chunk]
) -> None:
    html = searched(ed_client, library, embedding_model, question="差旅报销几天内提交？")

    assert "<mark>差旅报销</mark>" in html


def test_it_shows_two_settings_side_by_side(
    ed_client: Client, library: Library, embedding_model: AIModel, chunks: list[Chunk]
) -> None:
    sides = {"compare": "on", "a-passages": "1", "b-passages": "2", "b-dense_weight": "10"}

    html = searched(ed_client, library, embedding_model, question="travel expenses", **sides)

    assert "only in A" in html
    assert "Passages: 1" in html
    assert "Weight of meaning: 10 %" in html
    assert html.count('class="test-column"') == 2
    assert html.count("An answer reads the passages above") == 2


def test_it_keeps_what_was_asked_in_the_log_of_questions(
    ed_client: Client, ed: User, library: Library, embedding_model: AIModel, chunks: list[Chunk]
) -> None:
    searched(ed_client, library, embedding_model, question="travel expenses", **{"a-dense_weight": "30", "folder": "x"})

    row = AskedQuestion.objects.get()
    assert (row.source, row.user, row.library_ids) == ("test", ed, [library.pk])
    assert row.options == {"sides": [{"dense_weight": 0.3}], "filters": {"folders": ["x"]}}


def test_it_escapes_what_documents_and_questions_say(
    ed_client: Client, library: Library, embedding_model: AIModel
) -> None:
    fill(library, ["<script>alert(1)</script> expenses <b>bold</b>"], name="<img src=x>.txt", model=embedding_model)

    html = searched(ed_client, library, embedding_model, question="expenses <script>")

    assert "<script>" not in html
    assert "<img" not in html


def test_it_shows_a_test_to_nobody_but_the_asker(
    ed_client: Client, ada_client: Client, ed: User, library: Library, embedding_model: AIModel
) -> None:
    test = testing.ask(ed, library, "secret?", [SearchSettings()], filters=testing.Filters())

    assert ed_client.get(f"/libraries/{library.pk}/test/{test.token}/").status_code == 200
    assert ada_client.get(f"/libraries/{library.pk}/test/{test.token}/").status_code == 404


def test_it_searches_by_the_rights_of_the_moment(
    ed: User, library: Library, embedding_model: AIModel, chunks: list[Chunk]
) -> None:
    """Security: the role was taken away between the question and the search."""
    test = testing.ask(ed, library, "travel", [SearchSettings()], filters=testing.Filters())
    Membership.objects.filter(user=ed).update(role=Role.VIEWER)

    testing.run(test.token, lambda: tools(embedding_model))

    after = testing.find(ed, library, uuid.UUID(test.token))
    assert (after.state, after.error, list(after.outcomes)) == ("failed", "forbidden", [])
    assert not AskedQuestion.objects.exists()


def test_it_says_that_the_model_failed(ed_client: Client, ed: User, library: Library, embedding_model: AIModel) -> None:
    test = testing.ask(ed, library, "travel", [SearchSettings()], filters=testing.Filters())

    testing.run(test.token, mock.Mock(side_effect=RuntimeFailure("broken")))

    html = ed_client.get(f"/libraries/{library.pk}/test/{test.token}/").content.decode()
    assert "did not answer" in html
    assert "hx-get" not in html


def test_it_searches_once_for_a_task_that_comes_twice(
    ed: User, library: Library, embedding_model: AIModel, chunks: list[Chunk]
) -> None:
    test = testing.ask(ed, library, "travel", [SearchSettings()], filters=testing.Filters())

    for _delivery in range(2):
        testing.run(test.token, lambda: tools(embedding_model))

    assert AskedQuestion.objects.count() == 1


def test_it_does_not_search_what_nobody_waits_for(ed: User, library: Library, embedding_model: AIModel) -> None:
    """Security: a flood of tests whose pages never ask again costs no search."""
    test = testing.ask(ed, library, "travel", [SearchSettings()], filters=testing.Filters())
    cache.delete(f"search-test-waited:{test.token}")

    testing.run(test.token, mock.Mock(side_effect=AssertionError))

    assert testing.find(ed, library, uuid.UUID(test.token)).state == "waiting"


def test_it_obeys_what_the_question_and_the_form_narrow(
    ed_client: Client, library: Library, embedding_model: AIModel, chunks: list[Chunk]
) -> None:
    fill(library, ["Travel is fun."], name="fun.md", model=embedding_model)

    narrowed = searched(ed_client, library, embedding_model, question="travel -expenses")
    nothing = searched(ed_client, library, embedding_model, question="travel", after="2999-01-01")

    assert "<code>-expenses</code>" in narrowed
    assert "fun.md" in narrowed
    assert "refunded within" not in narrowed
    assert "Nothing was found" in nothing


def test_it_says_where_an_editor_has_answered(
    ed_client: Client, ed: User, library: Library, embedding_model: AIModel, chunks: list[Chunk]
) -> None:
    given = Curated(
        uuid.uuid4(), library.pk, library.name, "When is travel refunded?", "x", "Soon.", 0.9, 0.9, "Ed", timezone.now()
    )
    with mock.patch.object(testing, "look", return_value=Looked(given)):
        html = searched(ed_client, library, embedding_model, question="travel refund?")

    assert "an editor has answered this" in html
    assert "When is travel refunded?" in html


def test_it_says_nothing_of_a_test_that_is_too_old(ed_client: Client, ed: User, library: Library) -> None:
    test = testing.ask(ed, library, "travel", [SearchSettings()], filters=testing.Filters())
    cache.clear()

    testing.run(test.token)

    assert ed_client.get(f"/libraries/{library.pk}/test/{test.token}/").status_code == 404


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"question": "  "}, "Write a question"),
        ({"question": "a" * 2_001}, "Write a question"),
        ({"question": "a", "a-dense_weight": "101"}, "Weight of meaning"),
        ({"question": "a", "a-depth": "9"}, "Candidates"),
        ({"question": "a", "a-depth": "٣٠"}, "Candidates"),
        ({"question": "a", "a-legs": "magic"}, "Search by"),
        ({"question": "a", "after": "2026-02-30"}, "dates"),
        ({"question": "a", "after": "2026-02-02", "before": "2026-02-01"}, "dates"),
    ],
)
def test_it_says_what_cannot_be_searched(
    ed_client: Client, library: Library, fields: dict[str, str], words: str
) -> None:
    answer = ed_client.post(f"/libraries/{library.pk}/test/run/", fields)

    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_it_lists_the_questions_of_tests_and_chats(ed_client: Client, ann: User, library: Library, t2: Team) -> None:
    log(library, ann, "How long is the leave?", is_refusal=True)
    log(library, ann, "Where is the canteen?", source=AskedQuestion.Source.TEST)
    log(factories.LibraryFactory(team=library.team), ann, "Of another library?")
    log(factories.LibraryFactory(team=t2), ann, "Of another team?")

    html = ed_client.get(f"/libraries/{library.pk}/test/").content.decode()

    assert "How long is the leave?" in html
    assert "Where is the canteen?" in html
    assert "Of another" not in html
    assert "Ann" in html


@pytest.mark.parametrize(
    ("query", "shown"),
    [("source=test", "canteen"), ("outcome=refused", "leave"), ("q=LEAVE", "leave"), ("who=me", "canteen")],
)
def test_it_filters_what_was_asked(
    ed_client: Client, ed: User, ann: User, library: Library, query: str, shown: str
) -> None:
    log(library, ann, "How long is the leave?", is_refusal=True)
    log(library, ed, "Where is the canteen?", source=AskedQuestion.Source.TEST)

    html = ed_client.get(f"/libraries/{library.pk}/test/asked/?{query}").content.decode()

    assert [word for word in ("canteen", "leave") if f" {word}?" in html] == [shown]


def test_it_lists_much_with_few_queries(
    ed_client: Client, ann: User, library: Library, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(20):
        log(library, ann, f"Question {number}?")
        factories.DocumentFactory(library=library, tags=[f"tag {number}"], folder=f"folder {number}")

    with django_assert_max_num_queries(22):
        ed_client.get(f"/libraries/{library.pk}/test/")
    with django_assert_max_num_queries(14):
        ed_client.get(f"/libraries/{library.pk}/test/asked/")


def test_it_turns_the_pages_of_what_was_asked(ed_client: Client, ann: User, library: Library) -> None:
    for number in range(21):
        log(library, ann, f"Question {number}?")

    second = ed_client.get(f"/libraries/{library.pk}/test/asked/?page=2").content.decode()

    assert "Question 0?" in second
    assert "Question 1?" not in second


def test_it_asks_an_earlier_question_again_with_its_settings(ed_client: Client, ann: User, library: Library) -> None:
    sides = [{"dense_weight": 0.2}, {"method": "rrf"}]
    row = log(library, ann, "Leave?", source=AskedQuestion.Source.TEST, options={"sides": sides})

    html = ed_client.get(f"/libraries/{library.pk}/test/?asked={row.pk}").content.decode()

    assert 'hx-trigger="submit, load"' in html
    assert ">Leave?</textarea>" in html
    assert re.search(r'id="a-dense_weight"[^>]*value="20"', html)
    assert re.search(r'name="b-method"\s+value="rrf"\s+checked', html)


def test_it_does_not_ask_a_question_of_another_team(ed_client: Client, library: Library, t2: Team, bob: User) -> None:
    row = log(factories.LibraryFactory(team=t2), bob, "CANARY-T2 question")

    assert ed_client.get(f"/libraries/{library.pk}/test/?asked={row.pk}").status_code == 404


def test_it_adds_a_question_with_its_passages_to_a_new_set(
    ed_client: Client, library: Library, chunks: list[Chunk]
) -> None:
    other = fill(factories.LibraryFactory(team=library.team), ["Elsewhere."], model=AIModel.objects.get())
    gold = [str(chunks[0].pk), str(other[0].pk)]

    answer = ed_client.post(
        f"/libraries/{library.pk}/test/add/", {"question": "Expenses?", "name": "First", "gold": gold, "set": "new"}
    )

    assert answer.status_code == 200
    question = SetQuestion.objects.get()
    assert (question.text, question.origin, question.questions.name) == ("Expenses?", "test", "First")
    assert [entry["quote"] for entry in question.gold] == [TEXTS[0]]  # what is not of this library stays out


def test_it_adds_a_question_that_the_library_does_not_answer(ed_client: Client, ed: User, library: Library) -> None:
    questions = QuestionSet.objects.create(library=library, name="Mine", created_by=ed)

    ed_client.post(f"/libraries/{library.pk}/test/add/", {"question": "Moon?", "set": str(questions.pk)})

    assert SetQuestion.objects.get(questions=questions).gold == []


def test_it_takes_no_passage_of_another_team(ed_client: Client, library: Library, t2: Team) -> None:
    foreign = fill(factories.LibraryFactory(team=t2), ["CANARY-T2 text"])

    answer = ed_client.post(
        f"/libraries/{library.pk}/test/add/", {"question": "Q?", "name": "Set", "gold": str(foreign[0].pk)}
    )

    assert answer.status_code == 404
    assert not SetQuestion.objects.exists()


def test_it_measures_settings_on_a_question_set(
    ed_client: Client, ed: User, library: Library, embedding_model: AIModel
) -> None:
    questions = QuestionSet.objects.create(library=library, name="Mine", created_by=ed)
    SetQuestion.objects.create(questions=questions, text="When?")
    QuestionSet.objects.create(library=library, name="Empty one", created_by=ed)

    html = ed_client.post(f"/libraries/{library.pk}/test/measure/", {"side": "b", "b-dense_weight": "20"})
    form = dict(re.findall(r'type="hidden"\s+name="([a-z_]+)"\s+value="([^"]*)"', html.content.decode()))
    target = re.findall(r'formaction="([^"]+)"', html.content.decode())
    ed_client.post(target[0], form)

    run = Run.objects.get(questions=questions)
    assert len(target) == 1  # an empty set cannot be run
    assert (run.kind, run.settings["search"], run.label) == (
        "retrieval",
        {"dense_weight": 0.2},
        "Weight of meaning: 20 %",
    )


def test_it_tries_the_settings_that_the_library_has(
    ed_client: Client, library: Library, embedding_model: AIModel, chunks: list[Chunk]
) -> None:
    stored = as_json(SearchSettings(passages=2))
    Library.objects.filter(pk=library.pk).update(search=stored)

    html = ed_client.get(f"/libraries/{library.pk}/test/?try=passages").content.decode()

    assert re.search(r'id="a-passages"[^>]*value="2"', html)
    assert 'data-tried="passages"' in html


def log(library: Library, user: User, question: str, **more: object) -> AskedQuestion:
    """Write one asked question."""
    values: dict[str, object] = {"source": AskedQuestion.Source.CHAT} | more
    return record(Asked(library.team_id, user, [library.pk], question=question, **values))  # type: ignore[arg-type]  # given by the caller
