"""Questions from files and back: every line is judged before anything is imported."""

import csv
import json
from uuid import UUID

import pytest

from apps.evaluation import exporting, importing
from apps.evaluation.models import QuestionSet, Run, RunResult, SetQuestion
from apps.evaluation.set_errors import ImportGone, ImportTooLarge, ImportUnreadable
from apps.evaluation.set_services import add_question, delete_questions, present
from apps.libraries.models import Document
from apps.users.models import User
from tests import factories
from tests.evaluation.conftest import first


def preview(questions: QuestionSet, user: User, data: str | bytes) -> importing.Preview:
    raw = data.encode() if isinstance(data, str) else data
    return importing.preview(user=user, questions=questions, name="file", data=raw)


def test_it_says_what_becomes_of_each_line(the_set: QuestionSet, ed: User) -> None:
    lines = [
        "question,answers,document,quote,note",
        "How long is the warranty?,24 months|two years,rules.txt,warranty lasts 24 months,mine",
        "When does the canteen open?,,,,",
        "Where is it?,,nowhere.txt,,",
        "What else?,,rules.txt,words that nobody wrote,",
        ",x,,,",
        "Only this",
    ]

    shown = preview(the_set, ed, "\n".join(lines))

    assert [line.text for line in shown.fresh] == ["How long is the warranty?", "Only this"]
    assert [line.text for line in shown.known] == ["When does the canteen open?"]
    assert [(line.number, line.code) for line in shown.refused] == [
        (4, "document-unknown"), (5, "quote-unknown"), (6, "set-question-missing"),
    ]  # fmt: skip
    assert present(the_set).count() == 3  # nothing is imported by looking


def test_it_imports_what_was_shown_once(the_set: QuestionSet, ed: User) -> None:
    shown = preview(the_set, ed, "question,answers,document\nHow long?,24 months|2 years,rules\nWho?,,\n")

    assert importing.carry_out(user=ed, questions=the_set, shown=shown) == 2
    assert importing.carry_out(user=ed, questions=the_set, shown=shown) == 0

    row = SetQuestion.objects.get(text="How long?")
    assert row.answers == ["24 months", "2 years"]
    assert row.gold[0]["name"] == "rules.txt"
    assert row.origin == SetQuestion.Origin.IMPORTED


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(
            '{"question": "How long?", "gold": [{"document": "rules.txt", "quote": "24 months"}]}', id="jsonl"
        ),
        pytest.param('{"id": 1, "text": "How long?", "gold": ["rules.txt"], "answers": ["24"]}', id="evaluation set"),
        pytest.param("问题;文档\nHow long?;rules.txt", id="Chinese columns, semicolons"),
        pytest.param("question\tdocument\nHow long?\trules.txt", id="tabs"),
        pytest.param("\ufeffquestion,document\r\nHow long?,rules.txt\r\n", id="BOM and CRLF"),
        pytest.param("question,document\nHow long?,rules.txt\n".encode("utf-16"), id="UTF-16"),
    ],
)
def test_it_reads_the_forms_that_people_have(the_set: QuestionSet, ed: User, data: str | bytes) -> None:
    shown = preview(the_set, ed, data)

    assert [line.text for line in shown.fresh] == ["How long?"]
    assert [entry["name"] for entry in shown.fresh[0].gold] == ["rules.txt"]


def test_it_joins_the_passages_of_a_question_on_several_lines(the_set: QuestionSet, ed: User) -> None:
    data = "question,document,quote\nBoth?,rules.txt,24 months\nBoth?,rules.txt,within 30 days\n"

    assert [entry["quote"] for entry in preview(the_set, ed, data).fresh[0].gold] == ["24 months", "within 30 days"]


def test_it_asks_for_the_folder_where_a_name_is_twice(the_set: QuestionSet, ed: User) -> None:
    factories.DocumentFactory(library=the_set.library, name="rules.txt", folder="old")

    shown = preview(the_set, ed, "question,document\nA?,rules.txt\nB?,old/rules.txt\n")

    assert [line.code for line in shown.refused] == ["document-ambiguous"]
    assert [line.text for line in shown.fresh] == ["B?"]


def test_it_finds_no_document_of_another_library(the_set: QuestionSet, ed: User) -> None:
    stranger = factories.DocumentFactory(name="secret.txt")

    shown = preview(the_set, ed, f"question,document\nA?,secret.txt\nB?,{stranger.pk}\n")

    assert [line.code for line in shown.refused] == ["document-unknown", "document-unknown"]


@pytest.mark.parametrize(
    "data", [b"", b"\xff\xfe\x00", b"a,b\n1,2", b"question\n", b"{", b"[1, 2]", b"\x00\x01", "词\n".encode()]
)
def test_it_refuses_what_is_no_list_of_questions(the_set: QuestionSet, ed: User, data: bytes) -> None:
    try:
        shown = preview(the_set, ed, data)
    except ImportUnreadable:
        return
    assert not shown.fresh


def test_it_refuses_files_without_end(the_set: QuestionSet, ed: User) -> None:
    with pytest.raises(ImportTooLarge):
        preview(the_set, ed, "question\n" + "A?\n" * (importing.MOST_LINES + 1))
    with pytest.raises(ImportTooLarge):
        preview(the_set, ed, b"x" * (importing.MOST_MIB * 1024 * 1024 + 1))


def test_it_shows_a_preview_to_its_person_alone(the_set: QuestionSet, ed: User, ada: User) -> None:
    shown = preview(the_set, ed, "question\nA?\n")

    assert importing.find(user=ed, questions=the_set, token=UUID(shown.token)).fresh[0].text == "A?"
    with pytest.raises(ImportGone):
        importing.find(user=ada, questions=the_set, token=UUID(shown.token))


def test_it_reads_back_what_it_exports(the_set: QuestionSet, ed: User) -> None:
    before = {row.text: (row.answers, row.gold) for row in present(the_set)}
    for pieces in (exporting.questions_csv(present(the_set)), exporting.questions_jsonl(present(the_set))):
        data = "".join(pieces)
        delete_questions(present(the_set))

        importing.carry_out(user=ed, questions=the_set, shown=preview(the_set, ed, data))

        assert {row.text: (row.answers, row.gold) for row in present(the_set)} == before


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_it_exports_no_formula(the_set: QuestionSet, ed: User, text: str) -> None:
    """security-cases 76: a cell that begins like a formula is text."""
    add_question(user=ed, questions=the_set, text=f"{text}?", answers=[text])
    run = Run.objects.create(questions=the_set)
    RunResult.objects.create(run=run, text=text, answer=text, ranking=[{"name": text}])

    lines = [*exporting.questions_csv(present(the_set)), *exporting.results_csv(run)]

    cells = [cell for row in csv.reader(line.lstrip("\ufeff") for line in lines) for cell in row]
    risky = [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert not risky


def test_it_exports_numbers_as_numbers(the_set: QuestionSet) -> None:
    run = Run.objects.create(questions=the_set)
    RunResult.objects.create(
        run=run,
        question=first(the_set),
        text="A?",
        metrics={"ndcg_at_10": 0.63093, "places": [2, 0]},
        milliseconds=7.25,
    )

    row = list(exporting.results_csv(run))[1]

    assert "0.6309" in row
    assert "2 –" in row
    assert "7.2" in row


def test_it_keeps_every_detail_in_jsonl(the_set: QuestionSet) -> None:
    rows = [json.loads(line) for line in exporting.questions_jsonl(present(the_set))]

    assert rows[0]["gold"][0]["quote"] == "The warranty lasts 24 months for private customers."
    assert Document.objects.filter(name=rows[0]["gold"][0]["document"]).exists()
