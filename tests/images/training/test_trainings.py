"""A training from its order to the adapter in the catalogue, slice by slice, with a trainer that learns nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.images import (
    errors,
    jobs,
    lessons,
    services,
    settling,
    tasks,
    training,
    training_files,
    training_services,
    work,
)
from apps.images.models import ImageJob, Picture
from apps.metering.models import Reservation
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.fake_training import FakeTrainer
from apps.runtimes.training import Pace
from apps.users.models import Team, User
from tests.images.training.conftest import Teach, brought

pytestmark = pytest.mark.django_db
State = ImageJob.State


def one_slice() -> None:
    held = jobs.claim()
    assert held is not None
    work.work_on(held)


def adapter() -> AIModel:
    return AIModel.objects.get(kind=AIModel.Kind.ADAPTER)


def state_of(job: ImageJob) -> str:
    job.refresh_from_db()
    return str(job.state)


def test_it_makes_an_adapter_for_the_team(teach: Teach, alice: User, bob: User, t1: Team, t2: Team) -> None:
    job = teach(alice, t1)

    tasks.draw_pictures()

    assert state_of(job) == State.DONE, job.error_code
    found = adapter()
    assert (found.adapter, found.state, found.title, found.licence) == ("lora", "ready", "Pink things", "CC0")
    assert found.name.startswith("pink-things-")
    assert found.capabilities["base"] == "fake-image"
    assert "| Steps | 30" in found.card
    assert "- a pink circle" in found.card
    assert usable_models(AIModel.Kind.ADAPTER, team_id=t1.pk, user=alice).get() == found
    assert not usable_models(AIModel.Kind.ADAPTER, team_id=t2.pk, user=bob).exists()
    assert training_services.result_of(job) == found
    assert not training_files._names(job)


def test_it_draws_pictures_on_the_way_and_keeps_the_curve(teach: Teach, alice: User, t1: Team) -> None:
    job = teach(alice, t1)

    tasks.draw_pictures()

    job.refresh_from_db()
    drawn = Picture.objects.filter(job=job).order_by("number")
    assert [picture.number for picture in drawn] == [1, 2, 3]
    assert {picture.prompt for picture in drawn} == {"a pink square"}
    assert drawn[0].settings["loras"] == [{"name": adapter().name, "weight": 1.0, "text_weight": None}]
    assert (job.done, job.total) == (30, 30)
    assert [point["step"] for point in job.plan] == list(range(1, 31))


def test_it_goes_on_slice_by_slice_and_lets_others_draw_in_between(
    teach: Teach, alice: User, t1: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(training.Slice, "is_over", property(lambda _self: True))
    job = teach(alice, t1, validation_prompt="", steps=12, validation_every=12)

    one_slice()
    assert (state_of(job), job.done, job.attempts) == (State.QUEUED, 1, 0)
    one_slice()
    assert (state_of(job), job.done) == (State.QUEUED, 2)
    tasks.draw_pictures()

    assert (state_of(job), job.done) == (State.DONE, 12)
    assert len(FakeTrainer.taught) == 12


def test_a_killed_worker_costs_its_slice_alone(
    teach: Teach, alice: User, t1: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = teach(alice, t1)
    with monkeypatch.context() as patch:
        patch.setattr(training, "_validate", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            one_slice()
    ImageJob.objects.filter(pk=job.pk).update(lease_until=None)  # the worker is silent

    assert jobs.take_back_expired() == 1
    assert (state_of(job), job.done) == (State.QUEUED, 10)
    tasks.draw_pictures()

    assert state_of(job) == State.DONE
    assert Picture.objects.filter(job=job).count() == 3
    assert AIModel.objects.filter(kind=AIModel.Kind.ADAPTER).count() == 1


def test_a_worker_killed_after_the_adapter_was_entered_makes_no_second_one(
    teach: Teach, alice: User, t1: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = teach(alice, t1)
    with monkeypatch.context() as patch:
        patch.setattr(training_files, "forget", lambda *_, but=None: _die(but))
        with pytest.raises(KeyboardInterrupt):
            one_slice()
    ImageJob.objects.filter(pk=job.pk).update(lease_until=None)
    jobs.take_back_expired()

    tasks.draw_pictures()

    assert state_of(job) == State.DONE
    assert AIModel.objects.filter(kind=AIModel.Kind.ADAPTER).count() == 1


def _die(but: int | None) -> None:
    if but is None:
        raise KeyboardInterrupt


def cancel_at(step: int, job: ImageJob, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have its owner cancel the job while the trainer is at a step."""
    real = FakeTrainer.train

    def train(self: FakeTrainer, course: Any, path: Path, *, until: int, on_step: Callable[[Pace], None]) -> Any:
        def told(pace: Pace) -> None:
            if pace.step == step:
                services.cancel(user=job.owner, job=job)
            on_step(pace)

        return real(self, course, path, until=until, on_step=told)

    monkeypatch.setattr(FakeTrainer, "train", train)


