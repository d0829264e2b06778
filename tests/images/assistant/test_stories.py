"""Illustrated stories: scenes, prompts, pictures; closed documents, strangers, stopped and dead workers."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.core.errors import NotFound
from apps.images import scenes, stories, stories_work
from apps.images.assistant.errors import NothingToTell, SceneBusy
from apps.images.models import ImageJob, Picture, Scene, Story
from apps.images.story_passages import plain_prompt, scenes_of
from apps.libraries.models import Document
from apps.libraries.types import Block
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.fake import replies
from apps.users.models import Team, User
from tests.images.assistant.tales import GOOD, begun, close, drawn, worked


def test_it_finds_scenes_and_writes_their_prompts(story: Story) -> None:
    scenes = list(Scene.objects.filter(story=story))

    assert story.state == "done"
    assert [(scene.number, scene.chapter, scene.page) for scene in scenes] == [(1, "One", 1), (2, "Two", 2)]
    assert "deep snow" in scenes[0].text
    assert all(scene.prompt == "a fox, fur, snow, sharp, photo, red, dusk" for scene in scenes)
    assert not any(scene.is_plain for scene in scenes)


def test_a_scene_that_no_model_can_write_keeps_its_own_words_and_says_so(
    alice: User, t1: Team, tale: Document, alice_client: Client
) -> None:
    story = begun(alice, t1, tale)
    worked(RuntimeFailure("gone"), "no JSON", "none again")

    scenes = Scene.objects.filter(story=story)
    assert [scene.is_plain for scene in scenes] == [True, True]
    assert scenes[0].prompt == "A fox ran through the deep snow and looked back at the dark forest behind it"
    page = alice_client.get(reverse("images:story", args=[story.pk])).content.decode()
    assert "own words" in page


def test_it_draws_a_job_for_each_scene_and_shows_the_pictures(story: Story, alice: User, alice_client: Client) -> None:
    assert alice_client.post(reverse("images:story-draw", args=[story.pk])).status_code == 302
    jobs = list(ImageJob.objects.all())
    assert len(jobs) == 2
    assert all(job.order["width"] == 64 for job in jobs)
    with pytest.raises(SceneBusy):
        stories.draw_all(user=alice, story=story)
    drawn()

    pictures = scenes.pictures_of(alice, story)

    assert set(pictures) == set(Scene.objects.values_list("pk", flat=True))
    for name in ("images:story", "images:story-print"):
        page = alice_client.get(reverse(name, args=[story.pk])).content.decode()
        assert page.count("<img") == 2
        assert "deep snow" in page


def test_a_scene_is_drawn_again_with_other_words_and_keeps_its_picture_until_then(
    story: Story, alice: User, alice_client: Client
) -> None:
    stories.draw_all(user=alice, story=story)
    drawn()
    scene = Scene.objects.filter(story=story)[0]
    first = scenes.pictures_of(alice, story)[scene.pk]

    answer = alice_client.post(reverse("images:scene-draw", args=[scene.pk]), {"prompt": "a blue fox", "negative": ""})

    assert answer.status_code == 200
    assert scenes.pictures_of(alice, story)[scene.pk] == first
    assert alice_client.post(reverse("images:scene-draw", args=[scene.pk])).status_code == 409  # it is being drawn
    drawn()
    assert scenes.pictures_of(alice, story)[scene.pk].prompt == "a blue fox"


def test_it_keeps_a_persons_prompt_and_settings(story: Story, alice: User, alice_client: Client) -> None:
    scene = Scene.objects.filter(story=story)[0]
    alice_client.post(reverse("images:scene", args=[scene.pk]), {"prompt": " mine ", "negative": "hats"})
    alice_client.post(reverse("images:story-settings", args=[story.pk]), {"width": "128", "height": "64", "steps": "3"})
    refused = alice_client.post(reverse("images:story-settings", args=[story.pk]), {"width": "1e9"})

    scene.refresh_from_db()
    story.refresh_from_db()
    assert (scene.prompt, scene.negative) == ("mine", "hats")
    assert (story.order["width"], story.order["steps"]) == (128, 3)
    assert refused.status_code == 422


def test_a_document_that_is_closed_shows_no_text_and_draws_nothing(
    story: Story, alice: User, tale: Document, alice_client: Client
) -> None:
    stories.draw_all(user=alice, story=story)
    drawn()
    close(tale)
    scene = Scene.objects.filter(story=story)[0]

    for name in ("images:story", "images:story-print"):
        page = alice_client.get(reverse(name, args=[story.pk])).content.decode()
        assert "deep snow" not in page
        assert "CANARY-T1 tale" not in page
        assert ">a fox, fur" not in page
        assert page.count("<img") == 2  # the pictures are hers
    assert "CANARY-T1 tale" not in alice_client.get(reverse("images:stories")).content.decode()
    assert alice_client.post(reverse("images:scene-draw", args=[scene.pk])).status_code == 404
    assert alice_client.post(reverse("images:scene", args=[scene.pk]), {"prompt": "x"}).status_code == 404
    assert "deep snow" not in alice_client.get(reverse("images:scene", args=[scene.pk])).content.decode()


def test_a_document_that_is_closed_meanwhile_ends_the_search(alice: User, t1: Team, tale: Document) -> None:
    story = begun(alice, t1, tale)
    close(tale)
    worked()

    story.refresh_from_db()
    assert (story.state, story.error_code) == ("failed", "not-found")
    assert not Scene.objects.exists()


def test_nobody_begins_a_story_of_anothers_document(
    bob: User, t2: Team, alice: User, tale: Document, bob_client: Client
) -> None:
    with pytest.raises(NotFound):
        begun(bob, t2, tale)
    with pytest.raises(NotFound):
        begun(alice, t2, tale)
    assert bob_client.post(reverse("images:stories"), {"document": str(tale.pk)}).status_code == 404
    assert "CANARY-T1" not in bob_client.get(reverse("images:stories")).content.decode()


def test_a_story_is_its_owners_alone(story: Story, ada_client: Client) -> None:
    scene = Scene.objects.filter(story=story)[0]

    assert ada_client.get(reverse("images:story", args=[story.pk])).status_code == 404
    for name in ("images:story-live", "images:story-print"):
        assert ada_client.get(reverse(name, args=[story.pk])).status_code == 404
    assert ada_client.get(reverse("images:story-export", args=[story.pk, "zip"])).status_code == 404
    assert ada_client.post(reverse("images:story-delete", args=[story.pk])).status_code == 404
    for name in ("images:scene-move", "images:scene-delete", "images:scene-restore"):
        assert ada_client.post(reverse(name, args=[scene.pk])).status_code == 404
    assert ada_client.post(reverse("images:scene-draw", args=[scene.pk])).status_code == 404
    assert "CANARY-T1 tale" not in ada_client.get(reverse("images:stories")).content.decode().split("story-list")[1]


def test_stopping_ends_the_search_and_the_jobs(alice: User, t1: Team, tale: Document) -> None:
    story = begun(alice, t1, tale)
    with replies(GOOD):
        assert stories_work.work_one()  # finds the scenes
        assert stories_work.work_one()  # writes the first prompt
    stories.draw_all(user=alice, story=story)
    stories.stop(user=alice, story=story)

    assert not stories_work.work_one()
    assert ImageJob.objects.get().state == "cancelled"
    stories.again(user=alice, story=story)
    worked(GOOD)
    story.refresh_from_db()
    assert story.state == "done"
    assert not Scene.objects.filter(prompt="").exists()


def test_a_dead_workers_story_is_taken_back_and_fails_after_some_times(alice: User, t1: Team, tale: Document) -> None:
    story = begun(alice, t1, tale)
    for _ in range(stories_work.ATTEMPTS):
        held = stories_work._claim()
        assert held is not None
        Story.objects.filter(pk=story.pk).update(lease_until=timezone.now() - timedelta(seconds=1))
        stories_work.take_back()
        assert not held.is_held()

    story.refresh_from_db()
    assert (story.state, story.error_code) == ("failed", "story-lost")


def test_a_document_without_text_says_so(alice: User, t1: Team, tale: Document) -> None:
    version = tale.current_version
    assert version is not None
    type(version).objects.filter(pk=version.pk).update(blocks="")
    story = begun(alice, t1, tale)
    worked()

    story.refresh_from_db()
    assert story.error_code == NothingToTell.code


def test_deleting_a_story_leaves_its_pictures(story: Story, alice: User, alice_client: Client) -> None:
    stories.draw_all(user=alice, story=story)
    drawn()

    answer = alice_client.post(reverse("images:story-delete", args=[story.pk]))
    listed = alice_client.get(answer.headers["Location"]).content.decode()

    assert alice_client.get(reverse("images:story", args=[story.pk])).status_code == 404
    assert reverse("images:story-restore", args=[story.pk]) in listed
    assert Picture.objects.count() == 2
    alice_client.post(reverse("images:story-restore", args=[story.pk]))
    assert alice_client.get(reverse("images:story", args=[story.pk])).status_code == 200


def test_what_nobody_brought_back_is_removed(story: Story, alice: User, settings: Any) -> None:
    first = scenes.scenes_of(story)[0]
    scenes.remove(user=alice, scene=first)
    other = begun(alice, story.team, story.document)
    stories.remove(user=alice, story=other)
    assert stories_work.purge() == 0
    long_ago = timezone.now() - timedelta(days=settings.ENV.undo_days + 1)
    Scene.objects.exclude(deleted_at=None).update(deleted_at=long_ago)
    Story.objects.exclude(deleted_at=None).update(deleted_at=long_ago)

    assert stories_work.purge() == 1
    assert list(Story.objects.all()) == [story]
    assert Scene.objects.count() == 1


def text(chapter: str, words: str, **fields: Any) -> Block:
    return Block(words, "text", heading_path=(chapter,), **fields)


def test_scenes_are_spread_over_the_chapters() -> None:
    blocks = [text(f"C{c}", f"Paragraph {p} of chapter {c}. " * 30) for c in range(3) for p in range(9)]
    few = scenes_of(blocks, most=7)
    one_each = scenes_of([text(f"C{c}", "Many words are told in here, a lot of them.") for c in range(50)], most=5)

    assert [passage.chapter for passage in few] == ["C0"] * 3 + ["C1"] * 2 + ["C2"] * 2
    assert few[0].text.startswith("Paragraph 0")
    assert "Paragraph 6" in few[2].text
    assert [passage.chapter for passage in one_each] == ["C0", "C10", "C20", "C30", "C40"]
    assert scenes_of([text("A", "Short."), Block("A table", "table")]) == []


def test_a_short_document_has_a_scene_for_each_paragraph() -> None:
    long, short = "A fox ran through the deep snow at dawn. " * 4, "It looked back once. "
    found = scenes_of([text("A", long), text("A", long), text("A", short), text("B", short * 2)])

    assert [passage.text.count("fox") for passage in found] == [4, 4, 0]
    assert found[1].text.endswith(short.strip())


def test_words_of_a_passage_hold_no_grammar() -> None:
    assert plain_prompt("See (it) [now]. More.") == r"See \(it\) \[now\]"
    assert plain_prompt("  ") == ""
    assert plain_prompt("狐" * 100 + "。") == "狐" * 60
