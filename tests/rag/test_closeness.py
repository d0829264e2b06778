"""Which questions get the answer that an editor wrote for another wording: the rules, on the fake model."""

from collections.abc import Sequence

import numpy as np
import pytest

from apps.rag.closeness import LEAST_NEARNESS, compare, nearness, read
from apps.runtimes.contracts import Floats

SAME_WORDS = {"holiday": "vacation", "年假": "休假"}


def embed(words: Sequence[str]) -> Floats:
    """Return vectors of which only those of words that mean the same are near."""
    known = [SAME_WORDS.get(word, word) for word in words]
    axes = {word: axis for axis, word in enumerate(dict.fromkeys(known))}
    return np.eye(len(axes), dtype=np.float32)[[axes[word] for word in known]]


def is_same(question: str, wording: str, cosine: float = 0.97, **more: object) -> bool:
    return compare(question, wording, cosine, embed, **more).is_same  # type: ignore[arg-type]  # synonyms or floor


@pytest.mark.parametrize(
    ("question", "wording"),
    [
        ("How can I reset my password?", "How do I reset my password?"),
        ("what's the budget for travel in 2023", "What is the travel budget for 2023?"),
        ("When does the canteen open?", "What time does the canteen open?"),
        ("How do I turn on two-factor authentication?", "How can I enable 2-factor authentication?"),
        ("How many holiday days are there?", "How many vacation days are there?"),
        ("What was the revenue in Q1?", "What was the revenue in the first quarter?"),
        ("二〇二三年的差旅预算有多少?", "2023年的差旅预算是多少？"),
        ("能不能带客人?", "可以带客人吗？"),
        ("如何关掉通知", "怎么关闭通知？"),
        ("上海办公室由谁负责?", "谁负责上海办公室？"),
    ],
)
def test_it_takes_another_wording_for_the_same_question(question: str, wording: str) -> None:
    assert is_same(question, wording)


@pytest.mark.parametrize(
    ("question", "wording", "against"),
    [
        ("What is the 2024 budget?", "What is the 2023 budget?", "numbers"),
        ("2024年的预算是多少?", "2023年的预算是多少?", "numbers"),
        ("二〇二四年的预算是多少?", "2023年的预算是多少?", "numbers"),
        ("What does error E-1043 mean?", "What does error E-1042 mean?", "numbers"),
        ("What does KB-1042 mean?", "What does IT-1042 mean?", "codes"),
        ("Is it open on Monday?", "Is it open on Tuesday?", "numbers"),
        ("Which documents are needed?", "Which documents are not needed?", "negation"),
        ("哪些材料需要提交?", "哪些材料不需要提交?", "negation"),
        ("How do I disable notifications?", "How do I enable notifications?", "opposites"),
        ("How do I move out?", "How do I move in?", "opposites"),
        ("Can I return an unopened product?", "Can I return an opened product?", "opposites"),
        ("如何卸载软件?", "如何安装软件?", "opposites"),
        ("怎么导出数据?", "怎么导入数据?", "opposites"),
        ("Who approved the leave?", "When was the leave approved?", "kind"),
        ("谁审批年假?", "年假什么时候审批?", "kind"),
        ("Who leads the Munich office?", "Who leads the Berlin office?", "words"),
        ("How do I cancel my order?", "How do I cancel my subscription?", "words"),
        ("北京办公室的地址?", "上海办公室的地址?", "words"),
        ("怎么重置其他用户的密码?", "怎么重置密码?", "words"),
        ("年假有几天?", "How many vacation days are there?", "language"),
    ],
)
def test_it_takes_no_question_about_something_else(question: str, wording: str, against: str) -> None:
    verdict = compare(question, wording, 0.99, embed)

    assert not verdict.is_same
    assert verdict.against == against
    assert not compare(wording, question, 0.99, embed).is_same


def test_it_takes_the_same_text_whatever_its_vector_says() -> None:
    assert is_same("Where do I park?", "where do i park", 0.1)


def test_it_asks_for_near_vectors_on_the_scale_of_the_model() -> None:
    assert not is_same("How can I reset my password?", "How do I reset my password?", 0.7)
    assert not is_same("How can I reset my password?", "How do I reset my password?", 0.9, floor=0.7)
    assert is_same("How can I reset my password?", "How do I reset my password?", 0.95, floor=0.7)
    assert nearness(0.93, 0.7) == pytest.approx(LEAST_NEARNESS, abs=0.001)


def test_it_knows_a_library_s_own_synonyms() -> None:
    assert not is_same("Where is the sauna?", "Where is the spa?")
    assert is_same("Where is the sauna?", "Where is the spa?", synonyms={"sauna": "spa", "spa": "spa"})


def test_it_lets_no_name_pass_for_another_however_near_the_words_are() -> None:
    SAME_WORDS["Jones"] = "Smith"
    try:
        assert not is_same("Which plan does Dr. Jones recommend?", "Which plan does Dr. Smith recommend?")
    finally:
        del SAME_WORDS["Jones"]


def test_it_survives_any_text() -> None:
    for text in ("", "?", "？？？", "a" * 5000, "一" * 3000, "\x00\ud800", "1" * 400, "-" * 50 + "(" * 50):
        read(text)
        compare(text, "How do I reset my password?", 0.99, embed)
        compare("How do I reset my password?", text, 0.99, embed)
