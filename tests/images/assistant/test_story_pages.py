"""What people change on the page of a story, and what the page hears while it is worked at."""

import re

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.images import scenes, stories, stories_work
from apps.images.models import ImageJob, ImagePolicy, Picture, Scene, Story, Style
from apps.libraries.models import Document
from apps.runtimes.fake import replies
from apps.users.models import Team, User
from tests.images.assistant.tales import GOOD, begun, drawn, worked


def test_scenes_change_places_and_the_ends_stay(alice: User, t1: Team, tale: Document, alice_client: Client) -> None:
    story = begun(alice, t1, tale)
    for number in range(1, 5):
        Scene.objects.create(story=story, number=number, text=str(number), prompt=str(number))
    second = scenes.scenes_of(story)[1]

    def order() -> list[str]:
        return [scene.prompt for scene in scenes.scenes_of(story)]

    shown = alice_client.post(reverse("images:scene-move", args=[second.pk]), {"to": "down"}).content.decode()
    assert order() == ["1", "3", "2", "4"]
    assert shown.index(">3<") < shown.index(">2<")
    scenes.remove(user=alice, scene=scenes.scenes_of(story)[1])
    scenes.move(user=alice, scene=second, is_up=True)  # over the one that is left out
    assert order() == ["2", "1", "4"]
    scenes.move(user=alice, scene=second, is_up=True)
    scenes.move(user=alice, scene=scenes.scenes_of(story)[-1], is_up=False)
    assert order() == ["2", "1", "4"]


def test_a_scene_that_is_left_out_is_neither_written_nor_drawn_and_comes_back(
    alice: User, t1: Team, tale: Document, alice_client: Client
) -> None:
    story = begun(alice, t1, tale)
    with replies(GOOD):
        assert stories_work.work_one()
    first, second = scenes.scenes_of(story)
    answer = alice_client.post(reverse("images:scene-delete", args=[first.pk]))
    worked(GOOD)

    assert "undo" in answer.headers["HX-Trigger"]
    assert Scene.objects.get(pk=first.pk).prompt == ""
    assert stories.draw_all(user=alice, story=story) == 1
    assert alice_client.post(reverse("images:scene-draw", args=[first.pk])).status_code == 404
    scenes.remove(user=alice, scene=second)
    assert ImageJob.objects.get().state == "cancelled"
    assert alice_client.post(reverse("images:scene-restore", args=[first.pk])).headers["HX-Refresh"] == "true"
    assert [scene.pk for scene in scenes.scenes_of(story)] == [first.pk]


def test_words_and_styles_of_the_story_stand_around_those_of_each_scene(
    story: Story, alice: User, t1: Team, alice_client: Client
) -> None:
    Style.objects.create(team=t1, name="ink", prompt="ink drawing of {prompt}")
    said = {"look": "oil painting of {prompt}", "unwanted": "hats", "has_styles": "1", "styles": "ink", "again": "1"}
    answer = alice_client.post(reverse("images:story-settings", args=[story.pk]), said)
    drawn()

    assert answer.status_code == 302
    picture = Picture.objects.first()
    assert picture is not None
    assert picture.prompt.startswith("ink drawing of oil painting of a fox, fur")
    assert picture.negative.endswith(", cars, hats")
    page = alice_client.get(reverse("images:story", args=[story.pk])).content.decode()
    assert 'value="oil painting of {prompt}"' in page
    assert alice_client.post(reverse("images:story-settings", args=[story.pk]), said).status_code == 302  # all again
    assert ImageJob.objects.count() == 4


def test_words_of_a_story_that_are_blocked_are_refused(story: Story, t1: Team, alice_client: Client) -> None:
    ImagePolicy.objects.create(team=t1, blocked_words="gore")
    refused = alice_client.post(reverse("images:story-settings", args=[story.pk]), {"look": "gore"})

    assert refused.status_code == 422
    story.refresh_from_db()
    assert story.order["prompt"] == ""


def test_a_page_hears_what_changed_since_it_looked(story: Story, alice: User, alice_client: Client) -> None:
    stories.draw_all(user=alice, story=story)
    page = alice_client.get(reverse("images:story", args=[story.pk])).content.decode()
    seen = re.findall(r'name="seen"\s+value="([^"]+)"', page)
    assert len(seen) == 2
    address = reverse("images:story-live", args=[story.pk])
    waiting = alice_client.get(address, {"seen": seen}).content.decode()
    drawn()
    done = alice_client.get(address, {"seen": [*seen, "nonsense", "no:such"]}).content.decode()

    assert "in line" in waiting
    assert "<img" not in waiting
    assert done.count("<img") == 2
    assert "<textarea" not in done  # what somebody types meanwhile stays
    assert "hx-get" not in done  # nothing is asked for any more


def test_a_page_gets_the_scenes_and_their_words_once_they_are_there(
    alice: User, t1: Team, tale: Document, alice_client: Client
) -> None:
    story = begun(alice, t1, tale)
    address = reverse("images:story-live", args=[story.pk])
    assert "Finding scenes" in alice_client.get(address, {"has_none": "1"}).content.decode()
    with replies(GOOD):
        assert stories_work.work_one()
        found = alice_client.get(address, {"has_none": "1"}).content.decode()
        seen = re.findall(r'name="seen"\s+value="([^"]+)"', found)
        assert stories_work.work_one()
    written = alice_client.get(address, {"seen": seen}).content.decode()

    assert 'id="scenes"' in found
    assert found.count('<article class="scene"') == 2
    assert written.count("<textarea") == 2  # the prompt and the negative one of the first scene
    assert "1 of 2 prompts written" in written


def test_pages_of_a_story_ask_a_fixed_number_of_queries(
    story: Story, alice: User, t1: Team, alice_client: Client
) -> None:
    def count(name: str, *args: object) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert alice_client.get(reverse(name, args=args)).status_code == 200
        return len(queries)

    stories.draw_all(user=alice, story=story)
    few = [count("images:story", story.pk), count("images:story-live", story.pk), count("images:stories")]
    Scene.objects.bulk_create(Scene(story=story, number=number, text="More", prompt="more") for number in range(10, 25))
    begun(alice, t1, story.document)
    stories.draw_all(user=alice, story=story)
    many = [count("images:story", story.pk), count("images:story-live", story.pk), count("images:stories")]

    assert many == few
