"""Networks enlarge pictures tile by tile, and what comes is what the network itself makes of the whole."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from apps.runtimes.contracts import Picture, RuntimeFailure
from apps.runtimes.diffusion import networks, upscaling
from apps.runtimes.diffusion.engine import DiffusersModel
from apps.runtimes.diffusion.upscaling import NetworkUpscaler, load_upscaler
from apps.runtimes.drawing import Hires, Progress, Stopped
from apps.runtimes.spec import RuntimeSpec
from tests.runtimes.diffusion import tiny_upscaler
from tests.runtimes.diffusion.tiny import drawing, ignore

NETWORKS: dict[str, Callable[[], Any]] = {"esrgan x4": tiny_upscaler.esrgan, "compact x2": tiny_upscaler.compact}
PICTURE = np.random.default_rng(3).integers(0, 256, (50, 70, 3), np.uint8)


def loaded(path: Path) -> NetworkUpscaler:
    return load_upscaler(RuntimeSpec("up", "spandrel", path, threads=1))


@pytest.fixture(scope="module", params=NETWORKS)
def upscaler(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> NetworkUpscaler:
    path = tmp_path_factory.mktemp("upscaler") / "up.safetensors"
    return loaded(tiny_upscaler.save(path, NETWORKS[request.param]()))


@pytest.fixture
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upscaling, "TILE", 24)


def raw(upscaler: NetworkUpscaler, picture: Picture) -> Picture:
    """Return what spandrel makes of the whole picture."""
    with torch.inference_mode():
        made = upscaler._network(torch.from_numpy(picture).permute(2, 0, 1)[None] / 255)[0]
    return (made.clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).numpy()


def apart(first: Picture, second: Picture) -> int:
    assert first.shape == second.shape
    return int(np.abs(first.astype(int) - second).max())


def test_it_draws_what_the_network_makes_of_the_whole(upscaler: NetworkUpscaler) -> None:
    whole = upscaler.upscale(PICTURE, upscaler.factor, ignore)

    assert whole.dtype == np.uint8
    assert whole.std() > 1
    assert np.array_equal(whole, raw(upscaler, PICTURE))


@pytest.mark.usefixtures("small_tiles")
def test_no_seam_shows_between_tiles(upscaler: NetworkUpscaler) -> None:
    steps: list[Progress] = []

    tiled = upscaler.upscale(PICTURE, upscaler.factor, steps.append)

    assert apart(tiled, raw(upscaler, PICTURE)) <= 1
    assert [(each.step, each.steps) for each in steps] == [(number, 9) for number in range(1, 10)]
    assert np.array_equal(upscaler.upscale(PICTURE, upscaler.factor, ignore), tiled)


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("scale", [1.0, 1.5, 1.97])
def test_a_smaller_scale_is_reached_by_lanczos(upscaler: NetworkUpscaler, scale: float) -> None:
    picture = upscaler.upscale(PICTURE, scale, ignore)

    size = round(70 * scale), round(50 * scale)
    expected = Image.fromarray(raw(upscaler, PICTURE)).resize(size, Image.Resampling.LANCZOS)
    assert apart(picture, np.asarray(expected)) <= 1


@pytest.mark.usefixtures("small_tiles")
@pytest.mark.parametrize("scale", [3.0, 4.0])
def test_a_larger_scale_is_reached_by_another_look(tmp_path: Path, scale: float) -> None:
    upscaler = loaded(tiny_upscaler.save(tmp_path / "x2.safetensors", tiny_upscaler.compact(2)))
    steps: list[Progress] = []

    picture = upscaler.upscale(PICTURE[:20, :30], scale, steps.append)

    twice = Image.fromarray(raw(upscaler, raw(upscaler, PICTURE[:20, :30])))
    size = round(30 * scale), round(20 * scale)
    assert apart(picture, np.asarray(twice.resize(size, Image.Resampling.LANCZOS))) <= 1
    assert [each.step for each in steps] == list(range(1, steps[0].steps + 1))


@pytest.mark.usefixtures("small_tiles")
def test_it_stops_within_one_tile_and_is_free_again(upscaler: NetworkUpscaler) -> None:
    seen: list[bool] = []

    def stop(_: Progress) -> None:
        seen.append(upscaler.is_busy)
        raise Stopped

    with pytest.raises(Stopped):
        upscaler.upscale(PICTURE, 2.0, stop)
    assert seen == [True]
    assert not upscaler.is_busy
    assert upscaler.upscale(PICTURE, 1.0, ignore).shape == PICTURE.shape


def test_it_takes_weights_of_half_precision(tmp_path: Path) -> None:
    path = tiny_upscaler.save(tmp_path / "half.safetensors", tiny_upscaler.compact().half())

    assert loaded(path).upscale(PICTURE, 2.0, ignore).shape == (100, 140, 3)


def test_a_second_pass_may_begin_with_a_network(model: DiffusersModel, tmp_path: Path) -> None:
    upscaler = loaded(tiny_upscaler.save(tmp_path / "x2.safetensors", tiny_upscaler.compact()))
    steps: list[Progress] = []

    by_network = model.draw(drawing(hires=Hires(1.5, 4, 0.5, "network", upscaler)), steps.append)
    by_lanczos = model.draw(drawing(hires=Hires(1.5, 4, 0.5, "lanczos")), ignore)

    assert by_network.shape == by_lanczos.shape == (72, 96, 3)
    assert not np.array_equal(by_network, by_lanczos)
    assert [each.step for each in steps] == [1, 2, 3, 4, 5, 5, 6, 7]  # the network's tile tells the fifth again


def test_a_second_pass_by_a_network_is_stopped_at_a_tile(model: DiffusersModel, tmp_path: Path) -> None:
    upscaler = loaded(tiny_upscaler.save(tmp_path / "x2.safetensors", tiny_upscaler.compact()))
    steps: list[int] = []

    def stop(progress: Progress) -> None:
        steps.append(progress.step)
        if steps.count(5) == 2:
            raise Stopped

    with pytest.raises(Stopped):
        model.draw(drawing(hires=Hires(1.5, 4, 0.5, "network", upscaler)), stop)
    assert steps == [1, 2, 3, 4, 5, 5]


def test_it_refuses_what_enlarges_nothing(tmp_path: Path) -> None:
    denoiser = tiny_upscaler.save(tmp_path / "same size.safetensors", tiny_upscaler.compact(1))
    foreign = tmp_path / "foreign.safetensors"
    foreign.write_bytes(denoiser.read_bytes()[:-100])
    pickled = tmp_path / "model.pth"
    pickled.write_bytes(b"\x80\x02cos\nsystem\n")

    for path in (denoiser, foreign, pickled, tmp_path / "none.safetensors"):
        with pytest.raises(RuntimeFailure, match=path.name):
            loaded(path)


def test_it_says_that_the_package_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", None)

    with pytest.raises(RuntimeFailure, match="spandrel"):
        networks.load_spandrel()


def test_torchvision_is_neither_needed_nor_imitated() -> None:
    networks.load_spandrel()

    assert not any(name.split(".")[0] == "torchvision" for name in sys.modules)
