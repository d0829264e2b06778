"""The generated pictures and their captions."""

import numpy as np
import pytest

from apps.runtimes.diffusion.demo.judging import judge
from apps.runtimes.diffusion.demo.shapes import Example, Figure, Scene, draw, examples

MANY = 600


@pytest.fixture(scope="module")
def drawn() -> list[Example]:
    return list(examples(MANY, seed=3))


def test_it_makes_the_same_examples_of_the_same_seed(drawn: list[Example]) -> None:
    again = list(examples(20, seed=3))

    assert again == drawn[:20]
    assert all(np.array_equal(draw(one.scene), draw(two.scene)) for one, two in zip(again, drawn[:20], strict=True))
    assert list(examples(20, seed=4)) != again


def test_it_never_hides_a_figure_in_its_background(drawn: list[Example]) -> None:
    for example in drawn:
        for figure in example.scene.figures:
            assert example.scene.background not in {figure.colour, figure.second}


def test_it_says_only_what_is_there(drawn: list[Example]) -> None:
    for example in drawn:
        for fact, value in example.named.items():
            assert value in example.caption.replace("grey", "gray"), fact
        assert example.named.get("colour", "") in {example.scene.figures[0].colour, ""}
        assert example.named.get("background", "") in {example.scene.background, ""}


def test_it_weighs_only_words_of_the_caption(drawn: list[Example]) -> None:
    weighed = [example for example in drawn if example.weights]

    assert len(weighed) > MANY / 10
    assert all(word in example.caption.split() for example in weighed for word in example.weights)


def test_it_shows_a_heavier_colour_larger(drawn: list[Example]) -> None:
    for example in drawn:
        figures = example.scene.figures
        if len(example.weights) == 2 and len(figures) == 1:
            first, second = (example.weights[figures[0].colour], example.weights[figures[0].second])
            assert (figures[0].share > 0.5) == (first > second)


def test_it_gives_each_colour_of_a_figure_its_share() -> None:
    scene = Scene((Figure("square", "red", radius=20, second="blue", share=0.75),), "white")

    shares = judge(draw(scene)).shares

    assert shares["red"] == pytest.approx(3 * shares["blue"], rel=0.15)


@pytest.mark.parametrize("shape", ["circle", "square", "triangle"])
def test_it_draws_the_figure_where_it_says(shape: str) -> None:
    picture = draw(Scene((Figure(shape, "black", x=18, y=32, radius=11),), "white"))

    dark = np.argwhere(picture.mean(axis=2) < 100)
    assert dark.min(axis=0) == pytest.approx((21, 7), abs=1.5)
    assert dark.max(axis=0) == pytest.approx((43, 29), abs=1.5)
