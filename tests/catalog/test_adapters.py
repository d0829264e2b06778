"""Adapters and checkpoints of image models are told by the names and shapes of their tensors (security cases 77-80)."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from apps.catalog import adapters, errors, work
from apps.catalog.inspecting import inspect
from apps.catalog.models import AIModel, ModelJob
from apps.runtimes import peft_files
from apps.users.models import User

Shapes = Mapping[str, tuple[int, ...]]
KOHYA: Shapes = {
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_down.weight": (8, 768),
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.lora_up.weight": (320, 8),
    "lora_unet_down_blocks_0_attentions_0_transformer_blocks_0_attn2_to_k.alpha": (),
    "lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight": (8, 768),
    "lora_te_text_model_encoder_layers_0_mlp_fc1.lora_up.weight": (3072, 8),
}
DIFFUSERS: Shapes = {
    "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_A.weight": (4, 64),
    "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k.lora_B.weight": (128, 4),
}
OLD_DIFFUSERS: Shapes = {
    "unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.down.weight": (4, 1024),
    "unet.mid_block.attentions.0.transformer_blocks.0.attn2.processor.to_k_lora.up.weight": (128, 4),
}
PEFT: Shapes = {name.replace("unet.", "base_model.model.", 1): shape for name, shape in DIFFUSERS.items()}
CHECKPOINT: Shapes = {
    "model.diffusion_model.input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight": (320, 768),
    "model.diffusion_model.input_blocks.0.0.weight": (320, 4, 3, 3),
    "first_stage_model.decoder.conv_in.weight": (4, 4, 3, 3),
}
IP_ADAPTER: Shapes = {
    "image_proj.proj.weight": (4 * 768, 1024),
    "ip_adapter.1.to_k_ip.weight": (320, 768),
    "ip_adapter.1.to_v_ip.weight": (320, 768),
}
PLUS: Shapes = {
    "image_proj.latents": (1, 16, 768),
    "image_proj.proj_in.weight": (768, 1280),
    "ip_adapter.1.to_k_ip.weight": (320, 768),
}
FACE_ID: Shapes = {"image_proj.proj.0.weight": (1024, 512), "image_proj.norm.weight": (768,)}
ESRGAN: Shapes = {"conv_first.weight": (64, 3, 3, 3), "body.0.rdb1.conv1.weight": (32, 64, 3, 3)}


def weights(path: Path, shapes: Shapes, metadata: Mapping[str, str] | None = None) -> Path:
    """Write a safetensors file of zeros, without the library."""
    header: dict[str, Any] = {"__metadata__": dict(metadata)} if metadata else {}
    at = 0
    for name, shape in shapes.items():
        size = 4
        for each in shape:
            size *= each
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [at, at + size]}
        at += size
    head = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(len(head).to_bytes(8, "little") + head + bytes(at))
    return path


@pytest.fixture(autouse=True)
def models_dir(settings: Any, tmp_path: Path) -> Iterator[Path]:
    settings.MODELS_DIR = tmp_path / "models"
    settings.MODELS_DIR.mkdir()
    return settings.MODELS_DIR


@pytest.mark.parametrize(
    ("shapes", "adapter", "width", "more"),
    [
        (KOHYA, "lora", 768, {"naming": "kohya", "rank": 8, "family": "sd1"}),
        (DIFFUSERS, "lora", 64, {"naming": "diffusers", "rank": 4, "family": ""}),
        (OLD_DIFFUSERS, "lora", 1024, {"naming": "diffusers", "rank": 4, "family": "sd2"}),
        ({"emb_params": (3, 768)}, "textual_inversion", 768, {"vectors": 3}),
        ({"<cat-toy>": (64,)}, "textual_inversion", 64, {"vectors": 1}),
    ],
)
def test_it_tells_adapters_by_their_tensors(
    models_dir: Path, shapes: Shapes, adapter: str, width: int, more: dict[str, Any]
) -> None:
    weights(models_dir / "a" / "easy negative.safetensors", shapes)

    found = inspect(models_dir / "a")

    assert (found.kind, found.adapter, found.runtime) == ("adapter", adapter, "diffusers")
    assert found.path == "a/easy negative.safetensors"
    assert found.capabilities["width"] == width
    assert more.items() <= found.capabilities.items()
    expected = {"emb_params": "easy-negative", "<cat-toy>": "<cat-toy>"}.get(next(iter(shapes)), "")
    assert found.token == expected


def test_it_tells_a_checkpoint_and_a_controlnet(models_dir: Path) -> None:
    weights(models_dir / "sd" / "sd.safetensors", CHECKPOINT)
    weights(models_dir / "canny" / "diffusion_pytorch_model.safetensors", {"conv_in.weight": (8, 4, 3, 3)})
    config = {"_class_name": "ControlNetModel", "cross_attention_dim": 768}
    (models_dir / "canny" / "config.json").write_text(json.dumps(config))

    checkpoint, control = inspect(models_dir / "sd"), inspect(models_dir / "canny")

    assert (checkpoint.kind, checkpoint.path, checkpoint.capabilities["family"]) == (
        "image",
        "sd/sd.safetensors",
        "sd1",
    )
    assert (control.kind, control.adapter, control.path) == ("adapter", "controlnet", "canny")
    assert control.capabilities["width"] == 768


def test_a_checkpoint_with_its_settings_beside_it_is_loaded_as_the_file(models_dir: Path) -> None:
    weights(models_dir / "sd" / "sd.safetensors", CHECKPOINT)
    (models_dir / "sd" / "model_index.json").write_text('{"_class_name": "StableDiffusionPipeline"}')

    found = inspect(models_dir / "sd")

    assert (found.kind, found.path) == ("image", "sd/sd.safetensors")


def test_it_tells_an_upscaler_where_the_library_is_there(models_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    weights(models_dir / "up" / "x4.safetensors", ESRGAN)
    monkeypatch.setattr(adapters, "find_spec", lambda _name: None)
    with pytest.raises(errors.CannotRun, match="spandrel"):
        inspect(models_dir / "up")

    monkeypatch.setattr(adapters, "find_spec", lambda _name: object())
    assert inspect(models_dir / "up").adapter == "upscaler"


def ip_adapter(folder: Path, shapes: Shapes = IP_ADAPTER, **config: Any) -> Path:
    """Write an IP-Adapter as it is published: the file, and its encoder in a folder beside it."""
    weights(folder / "ip-adapter_sd15.safetensors", shapes)
    weights(folder / "image_encoder" / "model.safetensors", {"visual_projection.weight": (1024, 1280)})
    given = {"architectures": ["CLIPVisionModelWithProjection"], "projection_dim": 1024, "hidden_size": 1280} | config
    (folder / "image_encoder" / "config.json").write_text(json.dumps(given))
    return folder


@pytest.mark.parametrize("shapes", [IP_ADAPTER, PLUS])
def test_it_tells_an_ip_adapter_with_its_encoder(models_dir: Path, shapes: Shapes) -> None:
    found = inspect(ip_adapter(models_dir / "look", shapes))

    assert (found.kind, found.adapter, found.path) == ("adapter", "ip_adapter", "look/ip-adapter_sd15.safetensors")
    assert (found.capabilities["width"], found.capabilities["family"]) == (768, "sd1")


@pytest.mark.parametrize(
    ("config", "code"),
    [
        ({"projection_dim": 1280}, "model-image-encoder-other"),
        ({"projection_dim": "1024"}, "model-image-encoder"),
        ({"architectures": ["CLIPModel"]}, "model-image-encoder"),
        ({"architectures": None}, "model-image-encoder"),
        ({"auto_map": {"AutoModel": "evil.py"}}, "model-config"),
    ],
)
def test_it_refuses_an_ip_adapter_with_another_encoder(models_dir: Path, config: dict[str, Any], code: str) -> None:
    with pytest.raises(errors.ModelRefused) as refused:
        inspect(ip_adapter(models_dir / "look", **config))

    assert refused.value.code == code
    assert "%(" not in refused.value.sentence()


def test_security_case_77_a_pickled_encoder_is_refused(models_dir: Path) -> None:
    folder = ip_adapter(models_dir / "look")
    (folder / "image_encoder" / "pytorch_model.bin").write_bytes(b"\x80\x02cos\nsystem\n")

    with pytest.raises(errors.HoldsCode):
        inspect(folder)


@pytest.mark.django_db
def test_it_tries_an_upscaler_before_it_is_ready(root_client: Any, models_dir: Path) -> None:
    from tests.runtimes.diffusion import tiny_upscaler  # noqa: PLC0415 -- imports torch

    tiny_upscaler.save(models_dir / "x4.safetensors", tiny_upscaler.esrgan())
    weights(models_dir / "none.safetensors", {f"body.{number}.weight": (4, 4) for number in range(9)})
    for entry in ("x4.safetensors", "none.safetensors"):
        root_client.post("/system/models/add/file/", {"entry": entry})
        work.work_one("run")

    good, bad = AIModel.objects.get(name="x4"), AIModel.objects.get(name="none")
    assert (good.state, good.adapter, good.runtime, good.path) == ("ready", "upscaler", "spandrel", "x4/x4.safetensors")
    assert good.memory_bytes > adapters.TILE_BYTES
    assert good.jobs.get().result["factor"] == 4
    assert bad.state == "broken"
    assert "none.safetensors" in bad.error


@pytest.mark.parametrize(
    ("shapes", "code"),
    [
        ({"x.hada_w1_a": (4, 4), "x.hada_w1_b": (4, 4)}, "model-architecture"),
        ({**DIFFUSERS, "unet.x.dora_scale": (4, 1)}, "model-architecture"),
        ({"transformer.x.lora_A.weight": (4, 4), "transformer.x.lora_B.weight": (4, 4)}, "model-architecture"),
        ({**DIFFUSERS, "other.weight": (4, 4)}, "model-architecture"),  # would be left out in silence
        ({"down_blocks.0.to_q_lora.down.weight": (4, 4), "a.to_q_lora.up.weight": (4, 4)}, "model-architecture"),
        (PEFT, "model-architecture"),  # its strength is in the adapter_config.json that is missing
        ({"control_model.input_hint_block.0.weight": (16, 3, 3, 3)}, "model-architecture"),
        ({"clip_l": (2, 768), "clip_g": (2, 1280)}, "model-architecture"),
        (IP_ADAPTER, "model-image-encoder"),  # alone
        ({**FACE_ID, "ip_adapter.1.to_k_ip.weight": (320, 768)}, "model-architecture"),
        ({**IP_ADAPTER, "ip_adapter.0.to_q_lora.down.weight": (128, 320)}, "model-architecture"),
        ({"emb_params": (5_000, 768)}, "model-unknown"),
        ({"weight": (4, 4, 3, 3)}, "model-unknown"),
        ({}, "model-unknown"),
    ],
)
def test_it_refuses_what_would_not_act_as_it_was_trained(models_dir: Path, shapes: Shapes, code: str) -> None:
    weights(models_dir / "a" / "a.safetensors", shapes)

    with pytest.raises(errors.ModelRefused) as refused:
        inspect(models_dir / "a")

    assert refused.value.code == code
    assert refused.value.sentence()


def test_it_refuses_a_folder_of_several_adapters(models_dir: Path) -> None:
    weights(models_dir / "a" / "a.safetensors", DIFFUSERS)
    weights(models_dir / "a" / "b.safetensors", DIFFUSERS)

    with pytest.raises(errors.NotAModel):
        inspect(models_dir / "a")


@pytest.mark.parametrize(
    ("name", "content", "code"),
    [
        ("lora.pt", b"\x80\x02cos\nsystem\n", "model-code"),
        ("lora.safetensors", b"\x80\x04\x95cos\nsystem\n(S'x'\ntR.", "model-content"),
        ("lora.safetensors", b"PK\x03\x04" + b"\0" * 40, "model-content"),
        ("modeling.py", b"import os", "model-code"),
        ("embedding.txt", b"\x80\x04\x95pickle", "model-code"),
        ("adapter_config.json", b'{"peft_type": "LORA", "auto_map": {"x": "evil.py"}}', "model-config"),
    ],
)
def test_security_cases_77_and_79_code_in_an_adapter_is_refused(
    models_dir: Path, name: str, content: bytes, code: str
) -> None:
    weights(models_dir / "a" / "good.safetensors", DIFFUSERS)
    (models_dir / "a" / name).write_bytes(content)

    with pytest.raises(errors.ModelRefused) as refused:
        inspect(models_dir / "a")

    assert refused.value.code == code


@pytest.mark.parametrize("shape", [["x"], "abc", None, [1.5], {"a": 1}])
def test_it_refuses_a_garbled_header(models_dir: Path, shape: Any) -> None:
    header = json.dumps({"a.lora_A.weight": {"dtype": "F32", "shape": shape, "data_offsets": [0, 0]}}).encode()
    (models_dir / "a").mkdir()
    (models_dir / "a" / "a.safetensors").write_bytes(len(header).to_bytes(8, "little") + header)

    with pytest.raises(errors.ModelRefused):
        inspect(models_dir / "a")


def test_it_shows_what_a_file_says_of_itself_as_plain_words(models_dir: Path) -> None:
    told = {
        "modelspec.title": "Pink <b>\x00 circles",
        "modelspec.license": "CC0",
        "ss_tag_frequency": '{"10_x": {"pink": 7, "[circle](javascript:x)": 9}}',
    }
    weights(models_dir / "a" / "a.safetensors", DIFFUSERS, told)

    found = inspect(models_dir / "a")

    assert (found.title, found.licence) == ("Pink <b> circles", "CC0")
    assert r"\[circle\]\(javascript:x\), pink" in found.card
    assert found.capabilities["triggers"] == ["[circle](javascript:x)", "pink"]


def peft_folder(folder: Path, **config: Any) -> Path:
    weights(folder / "adapter_model.safetensors", PEFT)
    given = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "target_modules": ["to_k"]} | config
    (folder / "adapter_config.json").write_text(json.dumps(given))
    return folder


def test_it_gives_a_lora_of_peft_the_names_of_diffusers(models_dir: Path) -> None:
    torch = pytest.importorskip("torch")
    from safetensors.torch import load_file, save_file  # noqa: PLC0415 -- as above

    folder = peft_folder(models_dir / "a")
    save_file({name: torch.ones(shape) for name, shape in PEFT.items()}, folder / "adapter_model.safetensors")

    found = inspect(folder)
    converted = load_file(peft_files.convert(folder))

    assert (found.adapter, found.path, found.capabilities["naming"]) == ("lora", "a/converted.safetensors", "peft")
    assert {name: tuple(tensor.shape) for name, tensor in converted.items()} == dict(DIFFUSERS)
    assert {float(tensor.mean()) for tensor in converted.values()} == {1.0, 2.0}  # alpha 8 ÷ rank 4, in one factor
    assert inspect(folder).path == found.path  # once more, with the converted file there


@pytest.mark.parametrize(
    "config", [{"peft_type": "IA3"}, {"use_dora": True}, {"rank_pattern": {"a": 2}}, {"r": "x"}, {"lora_alpha": None}]
)
def test_it_refuses_other_adapters_of_peft(models_dir: Path, config: dict[str, Any]) -> None:
    with pytest.raises(errors.ModelRefused):
        inspect(peft_folder(models_dir / "a", **config))


@pytest.mark.django_db
def test_it_takes_a_lone_file_into_a_folder_of_its_own(root_client: Any, root: User, models_dir: Path) -> None:
    weights(models_dir / "Pink.v2.safetensors", DIFFUSERS)
    assert b"An adapter or a checkpoint" in root_client.get("/system/models/add/").content

    root_client.post("/system/models/add/file/", {"entry": "Pink.v2.safetensors"})
    work.work_one("run")

    model = AIModel.objects.get()
    assert (model.state, model.kind, model.adapter) == ("ready", "adapter", "lora"), model.error
    assert (model.name, model.path) == ("pink-v2", "pink-v2/Pink.v2.safetensors")
    assert ModelJob.objects.get().state == "done"
    page = root_client.get(f"/system/models/{model.pk}/").content.decode()
    assert "LoRA" in page
    assert "64" in page


@pytest.mark.django_db
def test_it_says_which_adapters_go_with_a_model() -> None:
    def made(width: int | None, adapter: str = "lora") -> AIModel:
        return AIModel(adapter=adapter, capabilities={} if width is None else {"width": width})

    model = AIModel(kind="image", capabilities={"width": 768})

    assert adapters.fits(made(768), model)
    assert adapters.fits(made(None), model)
    assert adapters.fits(made(1024, "upscaler"), model)
    assert not adapters.fits(made(1024), model)
