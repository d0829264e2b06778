"""The bars, measured of painters whose skill is known."""

import re
from collections.abc import Sequence

import pytest

from apps.images.management.wording import table
from apps.runtimes.diffusion.demo.card import Facts, card_text
from apps.runtimes.diffusion.demo.measuring import Measured, Wish, measure
from apps.runtimes.diffusion.demo.shapes import Figure, Pixels, Scene, draw

COMBINATIONS = 8 * 3


def paint(wishes: Sequence[Wish]) -> list[Pixels]:
    """Draw exactly what is asked."""
    return [draw(scene(wish)) for wish in wishes]


def paint_all_red(wishes: Sequence[Wish]) -> list[Pixels]:
    """Draw what is asked but for the colour."""
    return [draw(Scene((Figure(scene(wish).figures[0].shape, "red"),), scene(wish).background)) for wish in wishes]


def scene(wish: Wish) -> Scene:
    if found := re.fullmatch(r"a (\w+) (\w+) on a (\w+) background", wish.prompt):
        return Scene((Figure(found[2], found[1]),), found[3])
    weights = dict(wish.pieces)
    return Scene((Figure("circle", "red", second="blue", share=weights["red"] / 2),), "white")


def test_a_painter_who_listens_passes() -> None:
    measured = measure(paint, seeds=3)

    assert measured.pictures == 3 * COMBINATIONS
    assert (measured.colour, measured.background, measured.shape) == (1, 1, 1)
    assert set(measured.weights.values()) == {1}
    assert measured.failures == []


def test_a_painter_who_only_knows_red_fails() -> None:
    measured = measure(paint_all_red, seeds=1)

    assert measured.colours["red"] == 1
    assert measured.colours["blue"] == 0
    assert [failure.split()[0] for failure in measured.failures] == ["colour", "weights"]


def test_it_asks_for_no_figure_in_the_colour_of_its_background() -> None:
    asked: list[Wish] = []

    def remember(wishes: Sequence[Wish]) -> list[Pixels]:
        asked.extend(wishes)
        return paint(wishes)

    measure(remember, seeds=3)

    assert not [wish.prompt for wish in asked if re.search(r"a (\w+) \w+ on a \1 ", wish.prompt)]
    assert len({wish.seed for wish in asked}) == 3


def test_a_wish_can_be_said_in_the_grammar_of_prompts() -> None:
    wish = Wish((("a ", 1.0), ("red", 1.6), (" circle", 1.0)), seed=0)

    assert wish.prompt == "a (red:1.6) circle"


@pytest.fixture
def measured() -> Measured:
    return measure(paint, seeds=1)


def test_the_figures_are_told_on_the_terminal_and_on_the_card(measured: Measured) -> None:
    facts = Facts(seeds=1, steps=20, guidance=4.0, seconds=600, pictures=10_000)

    assert "colour       100.0%  (bar 90%)  red 100%, green 100%" in table(measured)
    assert "| **shape** | 100.0% |" in card_text(measured, facts)
    assert "license: apache-2.0" in card_text(measured, facts)
