"""The pages on which adapters are trained."""

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from apps.catalog.models import AIModel
from apps.images import services, tasks, training
from apps.images.lessons import lesson_from_json
from apps.images.models import ImageJob
from apps.images.training_page import smoothed
from apps.users.models import Team, User
from tests.images.training.conftest import Teach, brought
from tests.images.training.test_trainings import cancel_at

pytestmark = pytest.mark.django_db
PAGE = "/images/training/"


@pytest.fixture
def form(base: AIModel, alice: User, t1: Team) -> dict[str, Any]:
    """Return what a newcomer sends: pictures, a name, a few words."""
    ids = [str(brought(alice, t1, number).pk) for number in range(2)]
    return {
        "picture": ids,
        "caption": ["", "a pink square"],
        "method": "lora",
        "title": "Pink",
        "about": "a pink circle",
        "model": base.name,
    }


def sent(client: Client, form: dict[str, Any], **changes: Any) -> Any:
    return client.post(f"{PAGE}new/", form | changes)


def lesson_sent() -> Any:
    return lesson_from_json(ImageJob.objects.get().order)


@pytest.mark.usefixtures("base")
def test_it_explains_itself_to_a_newcomer(alice_client: Client) -> None:
    page = alice_client.get(PAGE).content.decode()

    assert "Nothing was taught yet" in page
    assert "A look or a subject" in page
    assert 'data-upload="/images/upload/"' in page


@pytest.mark.usefixtures("db")
def test_it_says_that_there_is_no_model(alice_client: Client) -> None:
    assert "No image model is set up yet" in alice_client.get(PAGE).content.decode()


def test_it_begins_with_few_questions(alice_client: Client, form: dict[str, Any], base: AIModel) -> None:
    answer = sent(alice_client, form)

    job = ImageJob.objects.get()
    assert (answer.status_code, answer.url) == (302, f"{PAGE}{job.pk}/")
    lesson = lesson_sent()
    assert [shown.caption for shown in lesson.pictures] == ["a pink circle", "a pink square"]
    assert (lesson.title, lesson.model, lesson.side, lesson.class_pictures) == ("Pink", base.name, 64, 0)
    assert lesson.validation_prompt == "a pink circle"
    assert lesson.seed > 0


def test_a_star_stands_for_the_new_word(alice_client: Client, form: dict[str, Any]) -> None:
    changes = {"method": "textual_inversion", "title": "My Pinky!", "about": "a * circle", "begins_as": "red"}

    sent(alice_client, form, **changes, caption=["", "square"])

    lesson = lesson_sent()
    assert lesson.token == "<my-pinky>"
    assert [shown.caption for shown in lesson.pictures] == ["a <my-pinky> circle", "square, <my-pinky>"]
    assert (lesson.initial, lesson.class_prompt) == ("red", "")


def test_two_trainings_of_one_name_teach_two_words(alice_client: Client, form: dict[str, Any]) -> None:
    words = form | {"method": "textual_inversion", "about": "a * circle", "begins_as": "red"}
    for title in ("Pinky", "Pinky", "粉色", "粉红", "B"):
        assert sent(alice_client, words, title=title).status_code == 302

    said = [job.order["token"] for job in ImageJob.objects.order_by("created_at")]
    assert said == ["<pinky>", "<pinky-2>", "<new>", "<new-2>", "<new-3>"]


def test_it_says_how_long_it_takes(teach: Teach, alice_client: Client, alice: User, t1: Team) -> None:
    first, second = teach(alice, t1), teach(alice, t1)
    ImageJob.objects.filter(pk=first.pk).update(done=15, seconds=150)  # 10 s a step: 15 slices are left

    page = alice_client.get(f"{PAGE}{first.pk}/").content.decode()
    after = alice_client.get(f"{PAGE}{second.pk}/").content.decode()

    assert "about 2 min left" in page
    assert "1 order comes before" in after
    assert "about 2 min left" in alice_client.get(PAGE).content.decode()


def test_it_shows_its_limits_before_they_are_hit(alice_client: Client, form: dict[str, Any], settings: Any) -> None:
    page = alice_client.get(PAGE).content.decode()

    assert f'data-most="{settings.ENV.image_training_pictures}"' in page
    assert "At most 40 pictures." in page
    refused = sent(alice_client, form, picture=form["picture"] * 21)
    assert refused.status_code == 422
    assert "Choose from 1 to 40 pictures" in refused.content.decode()


def test_a_thing_is_told_from_its_kind(alice_client: Client, form: dict[str, Any]) -> None:
    sent(alice_client, form, method="dreambooth_lora", about="a * circle", caption=[], validation_prompt="two * here")

    lesson = lesson_sent()
    assert (lesson.class_prompt, lesson.class_pictures) == ("a circle", 12)
    assert {shown.caption for shown in lesson.pictures} == {"a sks circle"}
    assert lesson.validation_prompt == "two sks here"


