"""media.md 2b: prompts that change with the steps; each case by its number, and its neighbours by a letter."""

import random
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.images.grammar.errors import PromptTooLong, StepsOutOfRange
from apps.images.grammar.schedule import parse_schedule

LANDSCAPE = (
    "fantasy landscape with a [mountain:lake:0.25] and [an oak:a christmas tree:0.75]"
    "[ in foreground::0.6][: in background:0.25] [shoddy:masterful:0.5]"
)


def read(text: str, steps: int, hires_steps: int | None = None) -> list[list[int | str]]:
    return [[stage.until_step, stage.text] for stage in parse_schedule(text, steps, hires_steps=hires_steps)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("test", [[10, "test"]], id="33x-plain"),
        pytest.param("", [[10, ""]], id="33y-empty"),
        pytest.param("a [b:3]", [[3, "a "], [10, "a b"]], id="34"),
        pytest.param("a [b: 3]", [[3, "a "], [10, "a b"]], id="34b"),
        pytest.param("a [b:3 ]", [[3, "a "], [10, "a b"]], id="34c"),
        pytest.param("a [b:\n3\t]", [[3, "a "], [10, "a b"]], id="34d"),
        pytest.param("a [b:+3]", [[3, "a "], [10, "a b"]], id="34e"),
        pytest.param("a [b :3]", [[3, "a "], [10, "a b "]], id="34f"),
        pytest.param("a [b:3 4]", [[10, "a [b:3 4]"]], id="34g"),
        pytest.param("a [b:x]", [[10, "a [b:x]"]], id="34h"),
        pytest.param("a [b:]", [[10, "a [b:]"]], id="34i"),
        pytest.param("a [:3]", [[3, "a "], [10, "a "]], id="34j"),
        pytest.param("a [[[b]]:2]", [[2, "a "], [10, "a [[b]]"]], id="35"),
        pytest.param("[(a:2):3]", [[3, ""], [10, "(a:2)"]], id="36"),
        pytest.param("([a:b:3]:1.2)", [[3, "(a:1.2)"], [10, "(b:1.2)"]], id="36b"),
        pytest.param("a [b : c : 1] d", [[1, "a b  d"], [10, "a  c  d"]], id="37"),
        pytest.param("a [b::3] c", [[3, "a b c"], [10, "a  c"]], id="38"),
        pytest.param("a [b:c:d:3]", [[10, "a [b:c:d:3]"]], id="38b"),
        pytest.param("a [unbalanced", [[10, "a [unbalanced"]], id="39"),
        pytest.param("a [b:3", [[10, "a [b:3"]], id="39b"),
        pytest.param("a b:3]", [[10, "a b:3]"]], id="39c"),
        pytest.param("[a [b:c:3]", [[3, "[a b"], [10, "[a c"]], id="39d"),
        pytest.param("(a [b:c:3]", [[3, "(a b"], [10, "(a c"]], id="39e"),
        pytest.param("[a:b:3]]", [[3, "a]"], [10, "b]"]], id="39f"),
        pytest.param("[a (b:3] [c:d:2] )", [[2, "[a (b:3] c )"], [10, "[a (b:3] d )"]], id="39g"),
        pytest.param("[x:[a:b:3]:y]", [[3, "[x:a:y]"], [10, "[x:b:y]"]], id="39h"),
        pytest.param("a [b:.5] c", [[5, "a  c"], [10, "a b c"]], id="40"),
        pytest.param("[a:b:0.55]", [[5, "a"], [10, "b"]], id="40b-cut-not-rounded"),
        pytest.param("[a:b:0.29]", [[2, "a"], [10, "b"]], id="40c-cut-not-rounded"),
        pytest.param("[a:b:5.]", [[10, "a"]], id="40d"),
        pytest.param("[a:b:1.0]", [[10, "a"]], id="40e-fraction-of-all"),
        pytest.param("[a:b:1]", [[1, "a"], [10, "b"]], id="40f-first-step"),
        pytest.param("[a:b:0]", [[10, "b"]], id="40g"),
        pytest.param("[a:b:0.0]", [[10, "b"]], id="40h"),
        pytest.param("[a:b:0.05]", [[10, "b"]], id="40i"),
        pytest.param("[a:b:-3]", [[10, "b"]], id="40j"),
        pytest.param("[a:b:25]", [[10, "a"]], id="40k-beyond-the-last"),
        pytest.param("[a:b:10]", [[10, "a"]], id="40l"),
        pytest.param("[a:b:1e1]", [[10, "a"]], id="40m"),
        pytest.param("[a:b:1e400]", [[10, "a"]], id="40n-infinite"),
        pytest.param("[a:b:-1e400]", [[10, "b"]], id="40o-infinite"),
        pytest.param("[a:b:٣]", [[10, "[a:b:٣]"]], id="40p-other-digits"),
        pytest.param("[a:[b:c:6]:3]", [[3, "a"], [6, "b"], [10, "c"]], id="41"),
        pytest.param("[[a:b:3]:c:6]", [[3, "a"], [6, "b"], [10, "c"]], id="41b"),
        pytest.param("[[a:b:8]:c:6]", [[6, "a"], [8, "c"], [10, "c"]], id="41c-not-joined"),
        pytest.param(r"a\[b:c:3]", [[10, r"a\[b:c:3]"]], id="47-escape"),
        pytest.param(r"[a\]:b:3]", [[3, r"a\]"], [10, "b"]], id="47b"),
        pytest.param(r"[a\:x:b:3]", [[3, r"a\:x"], [10, "b"]], id="47c"),
        pytest.param("[a:b:3] \\", [[10, "[a:b:3] \\"]], id="47d-lone-backslash"),
        pytest.param("[猫:狗：1:0.5]，（好）", [[5, "猫，（好）"], [10, "狗：1，（好）"]], id="48-chinese"),
        pytest.param("[🐈:🐕:5]\nnext", [[5, "🐈\nnext"], [10, "🐕\nnext"]], id="48b"),
        pytest.param("<lora:x:0.5> [a:b:5]", [[5, "<lora:x:0.5> a"], [10, "<lora:x:0.5> b"]], id="49-lora"),
        pytest.param("(a:b:c:d)", [[10, "(a:b:c:d)"]], id="49b"),
        pytest.param("[(a:b:c):3]", [[10, "[(a:b:c):3]"]], id="49c"),
        pytest.param("a|b", [[10, "a|b"]], id="50"),
        pytest.param("{a|b}", [[10, "{a|b}"]], id="50b"),
        pytest.param("[(a|b)]", [[10, "[(a|b)]"]], id="50c"),
        pytest.param("[a|b:c]", [[10, "[a|b:c]"]], id="50d"),
        pytest.param("[a|b", [[10, "[a|b"]], id="50e"),
        pytest.param("[a:b:3] c|d", [[10, "[a:b:3] c|d"]], id="50f-all-of-it"),
        pytest.param("[a|b:0.5]", [[10, "[a|b:0.5]"]], id="50g"),
        pytest.param("a [{b|d{:.5] c", [[10, "a [{b|d{:.5] c"]], id="51-trap"),
    ],
)
def test_it_reads_changes_over_ten_steps(text: str, expected: list[list[int | str]]) -> None:
    assert read(text, 10) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("[a|(b:1.1)]", ["a", "(b:1.1)", "a", "(b:1.1)"], id="42"),
        pytest.param("[fe|]male", ["female", "male", "female", "male"], id="43"),
        pytest.param("[|fe]male", ["male", "female", "male", "female"], id="43b"),
        pytest.param("[|]", ["", "", "", ""], id="43c"),
        pytest.param("[a||b]", ["a", "", "b", "a"], id="43d"),
        pytest.param("[a|b|c]", ["a", "b", "c", "a"], id="44"),
        pytest.param("[a|[b|c]]", ["a", "c", "a", "c"], id="44b-nested"),
        pytest.param("[a|[b:c:2]]", ["a", "b", "a", "c"], id="44c"),
        pytest.param("[[a|b]:c:2]", ["a", "b", "c", "c"], id="44d"),
        pytest.param("[[a|b]:2]", ["", "", "a", "b"], id="44e"),
        pytest.param("([a|b]:1.2)", ["(a:1.2)", "(b:1.2)", "(a:1.2)", "(b:1.2)"], id="44f"),
        pytest.param("[ a | b ]", [" a ", " b ", " a ", " b "], id="44g-space-stays"),
    ],
)
def test_it_takes_turns(text: str, expected: list[str]) -> None:
    assert read(text, 4) == [[step, part] for step, part in enumerate(expected, 1)]


