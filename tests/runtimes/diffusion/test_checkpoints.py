"""One .safetensors file of the old names draws what the folder draws; other files are refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from apps.runtimes.contracts import RuntimeFailure
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
