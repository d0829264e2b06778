"""The metrics of answers, and the command on fake models."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from apps.catalog.models import AIModel
from apps.evaluation.answer_metrics import contains, exact_match, f1, plain
from apps.evaluation.answers import Answered, score
from apps.evaluation.scratch import NAME_PREFIX
from apps.evaluation.sets import Question
from apps.runtimes import fake
from apps.users.models import Team
from tests.factories import AIModelFactory

KEYS = {
    "queries",
    "exact_match",
    "f1",
    "answer_contained",
    "citation_precision",
    "citation_recall",
    "refusal_accuracy",
    "false_refusal_rate",
    "first_token_p50_ms",
}
CORPUS = [
    {"id": "a", "title": "Water", "text": "Water boils at 100 degrees. It freezes at 0 degrees."},
    {"id": "b", "title": "", "text": "五月艾是菊科蒿属的植物。"},
]
QUERIES = [
    {"id": "1", "text": "At how many degrees does water boil?", "gold": ["a"], "answers": ["100 degrees"]},
    {"id": "2", "text": "五月艾是什么植物？", "gold": ["b"], "answers": ["菊科蒿属的植物"]},
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, rows in (("corpus", CORPUS), ("queries", QUERIES)):
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (tmp_path / f"{name}.jsonl").write_text(lines + "\n")
    return tmp_path


@pytest.fixture
def embedding_model(db: None) -> AIModel:
    return AIModelFactory(kind=AIModel.Kind.EMBEDDING, state="ready", is_default=True)


@pytest.mark.parametrize(
    ("answer", "gold", "em", "contained", "f"),
    [
        pytest.param("The Medal of Honor.", "medal of honor", 1.0, 1.0, 1.0, id="article and case"),
        pytest.param("He got the Medal of Honor", "Medal of Honor", 0.0, 1.0, 0.75, id="inside a sentence"),
        pytest.param("no one", "no", 0.0, 1.0, 2 / 3, id="word"),
        pytest.param("nothing", "no", 0.0, 0.0, 0.0, id="part of a word"),
        pytest.param("他于1910年出生。", "1910年", 0.0, 1.0, 0.5, id="Chinese"),
        pytest.param("1910 年", "1910年。", 1.0, 1.0, 1.0, id="Chinese space"),
        pytest.param("", "1910年", 0.0, 0.0, 0.0, id="nothing"),
    ],
)
def test_it_scores_an_answer(answer: str, gold: str, em: float, contained: float, f: float) -> None:
    assert exact_match(answer, [gold]) == em
    assert contains(answer, [gold]) == contained
    assert f1(answer, [gold]) == pytest.approx(f)


def test_it_takes_the_best_of_several_golds() -> None:
    assert f1("the Seine", ["Thames", "Seine"]) == 1.0


def test_it_compares_without_marks_and_escapes() -> None:
    assert plain("a\\[12\\] b \\* c [1][2]\n\n是。[3]") == "a[12] b * c\n\n是。"


def test_its_rates_speak_of_the_right_questions() -> None:
    able = Question("1", "?", ("a", "b"), ("x",))
    unable = Question("2", "?", (), ())
    results = [
        Answered(able, "x", frozenset("ac"), is_refusal=False, support=1, first_token_ms=10),
        Answered(able, "x", frozenset("ab"), is_refusal=True, support=0, first_token_ms=20),
        Answered(unable, "x", frozenset("c"), is_refusal=False, support=1, first_token_ms=30),
        Answered(unable, "", frozenset(), is_refusal=True, support=0, first_token_ms=40),
    ]

    assert score(results) == {
        "queries": 4,
        "exact_match": 0.5,
        "f1": 0.5,
        "answer_contained": 0.5,
        "citation_precision": 0.5,
        "citation_recall": 0.25,
        "refusal_accuracy": 0.5,
        "false_refusal_rate": 0.5,
        "first_token_p50_ms": 25.0,
    }


def test_it_scores_nothing_without_failing() -> None:
    assert set(score([])) == KEYS


@pytest.mark.django_db(transaction=True)
def test_the_command_answers_from_the_corpus_and_leaves_nothing(folder: Path, embedding_model: AIModel) -> None:
    out = StringIO()

    call_command("evaluate_answers", folder, mode="quote", json=True, stdout=out)

    report = json.loads(out.getvalue())
    assert set(report) >= KEYS
    assert report["queries"] == 2
    assert not Team.objects.filter(name__startswith=NAME_PREFIX).exists()


@pytest.mark.django_db(transaction=True)
def test_the_command_generates_with_the_named_model(folder: Path, embedding_model: AIModel) -> None:
    AIModelFactory(name="tiny", kind=AIModel.Kind.CHAT, state="ready")
    out = StringIO()

    with fake.replies(*["100 degrees"] * 2, "菊科蒿属的植物"):
        call_command("evaluate_answers", folder, mode="generate", model="tiny", json=True, stdout=out)

    assert json.loads(out.getvalue())["queries"] == 2


def test_the_command_says_that_there_is_no_such_model(folder: Path, db: None) -> None:
    with pytest.raises(CommandError, match="no chat model named 'none'"):
        call_command("evaluate_answers", folder, model="none")
