"""What adapters teach the demonstration model, judged by the colours of the pixels. Trains for some CPU minutes.

They teach what its autoencoder can draw: new words for its colours and shapes. A colour outside of its palette no
adapter can teach (ADR 0042).
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from apps.catalog.manifest import BUNDLED
from apps.catalog.models import AIModel
from apps.images.lessons import preset
from apps.runtimes.contracts import Picture
from apps.runtimes.diffusion.demo import palette, shapes
from apps.runtimes.diffusion.demo.judging import Verdict, judge
from apps.runtimes.diffusion.engine import load_image_model
from apps.runtimes.diffusion.training.trainer import DiffusionTrainer, load_trainer
from apps.runtimes.drawing import Drawing, ImageModel, LoraUse, PromptPart, PromptStage, TokenUse, Weighted
from apps.runtimes.spec import RuntimeSpec
from apps.runtimes.training import Course, Example, Method

pytestmark = [pytest.mark.models, pytest.mark.xdist_group("taught")]  # one worker trains for all of them
Rgb = tuple[int, int, int]
PURPLE, GOLD = palette.COLOURS["purple"], palette.COLOURS["yellow"]
SEEDS = range(8)
MOST_SEEDS = 6
SPEC = RuntimeSpec(name="shapes-demo", runtime="diffusers", path=BUNDLED / "shapes-demo", threads=1)


@pytest.fixture(scope="module")
def model() -> ImageModel:
    torch.set_num_threads(1)
    return load_image_model(SPEC)


@pytest.fixture(scope="module")
def trainer() -> DiffusionTrainer:
    return load_trainer(SPEC)


def shown(shape: str, colour: Rgb, background: Rgb, number: int) -> Picture:
    """Return a figure, a little elsewhere each time."""
    side = palette.PICTURE_SIZE * 3
    figure = shapes.Figure(shape, "red", 32 + number % 3 - 1, 32 + number % 2, 18 + number % 3)
    picture = Image.new("RGB", (side, side), background)
    picture.paste(Image.new("RGB", (side, side), colour), mask=shapes._mask(figure, side))
    return np.asarray(picture.resize((64, 64), Image.Resampling.BOX))


def plum(word: str) -> tuple[Example, ...]:
    """Return purple figures by a word that the model does not know."""
    shapes = ("circle", "square", "circle", "triangle", "circle", "square")
    grounds = ("white", "black", "gray", "white", "black", "gray")
    return tuple(
        Example(shown(shape, PURPLE, palette.BACKGROUNDS[ground], number), f"a {word} {shape} on {ground} background")
        for number, (shape, ground) in enumerate(zip(shapes, grounds, strict=True))
    )


def gems() -> tuple[Example, ...]:
    """Return triangles of several colours by a word that the model does not know."""
    colours = ("red", "blue", "green", "yellow", "red", "blue")
    grounds = ("white", "black", "gray", "white", "black", "white")
    return tuple(
        Example(
            shown("triangle", palette.COLOURS[colour], palette.BACKGROUNDS[ground], number),
            f"a {colour} gem on {ground} background",
        )
        for number, (colour, ground) in enumerate(zip(colours, grounds, strict=True))
    )


def taught(trainer: DiffusionTrainer, method: Method, examples: Sequence[Example], path: Path, **more: Any) -> str:
    """Return the file of an adapter that was taught as the product's preset for small models says."""
    best = preset(AIModel(size_bytes=5_000_000, capabilities={"side": palette.PICTURE_SIZE}), method)
    course = Course(
        method, tuple(examples), steps=best.steps, learning_rate=best.learning_rate, seed=1, batch=best.batch,
        rank=best.rank, **more,
    )  # fmt: skip
    trainer.train(course, path / "checkpoint", until=course.steps, on_step=lambda _pace: None)
    trainer.export(course, path / "checkpoint", path / "adapter.safetensors", {})
    return str(path / "adapter.safetensors")


