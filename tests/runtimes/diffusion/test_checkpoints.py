"""One .safetensors file of the old names draws what the folder draws; other files are refused."""

import json
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
import torch

from apps.runtimes.adapter_files import Facts
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion import families
from apps.runtimes.diffusion.engine import DiffusersModel, load_image_model
from apps.runtimes.spec import RuntimeSpec
from tests.runtimes.diffusion import tiny
from tests.runtimes.diffusion.checkpoint import save_checkpoint, without_weights
from tests.runtimes.diffusion.tiny import drawing, ignore


@pytest.mark.parametrize("folder", ["model", "."])
def test_it_draws_from_one_file_with_its_settings_beside_it(model: DiffusersModel, tmp_path: Path, folder: str) -> None:
    path = save_checkpoint(tiny.pipeline(), tmp_path / "model.safetensors")
    without_weights(tiny.pipeline(), tmp_path / folder)

    loaded = load_image_model(RuntimeSpec("one file", "diffusers", path, threads=1))

    assert np.array_equal(loaded.draw(drawing(), ignore), model.draw(drawing(), ignore))


def test_it_says_what_a_lone_checkpoint_lacks(tmp_path: Path) -> None:
    path = save_checkpoint(tiny.pipeline(), tmp_path / "model.safetensors")

    with pytest.raises(RuntimeFailure, match=r"model_index\.json"):
        load_image_model(RuntimeSpec("one file", "diffusers", path))


WEIGHTS = {  # as published
    "sd1": {"unet": 859_520_964, "vae": 83_653_863, "text_encoder": 123_060_480},
    "sdxl": {
        "unet": 2_567_463_684,
        "vae": 83_653_863,
        "text_encoder": 123_060_480,
        "text_encoder_2": 694_659_840,
    },
}


@pytest.mark.parametrize(("family", "part"), [(family, part) for family, parts in WEIGHTS.items() for part in parts])
def test_it_ships_the_settings_of_the_families(family: str, part: str) -> None:
    folder = families._FOLDER / family
    library, name = json.loads((folder / "model_index.json").read_text())[part]
    kind = getattr(import_module(library), name)
    with torch.device("meta"):
        if library == "diffusers":
            made = kind.from_config(kind.load_config(folder / part))
        else:
            made = kind(kind.config_class.from_pretrained(folder / part))

    assert sum(weights.numel() for weights in made.parameters()) == WEIGHTS[family][part]


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("a photo of a cat", [320, 1125, 539, 320, 2368]),
        ("Hello, world!", [3306, 267, 1002, 256]),
    ],
)
def test_it_ships_the_tokenizer_of_clip(text: str, ids: list[int]) -> None:
    tokenizer = families.clip_tokenizer("<|endoftext|>")

    assert tokenizer(text)["input_ids"] == [49406, *ids, 49407]
    assert (tokenizer.pad_token_id, families.clip_tokenizer("!").pad_token_id) == (49407, 0)


def test_it_reads_a_lone_checkpoint_with_the_settings_of_its_family(
    model: DiffusersModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = save_checkpoint(tiny.pipeline(), tmp_path / "model.safetensors")
    shipped = without_weights(tiny.pipeline(), tmp_path / "shipped" / "sd1")
    monkeypatch.setattr(families, "_FOLDER", shipped.parent)
    monkeypatch.setattr(families, "facts_of", lambda _path: Facts("checkpoint", width=768))
    monkeypatch.setattr(families, "clip_tokenizer", lambda _padding: tiny.tokenizer())

    loaded = load_image_model(RuntimeSpec("one file", "diffusers", path, threads=1))

    assert np.array_equal(loaded.draw(drawing(), ignore), model.draw(drawing(), ignore))


def test_it_refuses_settings_of_an_unknown_pipeline(tmp_path: Path) -> None:
    """security-cases 80: settings never name code that is run."""
    path = save_checkpoint(tiny.pipeline(), tmp_path / "model.safetensors")
    (tmp_path / "model_index.json").write_text('{"_class_name": "DiffusionPipeline"}')

    with pytest.raises(RuntimeFailure, match="not read from one file"):
        load_image_model(RuntimeSpec("one file", "diffusers", path))


def test_it_runs_no_code_of_a_model(tmp_path: Path) -> None:
    """security-cases 80: diffusers imports what a part's library is called, even a file in the folder."""
    folder = tiny.save(tmp_path / "model")
    (folder / "unet" / "mine.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Mine: pass\n")
    index = json.loads((folder / "model_index.json").read_text()) | {"unet": ["mine", "Mine"]}
    (folder / "model_index.json").write_text(json.dumps(index))

    with pytest.raises(RuntimeFailure, match="'unet' names the library 'mine'"):
        load_image_model(RuntimeSpec("armed", "diffusers", folder))
    assert not (tmp_path / "ran").exists()


def test_it_reads_no_pickles(tmp_path: Path) -> None:
    """security-cases 77: a folder whose weights are pickles is refused unread."""
    folder = tiny.save(tmp_path / "model")
    for weights in folder.glob("unet/*.safetensors"):
        weights.rename(weights.with_suffix(".bin"))

    with pytest.raises(RuntimeFailure, match="cannot be loaded"):
        load_image_model(RuntimeSpec("pickled", "diffusers", folder))
