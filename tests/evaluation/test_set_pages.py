"""Pages of question sets: what an editor does in them, from an empty list to a comparison."""

import json
import re
from uuid import UUID

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from apps.chat.models import Conversation, Message
from apps.evaluation import drafting, tasks
from apps.evaluation.models import QuestionSet, Run, RunResult, SetQuestion
from apps.evaluation.set_services import present
from apps.ingestion import tasks as ingestion_tasks
from apps.libraries.models import AskedQuestion, Chunk, Document, Library
from apps.users.models import User
from tests import factories
from tests.evaluation.conftest import first


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Carry tasks out where they are rung for."""

    def ring(task: object, *arguments: str) -> None:
        task.run(*arguments)  # type: ignore[attr-defined]  # a Celery task

    for module in ("apps.evaluation.views.questions", "apps.evaluation.views.runs", "apps.evaluation.tasks"):
        monkeypatch.setattr(f"{module}.ring", ring)
    assert ingestion_tasks.ring is not ring


def url(name: str, questions: QuestionSet, *more: object) -> str:
    return reverse(f"evaluation:{name}", args=[questions.library_id, questions.pk, *more])


def test_it_teaches_where_there_is_no_set(ed_client: Client, library: Library) -> None:
    page = ed_client.get(reverse("evaluation:sets", args=[library.pk])).content.decode()

    assert "Know whether search and answers get better" in page


def test_it_creates_deletes_and_restores_a_set(ed_client: Client, library: Library) -> None:
    made = ed_client.post(reverse("evaluation:set-create", args=[library.pk]), {"name": "Everyday"})
    questions = QuestionSet.objects.get(name="Everyday")
    assert made["Location"] == url("set", questions)
    taken = ed_client.post(reverse("evaluation:set-create", args=[library.pk]), {"name": "Everyday"})
    assert taken.status_code == 409

    gone = ed_client.post(url("set-delete", questions), follow=True)
    assert "was deleted" in gone.content.decode()
    assert ed_client.get(url("set", questions)).status_code == 404
    ed_client.post(url("set-restore", questions))
    assert ed_client.get(url("set", questions)).status_code == 200


def test_it_finds_passages_and_adds_the_question(ed_client: Client, the_set: QuestionSet) -> None:
    library = the_set.library_id
    begun = ed_client.post(reverse("evaluation:pick", args=[library]), {"text": "When are travel expenses handed in?"})
    token = UUID(begun.content.decode().split("/sets/passages/")[1].split("/")[0])
    found = ed_client.get(reverse("evaluation:picked", args=[library, token])).content.decode()
    assert "Travel expenses" in found
    chunk = Chunk.objects.get(text__startswith="Travel")
    gold = json.dumps({"document": str(chunk.document_id), "name": "rules.txt", "quote": chunk.text})

    ed_client.post(
        url("question-add", the_set), {"text": "When?", "gold": gold, "answers": "30 days\n\nwithin a month"}
    )

    row = SetQuestion.objects.get(text="When?")
    assert row.answers == ["30 days", "within a month"]
    assert row.gold == [json.loads(gold)]


@pytest.mark.parametrize(
    "raw", ["", "[]", "{}", '{"document": 1}', '{"document": "x", "name": "", "quote": ""}', "[" * 5000]
)
def test_it_takes_no_passage_that_the_form_never_sends(ed_client: Client, the_set: QuestionSet, raw: str) -> None:
    answer = ed_client.post(url("question-add", the_set), {"text": "When?", "gold": raw})

    assert answer.status_code in {400, 422}
    assert present(the_set).count() == 3


def test_it_takes_no_passage_of_another_team(ed_client: Client, the_set: QuestionSet) -> None:
    stranger = factories.DocumentFactory(name="CANARY-T2")
    gold = json.dumps({"document": str(stranger.pk), "name": "x", "quote": ""})

    answer = ed_client.post(url("question-add", the_set), {"text": "When?", "gold": gold})

    assert answer.status_code == 422
    assert "CANARY-T2" not in answer.content.decode()


def test_it_edits_deletes_and_restores_in_place(ed_client: Client, the_set: QuestionSet) -> None:
    row = first(the_set)
    address = [the_set.library_id, row.pk]
    assert row.text in ed_client.get(reverse("evaluation:question-edit", args=address)).content.decode()

    changed = ed_client.post(reverse("evaluation:question-edit", args=address), {"text": "Another?"})
    assert "Another?" in changed.content.decode()
    ed_client.post(reverse("evaluation:question-delete", args=address))
    assert present(the_set).count() == 2
    ed_client.post(reverse("evaluation:question-restore", args=address))
    assert present(the_set).count() == 3


def test_it_imports_after_a_look(ed_client: Client, the_set: QuestionSet) -> None:
    file = SimpleUploadedFile("q.csv", b"question\nIs it <b>new</b>?\n")

    shown = ed_client.post(url("set-import", the_set), {"file": file}).content.decode()

    assert "Is it &lt;b&gt;new&lt;/b&gt;?" in shown
    token = re.search(r"/import/([0-9a-f-]{36})/", shown)
    assert token is not None
    ed_client.post(url("set-import-go", the_set, token[1]))
    assert present(the_set).count() == 4


def test_it_runs_and_compares(ed_client: Client, the_set: QuestionSet, passages: list[Chunk]) -> None:
    ed_client.post(url("runs", the_set), {"kind": "retrieval", "label": "First"})
    Chunk.objects.filter(pk=passages[1].pk).delete()
    answer = ed_client.post(url("runs", the_set), {"kind": "retrieval", "own": "on", "legs": "lexical"}, follow=True)
    page = answer.content.decode()
    after, before = Run.objects.all()
    assert after.settings["search"] == {"legs": "lexical"}
    assert "Ranking (nDCG@10)" in page
    assert "The last run is worse." in page

    address = url("compare", the_set) + f"?run={before.pk}&run={after.pk}"
    compared = ed_client.get(address).content.decode()
    assert "When does the canteen open?" in compared
    assert ed_client.get(url("compare", the_set) + f"?run={before.pk}").status_code == 400
    assert "Everyday" in ed_client.get(reverse("ingestion:bell-list")).content.decode()  # the alarm
    ed_client.post(url("runs-noted", the_set))
    assert "Everyday" not in ed_client.get(reverse("ingestion:bell-list")).content.decode()


def test_it_shows_and_exports_results(ed_client: Client, the_set: QuestionSet) -> None:
    ed_client.post(url("runs", the_set), {"kind": "answers"})
    run = Run.objects.get()
    result = RunResult.objects.filter(run=run).first()
    assert result is not None

    sheet = ed_client.get(reverse("evaluation:result", args=[the_set.library_id, run.pk, result.pk])).content.decode()
    export = b"".join(ed_client.get(reverse("evaluation:run-export", args=[the_set.library_id, run.pk])))  # type: ignore[arg-type]

    assert result.text in sheet
    assert export.startswith("\ufeffquestion".encode())
    ed_client.post(reverse("evaluation:run-baseline", args=[the_set.library_id, run.pk]))
    assert QuestionSet.objects.get().baseline == run
    assert ed_client.get(url("runs", the_set)).status_code == 200


def test_it_drafts_by_rules_what_finds_its_passage(ed_client: Client, the_set: QuestionSet) -> None:
    shown = ed_client.post(url("set-draft", the_set), {"way": "rule", "wanted": "3"}).content.decode()

    drafts = SetQuestion.objects.filter(state=SetQuestion.State.DRAFT)
    assert drafts
    assert {draft.origin for draft in drafts} == {SetQuestion.Origin.RULE}
    assert all("____" in draft.text and draft.answers and draft.gold for draft in drafts)
    assert "drafted" in shown
    ed_client.post(url("set-drafts", the_set), {"action": "accept"})
    assert not SetQuestion.objects.filter(state=SetQuestion.State.DRAFT).exists()


@pytest.mark.usefixtures("chat_model")
def test_it_keeps_no_draft_that_is_no_question(ed_client: Client, the_set: QuestionSet) -> None:
    """The fake chat model repeats words: nothing of that is a question."""
    ed_client.post(url("set-draft", the_set), {"way": "model", "wanted": "2"})

    state = drafting.find(the_set)
    assert state is not None
    assert (state.state, state.made) == ("done", 0)
    assert state.tried > 0


def test_it_stops_drafting_and_says_when_its_worker_is_gone(
    ed_client: Client, the_set: QuestionSet, ed: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    drafting.ask(user=ed, questions=the_set, way="rule", wanted=5)
    assert "Drafting" in ed_client.get(url("set-draft", the_set)).content.decode()
    monkeypatch.setattr(drafting, "SILENT_S", -1)
    assert "worker ended" in ed_client.get(url("set-draft", the_set)).content.decode()

    ed_client.post(url("set-draft-stop", the_set))

    tasks.draft_questions(str(the_set.pk))
    assert not SetQuestion.objects.filter(state=SetQuestion.State.DRAFT).exists()
    cache.clear()


def test_it_takes_ones_own_chats_with_their_sources(
    ed_client: Client, ed: User, the_set: QuestionSet, passages: list[Chunk]
) -> None:
    talk = factories.ConversationFactory(team=the_set.library.team, owner=ed)
    asked = factories.MessageFactory(conversation=talk, text="What about the warranty?")
    answer = factories.AnswerFactory(conversation=talk, parent=asked, library_ids=[the_set.library_id])
    factories.CitationFactory(message=answer, chunk=passages[0], quote="")

    assert "What about the warranty?" in ed_client.get(url("set-chats", the_set)).content.decode()
    ed_client.post(url("set-chats", the_set), {"question": str(answer.pk)})

    row = SetQuestion.objects.get(text="What about the warranty?")
    assert (row.state, row.origin) == (SetQuestion.State.DRAFT, SetQuestion.Origin.CHAT)
    assert row.gold[0]["document"] == str(passages[0].document_id)


def test_it_shows_nothing_of_others_chats_but_the_logged_question(
    ed_client: Client, the_set: QuestionSet, conversation: Conversation, alice: User
) -> None:
    secret = factories.MessageFactory(conversation=conversation, text="PRIVATE words of a question")
    answer = factories.AnswerFactory(
        conversation=conversation, parent=secret, text="PRIVATE words of a answer", library_ids=[the_set.library_id]
    )
    AskedQuestion.objects.create(
        team=the_set.library.team, user=alice, library_ids=[the_set.library_id], source="chat",
        question="A logged question?", is_refusal=True,
    )  # fmt: skip

    mine = ed_client.get(url("set-chats", the_set)).content.decode()
    everybody = ed_client.get(url("set-chats", the_set) + "?from=asked").content.decode()
    ed_client.post(url("set-chats", the_set), {"question": str(answer.pk)})

    assert "PRIVATE" not in mine + everybody
    assert "A logged question?" in everybody
    assert Message.objects.filter(pk=answer.pk).exists()
    assert present(the_set).count() == 3


def test_it_escapes_what_people_and_documents_wrote(ed_client: Client, the_set: QuestionSet) -> None:
    SetQuestion.objects.filter(pk=first(the_set).pk).update(text="<script>alert(1)</script>")
    Document.objects.filter(library=the_set.library).update(name="<img src=x>")
    ed_client.post(url("runs", the_set), {"kind": "retrieval"})

    for name in ("set", "runs"):
        page = ed_client.get(url(name, the_set)).content.decode()
        assert "<script>alert" not in page
        assert "<img src=x>" not in page
