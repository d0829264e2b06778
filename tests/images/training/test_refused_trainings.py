"""What no training begins with: refused lessons, what belongs to others, what the team does not allow (any more)."""

import shutil
from typing import Any

import pytest

from apps.catalog.manifest import BUNDLED
from apps.catalog.models import AIModel
from apps.core.errors import AppError, NotFound
from apps.images import (
    errors,
    lessons,
    tasks,
    training_services,
)
from apps.images.models import ImageJob, ImagePolicy
from apps.metering.errors import QuotaExceeded
from apps.metering.models import Reservation
from apps.users.models import Team, User
from tests.images.training.conftest import Teach, brought, lesson
from tests.images.training.test_trainings import adapter, cancel_at

pytestmark = pytest.mark.django_db
State = ImageJob.State


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"pictures": ()}, "training-pictures"),
        ({"title": " "}, "training-name"),
        ({"title": "x" * 90}, "training-name"),
        ({"steps": 100_000}, "image-range"),
        ({"steps": 0}, "image-range"),
        ({"learning_rate": 5.0}, "image-range"),
        ({"learning_rate": float("nan")}, "image-range"),
        ({"side": 65}, "image-setting"),
        ({"side": 4096}, "image-range"),
        ({"method": "textual_inversion", "token": "circle", "initial": "red"}, "training-token"),
        ({"method": "textual_inversion", "token": "<a b>", "initial": "red"}, "training-token"),
        ({"method": "textual_inversion", "token": "<pinky>", "initial": "red"}, "training-caption"),
        ({"method": "dreambooth_lora"}, "training-caption"),
        ({"validation_prompt": "x" * 401}, "image-setting"),
        ({"model": "other"}, "image-model-unknown"),
    ],
)
def test_it_refuses_what_cannot_be_taught(
    teach: Teach, alice: User, t1: Team, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(AppError) as refused:
        teach(alice, t1, **changes)

    assert refused.value.code == code
    assert refused.value.sentence()
    assert not ImageJob.objects.exists()
    assert not Reservation.objects.filter(state=Reservation.State.OPEN).exists()


@pytest.mark.usefixtures("base")
def test_it_learns_from_no_picture_of_somebody_else(alice: User, bob: User, t1: Team, t2: Team) -> None:
    """Security cases 2 and 3: a foreign picture among one's own refuses the whole order."""
    pictures = [brought(alice, t1), brought(bob, t2)]

    with pytest.raises(NotFound):
        training_services.place_lesson(user=alice, team=t1, lesson=lesson(pictures))
    with pytest.raises(NotFound):
        training_services.place_lesson(user=bob, team=t1, lesson=lesson([brought(bob, t2)]))

    assert not ImageJob.objects.exists()


def test_a_stranger_goes_on_with_nothing_and_removes_nothing(
    teach: Teach, alice: User, bob: User, ed: User, ada: User, t1: Team
) -> None:
    job = teach(alice, t1)
    tasks.draw_pictures()
    found = adapter()

    for person in (bob, ed):
        with pytest.raises(NotFound):
            training_services.resume(user=person, job=job)
        with pytest.raises(NotFound):
            training_services.remove_result(user=person, adapter=found, team=t1)
    training_services.remove_result(user=ada, adapter=found, team=t1)

    assert not AIModel.objects.filter(kind=AIModel.Kind.ADAPTER).exists()


def test_it_takes_nothing_but_the_fields_of_a_lesson() -> None:
    """Security case 15: an owner, a team or an id in the body changes nothing."""
    good = lessons.lesson_to_json(lesson([]))

    assert lessons.lesson_from_json(good) == lesson([])
    for bad in ({**good, "team": "x"}, {**good, "owner": 1}, [], "x", {**good, "steps": "many"}):
        with pytest.raises(errors.BadSetting):
            lessons.lesson_from_json(bad)


def test_one_word_is_taught_once(teach: Teach, alice: User, t1: Team) -> None:
    def word() -> ImageJob:
        shown = (lessons.Shown(brought(alice, t1).pk, "a <pinky> circle"),)
        return teach(alice, t1, method="textual_inversion", token="<pinky>", initial="red", pictures=shown)

    word()
    with pytest.raises(lessons.TokenTaken):
        word()  # while the first one is being taught
    tasks.draw_pictures()
    with pytest.raises(lessons.TokenTaken, match="pinky"):
        word()  # and when it is in the catalogue

    taken = training_services.taught_words(alice, t1)
    assert taken == {"<pinky>"}
    assert training_services.free_word("pinky", taken) == "<pinky-2>"
    assert training_services.free_word("blue", taken) == "<blue>"


def test_it_goes_on_only_as_the_team_allows_it_now(
    teach: Teach, alice: User, t1: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = teach(alice, t1)
    with monkeypatch.context() as patch:
        cancel_at(5, job, patch)
        tasks.draw_pictures()
    job.refresh_from_db()
    policy = ImagePolicy.objects.create(team=t1, is_enabled=False)

    with pytest.raises(errors.DrawingOff):
        training_services.resume(user=alice, job=job)
    ImagePolicy.objects.filter(pk=policy.pk).update(is_enabled=True, blocked_words="pink")
    with pytest.raises(errors.WordBlocked):
        training_services.resume(user=alice, job=job)
    ImagePolicy.objects.all().delete()
    monkeypatch.setattr(training_services.quotas, "reserve", lambda **_: (_ for _ in ()).throw(QuotaExceeded()))
    with pytest.raises(QuotaExceeded):
        training_services.resume(user=alice, job=job)

    assert ImageJob.objects.count() == 1
    assert training_services.is_resumable(job)


def test_a_description_that_the_model_would_not_read_to_its_end_is_refused(
    teach: Teach, alice: User, t1: Team, base: AIModel, settings: Any
) -> None:
    shutil.copytree(BUNDLED / "shapes-demo" / "tokenizer", settings.MODELS_DIR / "demo" / "tokenizer")
    AIModel.objects.filter(pk=base.pk).update(path="demo", runtime="diffusers")
    brief, long = "a red circle " * 25, "a red circle " * 26

    def caption(text: str) -> ImageJob:
        return teach(alice, t1, pictures=(lessons.Shown(brought(alice, t1).pk, text),))

    assert caption(brief).state == State.QUEUED
    with pytest.raises(lessons.LongCaption) as refused:
        caption(long)
    assert refused.value.params["tokens"] == 78
    with pytest.raises(lessons.LongCaption):
        teach(alice, t1, method="dreambooth_lora", class_prompt=long)
