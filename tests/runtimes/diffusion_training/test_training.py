"""Training of adapters, on a model that was never trained: what it must do with any."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file

from apps.runtimes.adapter_files import facts_of
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion.training.parts import parts_of
from apps.runtimes.diffusion.training.trainer import DiffusionTrainer, load_trainer
from apps.runtimes.drawing import Stopped
from apps.runtimes.spec import RuntimeSpec
from apps.runtimes.training import Checkpoint, Course, Pace
from tests.runtimes.diffusion_training import tiny

METHODS = ("lora", "textual_inversion", "dreambooth_lora")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


@pytest.fixture(scope="module")
def pipeline() -> Any:
    return tiny.pipeline()


@pytest.fixture
def trainer(pipeline: Any) -> DiffusionTrainer:
    return DiffusionTrainer(parts_of("tiny", pipeline))


def taught(trainer: DiffusionTrainer, course: Course, path: Path, *slices: int) -> Checkpoint:
    result = Checkpoint(0, ())
    for until in slices or (course.steps,):
        result = trainer.train(course, path, until=until, on_step=lambda _pace: None)
    return result


@pytest.mark.parametrize("method", METHODS)
def test_it_learns_the_same_however_it_is_sliced(trainer: DiffusionTrainer, tmp_path: Path, method: str) -> None:
    course = tiny.course(method)

    whole = taught(trainer, course, tmp_path / "whole")
    sliced = taught(trainer, course, tmp_path / "sliced", 1, 4, 99)

    assert whole == sliced
    assert whole.step == 6
    assert (tmp_path / "whole").read_bytes() == (tmp_path / "sliced").read_bytes()
    other = taught(trainer, tiny.course(method, seed=6), tmp_path / "other")
    assert other.losses != whole.losses


@pytest.mark.parametrize("method", METHODS)
def test_it_leaves_the_model_as_it_was(pipeline: Any, trainer: DiffusionTrainer, tmp_path: Path, method: str) -> None:
    def draw() -> Any:
        chance = torch.Generator().manual_seed(1)
        return pipeline(
            "a circle", num_inference_steps=2, generator=chance, output_type="np", height=32, width=32
        ).images

    names = [name for name, _ in pipeline.unet.named_modules()], len(pipeline.tokenizer)
    before = draw()

    taught(trainer, tiny.course(method, trains_text=True), tmp_path / "a")

    assert (draw() == before).all()
    assert ([name for name, _ in pipeline.unet.named_modules()], len(pipeline.tokenizer)) == names


@pytest.mark.parametrize("method", METHODS)
def test_it_stops_within_a_step_and_keeps_what_was_learnt(
    trainer: DiffusionTrainer, tmp_path: Path, method: str
) -> None:
    course, seen = tiny.course(method), []

    def stop(pace: Pace) -> None:
        seen.append(pace.step)
        if pace.step == 2:
            raise Stopped

    with pytest.raises(Stopped):
        trainer.train(course, tmp_path / "a", until=6, on_step=stop)

    assert seen == [1, 2]
    assert not trainer.is_busy
    assert taught(trainer, course, tmp_path / "a").losses == taught(trainer, course, tmp_path / "b").losses


@pytest.mark.parametrize("method", METHODS)
def test_it_writes_an_adapter_that_the_catalogue_knows(trainer: DiffusionTrainer, tmp_path: Path, method: str) -> None:
    course = tiny.course(method)
    taught(trainer, course, tmp_path / "a")

    trainer.export(course, tmp_path / "a", tmp_path / "out.safetensors", {"modelspec.title": "Pink"})

    facts = facts_of(tmp_path / "out.safetensors")
    assert facts is not None
    assert facts.notes == {"title": "Pink"}
    assert facts.width == 16
    if method == "textual_inversion":
        assert (facts.kind, facts.token, facts.vectors) == ("textual_inversion", "<pinky>", 2)
    else:
        assert (facts.kind, facts.naming, facts.rank) == ("lora", "diffusers", 2)


@pytest.mark.parametrize("trains_text", [False, True])
def test_diffusers_loads_every_layer_of_the_lora(
    trainer: DiffusionTrainer, tmp_path: Path, *, trains_text: bool
) -> None:
    course = tiny.course("lora", trains_text=trains_text, learning_rate=0.1)
    taught(trainer, course, tmp_path / "a")
    trainer.export(course, tmp_path / "a", tmp_path / "out.safetensors", {})
    fresh = tiny.pipeline()
    fresh.load_lora_weights(tmp_path, weight_name="out.safetensors", adapter_name="lora_1")

    loaded = {
        f"{part}.{name.replace('.lora_1.', '.')}": tensor
        for part in ("unet", "text_encoder")
        for name, tensor in getattr(fresh, part).named_parameters()
        if ".lora_1." in name
    }
    file = load_file(tmp_path / "out.safetensors")

    assert set(loaded) == set(file)
    assert all(torch.equal(loaded[name], file[name]) for name in file)
    assert any(name.startswith("text_encoder.") for name in file) is trains_text


def test_it_learns_where_there_is_something_to_learn(tmp_path: Path) -> None:
    trainer = DiffusionTrainer(parts_of("tiny", tiny.pipeline("v_prediction")))

    losses = taught(trainer, tiny.course("lora", steps=120, rank=4), tmp_path / "a").losses

    assert sum(losses[-30:]) < sum(losses[:30])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"learning_rate": 1e30}, "lower learning rate"),
        ({"method": "textual_inversion", "token": "red", "initial": "pink"}, "knows the word"),
    ],
)
def test_it_says_what_cannot_be_taught(
    trainer: DiffusionTrainer, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    with pytest.raises(RuntimeFailure, match=said):
        taught(trainer, tiny.course(**change), tmp_path / "a")


@pytest.mark.parametrize("damage", [lambda data: data[:-20], lambda _data: b"", lambda _data: b"\x80\x04pickle"])
def test_it_refuses_a_damaged_checkpoint(
    trainer: DiffusionTrainer, tmp_path: Path, damage: Callable[[bytes], bytes]
) -> None:
    taught(trainer, tiny.course(), tmp_path / "a", 1)
    (tmp_path / "a").write_bytes(damage((tmp_path / "a").read_bytes()))

    with pytest.raises(RuntimeFailure, match="damaged"):
        taught(trainer, tiny.course(), tmp_path / "a")


def test_a_killed_worker_leaves_the_checkpoint_before(
    trainer: DiffusionTrainer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apps.runtimes.diffusion.training import checkpoints  # noqa: PLC0415 -- what is patched

    taught(trainer, tiny.course(), tmp_path / "a", 2)

    def die(_tensors: object, path: Path) -> None:
        path.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoints, "save_file", die)
    with pytest.raises(KeyboardInterrupt):
        taught(trainer, tiny.course(), tmp_path / "a", 4)

    with safe_open(tmp_path / "a", framework="pt") as file:
        assert len(file.get_tensor("losses")) == 2


def test_it_loads_a_model_of_its_own(tmp_path: Path) -> None:
    tiny.write(tmp_path / "tiny")

    trainer = load_trainer(RuntimeSpec(name="tiny", runtime="diffusers", path=tmp_path / "tiny"))

    assert taught(trainer, tiny.course(), tmp_path / "a", 1).step == 1