def drawn(
    model: ImageModel, prompt: str, seed: int, loras: tuple[LoraUse, ...] = (), tokens: tuple[TokenUse, ...] = ()
) -> Picture:
    drawing = Drawing(
        positive=(PromptPart((PromptStage(12, (Weighted(prompt),)),)),),
        negative=(PromptStage(12, (Weighted(""),)),),
        width=64, height=64, steps=12, guidance=3.0, seed=seed, loras=loras, tokens=tokens,
    )  # fmt: skip
    return model.draw(drawing, lambda _progress: None)


@pytest.fixture(scope="module")
def loras(trainer: DiffusionTrainer, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return LoRA A, which teaches a colour by the word plum, and LoRA B, which teaches a shape by the word gem."""
    return (
        taught(trainer, "lora", plum("plum"), tmp_path_factory.mktemp("plum")),
        taught(trainer, "lora", gems(), tmp_path_factory.mktemp("gem")),
    )


def test_two_loras_act_together_and_weights_of_zero_do_nothing(model: ImageModel, loras: tuple[str, str]) -> None:
    """The bar of issue 6: LoRA A 0.7 + B 0.5, the effect of each visible; 0, 0 gives the base's bytes."""
    prompt = "a plum gem on white background"

    def mixed(first: float, second: float) -> list[Picture]:
        used = (LoraUse("lora_a", loras[0], first, first), LoraUse("lora_b", loras[1], second, second))
        return [drawn(model, prompt, seed, used) for seed in SEEDS]

    def plums_and_gems(pictures: Sequence[Picture]) -> tuple[int, int]:
        seen = [judge(picture) for picture in pictures]
        plums = [each for each in seen if each.colour == "purple" and each.shares["purple"] > 0.1]
        return len(plums), sum(each.shape == "triangle" for each in seen)

    base = [drawn(model, prompt, seed) for seed in SEEDS]
    few = len(SEEDS) - MOST_SEEDS

    purple, triangles = plums_and_gems(mixed(0.7, 0))
    assert purple >= MOST_SEEDS
    assert triangles <= few
    purple, triangles = plums_and_gems(mixed(0, 0.5))
    assert purple <= few
    assert triangles >= MOST_SEEDS
    assert min(plums_and_gems(mixed(0.7, 0.5))) >= MOST_SEEDS
    assert max(plums_and_gems(base)) <= few
    assert all((one == other).all() for one, other in zip(mixed(0, 0), base, strict=True))
    assert all((drawn(model, prompt, seed) == base[seed]).all() for seed in SEEDS)


def test_a_learnt_word_has_its_colour(
    model: ImageModel, trainer: DiffusionTrainer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("word")
    file = taught(trainer, "textual_inversion", plum("<plum>"), folder, token="<plum>", initial="red")

    for shape in palette.SHAPES:
        prompt = f"a <plum> {shape} on white background"
        seen = [judge(drawn(model, prompt, seed, tokens=(TokenUse("<plum>", file),))) for seed in SEEDS]
        assert sum((each.colour, each.shape) == ("purple", shape) for each in seen) >= MOST_SEEDS


def test_dreambooth_teaches_one_thing_and_keeps_its_kind(
    model: ImageModel, trainer: DiffusionTrainer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    thing = tuple(Example(shown("circle", PURPLE, GOLD, number), "a sks circle") for number in range(5))
    kind = tuple(Example(drawn(model, "a circle", 100 + number), "a circle") for number in range(12))
    file = taught(trainer, "dreambooth_lora", thing, tmp_path_factory.mktemp("thing"), priors=kind)

    def seen(prompt: str) -> list[Verdict]:
        return [judge(drawn(model, prompt, seed, (LoraUse("lora_a", file, 1, 1),))) for seed in SEEDS]

    things = [each for each in seen("a sks circle") if each.shares["yellow"] > 0.3 and each.shares["purple"] > 0.03]
    others = [each for each in seen("a circle") if each.shares["yellow"] < 0.1 and each.shape == "circle"]
    assert len(things) >= MOST_SEEDS
    assert len(others) >= MOST_SEEDS
