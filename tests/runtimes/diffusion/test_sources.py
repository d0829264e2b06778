"""Pictures over a picture: image to image, parts painted anew, a second larger pass, and variations of a seed."""

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from apps.runtimes.contracts import Picture, RuntimeFailure
from apps.runtimes.diffusion.engine import DiffusersModel
from apps.runtimes.diffusion.noise import slerp
from apps.runtimes.drawing import Drawing, Hires, Progress
from tests.runtimes.diffusion.tiny import drawing, ignore


def source(width: int = 64, height: int = 48) -> Picture:
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([rows * 4 % 256, columns * 3 % 256, (rows + columns) % 256], axis=-1).astype(np.uint8)


def mask(blurred: int = 0) -> Picture:
    """Return the right half white."""
    half = np.zeros((48, 64), np.uint8)
    half[:, 32:] = 255
    return np.asarray(Image.fromarray(half).filter(ImageFilter.GaussianBlur(blurred)))


def steps_of(model: DiffusersModel, wanted: Drawing) -> list[tuple[int, int]]:
    seen: list[Progress] = []
    model.draw(wanted, seen.append)
    return [(each.step, each.steps) for each in seen]


def test_it_draws_over_a_source(model: DiffusersModel) -> None:
    over = model.draw(drawing(source=source(), strength=0.6), ignore)

    assert over.shape == (48, 64, 3)
    assert np.array_equal(over, model.draw(drawing(source=source(), strength=0.6), ignore))
    assert not np.array_equal(over, model.draw(drawing(source=source(), strength=0.9), ignore))
    assert not np.array_equal(over, model.draw(drawing(source=255 - source(), strength=0.6), ignore))


def test_it_does_the_share_of_the_steps_that_the_strength_says_and_at_least_one(model: DiffusersModel) -> None:
    assert steps_of(model, drawing(source=source(), strength=0.6)) == [(1, 3), (2, 3), (3, 3)]
    assert steps_of(model, drawing(source=source(), strength=0.0)) == [(1, 1)]
    assert steps_of(model, drawing(source=source(), strength=1.0))[-1] == (5, 5)
    assert steps_of(model, drawing(source=source(), strength=0.6, sampler="heun")) == [(1, 3), (2, 3), (3, 3)]


def test_it_brings_a_source_to_the_size_of_the_drawing(model: DiffusersModel) -> None:
    assert model.draw(drawing(source=source(100, 40)), ignore).shape == (48, 64, 3)


@pytest.mark.parametrize("strength", [0.6, 1.0])
def test_it_keeps_every_byte_outside_the_blurred_mask(model: DiffusersModel, strength: float) -> None:
    painted = model.draw(drawing(source=source(), mask=mask(), mask_blur=2, strength=strength), ignore)
    kept = mask(blurred=2) == 0

    assert kept.any()
    assert np.array_equal(painted[kept], source()[kept])
    assert not np.array_equal(painted[:, 40:], source()[:, 40:])


@pytest.mark.parametrize("upscaler", ["latent", "lanczos"])
def test_it_draws_a_second_larger_pass(model: DiffusersModel, upscaler: str) -> None:
    wanted = drawing(hires=Hires(2.0, 6, 0.5, upscaler))  # type: ignore[arg-type]  # one of the two

    assert model.draw(wanted, ignore).shape == (96, 128, 3)
    assert steps_of(model, wanted) == [(step, 8) for step in range(1, 9)]
    assert np.array_equal(model.draw(wanted, ignore), model.draw(wanted, ignore))


def test_it_enlarges_in_multiples_of_eight(model: DiffusersModel) -> None:
    assert model.draw(drawing(hires=Hires(1.3, 2, 0.5)), ignore).shape == (64, 80, 3)


def test_it_has_no_second_pass_for_a_masked_picture(model: DiffusersModel) -> None:
    with pytest.raises(RuntimeFailure, match="second"):
        model.draw(drawing(source=source(), mask=mask(), hires=Hires(2.0, 2, 0.5)), ignore)


def test_it_mixes_two_seeds(model: DiffusersModel) -> None:
    def varied(strength: float, **more: object) -> Picture:
        return model.draw(drawing(variation_seed=99, variation_strength=strength, **more), ignore)

    own, other = model.draw(drawing(), ignore), model.draw(drawing(seed=99), ignore)

    assert np.array_equal(varied(0.0), own)
    assert np.abs(varied(1.0).astype(int) - other).max() <= 1
    assert np.abs(varied(0.1).astype(int) - own).mean() < np.abs(varied(0.5).astype(int) - own).mean()
    assert np.array_equal(varied(0.3), varied(0.3))


@pytest.mark.parametrize("strength", [0.6, 1.0])
@pytest.mark.parametrize("has_mask", [False, True])
def test_it_mixes_two_seeds_over_a_source(model: DiffusersModel, strength: float, *, has_mask: bool) -> None:
    plain = drawing(source=source(), strength=strength, mask=mask() if has_mask else None)
    varied = drawing(
        source=source(),
        strength=strength,
        mask=mask() if has_mask else None,
        variation_seed=99,
        variation_strength=0.5,
    )

    assert not np.array_equal(model.draw(plain, ignore), model.draw(varied, ignore))
    assert np.array_equal(model.draw(varied, ignore), model.draw(varied, ignore))


def test_it_keeps_noise_as_loud_as_noise() -> None:
    first, second = torch.randn(2, 4, 64, 64, generator=torch.Generator().manual_seed(1))

    assert slerp(first, second, 0.5).std().item() == pytest.approx(1, abs=0.02)
    assert torch.equal(slerp(first, second, 0.0), first)
    assert torch.equal(slerp(first, first, 0.5), first)
