"""The demonstration model draws what it is asked for, by every sampler and in every kind of pass.

Colours are judged by shares of the picture: bytes differ between versions of torch.
"""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from apps.catalog.manifest import BUNDLED
from apps.images.grammar.samplers import AUTOMATIC, SAMPLERS
from apps.runtimes.contracts import Picture
from apps.runtimes.diffusion.demo.judging import judge
from apps.runtimes.diffusion.engine import DiffusersModel, load_image_model
from apps.runtimes.drawing import Drawing, Hires, Progress, PromptPart, Stopped, Weighted
from apps.runtimes.spec import RuntimeSpec
from tests.runtimes.diffusion.tiny import drawing, ignore, said

PAIRS = [  # "Automatic" is the same as one of the others
    (sampler.key, schedule) for sampler in SAMPLERS.values() for schedule in sampler.schedules if schedule != AUTOMATIC
]
FEWEST: dict[str, dict[str, Any]] = {
    "lcm": {"guidance": 1.5, "steps": 8},
    "tcd": {"guidance": 1.5, "steps": 8},
    "dpm2_a": {"steps": 20},  # adds noise at every step: with 12 it draws none yet
    "ipndm": {"steps": 20},  # of fourth order: 12 even steps are too coarse for it
}
FOLDER = BUNDLED / "shapes-demo"


@pytest.fixture(scope="module")
def shapes() -> DiffusersModel:
    return load_image_model(RuntimeSpec("shapes-demo", "diffusers", FOLDER, threads=1))


def wish(text: str, negative: str = "", **more: Any) -> Drawing:
    return drawing(text, negative, **({"width": 64, "height": 64, "steps": 12, "guidance": 4.0, "seed": 3} | more))


def share(picture: Picture, colour: str) -> float:
    return judge(picture).shares.get(colour, 0.0)


@pytest.mark.parametrize(("sampler", "schedule"), PAIRS)
def test_it_draws_a_red_circle_by_every_sampler_and_schedule(
    shapes: DiffusersModel, sampler: str, schedule: str
) -> None:
    least = FEWEST.get(sampler, {"steps": 12})
    drawing = wish("a red circle on a white background", sampler=sampler, schedule=schedule, **least)
    seen = judge(shapes.draw(drawing, ignore))

    assert (seen.colour, seen.background, seen.shape) == ("red", "white", "circle")


def test_it_draws_over_a_source_and_keeps_what_the_mask_keeps(shapes: DiffusersModel) -> None:
    red = shapes.draw(wish("a red circle on a white background"), ignore)
    blue = shapes.draw(wish("a blue circle on a white background", source=red, strength=0.8), ignore)
    mask = np.zeros((64, 64), np.uint8)
    mask[:, :32] = 255
    half = shapes.draw(
        wish("a blue circle on a white background", source=red, strength=1.0, mask=mask, mask_blur=0), ignore
    )

    assert share(blue, "blue") > share(blue, "red")
    assert np.array_equal(half[:, 32:], red[:, 32:])
    assert share(half, "blue") > 0.03


def test_it_avoids_what_the_negative_prompt_says(shapes: DiffusersModel) -> None:
    plain = [share(shapes.draw(wish("circle", seed=seed), ignore), "red") for seed in range(6)]
    without = [share(shapes.draw(wish("circle", negative="red", seed=seed), ignore), "red") for seed in range(6)]

    assert sum(without) <= sum(plain)


def test_it_shows_more_of_what_weighs_more(shapes: DiffusersModel) -> None:
    def red(weight: float, seed: int) -> float:
        spans = (Weighted("red", weight), Weighted(" and "), Weighted("blue", 2 - weight), Weighted(" circle"))
        return share(shapes.draw(replace(wish(""), positive=(PromptPart((said(*spans),)),), seed=seed), ignore), "red")

    assert all(red(1.6, seed) > red(0.4, seed) for seed in range(5))


def test_it_follows_a_schedule(shapes: DiffusersModel) -> None:
    late = (PromptPart((said("a red circle", until=11), said("a blue circle", until=12))),)
    early = (PromptPart((said("a red circle", until=1), said("a blue circle", until=12))),)

    assert judge(shapes.draw(replace(wish(""), positive=late), ignore)).colour == "red"
    assert judge(shapes.draw(replace(wish(""), positive=early), ignore)).colour == "blue"


def test_it_follows_a_schedule_into_the_second_pass(shapes: DiffusersModel) -> None:
    red, blue = said("a red circle on a white background", until=12), said("a blue circle on a white background")
    wanted = replace(wish(""), steps=12, hires=Hires(1.5, 12, 0.9))

    assert judge(shapes.draw(replace(wanted, positive=(PromptPart((red,)),)), ignore)).colour == "red"
    assert judge(shapes.draw(replace(wanted, positive=(PromptPart((red, blue)),)), ignore)).colour == "blue"


@pytest.mark.parametrize("upscaler", ["latent", "lanczos"])
def test_it_draws_a_larger_picture(shapes: DiffusersModel, upscaler: Any) -> None:
    picture = shapes.draw(wish("a red circle on a white background", hires=Hires(2.0, 12, 0.4, upscaler)), ignore)

    assert picture.shape == (128, 128, 3)
    assert share(picture, "red") > 0.1


def test_it_stops_within_a_step(shapes: DiffusersModel) -> None:
    steps: list[int] = []

    def stop(progress: Progress) -> None:
        steps.append(progress.step)
        raise Stopped

    with pytest.raises(Stopped):
        shapes.draw(wish("a red circle", steps=100), stop)

    assert steps == [1]


def test_it_is_the_model_that_its_card_describes() -> None:
    assert json.loads((FOLDER / "model_index.json").read_text())["_class_name"] == "StableDiffusionPipeline"
