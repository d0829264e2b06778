"""media.md 2a: weights, escapes and BREAK; each case by its number, and its neighbours by a letter."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.images.grammar.attention import parse_attention
from apps.images.grammar.errors import PROMPT_CHARS, MalformedWeight, PromptError, PromptTooLong

NINTH = 0.9090909090909091
BREAK = ["BREAK", -1]


def read(text: str) -> list[list[str | float]]:
    return [[span.text, span.weight] for span in parse_attention(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("normal text", [["normal text", 1.0]], id="1"),
        pytest.param("an (important) word", [["an ", 1.0], ["important", 1.1], [" word", 1.0]], id="2"),
        pytest.param("(unbalanced", [["unbalanced", 1.1]], id="3"),
        pytest.param("[unbalanced", [["unbalanced", NINTH]], id="3b"),
        pytest.param("unbalanced)", [["unbalanced)", 1.0]], id="3c"),
        pytest.param("unbalanced] (a)", [["unbalanced] ", 1.0], ["a", 1.1]], id="3d"),
        pytest.param("unbalanced:1.2)", [["unbalanced:1.2)", 1.0]], id="3e"),
        pytest.param("(a]", [["a]", 1.1]], id="3f"),
        pytest.param(r"\(literal\]", [["(literal]", 1.0]], id="4"),
        pytest.param(r"(a\)b)", [["a)b", 1.1]], id="4b"),
        pytest.param(r"a\\b", [[r"a\b", 1.0]], id="4c-backslash"),
        pytest.param(r"a\b\:c", [["ab:c", 1.0]], id="4d-lone-backslash-goes"),
        pytest.param("(unnecessary)(parens)", [["unnecessaryparens", 1.1]], id="5"),
        pytest.param(
            "a (((house:1.3)) [on] a (hill:0.5), sun, (((sky))).",
            [
                ["a ", 1.0],
                ["house", 1.5730000000000004],
                [" ", 1.1],
                ["on", 1.0],
                [" a ", 1.1],
                ["hill", 0.55],
                [", sun, ", 1.1],
                ["sky", 1.4641000000000006],
                [".", 1.1],
            ],
            id="6",
        ),
        pytest.param("", [["", 1.0]], id="7"),
        pytest.param("()", [["", 1.0]], id="7b"),
        pytest.param("[keyword]", [["keyword", NINTH]], id="8"),
        pytest.param("[[double]]", [["double", 0.8264462809917354]], id="9"),
        pytest.param("((keyword))", [["keyword", 1.2100000000000002]], id="10"),
        pytest.param("([keyword])", [["keyword", 1.0]], id="10b"),
        pytest.param("(keyword:1.1)", [["keyword", 1.1]], id="11"),
        pytest.param("(a : 1.5)", [["a ", 1.5]], id="12"),
        pytest.param("(a:1.5 )", [["a", 1.5]], id="12b"),
        pytest.param("(a:\n1.5\t)", [["a", 1.5]], id="12c"),
        pytest.param("(a:.5)", [["a", 0.5]], id="13"),
        pytest.param("(a:1.)", [["a", 1.0]], id="13b"),
        pytest.param("(a:-1)", [["a", -1.0]], id="13c"),
        pytest.param("(a:+1.2)", [["a", 1.2]], id="13d"),
        pytest.param("(a:0)", [["a", 0.0]], id="13e"),
        pytest.param("(a:1e3)", [["a:1e3", 1.1]], id="14-no-exponents"),
        pytest.param("(a:)", [["a:", 1.1]], id="14b"),
        pytest.param("(a:b)", [["a:b", 1.1]], id="14c"),
        pytest.param("(a:1,2)", [["a:1,2", 1.1]], id="14d"),
        pytest.param("(:1.5)", [["", 1.0]], id="14e"),
        pytest.param("(a:b:1.5)", [["a:b", 1.5]], id="14f"),
        pytest.param("((a:1.2):1.5)", [["a", 1.7999999999999998]], id="15"),
        pytest.param("[a:1.2]", [["a:1.2", NINTH]], id="16-no-number-in-square"),
        pytest.param("((a:1.2))", [["a", 1.32]], id="17"),
        pytest.param("(a (b:1.5) c:1.2)", [["a ", 1.2], ["b", 1.7999999999999998], [" c", 1.2]], id="18"),
        pytest.param("a BREAK b", [["a", 1.0], BREAK, ["b", 1.0]], id="21"),
        pytest.param("a\n BREAK \n b", [["a", 1.0], BREAK, ["b", 1.0]], id="21b"),
        pytest.param("BREAK", [["", 1.0], BREAK, ["", 1.0]], id="21c"),
        pytest.param("a BREAK BREAK b", [["a", 1.0], BREAK, ["", 1.0], BREAK, ["b", 1.0]], id="21d"),
        pytest.param("a, BREAK, b", [["a,", 1.0], BREAK, [", b", 1.0]], id="22"),
        pytest.param("BREAKfast is not a BREAK", [["BREAKfast is not a", 1.0], BREAK, ["", 1.0]], id="23"),
        pytest.param("a break b Break", [["a break b Break", 1.0]], id="24-lower-case"),
        pytest.param("a BREAK_b 猫BREAK", [["a BREAK_b 猫BREAK", 1.0]], id="24b-part-of-a-word"),
        pytest.param("(a) BREAK (b)", [["a", 1.1], ["", 1.0], BREAK, ["", 1.0], ["b", 1.1]], id="25"),
        pytest.param(
            "1girl, (shiny skin:1.1), [blurry], (lens flare:0.75)",
            [
                ["1girl, ", 1.0],
                ["shiny skin", 1.1],
                [", ", 1.0],
                ["blurry", NINTH],
                [", ", 1.0],
                ["lens flare", 0.75],
            ],
            id="28",
        ),
        pytest.param("一个（美丽的：1.5）女孩", [["一个（美丽的：1.5）女孩", 1.0]], id="29-full-width"),
        pytest.param("(美丽:1.3)的女孩", [["美丽", 1.3], ["的女孩", 1.0]], id="29b"),
        pytest.param("(🐈‍⬛:1.2) é", [["🐈‍⬛", 1.2], [" é", 1.0]], id="30-emoji"),
        pytest.param("a\n(b)\nc", [["a\n", 1.0], ["b", 1.1], ["\nc", 1.0]], id="31-lines"),
        pytest.param("(BREAK:1.2)", [["", 1.2], ["BREAK", -1.2], ["", 1.2]], id="33-trap"),
    ],
)
def test_it_reads_weights(text: str, expected: list[list[str | float]]) -> None:
    assert read(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("(a:1.2.3)", id="32-trap"),
        pytest.param("(a:.)", id="32b"),
        pytest.param("(a:..5)", id="32c"),
        pytest.param("x (a:1..2) y", id="32d"),
        pytest.param(f"(a:{'9' * 400})", id="32e-infinite"),
        pytest.param("(" * 9_000 + "a", id="32f-infinite"),
    ],
)
def test_it_names_a_weight_that_is_no_number(text: str) -> None:
    with pytest.raises(MalformedWeight) as caught:
        parse_attention(text)

    assert caught.value.status == 422
    assert len(caught.value.sentence()) < 200


def test_it_tells_a_break_from_a_weighed_word() -> None:
    assert [span.is_break for span in parse_attention("a BREAK b")] == [False, True, False]
    assert not any(span.is_break for span in parse_attention("(BREAK:1.2)"))
    assert not any(span.is_break for span in parse_attention("(a:-1)"))


def test_it_refuses_a_prompt_without_end() -> None:
    with pytest.raises(PromptTooLong):
        parse_attention("a" * (PROMPT_CHARS + 1))


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="()[]\\:.-+12 aBREAK\n", max_size=60) | st.text(max_size=60))
def test_it_reads_or_refuses_whatever_is_written(text: str) -> None:
    try:
        spans = parse_attention(text)
    except PromptError:
        return

    assert spans
    assert all(one.weight != other.weight for one, other in itertools.pairwise(spans))
