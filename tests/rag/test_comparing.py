"""Comparisons become one question for each of the things compared; everything else stays one question."""

import pytest

from apps.rag.comparing import LONGEST, interleaved, parts_of
from tests.rag.doubles import found


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("比较A套餐和B套餐的价格", ("A套餐的价格", "B套餐的价格")),
        ("红茶和绿茶有什么区别？", ("红茶", "绿茶")),
        ("北京和上海在人口方面有什么不同？", ("北京的人口", "上海的人口")),
        ("请比较一下 KB-1042 与 KB-1043", ("KB-1042", "KB-1043")),
        ("iPhone 和 Pixel 哪个更便宜？", ("iPhone的便宜", "Pixel的便宜")),
        ("What is the difference between TCP and UDP?", ("TCP", "UDP")),
        ("Compare plan A and plan B in terms of price", ("plan A price", "plan B price")),
        ("Compare the price of plan A and plan B", ("plan A price", "plan B price")),
        ("How does AWS differ from GCP?", ("AWS", "GCP")),
        ("Who is older, Annie Morton or Terry Richardson?", ("Annie Morton older", "Terry Richardson older")),
        (
            "Were Scott Derrickson and Ed Wood of the same nationality?",
            ("Scott Derrickson nationality", "Ed Wood nationality"),
        ),
        ("Postgres vs MySQL", ("Postgres", "MySQL")),
    ],
)
def test_it_splits_comparisons(question: str, parts: tuple[str, ...]) -> None:
    assert parts_of(question) == parts


@pytest.mark.parametrize(
    "question",
    [
        "",
        "法国和德国的历史",
        "他和她的区别",
        "《鳄鱼泪》同名主题曲的原唱是谁？",
        "What is the capital of France and Germany?",
        "What happened and why?",
        "Do you like tea or coffee?",
        "Do carageenan and Zanamavir together have a greater benefit than either in monotherapy?",
        "x" * (LONGEST + 1),
    ],
)
def test_it_leaves_other_questions_whole(question: str) -> None:
    assert parts_of(question) == ()


@pytest.mark.parametrize("piece", ["比较和", "A 和 ", "Compare a and ", "Who is Aa Bb of the ", "A vs "])
def test_it_takes_a_hostile_question(piece: str) -> None:
    """A pattern that tries every way to cut a long question would hang here."""
    assert len(parts_of(piece * (LONGEST // len(piece)))) <= 4


def test_it_gives_the_passages_of_each_part_in_turns() -> None:
    both = interleaved([found("A1", "A2", support=0.9), found("B1", support=0.6), found("A1", "C", support=0.2)])

    assert [passage.text for passage in both.passages] == ["A1", "B1", "A2", "C"]
    assert both.support == 0.6  # as good as the weaker part


def test_it_takes_the_support_of_the_whole_question_where_that_is_better() -> None:
    assert interleaved([found("A", support=0.1), found("B", support=0.9), found("AB", support=0.7)]).support == 0.7
