"""What a draft of words would change, question by question, without changing anything."""

import pytest
from django.test import Client

from apps.catalog.models import AIModel
from apps.evaluation import wording
from apps.evaluation.models import QuestionSet, SetQuestion
from apps.libraries.invariants import term_statistics_are_as_counted
from apps.libraries.models import AskedQuestion, Chunk, Lexicon, Library, TermStatistics
from apps.rag.search import SearchTools
from tests.rag.corpus import fill, tools

TEXTS = ["手提电脑的采购由经理批准。", "打印机的采购由助理批准。", "云雀平台的采购由总监批准。"]


@pytest.fixture
def chunks(library: Library, embedding_model: AIModel, monkeypatch: pytest.MonkeyPatch) -> list[Chunk]:
    monkeypatch.setattr(SearchTools, "default", classmethod(lambda _cls: tools(embedding_model)))
    return [fill(library, [text], name=f"{n}.txt", model=embedding_model)[0] for n, text in enumerate(TEXTS)]


def draft(library: Library, words: list[str], synonyms: list[list[str]]) -> str:
    Lexicon.objects.create(library=library, draft={"words": words, "synonyms": synonyms})
    return wording.begin(library)


def ask(library: Library, text: str, gold: Chunk | None = None) -> None:
    questions, _ = QuestionSet.objects.get_or_create(library=library, name="Set")
    entry = [{"document": str(gold.document_id), "name": gold.document.name, "quote": ""}] if gold else []
    SetQuestion.objects.create(questions=questions, text=text, gold=entry)


def stored(library: Library) -> dict[str, object]:
    report: dict[str, object] = Lexicon.objects.get(library=library).report
    return report


def test_it_shows_the_difference_on_the_question_sets(library: Library, chunks: list[Chunk]) -> None:
    ask(library, "笔记本 laptop", chunks[0])
    ask(library, "云雀平台", chunks[2])
    token = draft(library, ["云雀平台"], [["笔记本", "手提电脑", "laptop"]])
    before = TermStatistics.objects.filter(library=library).count()

    wording.compare(library.pk, token)

    report = stored(library)
    rows = {row["text"]: row for row in report["rows"]}  # type: ignore[attr-defined]
    assert report["state"] == "done"
    assert report["kind"] == "sets"
    assert report["chunks"] == 1
    assert rows["云雀平台"]["after"] == 1
    assert rows["笔记本 laptop"]["after"] == 1
    assert report["after"]["ndcg_at_10"] >= report["before"]["ndcg_at_10"]  # type: ignore[index]
    assert TermStatistics.objects.filter(library=library).count() == before  # nothing is left of the trial
    assert not TermStatistics.objects.filter(library=library, term="=云雀平台").exists()
    assert term_statistics_are_as_counted() == []


def test_without_sets_it_takes_what_was_asked_lately(library: Library, chunks: list[Chunk]) -> None:
    for text in ("采购", "采购", "批准"):
        AskedQuestion.objects.create(team=library.team, library_ids=[library.pk], source="chat", question=text)
    token = draft(library, [], [["采购", "打印机"]])

    wording.compare(library.pk, token)

    report = stored(library)
    assert report["kind"] == "asked"
    assert {row["text"] for row in report["rows"]} == {"采购", "批准"}  # type: ignore[attr-defined]


def test_a_comparison_nobody_wants_any_more_stops(library: Library, chunks: list[Chunk]) -> None:
    ask(library, "云雀平台", chunks[2])
    token = draft(library, ["云雀平台"], [])
    Lexicon.objects.filter(library=library).update(report={"state": "running", "token": "another"})

    with pytest.raises(wording.Cancelled):
        wording.compare(library.pk, token)
    assert stored(library)["token"] == "another"


def test_the_page_follows_a_comparison_to_its_end(
    ed_client: Client, library: Library, chunks: list[Chunk], monkeypatch: pytest.MonkeyPatch
) -> None:
    rung: list[str] = []
    monkeypatch.setattr("apps.evaluation.views.words.ring", lambda _task, *arguments: rung.extend(arguments))
    ask(library, "云雀平台", chunks[2])
    Lexicon.objects.create(library=library, draft={"words": ["云雀平台"], "synonyms": []})

    begun = ed_client.post(f"/libraries/{library.pk}/words/compare/").content.decode()
    assert "every 2s" in begun
    wording.compare(library.pk, rung[1])
    html = ed_client.get(f"/libraries/{library.pk}/words/report/").content.decode()

    assert "1 question of your sets" in html
    assert "every 2s" not in html


def test_without_a_draft_there_is_nothing_to_compare(ed_client: Client, library: Library) -> None:
    assert ed_client.post(f"/libraries/{library.pk}/words/compare/").status_code == 409
    assert ed_client.get(f"/libraries/{library.pk}/words/report/").status_code == 200
