"""IP-Adapters show a picture to one drawing and leave nothing behind."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import EulerDiscreteScheduler, StableDiffusionPipeline
from PIL import Image

from apps.runtimes.contracts import Picture, RuntimeFailure
from apps.runtimes.diffusion.engine import DiffusersModel, load_image_model
from apps.runtimes.drawing import ControlUse, Hires, ImagePromptUse, LoraUse, Progress, PromptPart, Stopped
from apps.runtimes.spec import RuntimeSpec
from tests.runtimes.diffusion import tiny, tiny_ip_adapter, tiny_xl
from tests.runtimes.diffusion.test_adapters import save_lora
from tests.runtimes.diffusion.tiny import drawing, ignore, said

STRIPES = np.zeros((40, 56, 3), np.uint8)
STRIPES[::4] = 255


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "plus"])
def adapter(request: pytest.FixtureRequest, model: DiffusersModel, tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("ip-adapter")
    return tiny_ip_adapter.save(folder, model._pipeline.unet, is_plus=request.param)


def shown(path: str, scale: float = 1.0, picture: Picture = STRIPES) -> ImagePromptUse:
    return ImagePromptUse(path, picture, scale)


def state_of(model: DiffusersModel) -> dict[str, Any]:
    """Return what an IP-Adapter changes of a pipeline."""
    pipeline = model._pipeline
    kinds = [type(each).__name__ for each in pipeline.unet.attn_processors.values()]
    parts = pipeline.image_encoder, pipeline.feature_extractor, pipeline.unet.encoder_hid_proj
    index = {name: value for name, value in pipeline.config.items() if name != "scheduler"}  # a new one each time
    return {"kinds": kinds, "parts": parts, "config": dict(pipeline.unet.config), "index": index}


def test_it_draws_by_what_it_is_shown_and_by_its_scale(model: DiffusersModel, adapter: str) -> None:
    base = model.draw(drawing(), ignore)
    uses = [shown(adapter), shown(adapter, 0.3), shown(adapter, picture=255 - STRIPES)]
    pictures = [base, *(model.draw(drawing(image_prompt=use), ignore) for use in uses)]

    assert len({picture.tobytes() for picture in pictures}) == 4
    assert np.array_equal(model.draw(drawing(image_prompt=uses[0]), ignore), pictures[1])


@pytest.mark.usefixtures("one_thread")
def test_it_draws_what_diffusers_draws(model: DiffusersModel, tiny_folder: Path, adapter: str) -> None:
    pipeline = StableDiffusionPipeline.from_pretrained(tiny_folder, safety_checker=None)
    pipeline.scheduler = EulerDiscreteScheduler.from_config(pipeline.scheduler.config)
    pipeline.set_progress_bar_config(disable=True)
    folder, _, name = adapter.rpartition("/")
    pipeline.load_ip_adapter(folder, subfolder="", weight_name=name, local_files_only=True)
    pipeline.set_ip_adapter_scale(0.7)
    call = {"negative_prompt": "", "width": 64, "height": 48, "num_inference_steps": 5, "guidance_scale": 3.0}
    raw = pipeline(
        "red circle", **call, generator=torch.Generator().manual_seed(7), ip_adapter_image=Image.fromarray(STRIPES)
    ).images[0]

    drawn = model.draw(drawing(sampler="euler", image_prompt=shown(adapter, 0.7)), ignore)
    assert np.array_equal(drawn, np.asarray(raw))


def test_at_scale_0_it_draws_the_bytes_of_the_base_and_leaves_nothing_behind(
    model: DiffusersModel, adapter: str
) -> None:
    before, base = state_of(model), model.draw(drawing(), ignore)

    assert np.array_equal(model.draw(drawing(image_prompt=shown(adapter, 0.0)), ignore), base)
    model.draw(drawing(image_prompt=shown(adapter)), ignore)
    assert state_of(model) == before
    assert np.array_equal(model.draw(drawing(), ignore), base)


def test_it_takes_the_adapter_off_whatever_happens(model: DiffusersModel, adapter: str) -> None:
    before, base = state_of(model), model.draw(drawing(), ignore)

    def stop(_: Progress) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        model.draw(drawing(image_prompt=shown(adapter)), stop)
    with pytest.raises(RuntimeFailure):
        model.draw(drawing(image_prompt=shown(adapter), sampler="unknown"), ignore)

    assert state_of(model) == before
    assert np.array_equal(model.draw(drawing(), ignore), base)


@pytest.mark.parametrize(
    "more",
    [
        {"guidance": 1.0},
        {"source": np.full((48, 64, 3), 99, np.uint8)},
        {"source": np.full((48, 64, 3), 99, np.uint8), "mask": np.full((48, 64), 255, np.uint8)},
        {"hires": Hires(2.0, 4, 0.5)},
        {"positive": (PromptPart((said("red"),), 0.5), PromptPart((said("blue"),), 0.5))},
    ],
    ids=["no guidance", "over a source", "in a mask", "second pass", "AND"],
)
def test_it_shows_the_picture_in_every_kind_of_drawing(
    model: DiffusersModel, adapter: str, more: dict[str, Any]
) -> None:
    base = model.draw(drawing(**more), ignore)

    assert not np.array_equal(model.draw(drawing(**more, image_prompt=shown(adapter)), ignore), base)
    assert np.array_equal(model.draw(drawing(**more, image_prompt=shown(adapter, 0.0)), ignore), base)


def test_it_goes_together_with_a_lora_and_a_controlnet(model: DiffusersModel, adapter: str, tmp_path: Path) -> None:
    tiny.new_control(model._pipeline.unet).save_pretrained(tmp_path / "control")
    others: dict[str, Any] = {
        "loras": (LoraUse("lora_1", save_lora(tmp_path / "a.safetensors", 1), 0.7, 0.7),),
        "control": ControlUse(str(tmp_path / "control"), STRIPES),
    }
    base, plain = model.draw(drawing(), ignore), model.draw(drawing(**others), ignore)
    both = model.draw(drawing(**others, image_prompt=shown(adapter)), ignore)

    assert not np.array_equal(both, plain)
    assert np.array_equal(model.draw(drawing(**others), ignore), plain)
    assert np.array_equal(model.draw(drawing(), ignore), base)


def test_it_shows_the_picture_to_sdxl(tmp_path: Path) -> None:
    model = load_image_model(RuntimeSpec("xl", "diffusers", tiny_xl.save(tmp_path / "xl"), threads=1))
    path = tiny_ip_adapter.save(tmp_path / "adapter", model._pipeline.unet)
    base = model.draw(drawing(), ignore)

    assert not np.array_equal(model.draw(drawing(image_prompt=shown(path)), ignore), base)
    assert np.array_equal(model.draw(drawing(), ignore), base)


def test_it_refuses_an_adapter_of_another_model(model: DiffusersModel, tmp_path: Path) -> None:
    before, base = state_of(model), model.draw(drawing(), ignore)
    path = tiny_ip_adapter.save(tmp_path, tiny_xl.pipeline().unet)

    with pytest.raises(RuntimeFailure, match=r"ip-adapter\.safetensors"):
        model.draw(drawing(image_prompt=shown(path)), ignore)
    assert state_of(model) == before
    assert np.array_equal(model.draw(drawing(), ignore), base)


def test_it_refuses_an_adapter_without_its_encoder(model: DiffusersModel, tmp_path: Path) -> None:
    path = tiny_ip_adapter.save(tmp_path, model._pipeline.unet)
    (tmp_path / "image_encoder" / "model.safetensors").unlink()

    with pytest.raises(RuntimeFailure, match="cannot be loaded"):
        model.draw(drawing(image_prompt=shown(path)), ignore)