@pytest.mark.parametrize(
    ("changes", "status", "said"),
    [
        ({"title": ""}, 400, "This field is required"),
        ({"model": "other"}, 400, "Select a valid choice"),
        ({"method": "magic"}, 400, "Select a valid choice"),
        ({"picture": []}, 422, "Choose from 1 to 40 pictures"),
        ({"about": "", "caption": []}, 422, "Describe the pictures"),
        ({"steps": 99_999}, 422, "has to be from"),
    ],
)
def test_it_shows_the_form_again_with_what_is_wrong(
    alice_client: Client, form: dict[str, Any], changes: dict[str, Any], status: int, said: str
) -> None:
    answer = sent(alice_client, form, **changes)

    assert answer.status_code == status
    assert said in answer.content.decode()
    assert not ImageJob.objects.exists()
    if changes.get("picture") != []:
        assert answer.content.decode().count("data-picture>") == 3  # two, and the template


def test_it_begins_with_pictures_of_the_gallery(
    alice_client: Client, form: dict[str, Any], bob: User, t2: Team
) -> None:
    foreign = brought(bob, t2)

    page = alice_client.get(PAGE, {"picture": [*form["picture"], str(foreign.pk), "nonsense"]}).content.decode()

    assert all(f'name="picture" value="{pk}"' in page for pk in form["picture"])
    assert f'value="{foreign.pk}"' not in page


def test_it_takes_no_picture_of_another_team(alice_client: Client, form: dict[str, Any], bob: User, t2: Team) -> None:
    """Security cases 2 and 3."""
    answer = sent(alice_client, form, picture=[form["picture"][0], str(brought(bob, t2).pk)])

    assert answer.status_code == 404
    assert not ImageJob.objects.exists()


def test_it_shows_progress_pictures_and_the_result(alice_client: Client, teach: Teach, alice: User, t1: Team) -> None:
    job = teach(alice, t1)
    address = f"{PAGE}{job.pk}/"
    waiting = alice_client.get(address).content.decode()
    assert 'hx-trigger="every 2s"' in waiting
    assert "0 of 30 steps" in waiting

    tasks.draw_pictures()

    done = alice_client.get(address).content.decode()
    assert "hx-trigger" not in done.split('id="training-live"')[1].split(">")[0]
    assert "30 of 30 steps" in done
    assert "<polyline" in done
    assert done.count("/images/files/") == 3
    adapter = AIModel.objects.get(kind=AIModel.Kind.ADAPTER)
    assert f"/images/?adapter={adapter.name}" in done
    assert "Pink things" in alice_client.get(PAGE).content.decode()

    studio = alice_client.get("/images/", {"adapter": adapter.name}).content.decode()
    assert f"&quot;name&quot;: &quot;{adapter.name}&quot;" in studio
    assert "&quot;prompt&quot;: &quot;a pink circle&quot;" in studio

    alice_client.post(f"{PAGE}adapters/{adapter.pk}/remove/")

    assert not AIModel.objects.filter(kind=AIModel.Kind.ADAPTER).exists()
    assert "What was learnt has been removed" in alice_client.get(address).content.decode()


def test_it_stops_and_goes_on(
    alice_client: Client, teach: Teach, alice: User, t1: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = teach(alice, t1)
    with monkeypatch.context() as patch:
        cancel_at(12, job, patch)
        tasks.draw_pictures()
    page = alice_client.get(f"{PAGE}{job.pk}/").content.decode()
    assert "kept for two weeks" in page
    assert "Go on" in page

    answer = alice_client.post(f"{PAGE}{job.pk}/resume/")

    new = ImageJob.objects.exclude(pk=job.pk).get()
    assert answer.url == f"{PAGE}{new.pk}/"
    assert new.done == 12
    alice_client.post(f"{PAGE}{new.pk}/cancel/")
    new.refresh_from_db()
    assert new.state == ImageJob.State.CANCELLED


def test_it_shows_why_a_training_failed(
    alice_client: Client, teach: Teach, alice: User, t1: Team, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = teach(alice, t1)
    monkeypatch.setattr(training.files, "read_pixels", lambda _: (_ for _ in ()).throw(FileNotFoundError))
    tasks.draw_pictures()

    assert "picture that this order draws from was deleted" in alice_client.get(f"{PAGE}{job.pk}/").content.decode()


def test_a_job_that_draws_is_no_training(alice_client: Client, base: AIModel, alice: User, t1: Team) -> None:
    job = ImageJob.objects.create(team=t1, owner=alice, kind=ImageJob.Kind.DRAW, model=base)

    assert alice_client.get(f"{PAGE}{job.pk}/").status_code == 404


def test_it_asks_the_same_number_of_queries_for_any_number_of_trainings(
    alice_client: Client, teach: Teach, alice: User, t1: Team, django_assert_max_num_queries: Callable[..., Any]
) -> None:
    teach(alice, t1)
    tasks.draw_pictures()
    alice_client.get(PAGE)
    with django_assert_max_num_queries(100) as first:
        alice_client.get(PAGE)
    for _ in range(3):
        teach(alice, t1)
    tasks.draw_pictures()

    with django_assert_max_num_queries(len(first)):
        alice_client.get(PAGE)


def test_the_curve_is_smoothed() -> None:
    assert smoothed([]) == []
    assert smoothed([4.0, 2.0]) == [4.0, 3.0]
    assert smoothed([1.0] * 20 + [13.0])[-1] == 2.0


def test_a_training_that_waits_is_cancelled_at_once(teach: Teach, alice: User, t1: Team) -> None:
    job = teach(alice, t1)

    assert services.cancel(user=alice, job=job)

    job.refresh_from_db()
    assert job.state == ImageJob.State.CANCELLED
