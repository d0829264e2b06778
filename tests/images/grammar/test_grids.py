"""media.md 73: axes of grids."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.images.grammar.errors import (
    GridAxis,
    GridTooLarge,
    GridValue,
    PromptError,
    SearchWordMissing,
    UnknownSampler,
    UnknownSchedule,
)
from apps.images.grammar.grids import Axis, AxisValue, expand, read_axis, replaced, require_search_word


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1-5", [1, 2, 3, 4, 5], id="73"),
        pytest.param("1-5 (+2)", [1, 3, 5], id="73b"),
        pytest.param("10-5 (-3)", [10, 7], id="73c"),
        pytest.param("1-10 [5]", [1, 3, 5, 7, 10], id="73d"),
        pytest.param("5-1 (-2)", [5, 3, 1], id="73e"),
        pytest.param("20, 30,40", [20, 30, 40], id="73f"),
        pytest.param(" 1 - 3 ,9, 20-22(+1) ", [1, 2, 3, 9, 20, 21, 22], id="73g"),
        pytest.param("-3--1", [-3, -2, -1], id="73h"),
        pytest.param("-1", [-1], id="73i"),
        pytest.param("7-7", [7], id="73j"),
        pytest.param("1,,2,", [1, 2], id="73k"),
        pytest.param("1-10 [1]", [1], id="73l"),
        pytest.param("4294967295", [4294967295], id="73m"),
    ],
)
def test_it_reads_whole_numbers(text: str, expected: list[int]) -> None:
    assert list(read_axis("steps", text).values) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("1-3 (+0.5)", [1, 1.5, 2, 2.5, 3], id="73"),
        pytest.param("0.0-1.0 [6]", [0, 0.2, 0.4, 0.6, 0.8, 1.0], id="73b"),
        pytest.param("7.5, .5,-2", [7.5, 0.5, -2], id="73c"),
        pytest.param("1-2 (+0.4)", [1, 1.4, 1.8], id="73d"),
        pytest.param("0-1 (+0.1)", [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1], id="73e"),
        pytest.param("1-3", [1, 2, 3], id="73f"),
        pytest.param("1-0 (-0.5)", [1, 0.5, 0], id="73g"),
    ],
)
def test_it_reads_numbers(text: str, expected: list[float]) -> None:
    assert list(read_axis("guidance", text).values) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('red, "green, dark" ,blue', ["red", "green, dark", "blue"], id="73"),
        pytest.param('a, "say ""hi"""', ["a", 'say "hi"'], id="73b"),
        pytest.param("a\nb", ["a", "b"], id="73c-lines"),
        pytest.param("猫，狗,鸟", ["猫，狗", "鸟"], id="73d-chinese"),
        pytest.param("1-5", ["1-5"], id="73e-no-range"),
    ],
)
def test_it_reads_lists_with_quotes(text: str, expected: list[str]) -> None:
    assert list(read_axis("prompt_sr", text).values) == expected


@pytest.mark.parametrize(
    ("kind", "text", "error"),
    [
        pytest.param("steps", "1.5", GridValue, id="73-fraction"),
        pytest.param("steps", "x", GridValue, id="73-word"),
        pytest.param("steps", "1-5 (+0)", GridValue, id="73-no-step"),
        pytest.param("steps", "5-1", GridValue, id="73-falls-by-a-rising-step"),
        pytest.param("guidance", "1-2 (-1)", GridValue, id="73-wrong-way"),
        pytest.param("guidance", "nan", GridValue, id="73-nan"),
        pytest.param("guidance", "1e9", GridValue, id="73-exponent"),
        pytest.param("steps", "1-999999999999", GridTooLarge, id="73-endless"),
        pytest.param("guidance", "0-1 (+0.000000001)", GridTooLarge, id="73-endless-fractions"),
        pytest.param("guidance", "0-1 [999999]", GridTooLarge, id="73-endless-count"),
        pytest.param("steps", ",".join(["1-100"] * 2), GridTooLarge, id="73-many-ranges"),
        pytest.param("steps", " , ", GridAxis, id="73-empty"),
        pytest.param("moon", "1", GridAxis, id="73-unknown"),
        pytest.param("sampler", "Euler, DPM fast", UnknownSampler, id="73-sampler"),
        pytest.param("schedule", "Karras, Fast", UnknownSchedule, id="73-schedule"),
    ],
)
def test_it_refuses_what_is_no_axis(kind: str, text: str, error: type[PromptError]) -> None:
    with pytest.raises(error) as caught:
        read_axis(kind, text)

    assert caught.value.sentence()


def test_it_reads_names_of_samplers_and_schedules() -> None:
    assert read_axis("sampler", "Euler a, DPM++ 2M Karras").values == ("Euler a", "DPM++ 2M Karras")
    assert read_axis("schedule", "Karras, SGM Uniform").values == ("karras", "sgm_uniform")


def test_it_spans_the_pictures() -> None:
    axes = [Axis("steps", (1, 2)), Axis("prompt_sr", ("a", "b")), Axis("guidance", (7.5,))]
    expected: list[tuple[AxisValue, ...]] = [(1, "a", 7.5), (2, "a", 7.5), (1, "b", 7.5), (2, "b", 7.5)]

    assert list(expand(axes)) == expected
    assert expand([]) == ((),)


def test_it_bounds_the_pictures() -> None:
    axis = Axis("seed", tuple(range(11)))

    with pytest.raises(GridTooLarge):
        expand([axis, axis], limit=100)


def test_it_replaces_the_search_word() -> None:
    axis = read_axis("prompt_sr", "cat, dog")

    require_search_word(axis, "a cat", "")
    require_search_word(axis, "a dog", "cat")
    assert [replaced(axis, value, "a cat, cats") for value in axis.values] == ["a cat, cats", "a dog, dogs"]


def test_it_says_that_the_search_word_is_missing() -> None:
    with pytest.raises(SearchWordMissing, match="“cat”"):
        require_search_word(read_axis("prompt_sr", "cat, dog"), "a bird", "")


@given(
    st.sampled_from(["steps", "guidance", "prompt_sr"]), st.text(alphabet='0123456789-+.()[], "\n\0\ra', max_size=40)
)
def test_it_reads_or_refuses_whatever_is_written(kind: str, text: str) -> None:
    try:
        axis = read_axis(kind, text)
    except PromptError:
        return

    assert 1 <= len(axis.values) <= 100
