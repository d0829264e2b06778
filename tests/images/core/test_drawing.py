"""From an order to pictures."""

import io
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.files.storage import default_storage
from PIL import Image

from apps.catalog.models import AIModel
from apps.core.errors import AppError, NotFound
from apps.core.invariants import verify
from apps.images import boards, files, services, tasks, uploads
from apps.images.errors import (
    AdapterMismatch,
    BadSetting,
    TooManyPictures,
    UnknownAdapter,
    WordBlocked,
)
from apps.images.models import ImageJob, ImagePolicy, ImageTurn, Picture
from apps.images.ordering import order_from_json
from apps.images.orders import AxisWish, HiresWish, ImagePromptWish, LoraWish
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.fake_images import FakeImageModel, failing
from apps.users.models import Team, User
from tests import factories
from tests.images.conftest import Place, order, png


def pictures(job: ImageJob) -> list[Picture]:
    return list(Picture.objects.filter(job=job).order_by("number"))


def sound() -> bool:
    return [found for found in verify() if found.check.startswith(("images.", "metering."))] == []


def test_it_draws_the_pictures_of_an_order(place: Place, alice: User, t1: Team) -> None:
    job = place(alice, count=3, seed=7)

    tasks.draw_pictures()

    job.refresh_from_db()
    assert (job.state, job.done, job.total, job.error_code) == ("done", 3, 3, "")
    drawn = pictures(job)
    assert [(one.number, one.seed, one.width, one.height) for one in drawn] == [
        (0, 7, 64, 64),
        (1, 8, 64, 64),
        (2, 9, 64, 64),
    ]
    assert {one.model_name for one in drawn} == {"fake-image"}
    assert {one.owner for one in drawn} == {alice}
    assert job.started_at is not None
    assert job.finished_at is not None
    assert sound()


def test_it_draws_an_open_seed_once_and_keeps_it(place: Place, alice: User, t1: Team) -> None:
    job = place(alice, count=2, seed=None)

    first, second = (entry["seed"] for entry in job.plan)
    assert (first + 1) % 2**32 == second
    assert place(alice).plan != job.plan


def test_it_draws_the_same_bytes_again_from_a_pictures_settings(place: Place, alice: User, t1: Team) -> None:
    job = place(alice, prompt="a {red|green|blue} circle", count=2)
    tasks.draw_pictures()
    old = pictures(job)[1]

    again = services.place_order(user=alice, team=t1, order=order_from_json(old.settings))
    tasks.draw_pictures()

    new = pictures(again)[0]
    assert new.prompt == old.prompt
    assert (files.read_pixels(new) == files.read_pixels(old)).all()


def test_it_asks_the_model_for_what_was_ordered(place: Place, fake: FakeImageModel, alice: User, t1: Team) -> None:
    place(
        alice, prompt="a (red:1.5) [cat:dog:2] AND a hill:0.5", negative="blurry", guidance=3.5, sampler="Euler a",
        clip_skip=2, seed=3, hires=HiresWish(scale=2.0, steps=2), variation_seed=9, variation_strength=0.2,
    )  # fmt: skip
    tasks.draw_pictures()

    drawing = fake.drawn[0]
    assert [part.weight for part in drawing.positive] == [1.0, 0.5]
    assert [stage.until_step for stage in drawing.positive[0].stages] == [2, 6]
    assert [span.weight for span in drawing.positive[0].stages[0].spans] == [1.0, 1.5, 1.0]
    assert (drawing.sampler, drawing.guidance, drawing.clip_skip) == ("euler_a", 3.5, 2)
    assert drawing.hires is not None
    assert (drawing.width, drawing.hires.scale, drawing.hires.steps) == (64, 2.0, 2)
    assert (drawing.variation_seed, drawing.variation_strength) == (9, 0.2)
    assert Picture.objects.get(seed=3).width == 128


def test_it_draws_over_a_source_and_within_a_mask(fake: FakeImageModel, alice: User, t1: Team) -> None:
    source = uploads.store_upload(user=alice, team=t1, upload=png(100, 80, "white"))
    mask = uploads.store_upload(user=alice, team=t1, upload=png(64, 64, "white"), kind="mask")

    services.place_order(user=alice, team=t1, order=order(kind="redraw", source=source.pk, strength=0.5))
    services.place_order(user=alice, team=t1, order=order(kind="inpaint", source=source.pk, mask=mask.pk))
    tasks.draw_pictures()

    over, within = fake.drawn
    assert over.source is not None
    assert over.source.shape == (64, 64, 3)
    assert over.mask is None
    assert within.mask is not None
    assert within.mask.min() == 255
    assert {one.origin_id for one in Picture.objects.filter(kind="drawn")} == {source.pk}


