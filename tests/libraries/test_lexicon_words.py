"""A library's own words: what they may be, and where they stand."""

import time

import pytest

from apps.libraries.lexical import WORD_MARK, analyse, analyse_question
from apps.libraries.wording import (
    MAX_GROUP_SIZE,
    MAX_WORD_CHARS,
    MAX_WORDS,
    Wording,
    read_synonyms,
    read_words,
    stored_wording,
    synonyms_text,
    words_finder,
    words_text,
)


def whole(text: str, *words: str) -> list[str]:
    finder = words_finder(tuple(words))
    return [term for term in analyse(text, finder) if term.startswith(WORD_MARK)]


@pytest.mark.parametrize(
    ("text", "word", "wanted"),
    [
        pytest.param("我们的云雀平台上线了", "云雀平台", "=云雀平台", id="a name that jieba does not know"),
        pytest.param("雲雀平台", "云雀平台", "=云雀平台", id="traditional writing"),
        pytest.param("云雀平台", "雲雀平臺", "=云雀平台", id="traditional entry"),
        pytest.param("用５Ｇ基站", "5G基站", "=5g基站", id="full width, mixed scripts"),
        pytest.param("5G 基站", "5G基站", "=5g基站", id="a space between scripts"),
        pytest.param(
            "Service-level agreements", "service level agreement", "=servic level agreement", id="plural, hyphen"
        ),
        pytest.param("the PET-CT scan", "pet ct", "=pet ct", id="joint"),
    ],
)
def test_it_keeps_whole(text: str, word: str, wanted: str) -> None:
    assert wanted in whole(text, word)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        pytest.param("云 雀 平 台", "云雀平台", id="characters apart"),
        pytest.param("service. Level agreement", "service level", id="a sentence between"),
        pytest.param("serviceable level", "service", id="one plain word needs no entry"),
        pytest.param("云雀", "云雀平台", id="the beginning alone"),
        pytest.param("", "云雀", id="nothing"),
    ],
)
def test_it_does_not_find(text: str, word: str) -> None:
    assert all(len(term) == 2 for term in whole(text, word))  # single characters are words of their own


def test_the_longest_wins_and_nothing_reaches_into_it() -> None:
    terms = whole("中国科学技术大学校长", "科学技术大学", "科学技术", "中国科学技术大学")

    assert terms == ["=中国科学技术大学"]


def test_jieba_cuts_only_around_own_words() -> None:
    """Without the entry jieba reads 结婚 | 的 | 和尚 | 未."""
    assert "=处理器" in whole("处理器速度快")
    assert "=处理器" not in whole("处理器速度快", "处理器速度")
    assert "=处理器速度" in whole("处理器速度快", "处理器速度")


def test_bigrams_stay_so_that_parts_are_found() -> None:
    terms = analyse("云雀平台", words_finder(("云雀平台",)))

    assert {"云雀", "雀平", "平台"} <= set(terms)


def test_asking_words_inside_an_own_word_stay() -> None:
    finder = words_finder(("什么值得买",))

    assert "=什么值得买" in analyse_question("什么值得买是什么", finder)
    assert "是什么" not in "".join(analyse_question("什么值得买是什么", finder))


def test_without_own_words_nothing_changes() -> None:
    text = "GB/T 7714-2015 中国科学技术大学 running"

    assert analyse(text) == analyse(text, words_finder(()))


def test_it_reads_one_word_a_line() -> None:
    words, problems = read_words(
        "# names\n云雀平台\n\n  service   level \r\n雲雀平台\n!!!\n" + "x" * (MAX_WORD_CHARS + 1)
    )

    assert words == ("云雀平台", "service level")
    assert [(each.line, each.code) for each in problems] == [(6, "no-letters"), (7, "too-long")]


def test_it_reads_groups_by_any_separator() -> None:
    groups, problems = read_synonyms(
        "退货 = 退款, return\n笔记本、手提电脑\n单独\na|A\n" + "=".join("甲乙丙丁戊己庚辛壬癸子丑寅卯辰巳午未申酉戌亥")
    )

    assert groups == (("退货", "退款", "return"), ("笔记本", "手提电脑"))
    assert [(each.line, each.code) for each in problems] == [(3, "one-term"), (4, "one-term"), (5, "group-too-big")]
    assert MAX_GROUP_SIZE == 20


def test_it_reads_only_so_many_words() -> None:
    words, problems = read_words("\n".join(f"word{n}x" for n in range(MAX_WORDS + 2)))

    assert len(words) == MAX_WORDS
    assert [each.code for each in problems] == ["too-many"] * 2


def test_what_is_exported_is_read_again() -> None:
    wording = Wording(("云雀平台", "a b"), (("退货", "return of goods"), ("x1", "y1")))

    assert read_words(words_text(wording))[0] == wording.words
    assert read_synonyms(synonyms_text(wording))[0] == wording.synonyms
    assert stored_wording(wording.as_json) == wording


def test_equal_wordings_have_equal_digests() -> None:
    assert Wording().digest == ""
    assert Wording(("a b",)).digest == Wording(("a b",)).digest != Wording(("a c",)).digest
    assert Wording(("a b",)).digest != Wording((), (("a", "b"),)).digest


def test_it_stays_linear_with_many_words_on_a_long_text() -> None:
    words = tuple("中" * (2 + n % 60) + chr(0x4E00 + n) for n in range(2_000))
    began = time.process_time()

    analyse("中" * 20_000, words_finder(words))

    assert time.process_time() - began < 60  # about 10 s even so; a quadratic step would take hours
