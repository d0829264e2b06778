"""What makes several pictures of one order: grids, styles, word lists, variants."""

import pytest

from apps.catalog.models import AIModel
from apps.images import tasks
from apps.images.errors import (
    UnknownImageModel,
    UnknownStyle,
)
from apps.images.models import ImageJob, Picture, Style, WordList
from apps.images.orders import AxisWish
from apps.runtimes.fake_images import FakeImageModel
from apps.users.models import Team, User
from tests import factories
from tests.images.conftest import Place


def pictures(job: ImageJob) -> list[Picture]:
    return list(Picture.objects.filter(job=job).order_by("number"))


def test_it_draws_a_grid(place: Place, fake: FakeImageModel, alice: User, t1: Team) -> None:
    job = place(
        alice, seed=5, prompt="a red circle",
        axes=(
            AxisWish("steps", "2, 3"),
            AxisWish("prompt_sr", "red, green"),
            AxisWish("sampler", "Euler, DPM++ 2M Karras"),
        ),
    )  # fmt: skip
    tasks.draw_pictures()

    assert [entry["cell"] for entry in job.plan][:3] == [[0, 0, 0], [1, 0, 0], [0, 1, 0]]
    assert len(fake.drawn) == 8
    assert [each.steps for each in fake.drawn] == [2, 3] * 4
    assert {each.seed for each in fake.drawn} == {5}
    assert [(each.sampler, each.schedule) for each in fake.drawn[::4]] == [
        ("euler", "automatic"),
        ("dpmpp_2m", "karras"),
    ]
    assert Picture.objects.filter(job=job, prompt="a green circle").count() == 4
    job.refresh_from_db()
    assert job.state == "done"


def test_it_compares_models_in_a_grid(place: Place, alice: User, t1: Team) -> None:
    factories.AIModelFactory(
        name="other-image", title="Other", kind=AIModel.Kind.IMAGE, dimensions=None, is_default=False, sha256="cd" * 32
    )
    job = place(alice, axes=(AxisWish("model", "fake-image, other-image"),))
    tasks.draw_pictures()

    assert [one.model_name for one in pictures(job)] == ["fake-image", "other-image"]
    assert pictures(job)[1].model_sha256 == "cd" * 32
    with pytest.raises(UnknownImageModel):
        place(alice, axes=(AxisWish("model", "fake-image, nothing"),))


def test_it_compares_styles_in_a_grid(place: Place, alice: User, t1: Team) -> None:
    for name, prompt in (("ink", "{prompt}, ink"), ("oil, old", "{prompt}, oil")):
        Style.objects.create(team=t1, name=name, prompt=prompt)

    job = place(alice, prompt="a cat", axes=(AxisWish("style", 'ink, "oil, old"'),))
    tasks.draw_pictures()

    assert [one.prompt for one in pictures(job)] == ["a cat, ink", "a cat, oil"]


def test_it_fills_in_styles_wildcards_and_variants(place: Place, alice: User, t1: Team) -> None:
    Style.objects.create(
        team=t1, name="ink", prompt="ink drawing of {prompt}, fine", negative="photo", settings={"steps": 3}
    )
    WordList.objects.create(team=t1, name="pets", words="cat\ndog\n")

    job = place(alice, prompt="a __pets__ {by day|by night}", styles=("ink",), is_combinatorial=True)
    tasks.draw_pictures()

    found = pictures(job)
    assert sorted(one.prompt for one in found) == [
        f"ink drawing of a {pet} by {time}, fine" for pet in ("cat", "dog") for time in ("day", "night")
    ]
    assert {one.negative for one in found} == {"photo"}
    assert {one.settings["steps"] for one in found} == {3}


def test_it_knows_only_the_teams_own_words(place: Place, alice: User, t1: Team, t2: Team) -> None:
    """Security case 9: another team's style is as unknown as none."""
    Style.objects.create(team=t2, name="ink", prompt="ink")

    with pytest.raises(UnknownStyle):
        place(alice, styles=("ink",))
