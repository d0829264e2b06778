"""Sentences that passages bear out score high; altered ones score low."""

import pytest

from apps.rag.grounding import Grounding, denies, names_of, state_of
from apps.rag.passages import Given
from apps.runtimes.fake import FakeEmbedder
from tests.rag.doubles import passage

SHIP = (
    "The ferry Aurora was built in 1931 by Oda Marsh. It carries 40 people across the bay."
    " Dogs are not allowed on board."
)
SHOP = "周以安于1985年在临江开办了书店。书店每天早上九点开门，晚上六点关门。店内不允许吸烟。"


def grounding(*texts: str) -> Grounding:
    given = [Given(number, passage(text, name=f"doc{number}.txt"), text) for number, text in enumerate(texts, 1)]
    return Grounding(given, None)


@pytest.mark.parametrize(
    "sentence",
    [
        "The ferry Aurora was built in 1931 by Oda Marsh.",
        "It carries 40 people across the bay.",
        "周以安于1985年在临江开办了书店。",
    ],
)
def test_it_supports_what_stands_in_a_passage(sentence: str) -> None:
    assert state_of(grounding(SHIP, SHOP).support(sentence, [1, 2])) == "supported"


@pytest.mark.parametrize(
    ("true", "altered"),
    [
        ("The ferry Aurora was built in 1931 by Oda Marsh.", "The ferry Aurora was built in 1937 by Oda Marsh."),
        ("The ferry Aurora was built in 1931 by Oda Marsh.", "The ferry Aurora was built in 1931 by Tom Berg."),
        ("Dogs are not allowed on board.", "Dogs are allowed on board."),
        ("It carries 40 people across the bay.", "Bananas grow on plants near volcanoes."),
        ("周以安于1985年在临江开办了书店。", "周以安于1958年在临江开办了书店。"),
        ("店内不允许吸烟。", "店内允许吸烟。"),
        ("书店每天早上九点开门，晚上六点关门。", "蘑菇生长在潮湿的森林里。"),
    ],
)
def test_it_doubts_a_sentence_with_a_number_a_name_or_the_negation_altered(true: str, altered: str) -> None:
    judge = grounding(SHIP, SHOP)
    assert judge.support(altered, [1, 2]) < judge.support(true, [1, 2]) - 0.15
    assert state_of(judge.support(altered, [1, 2])) != "supported"


def test_it_judges_by_the_cited_passages_alone() -> None:
    judge = grounding(SHIP, SHOP)
    assert judge.support("The ferry Aurora was built in 1931.", [1]) > 0.7
    assert judge.support("The ferry Aurora was built in 1931.", [2]) < 0.35
    assert judge.support("The ferry Aurora was built in 1931.", []) == 0.0


def test_it_embeds_each_sentence_once() -> None:
    asked: list[str] = []

    def embed(texts: object) -> object:
        asked.extend(texts)  # type: ignore[call-overload]
        return FakeEmbedder().embed_queries(texts)  # type: ignore[arg-type]

    given = [Given(1, passage(SHIP), SHIP)]
    judge = Grounding(given, embed)  # type: ignore[arg-type]
    judge.support("It carries 40 people.", [1])
    judge.support("It carries 40 people.", [1])
    assert len(asked) == len(set(asked))


@pytest.mark.parametrize("sentence", ["", "。。。", "\x00", "a" * 5000, "1 " * 2000])
def test_it_takes_any_text(sentence: str) -> None:
    assert 0 <= grounding(SHIP).support(sentence, [1]) <= 1


@pytest.mark.parametrize(
    ("one", "other", "is_denied"),
    [
        ("Sales rose in May.", "Sales fell in May.", True),
        ("价格上涨后销量增加。", "价格上涨后销量减少。", True),
        ("It is open.", "It is not open.", True),
        ("It isn't open.", "It is not open.", False),
        ("不仅开放，而且免费。", "开放而且免费。", False),
        ("未来三年", "今后三年", False),
    ],
)
def test_it_sees_denials(one: str, other: str, *, is_denied: bool) -> None:
    assert denies(one, other) is is_denied


def test_it_knows_names() -> None:
    assert names_of("In 1931 Oda Marsh built it for NASA.") >= {"Oda", "Marsh", "NASA"}
    assert names_of("作者写了《红楼梦》。") == {"红楼梦"}