def test_it_reads_the_landscape_of_upstream() -> None:
    """Case 45."""
    start = "fantasy landscape with a "
    assert read(LANDSCAPE, 100) == [
        [25, start + "mountain and an oak in foreground shoddy"],
        [50, start + "lake and an oak in foreground in background shoddy"],
        [60, start + "lake and an oak in foreground in background masterful"],
        [75, start + "lake and an oak in background masterful"],
        [100, start + "lake and a christmas tree in background masterful"],
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a [b:.5] c", [[10, "a b c"]], id="46"),
        pytest.param("a [b:1.5] c", [[5, "a  c"], [10, "a b c"]], id="46b"),
        pytest.param("a [b:12] c", [[2, "a  c"], [10, "a b c"]], id="46c"),
        pytest.param("a [b:10] c", [[10, "a b c"]], id="46d"),
        pytest.param("a [b:25] c", [[10, "a  c"]], id="46e"),
        pytest.param("a [b:2.0] c", [[10, "a  c"]], id="46f"),
    ],
)
def test_it_counts_on_in_the_second_pass(text: str, expected: list[list[int | str]]) -> None:
    assert read(text, 10, 10) == expected


@pytest.mark.parametrize("steps", [0, -1, 1_001])
def test_it_refuses_steps_that_no_picture_has(steps: int) -> None:
    with pytest.raises(StepsOutOfRange):
        parse_schedule("a", steps)
    with pytest.raises(StepsOutOfRange):
        parse_schedule("a", 10, hires_steps=steps)


def test_it_refuses_a_prompt_without_end() -> None:
    with pytest.raises(PromptTooLong):
        parse_schedule("a" * 10_001, 10)


@settings(max_examples=1_000, deadline=None)
@given(st.text(alphabet="()[]\\:|.3 ab\n", max_size=80) | st.text(max_size=80), st.integers(1, 30))
def test_it_reads_whatever_is_written(text: str, steps: int) -> None:
    stages = parse_schedule(text, steps)

    ends = [stage.until_step for stage in stages]
    assert ends == sorted(set(ends))
    assert ends[-1] == steps


def test_it_reads_hostile_brackets_quickly() -> None:
    chance = random.Random(1)  # noqa: S311
    texts = ["".join(chance.choices("()[]|:a1. \\", k=2_000)) for _ in range(1_000)]
    texts += [
        "(" * 5_000 + ")" * 5_000,
        "[" * 10_000,
        "[a|" * 2_000 + "b" + "]" * 2_000,
        "[" * 2_000 + "a" + ":b:3]" * 1_500,
    ]
    started = time.process_time()

    for text in texts:
        parse_schedule(text, 20)

    assert time.process_time() - started < 20
