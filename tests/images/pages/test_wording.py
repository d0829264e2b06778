"""Settings in words: captions of grids, numbers, the card of a picture."""

from apps.images.grammar.grids import read_axis
from apps.images.orders import HiresWish, LoraWish, Order
from apps.images.wording import caption, facts_of, plain


def test_it_writes_numbers_as_people_do() -> None:
    assert [plain(value) for value in (10, 20.0, 7.5, 0.05, 0, 100)] == ["10", "20", "7.5", "0.05", "0", "100"]


def test_it_says_where_a_picture_stands_in_its_grid() -> None:
    axes = [read_axis("steps", "5, 10, 20"), read_axis("prompt_sr", "red, blue"), read_axis("sampler", "Euler a")]

    assert caption(axes, {"seed": 1, "cell": [1, 1, 0]}) == "Steps 10 · blue · Sampler Euler a"
    assert caption([], {"seed": 1}) == ""


def test_it_names_only_the_settings_that_matter() -> None:
    plain_one = dict(facts_of(Order(seed=7)))
    rich = dict(facts_of(Order(seed=7, clip_skip=2, loras=(LoraWish("pink", 0.7),), hires=HiresWish(2.0))))

    assert set(plain_one) == {"Seed", "Steps", "Guidance", "Sampler"}
    assert (rich["Adapters"], rich["Clip skip"]) == ("pink 0.7", "2")
    assert "Steps" not in dict(facts_of(Order(kind="upscale", upscale=4.0)))
