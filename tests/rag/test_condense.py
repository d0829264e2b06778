"""How a follow-up question is made to stand alone."""

import pytest

from apps.rag.condense import condense
from apps.rag.types import Condensed, Exchange
from apps.runtimes import fake
from apps.runtimes.fake import FakeChat


@pytest.mark.parametrize(
    ("before", "question", "expected"),
    [
        pytest.param("梧桐树协议是什么时候签订的？", "它有什么作用？", "梧桐树协议有什么作用？", id="zh it"),
        pytest.param(
            "《越南亡国史》的作者是谁？", "它是什么时候出版的？", "《越南亡国史》是什么时候出版的？", id="zh title"
        ),
        pytest.param("年假可以休几天？", "怎么申请？", "年假：怎么申请？", id="zh short"),
        pytest.param("年假可以休几天？", "那病假呢？", "年假：病假", id="zh and"),
        pytest.param(
            "Who runs the Lindeth Ferry?", "When was it founded?", "When was Lindeth Ferry founded?", id="en it"
        ),
        pytest.param("Who founded Acme Corp?", "What is its revenue?", "What is Acme Corp's revenue?", id="en its"),
        pytest.param(
            "What is the capital of France?",
            "And how many people live there?",
            "And how many people live there? (France)",
            id="en there",
        ),
        pytest.param("How many days of annual leave do we have?", "Why?", "Why? (days annual leave)", id="en short"),
    ],
)
def test_it_carries_over_what_the_question_is_about(before: str, question: str, expected: str) -> None:
    assert condense(question, [Exchange(before, "…")]) == Condensed(expected, was_rewritten=True)


@pytest.mark.parametrize(
    "question", ["公司的注册地址在哪个城市？", "Which ports does the Orla line serve in winter?", "应该如何申请护照？"]
)
def test_it_leaves_a_question_that_stands_alone(question: str) -> None:
    assert condense(question, [Exchange("Who founded Acme Corp?", "Jo Doe.")]) == Condensed(question)


def test_it_rewrites_nothing_without_a_history() -> None:
    assert condense("Why?", ()) == Condensed("Why?")


def test_it_looks_further_back_past_another_follow_up() -> None:
    history = [Exchange("Who founded Acme Corp?", "Jo Doe."), Exchange("Where does he live?", "In Rome.")]

    assert condense("When was it founded?", history).question == "When was Acme Corp founded?"


def test_it_asks_a_model_that_is_good_enough() -> None:
    with fake.replies("When was Acme Corp founded?"):
        condensed = condense("When was it founded?", [Exchange("Who runs Acme Corp?", "Jo.")], FakeChat())

    assert condensed.question == "When was Acme Corp founded?"


@pytest.mark.parametrize("rambling", ["", "当然可以，这是改写后的问题", "x" * 400])
def test_it_falls_back_to_the_rule_where_the_model_rambles(rambling: str) -> None:
    with fake.replies(rambling):
        condensed = condense("When was it founded?", [Exchange("Who runs Acme Corp?", "Jo.")], FakeChat())

    assert condensed.question == "When was Acme Corp founded?"


def test_a_topic_is_data_and_not_a_replacement_pattern() -> None:
    condensed = condense("When was it founded?", [Exchange(r'Who runs "Acme \1 \g<0>"?', "Jo.")])

    assert condensed.question == r'When was "Acme \1 \g<0>" founded?'


def test_it_takes_he_for_the_name_in_the_answer_before() -> None:
    history = [Exchange("Who wrote The Aristocats?", "Tom Rowe wrote it. [1]")]

    assert condense("What else did he write?", history).question == "What else did he write? (Tom Rowe, Aristocats)"
