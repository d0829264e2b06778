"""What is done to a picture before it is kept: checked, marked."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from apps.core.invariants import verify
from apps.images import files, lettering, services, settling, tasks, watermarks
from apps.images.errors import NotRepeatable
from apps.images.models import Picture
from apps.runtimes import registry
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.spec import RuntimeSpec
from apps.users.models import Team, User
from kb_project.env import Env
from tests.images.conftest import Place
from tests.images.safety.conftest import Rule

RED = np.full((64, 64, 3), (250, 10, 10), np.uint8)
GREEN = np.full((64, 64, 3), (10, 250, 10), np.uint8)


@pytest.fixture
def checker(settings: Any) -> None:
    """Use the fake checker, which flags what is mostly red."""
    settings.ENV = settings.ENV.model_copy(update={"image_checker": "fake"})


@pytest.fixture
def draws(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return a list of pictures that the model draws one after another."""
    pictures: list[Any] = []
    monkeypatch.setattr("apps.images.work._pixels", lambda *_: pictures.pop(0))
    return pictures


def test_it_keeps_no_flagged_picture_and_says_so(
    place: Place, rule: Rule, checker: None, draws: list[Any], alice: User, t1: Team
) -> None:
    rule(t1, is_checked=True)
    job = place(alice, t1, count=3)
    draws += [GREEN, RED, GREEN]

    tasks.draw_pictures()

    job.refresh_from_db()
    assert (job.state, job.done, job.error_code, job.error_params) == ("failed", 2, "image-flagged", {"pictures": "1"})
    assert [one.number for one in Picture.objects.order_by("number")] == [0, 2]
    assert settling.cost_so_far(job).pictures == 3  # what was held back counts as drawn
    assert len(list((Path(files.default_storage.location) / "images" / str(t1.pk)).iterdir())) == 4
    assert [found for found in verify() if found.check.startswith(("images.", "metering."))] == []
    with pytest.raises(NotRepeatable):
        services.retry(user=alice, job=job)


def test_it_keeps_everything_where_no_rule_asks_for_the_checker(
    place: Place, checker: None, draws: list[Any], alice: User, t1: Team
) -> None:
    job = place(alice, t1)
    draws.append(RED)

    tasks.draw_pictures()

    job.refresh_from_db()
    assert job.state == "done"


def test_it_keeps_nothing_unchecked_where_the_checker_is_missing(
    place: Place, rule: Rule, alice: User, t1: Team
) -> None:
    rule(None, is_checked=True)
    job = place(alice, t1)

    tasks.draw_pictures()

    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "image-checker-missing")
    assert not Picture.objects.exists()


def test_it_draws_nothing_more_once_the_studio_is_off(place: Place, rule: Rule, alice: User, t1: Team) -> None:
    job = place(alice, t1)
    rule(t1, is_enabled=False)

    tasks.draw_pictures()

    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "image-off")


def test_it_marks_pictures_with_the_words_of_the_team(place: Place, rule: Rule, alice: User, t1: Team) -> None:
    place(alice, t1, seed=3)
    tasks.draw_pictures()
    rule(t1, is_watermarked=True, watermark="画室 Zhiku")
    place(alice, t1, seed=3)

    tasks.draw_pictures()

    plain, marked = Picture.objects.order_by("created_at")
    before, after = files.read_pixels(plain), files.read_pixels(marked)
    assert (before[:32] == after[:32]).all()
    assert not (before[48:, 32:] == after[48:, 32:]).all()
    with Image.open(io.BytesIO(files.read(marked.file))) as image:
        assert json.loads(image.info["zhiku"])["watermark"] == "画室 Zhiku"


@pytest.mark.parametrize("words", ["知库", "知識庫", "Zhiku 画室", "Équipe Zürich", "学習チーム"])
def test_it_has_a_letter_for_every_character_of_a_name(words: str) -> None:
    letters = {each for each in words if not each.isspace()}
    shapes = {shape(each) for each in letters}

    assert shape("\ue000") not in shapes  # what stands for a letter that is missing
    assert len(shapes) == len(letters)


def shape(letter: str) -> tuple[Any, ...]:
    mask = lettering.font(40).getmask(letter)
    return mask.size, *mask


@pytest.mark.parametrize("size", [(64, 64), (512, 512), (64, 1024)])
def test_it_keeps_the_mark_inside_the_picture(size: tuple[int, int]) -> None:
    dark = np.zeros((*size, 3), np.uint8)

    marked = watermarks.marked(dark, "A very long name of a team that draws a lot of pictures " * 3)

    assert marked.shape == dark.shape
    rows, columns = np.nonzero(marked.max(axis=2) > 60)
    assert rows.min() > size[0] // 2 or size[0] < 100
    assert columns.max() < size[1]
    assert len(rows) > 0


def test_the_checker_of_stable_diffusion_judges_by_its_concepts(tmp_path: Path) -> None:
    """A small random model of the real class, whose thresholds are set to flag nothing, then everything."""
    torch = pytest.importorskip("torch")
    from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
    from transformers import CLIPConfig, CLIPImageProcessor, CLIPTextConfig, CLIPVisionConfig

    vision = CLIPVisionConfig(
        hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, image_size=32, patch_size=16
    )
    text = CLIPTextConfig(hidden_size=16, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2)
    model = StableDiffusionSafetyChecker(
        CLIPConfig(vision_config=vision.to_dict(), text_config=text.to_dict(), projection_dim=8)
    )
    processor = CLIPImageProcessor(size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32})
    found = []
    for name, threshold in (("lax", 2.0), ("strict", -2.0)):
        model.concept_embeds_weights.data = torch.full((17,), threshold)
        model.save_pretrained(tmp_path / name, safe_serialization=True)
        processor.save_pretrained(tmp_path / name)
        spec = RuntimeSpec(name=name, runtime="stable-diffusion", path=tmp_path / name)
        found.append(registry.picture_checker(spec).check(RED).is_flagged)

    assert found == [False, True]


def test_it_loads_no_checker_with_code_or_pickles_beside_it(tmp_path: Path) -> None:
    """Security cases 77 and 79."""
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").write_bytes(b"\x80\x04")

    with pytest.raises(RuntimeFailure):
        registry.picture_checker(RuntimeSpec(name="x", runtime="stable-diffusion", path=tmp_path))
    with pytest.raises(RuntimeFailure):
        registry.picture_checker(RuntimeSpec(name="x", runtime="os.system", path=tmp_path))


def test_it_takes_no_other_name_for_a_checker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KB_IMAGE_CHECKER", "os.system")

    with pytest.raises(ValueError, match="image_checker"):
        Env()
