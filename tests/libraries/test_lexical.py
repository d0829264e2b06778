"""What a text becomes in the lexical index."""

import time

import pytest

from apps.libraries.lexical import MAX_TERM_CHARS, analyse, analyse_question, dimension, quoted
from apps.libraries.models import TERM_SPACE


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        pytest.param("GB/T 7714—2015", {"gbt7714-2015", "7714-2015"}, id="a standard's number, whole and in parts"),
        pytest.param("KB-1042", {"kb1042", "1042"}, id="a ticket"),
        pytest.param("KB 1042", {"kb1042"}, id="the same ticket with a space"),
        pytest.param("kb1042", {"kb1042"}, id="and without"),
        pytest.param("v1.2 不是 v12", {"v1.2", "v12"}, id="a joint between digits stays"),
        pytest.param("1,234,567 元", {"1234567"}, id="thousands"),
        pytest.param("C++ and C#", {"c++", "c#"}, id="languages with a mark"),
        pytest.param("running RUNS", {"run"}, id="stems"),
        pytest.param("Geneviève", {"geneviev"}, id="accents"),
        pytest.param("ＡＢＣ１２", {"abc12"}, id="full width"),
        pytest.param("臺灣電腦", {"台湾", "湾电", "电脑"}, id="traditional characters"),
        pytest.param("处理器速度", {"处理", "理器", "=处理器"}, id="bigrams and long words"),
        pytest.param("猫", {"猫", "=猫"}, id="a single character"),
        pytest.param("東京タワー", {"タワ", "ワー"}, id="kana"),
        pytest.param("한국어", {"한국", "국어"}, id="hangul"),
        pytest.param("192.168.1.10", {"192.168.1.10"}, id="an address keeps its dots"),
        pytest.param("138-0013-8000", {"13800138000", "138-0013-8000"}, id="a telephone with dashes"),
        pytest.param("v1.2.3", {"v1.2.3"}, id="a version"),
        pytest.param("e-mails", {"email"}, id="a compound is stemmed as its whole"),
        pytest.param("state-of-the-art", {"stateoftheart", "art"}, id="a long compound"),
        pytest.param("Straße STRASSE", {"strass"}, id="sharp s"),
        pytest.param("1½ 杯", {"1", "1/2"}, id="a vulgar fraction is no eleven"),
        pytest.param("10² m²", {"10", "m2"}, id="a power is no hundred and two"),
        pytest.param("第①②条", {"1", "2"}, id="numbers in circles"),
        pytest.param("依第三条第二款", {"第3条", "第2款"}, id="articles in characters"),
        pytest.param("第 12 条", {"第12条"}, id="articles in digits"),
        pytest.param("第一百零五条", {"第105条"}, id="a hundred and five"),
        pytest.param("第二〇条", {"第20条"}, id="digit by digit"),
        pytest.param("第〇〇七条", {"第7条"}, id="zeros in front"),
        pytest.param("ﬁnance ㎡ ﾊﾝｶｸ", {"financ", "m2", "ハン"}, id="ligature, unit sign, half-width kana"),
        pytest.param("5G网络和SQL注入", {"5g", "sql", "网络", "注入"}, id="mixed scripts"),
        pytest.param("AT&T and O'Brien", {"att", "obrien"}, id="names with marks"),
        pytest.param("ISO 9001:2015", {"iso9001:2015", "9001:2015"}, id="a standard with a year"),
        pytest.param("Germany’s wi-fi", {"germani", "wifi"}, id="possessive and compound"),
    ],
)
def test_it_finds_the_terms_of(text: str, wanted: set[str]) -> None:
    assert wanted <= set(analyse(text))


def test_it_gives_a_traditional_question_the_terms_of_a_simplified_text() -> None:
    assert analyse("資訊處理標準") == analyse("资讯处理标准")


def test_it_does_not_count_a_word_of_two_characters_twice() -> None:
    assert analyse("电脑") == ["电脑"]


def test_it_leaves_out_what_only_asks() -> None:
    assert "什么" not in analyse_question("什么是五月艾？")
    assert "五月" in analyse_question("什么是五月艾？")
    assert analyse_question("What is the speed of light?") == ["speed", "light"]


def test_it_keeps_a_question_of_nothing_but_asking_words() -> None:
    assert analyse_question("what is it") == ["what", "is", "it"]
    assert analyse_question("为什么") != []


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("啊" * 1_000_000, id="one character"),
        pytest.param(" " * 1_000_000, id="spaces"),
        pytest.param("." * 1_000_000, id="dots"),
        pytest.param("中华" * 500_000, id="two characters"),
        pytest.param("a." * 500_000, id="one endless identifier"),
        pytest.param("A/" * 500_000, id="one endless code"),
        pytest.param("1," * 500_000, id="thousands without end"),
        pytest.param("ﷺ" * 300_000, id="a ligature that unfolds into 18 characters"),
        pytest.param("\x00'\\" * 300_000, id="NUL, quotes and backslashes"),
        pytest.param("\ud800 x" * 10_000, id="lone surrogates"),
        pytest.param("第一" * 100_000, id="articles that never come"),
        pytest.param("1-" * 500_000, id="a telephone without end"),
        pytest.param("①½²" * 300_000, id="small digits"),
    ],
)
def test_it_stays_linear_on_hostile_text(text: str) -> None:
    began = time.process_time()

    terms = analyse(text)

    assert time.process_time() - began < 20  # about 0.3 s; a quadratic step would take minutes
    assert all(0 < len(term) <= MAX_TERM_CHARS + 1 and "\x00" not in term for term in terms)


def test_it_places_every_term_inside_the_sparse_space() -> None:
    places = {dimension(f"term{number}") for number in range(10_000)}

    assert len(places) > 9_990
    assert all(0 <= place < TERM_SPACE - 1 for place in places)


def test_it_quotes_for_postgresql() -> None:
    assert quoted("o'b\\x") == "'o''b\\\\x'"