def test_it_paints_outside_of_a_picture(fake: FakeImageModel, alice: User, t1: Team) -> None:
    source = uploads.store_upload(user=alice, team=t1, upload=png(64, 64, "white"))

    services.place_order(
        user=alice, team=t1, order=order(kind="outpaint", source=source.pk, outpaint=(0, 16, 32, 0), strength=1.0)
    )
    tasks.draw_pictures()

    drawing = fake.drawn[0]
    assert (drawing.width, drawing.height) == (96, 80)
    assert drawing.mask is not None
    assert drawing.mask[:16].min() == 255
    assert drawing.mask[:, 64:].min() == 255
    assert drawing.mask[40, 10] == 0
    assert Picture.objects.get(kind="drawn").width == 96


def test_it_uses_loras_of_the_catalogue_by_tag_and_by_choice(
    place: Place, fake: FakeImageModel, alice: User, t1: Team, settings: object
) -> None:
    for name in ("pink", "round"):
        lora(name)

    job = place(alice, prompt="a circle <lora:pink:0.7>", loras=(LoraWish("round", 0.5),))
    tasks.draw_pictures()

    assert sorted((each.weight, each.path.rpartition("/")[2]) for each in fake.drawn[0].loras) == [
        (0.5, "round.safetensors"), (0.7, "pink.safetensors"),
    ]  # fmt: skip
    assert "lora" not in str(fake.drawn[0].positive)
    assert pictures(job)[0].prompt == "a circle <lora:pink:0.7>"


def test_it_refuses_adapters_that_are_not_there_or_do_not_fit(place: Place, alice: User, t1: Team) -> None:
    """Security case 80: a name is looked up among the rows that the person may use, never as a path."""
    lora("wide", width=768)
    lora("closed", is_open=False)
    AIModel.objects.filter(name="fake-image").update(capabilities={"width": 64})

    for name in ("../../etc/passwd", "/etc/passwd", "closed", "nothing", "fake-image"):
        with pytest.raises(UnknownAdapter):
            place(alice, loras=(LoraWish(name),))
    with pytest.raises(AdapterMismatch):
        place(alice, prompt="a <lora:wide:1>")


def lora(name: str, width: int = 0, *, is_open: bool = True) -> AIModel:
    return adapter(name, "lora", capabilities={"width": width}, is_open=is_open)


def adapter(name: str, kind: str, **fields: Any) -> AIModel:
    model: AIModel = factories.AIModelFactory(
        name=name, title=name, kind=AIModel.Kind.ADAPTER, adapter=kind, dimensions=None,
        path=f"{name}/{name}.safetensors", is_default=False, **{"runtime": "diffusers"} | fields,
    )  # fmt: skip
    return model


def test_it_shows_a_picture_to_an_ip_adapter(fake: FakeImageModel, alice: User, t1: Team) -> None:
    adapter("look", "ip_adapter")
    shown = uploads.store_upload(user=alice, team=t1, upload=png(40, 60, "blue"))

    services.place_order(user=alice, team=t1, order=order(image_prompt=ImagePromptWish("look", shown.pk, 0.4), count=2))
    tasks.draw_pictures()

    use = fake.drawn[1].image_prompt
    assert use is not None
    assert (use.path.rpartition("/")[2], use.scale, use.picture.shape) == ("look.safetensors", 0.4, (60, 40, 3))
    assert use.picture[..., 2].min() == 255
    drawn = Picture.objects.filter(kind="drawn")[0]
    assert drawn.settings["image_prompt"] == {"name": "look", "picture": str(shown.pk), "scale": 0.4}
    with Image.open(io.BytesIO(files.read(drawn.file))) as image:
        told = 'ControlNet 0: "Module: ip-adapter-auto, Model: look, Weight: 0.4"'
        assert told in image.info["parameters"]


def test_it_shows_no_mask_and_nothing_by_another_kind_of_adapter(fake: FakeImageModel, alice: User, t1: Team) -> None:
    """Security cases 8 and 80: a mask is no picture, and a name is looked up among adapters of its kind alone."""
    adapter("look", "ip_adapter", is_open=False)
    lora("pink")
    mask = uploads.store_upload(user=alice, team=t1, upload=png(64, 64), kind=Picture.Kind.MASK)
    shown = uploads.store_upload(user=alice, team=t1, upload=png(64, 64))

    def draw(name: str, picture: Picture) -> None:
        services.place_order(user=alice, team=t1, order=order(image_prompt=ImagePromptWish(name, picture.pk)))

    for name in ("look", "pink", "fake-image", "../look"):
        with pytest.raises(UnknownAdapter):
            draw(name, shown)
    with pytest.raises(NotFound):
        draw("look", mask)
    assert not ImageJob.objects.exists()


