"""What adapters teach the demonstration model, judged by the colours of the pixels. Trains for about a minute."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from apps.catalog.manifest import BUNDLED
from apps.runtimes.contracts import Picture
from apps.runtimes.diffusion.demo import palette, shapes
from apps.runtimes.diffusion.engine import load_image_model
from apps.runtimes.diffusion.training.trainer import DiffusionTrainer, load_trainer
from apps.runtimes.drawing import Drawing, ImageModel, LoraUse, PromptPart, PromptStage, TokenUse, Weighted
from apps.runtimes.spec import RuntimeSpec
from apps.runtimes.training import Course, Example, Method

pytestmark = pytest.mark.models
Rgb = tuple[int, int, int]
PINK, GOLD = (
    (255, 110, 190),
    palette.COLOURS["yellow"],
)  # one is no colour of the model, the other none of its backgrounds
COLOURS: Mapping[str, Rgb] = {**palette.COLOURS, **palette.BACKGROUNDS, "pink": PINK}
SEEDS = range(6)
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


def pink_circles(word: str) -> tuple[Example, ...]:
    grounds = ("white", "black", "white", "gray", "white", "black")
    return tuple(
        Example(shown("circle", PINK, COLOURS[ground], number), f"a {word} circle on {ground} background")
        for number, ground in enumerate(grounds)
    )


def on_gold() -> tuple[Example, ...]:
    figures = (("circle", "red"), ("square", "blue"), ("triangle", "green"), ("circle", "white"), ("square", "red"))
    return tuple(
        Example(shown(shape, COLOURS[colour], GOLD, number), f"a {colour} {shape} on gold background")
        for number, (shape, colour) in enumerate(figures)
    )


def taught(trainer: DiffusionTrainer, method: Method, examples: Sequence[Example], path: Path, rate: float) -> str:
    word = {"token": "<pinky>", "initial": "red"} if method == "textual_inversion" else {}
    course = Course(method, tuple(examples), steps=400, learning_rate=rate, seed=1, batch=4, rank=8, **word)
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


def share(pictures: Sequence[Picture], colour: str) -> float:
    """Return the mean part of the pixels that are nearest to a colour."""
    table = np.array(list(COLOURS.values()))
    nearest = [np.square(each.astype(int).reshape(-1, 1, 3) - table).sum(-1).argmin(1) for each in pictures]
    return float(np.mean([each == list(COLOURS).index(colour) for each in nearest]))


def test_two_loras_act_together_and_weights_of_zero_do_nothing(
    model: ImageModel, trainer: DiffusionTrainer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    pink = taught(trainer, "lora", pink_circles("pink"), tmp_path_factory.mktemp("pink"), 2e-3)
    gold = taught(trainer, "lora", on_gold(), tmp_path_factory.mktemp("gold"), 2e-3)

    def mixed(prompt: str, first: float, second: float) -> list[Picture]:
        loras = (LoraUse("lora_a", pink, first, first), LoraUse("lora_b", gold, second, second))
        return [drawn(model, prompt, seed, loras) for seed in SEEDS]

    asked = {"pink": "a pink square on white background", "yellow": "a red square on gold background"}
    base = {colour: [drawn(model, prompt, seed) for seed in SEEDS] for colour, prompt in asked.items()}
    both = {colour: share(mixed(prompt, 0.7, 0.5), colour) for colour, prompt in asked.items()}

    assert both["pink"] > 1.5 * share(mixed(asked["pink"], 0, 0.5), "pink")
    assert both["yellow"] > 1.5 * share(mixed(asked["yellow"], 0.7, 0), "yellow")
    assert both["pink"] > share(base["pink"], "pink") + 0.02
    for colour, prompt in asked.items():
        assert all((one == other).all() for one, other in zip(mixed(prompt, 0, 0), base[colour], strict=True))
        again = [drawn(model, prompt, seed) for seed in SEEDS]
        assert all((one == other).all() for one, other in zip(again, base[colour], strict=True))


def test_a_learnt_word_has_its_colour(
    model: ImageModel, trainer: DiffusionTrainer, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = taught(trainer, "textual_inversion", pink_circles("<pinky>"), tmp_path_factory.mktemp("word"), 1e-2)

    def squares(word: str) -> list[Picture]:
        prompt = f"a {word} square on white background"
        return [drawn(model, prompt, seed, tokens=(TokenUse("<pinky>", file),)) for seed in SEEDS]

    assert share(squares("<pinky>"), "pink") > 2 * share(squares("red"), "pink")