def test_it_stops_within_a_step_and_goes_on_later(
    teach: Teach,
    alice: User,
    t1: Team,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Callable[..., Any],
) -> None:
    job = teach(alice, t1)
    with monkeypatch.context() as patch:
        cancel_at(14, job, patch)
        tasks.draw_pictures()
    assert (state_of(job), job.done) == (State.CANCELLED, 14)
    assert Reservation.objects.get(pk=job.reservation).state == Reservation.State.SETTLED
    assert training_services.is_resumable(job)

    with django_capture_on_commit_callbacks(execute=True):
        again = training_services.resume(user=alice, job=job)
    assert (again.done, len(again.plan)) == (14, 14)
    assert again.pixel_steps < job.pixel_steps
    tasks.draw_pictures()

    assert state_of(again) == State.DONE
    assert [point["step"] for point in again.plan] == list(range(1, 31))
    assert not training_services.is_resumable(job)
    with pytest.raises(errors.NotRepeatable):
        training_services.resume(user=alice, job=job)


def test_it_settles_what_was_trained(teach: Teach, alice: User, t1: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    job = teach(alice, t1, validation_prompt="")
    held = job.pixel_steps
    cancel_at(10, job, monkeypatch)

    tasks.draw_pictures()

    job.refresh_from_db()
    assert held == 64 * 64 * 30 // 1_000 + 1
    assert settling.cost_so_far(job).pixel_steps == held * 10 // 30


def test_dreambooth_draws_the_class_first(teach: Teach, alice: User, t1: Team) -> None:
    job = teach(alice, t1, method="dreambooth_lora", class_prompt="a circle", class_pictures=3)

    tasks.draw_pictures()

    assert state_of(job) == State.DONE, job.error_code
    course = FakeTrainer.taught[0]
    assert [example.caption for example in course.priors] == ["a circle"] * 3
    assert len({example.picture.tobytes() for example in course.priors}) == 3
    assert {example.picture.shape for example in course.examples} == {(64, 64, 3)}


def test_a_learnt_word_comes_with_its_token(teach: Teach, alice: User, t1: Team) -> None:
    pictures = [brought(alice, t1)]
    shown = tuple(lessons.Shown(picture.pk, "a <pinky> circle") for picture in pictures)
    job = teach(alice, t1, method="textual_inversion", token="<pinky>", initial="red", pictures=shown)

    tasks.draw_pictures()

    assert state_of(job) == State.DONE, job.error_code
    found = adapter()
    assert (found.adapter, found.token) == ("textual_inversion", "<pinky>")
    assert found.capabilities["triggers"] == ["<pinky>"]


def test_it_fails_where_a_picture_is_gone(teach: Teach, alice: User, t1: Team) -> None:
    job = teach(alice, t1)
    Picture.objects.filter(team=t1, kind="source").first().delete()  # type: ignore[union-attr]

    tasks.draw_pictures()

    assert (state_of(job), job.error_code) == (State.FAILED, "image-source-gone")


def test_it_says_that_the_model_failed(teach: Teach, alice: User, t1: Team, monkeypatch: pytest.MonkeyPatch) -> None:
    job = teach(alice, t1)

    def fail(*_: Any, **__: Any) -> None:
        raise RuntimeFailure("The training lost its way: take a lower learning rate.")

    monkeypatch.setattr(FakeTrainer, "train", fail)
    tasks.draw_pictures()

    assert (state_of(job), job.error_code) == (State.FAILED, "image-failed")
    assert Reservation.objects.get(pk=job.reservation).state != Reservation.State.OPEN


def test_it_removes_an_adapter_with_its_files(teach: Teach, alice: User, t1: Team, settings: Any) -> None:
    teach(alice, t1)
    tasks.draw_pictures()
    folder = settings.MODELS_DIR / adapter().name
    assert {path.name for path in folder.iterdir()} == {"README.md", f"{folder.name}.safetensors", "manifest.json"}

    training_services.remove_result(user=alice, adapter=adapter(), team=t1)

    assert not folder.exists()


def test_a_removed_team_leaves_no_adapter(teach: Teach, alice: User, t1: Team, settings: Any) -> None:
    teach(alice, t1)
    tasks.draw_pictures()

    assert training_services.remove_adapters_of(t1) == 1

    assert not AIModel.objects.filter(kind=AIModel.Kind.ADAPTER).exists()
    assert list(settings.MODELS_DIR.iterdir()) == []


def test_it_forgets_files_of_trainings_that_nobody_goes_on_with(
    teach: Teach, alice: User, t1: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = teach(alice, t1)
    with monkeypatch.context() as patch:
        cancel_at(5, job, patch)
        tasks.draw_pictures()
    assert training_files.purge() == 0
    job.refresh_from_db()
    assert job.finished_at is not None
    ImageJob.objects.filter(pk=job.pk).update(finished_at=job.finished_at - training_files.KEPT * 1.5)

    assert training_files.purge() == 1

    assert not default_storage.exists(training_files._folder(job))
    assert not training_services.is_resumable(job)