def test_it_counts_before_it_draws(place: Place, alice: User, t1: Team) -> None:
    with pytest.raises(TooManyPictures):
        place(alice, count=16, axes=(AxisWish("steps", "1-5"),))
    with pytest.raises(BadSetting):
        place(alice, axes=(AxisWish("hires_steps", "1-5"),))
    assert not ImageJob.objects.exists()

    estimate = services.estimate(user=alice, team=t1, order=order(count=2, steps=10))
    assert (estimate.pictures, estimate.pixel_steps, estimate.seconds) == (2, 2 * 41, None)


def test_it_estimates_the_time_by_what_was_measured(place: Place, alice: User, t1: Team) -> None:
    place(alice, steps=10)
    tasks.draw_pictures()
    ImageJob.objects.update(seconds=4.1)

    estimate = services.estimate(user=alice, team=t1, order=order(count=2, steps=10))

    assert estimate.seconds == pytest.approx(8.2)


def test_it_puts_pictures_on_the_board_of_the_order(image_model: AIModel, alice: User, t1: Team) -> None:
    board = boards.create(user=alice, team=t1, name="Circles")

    services.place_order(user=alice, team=t1, order=order(), board=board)
    tasks.draw_pictures()

    assert Picture.objects.get().board == board


def test_it_says_that_the_model_failed_and_goes_on_with_the_next(
    place: Place, fake: FakeImageModel, alice: User, t1: Team
) -> None:
    broken, sane = place(alice), place(alice)

    with failing(RuntimeFailure("no memory")):
        tasks.draw_pictures()

    broken.refresh_from_db()
    sane.refresh_from_db()
    assert (broken.state, broken.error_code, sane.state) == ("failed", "image-failed", "done")
    assert sound()


def test_it_survives_what_nobody_foresaw(
    place: Place, fake: FakeImageModel, alice: User, t1: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = place(alice)
    monkeypatch.setattr(FakeImageModel, "draw", lambda *_: 1 / 0)

    tasks.draw_pictures()

    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "image-failed")
    assert sound()


def test_it_leaves_no_file_where_the_disk_is_full(
    place: Place, alice: User, t1: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Security-cases section 2, row 16."""
    job = place(alice)
    save = default_storage.save

    def full(name: str, content: object) -> str:
        if name.endswith("webp"):
            raise OSError(28, "No space left on device")
        return save(name, content)

    monkeypatch.setattr(default_storage, "save", full)
    tasks.draw_pictures()

    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "image-disk")
    assert default_storage.listdir(f"images/{t1.pk}")[1] == []
    assert sound()


def test_it_tries_again_what_is_missing_with_the_same_seeds(
    place: Place, fake: FakeImageModel, alice: User, t1: Team
) -> None:
    job = place(alice, count=3, seed=1)
    with failing(RuntimeFailure("no memory")):
        tasks.draw_pictures()

    again = services.retry(user=alice, job=job)
    tasks.draw_pictures()

    job.refresh_from_db()
    assert job.is_dismissed
    assert [one.seed for one in pictures(again)] == [1, 2, 3]
    assert sound()


@pytest.mark.parametrize("prompt", ["a (cat:1.2.3)", "{a|b", "a __nothing__", "a <lora:nothing:1>"])
def test_it_refuses_a_prompt_that_cannot_be_read_before_it_is_queued(place: Place, alice: User, prompt: str) -> None:
    with pytest.raises(AppError) as refused:
        place(alice, prompt=prompt)

    assert refused.value.status == 422
    assert not ImageJob.objects.exists()


def test_it_measures_the_pace_without_the_loading_of_the_model(
    place: Place, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = place(alice)
    clock = iter([0.0, 1.0, 31.0, 33.0, 33.0, 33.0])
    monkeypatch.setattr("apps.images.work.time", SimpleNamespace(monotonic=lambda: next(clock)))

    tasks.draw_pictures()

    job.refresh_from_db()
    assert job.seconds == 3.0
    assert ImageTurn.objects.get(owner=alice).ended == 33.0  # but the team had the worker


def test_it_tries_again_only_what_is_allowed_now(place: Place, alice: User, t1: Team) -> None:
    """Security case 20: what a prompt became by chance is judged anew, as it stands in the plan."""
    job = place(alice, prompt="a {red|red} circle")
    services.cancel(user=alice, job=job)
    ImagePolicy.objects.create(team=t1, blocked_words="red circle")

    with pytest.raises(WordBlocked):
        services.retry(user=alice, job=job)
