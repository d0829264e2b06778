"""LoRAs and ControlNets change one picture and leave nothing behind."""

from pathlib import Path

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model_state_dict
from safetensors.torch import save_file

from apps.runtimes.contracts import Picture, RuntimeFailure
from apps.runtimes.diffusion.engine import DiffusersModel
from apps.runtimes.drawing import ControlUse, LoraUse, Progress, PromptPart, Stopped
from tests.runtimes.diffusion import tiny
from tests.runtimes.diffusion.tiny import drawing, ignore, said


def save_lora(path: Path, seed: int, *, has_text: bool = False) -> str:
    """Write a LoRA of random weights in diffusers' names."""
    torch.manual_seed(seed)
    pipeline = tiny.pipeline()
    tensors = {}
    parts = {"unet": (pipeline.unet, ["to_q", "to_v"])} | (
        {"text_encoder": (pipeline.text_encoder, ["q_proj", "v_proj"])} if has_text else {}
    )
    for name, (module, targets) in parts.items():
        module.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=targets))
        for key, tensor in get_peft_model_state_dict(module).items():
            tensors[f"{name}.{key}"] = torch.randn_like(tensor)
    save_file(tensors, path)
    return str(path)


@pytest.fixture(scope="module")
def loras(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("loras")
    return save_lora(folder / "a.safetensors", 1), save_lora(folder / "b.safetensors", 2, has_text=True)


def used(number: int, path: str, weight: float, text_weight: float | None = None) -> LoraUse:
    return LoraUse(f"lora_{number}", path, weight, weight if text_weight is None else text_weight)


def test_it_adds_loras_by_their_weights(model: DiffusersModel, loras: tuple[str, str]) -> None:
    def draw(*uses: LoraUse) -> Picture:
        return model.draw(drawing(loras=uses), ignore)

    base, first, second = draw(), used(1, loras[0], 0.7), used(2, loras[1], 0.5)
    pictures = [base, draw(first), draw(second), draw(first, second), draw(used(1, loras[0], 0.3))]

    assert len({picture.tobytes() for picture in pictures}) == 5
    assert np.array_equal(draw(first, second), pictures[3])
    assert np.array_equal(draw(used(1, loras[0], 0), used(2, loras[1], 0)), base)
    assert np.array_equal(draw(), base)


def test_it_weighs_the_text_encoder_alone(model: DiffusersModel, loras: tuple[str, str]) -> None:
    def draw(weight: float, text_weight: float) -> Picture:
        return model.draw(drawing(loras=(used(2, loras[1], weight, text_weight),)), ignore)

    assert len({draw(*weights).tobytes() for weights in ((0, 0), (0.5, 0), (0, 0.5), (0.5, 0.5))}) == 4


def test_it_takes_a_lora_off_whatever_happens(model: DiffusersModel, loras: tuple[str, str]) -> None:
    base = model.draw(drawing(), ignore)

    def stop(_: Progress) -> None:
        raise Stopped

    with pytest.raises(Stopped):
        model.draw(drawing(loras=(used(1, loras[0], 0.7),)), stop)
    assert np.array_equal(model.draw(drawing(), ignore), base)

    with pytest.raises(RuntimeFailure):
        model.draw(drawing(loras=(used(1, loras[0], 0.7),), sampler="unknown"), ignore)
    assert np.array_equal(model.draw(drawing(), ignore), base)


def test_it_refuses_a_lora_of_another_model(model: DiffusersModel, tmp_path: Path) -> None:
    base = model.draw(drawing(), ignore)
    module = "unet.down_blocks.0.attentions.0.transformer_blocks.0.attn1.to_q"
    save_file(
        {f"{module}.lora_A.weight": torch.randn(2, 320), f"{module}.lora_B.weight": torch.randn(320, 2)},
        tmp_path / "big.safetensors",
    )

    with pytest.raises(RuntimeFailure, match=r"big\.safetensors"):
        model.draw(drawing(loras=(used(1, str(tmp_path / "big.safetensors"), 1.0),)), ignore)
    assert np.array_equal(model.draw(drawing(), ignore), base)


def test_it_refuses_a_lora_that_names_no_part_of_the_model(model: DiffusersModel, tmp_path: Path) -> None:
    """diffusers would only say so in the log, and draw as if there were none."""
    module = "transformer.layers.0.attention.to_q"
    save_file(
        {f"{module}.lora_A.weight": torch.randn(2, 16), f"{module}.lora_B.weight": torch.randn(16, 2)},
        tmp_path / "other.safetensors",
    )

    with pytest.raises(RuntimeFailure, match=r"other\.safetensors"):
        model.draw(drawing(loras=(used(1, str(tmp_path / "other.safetensors"), 1.0),)), ignore)


@pytest.fixture(scope="module")
def control(model: DiffusersModel, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    """Return the folders of a ControlNet that was just begun and adds nothing, and of one that adds something."""
    folder = tmp_path_factory.mktemp("control")
    new = tiny.new_control(model._pipeline.unet)
    new.save_pretrained(folder / "new")
    torch.manual_seed(3)
    for block in (*new.controlnet_down_blocks, new.controlnet_mid_block):
        torch.nn.init.normal_(block.weight)
    torch.nn.init.normal_(new.controlnet_cond_embedding.conv_out.weight)
    new.save_pretrained(folder / "trained")
    return str(folder / "new"), str(folder / "trained")


EDGES = np.zeros((48, 64, 3), np.uint8)
EDGES[20:30, 10:50] = 255


def test_it_draws_the_base_picture_with_a_controlnet_that_knows_nothing(
    model: DiffusersModel, control: tuple[str, str]
) -> None:
    assert np.array_equal(
        model.draw(drawing(control=ControlUse(control[0], EDGES)), ignore), model.draw(drawing(), ignore)
    )


def test_it_follows_a_controlnet_by_scale_and_span(model: DiffusersModel, control: tuple[str, str]) -> None:
    base = model.draw(drawing(), ignore)
    uses = [
        ControlUse(control[1], EDGES),
        ControlUse(control[1], 255 - EDGES),
        ControlUse(control[1], EDGES, scale=0.3),
        ControlUse(control[1], EDGES, end=0.5),
    ]
    pictures = [base, *(model.draw(drawing(control=use), ignore) for use in uses)]

    assert len({picture.tobytes() for picture in pictures}) == 5
    assert np.array_equal(model.draw(drawing(), ignore), base)


@pytest.mark.parametrize("has_mask", [False, True])
def test_it_follows_a_controlnet_over_a_source(
    model: DiffusersModel, control: tuple[str, str], *, has_mask: bool
) -> None:
    over = {"source": EDGES, "mask": np.full((48, 64), 255, np.uint8) if has_mask else None}
    plain = model.draw(drawing(**over), ignore)

    assert not np.array_equal(model.draw(drawing(**over, control=ControlUse(control[1], EDGES)), ignore), plain)


def test_it_composes_parts_under_a_controlnet(model: DiffusersModel, control: tuple[str, str]) -> None:
    use = ControlUse(control[1], EDGES)
    one = model.draw(drawing("red", control=use), ignore)
    halves = tuple(PromptPart((said("red"),), 0.5) for _ in range(2))

    assert np.abs(model.draw(drawing(positive=halves, control=use), ignore).astype(int) - one).max() <= 1


def test_it_refuses_a_controlnet_that_is_none(model: DiffusersModel, tmp_path: Path) -> None:
    with pytest.raises(RuntimeFailure, match="ControlNet"):
        model.draw(drawing(control=ControlUse(str(tmp_path), EDGES)), ignore)
