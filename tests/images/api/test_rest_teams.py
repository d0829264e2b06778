"""The rest of the studio's REST API: stories, themes, many pictures at once, and what a team's admins keep."""

import io
from typing import Any

import pytest
from PIL import Image

from apps.catalog.models import AIModel
from apps.core.errors import Forbidden
from apps.images import live, tasks
from apps.images.models import Board, ImageJob, Picture, PictureReport, Scene, Story, Style, WordList
from apps.libraries.models import Document
from apps.users.models import KeyScope, Team, User
from tests.images.api.conftest import Asker, Key
from tests.images.conftest import Made, Place

RULES = frozenset({KeyScope.IMAGES, KeyScope.IMAGE_RULES})


@pytest.fixture
def admin(key: Key, ada: User, t1: Team) -> Asker:
    """Return a program that keeps the team's rules."""
    return key(ada, t1, RULES)


def test_it_keeps_the_teams_rules(admin: Asker, key: Key, image_model: AIModel, ann: User, t1: Team) -> None:
    assert admin.get("rules").json()["is_enabled"] is True

    changed = admin.send("PATCH", "rules", {"blocked_words": "nude\n\nnude", "is_watermarked": True}).json()

    assert (changed["blocked_words"], changed["is_watermarked"], changed["is_enabled"]) == ("nude", True, True)
    assert key(ann, t1).post("jobs", {"prompt": "a nude"}).json()["code"] == "image-word-blocked"
    refused = admin.send("PATCH", "rules", {"blocked_words": "x" * 90})
    assert (refused.status_code, refused.json()["code"], refused.json()["field"]) == (
        422,
        "image-rule",
        "blocked_words",
    )
    assert admin.send("PATCH", "rules", {"team": "x"}).status_code == 400


def test_case_30_rules_need_their_scope_and_an_admin(admin: Asker, key: Key, ada: User, ed: User, t1: Team) -> None:
    style = Style.objects.create(team=t1, name="Ink", prompt="{prompt}, ink")
    calls: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "rules", {}),
        ("PATCH", "rules", {"is_enabled": False}),
        ("POST", "styles", {"name": "x"}),
        ("PATCH", f"styles/{style.pk}", {"name": "x"}),
        ("DELETE", f"styles/{style.pk}", {}),
        ("POST", "word-lists", {"name": "x", "words": "a"}),
        ("GET", "reports", {}),
    ]
    draws = key(ada, t1)  # an admin's program that may draw alone
    for method, path, body in calls:
        answer = draws.send(method, path, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "scope-missing"), path
    with pytest.raises(Forbidden):
        key(ed, t1, RULES)
    style.refresh_from_db()
    assert style.name == "Ink"


def test_it_keeps_styles_and_word_lists(admin: Asker) -> None:
    style = admin.post("styles", {"name": "Ink", "prompt": "{prompt}, ink", "settings": {"steps": 12}}).json()
    words = admin.post("word-lists", {"name": "animal", "words": "cat\ndog"}).json()

    assert style["settings"] == {"steps": 12}
    assert admin.post("styles", {"name": "Ink"}).json()["field"] == "name"
    assert admin.post("styles", {"name": "Two", "settings": {"steps": 10**6}}).status_code == 422
    assert admin.post("styles", {"name": "Two", "settings": {"prompt": "x"}}).status_code == 400
    assert admin.send("PATCH", f"styles/{style['id']}", {"negative": "blurry"}).json()["settings"] == {"steps": 12}
    assert admin.send("PATCH", f"word-lists/{words['id']}", {"words": "bird"}).json()["words"] == "bird"
    assert [row["name"] for row in admin.get("word-lists").json()["results"]] == ["animal"]
    assert admin.send("DELETE", f"styles/{style['id']}").status_code == 204
    assert admin.send("DELETE", f"word-lists/{words['id']}").status_code == 204
    assert not Style.objects.exists()
    assert not WordList.objects.exists()


def test_it_decides_reports_and_tells_the_owner(
    admin: Asker, key: Key, made: Made, ed: User, ann: User, t1: Team
) -> None:
    board = Board.objects.create(team=t1, owner=ed, name="All", is_shared=True)
    picture = made(ed, t1, board=board)
    key(ann, t1).post(f"pictures/{picture.pk}/report", {"reason": "Not ours"})
    report = admin.get("reports").json()["results"][0]

    assert (report["reason"], report["reporter"], report["state"]) == ("Not ours", ann.email, "open")
    assert admin.get(f"reports/{report['id']}").headers["Content-Type"] == "image/webp"
    assert admin.post(f"reports/{report['id']}", {"verdict": "burn", "reason": "x"}).status_code == 400
    decided = admin.post(f"reports/{report['id']}", {"verdict": "take-down", "reason": "Rules"}).json()
    assert decided["state"] == "taken_down"
    owner = key(ed, t1)
    assert owner.get(f"pictures/{picture.pk}").status_code == 404
    (notice,) = owner.get("notices").json()["results"]
    assert notice["reason"] == "Rules"
    assert key(ann, t1).send("DELETE", f"notices/{notice['id']}").status_code == 404
    assert owner.send("DELETE", f"notices/{notice['id']}").status_code == 204
    assert owner.get("notices").json()["results"] == []
    assert admin.post(f"reports/{report['id']}", {"verdict": "bring-back", "reason": ""}).json()["state"] == "kept"
    assert PictureReport.objects.get().state == "kept"


def test_it_does_many_pictures_at_once_or_none(key: Key, made: Made, ann: User, ed: User, t1: Team) -> None:
    asker = key(ann, t1)
    mine, theirs = [str(made(ann, t1).pk) for _ in range(3)], str(made(ed, t1).pk)
    board = asker.post("boards", {"name": "Mine"}).json()["id"]

    for act, more in (("star", {}), ("unstar", {}), ("move", {"board": board}), ("delete", {}), ("restore", {})):
        assert asker.post("pictures/many", {"act": act, "pictures": mine} | more).json() == {"pictures": 3}, act
        refused = asker.post("pictures/many", {"act": act, "pictures": [*mine, theirs]} | more)
        assert refused.status_code == 404, act
    assert asker.send("DELETE", f"boards/{board}/{mine[0]}").status_code == 204
    asker.post("pictures/many", {"act": "delete", "pictures": mine[:1]})
    assert asker.post("pictures/many", {"act": "purge", "pictures": mine}).json() == {"pictures": 1}
    assert Picture.objects.filter(owner=ann).count() == 2
    for wrong in ({"act": "burn"}, {"pictures": []}, {"pictures": "x"}, {"pictures": ["x"]}, {"board": board}):
        body: dict[str, Any] = {"act": "star", "pictures": mine} | wrong
        assert asker.post("pictures/many", body).status_code == 400


def test_it_shows_edges_and_previews_and_stops_all(key: Key, made: Made, place: Place, ann: User, t1: Team) -> None:
    asker, picture = key(ann, t1), made(ann, t1)
    edges = asker.get(f"pictures/{picture.pk}/edges", low="10", high="20")
    with Image.open(io.BytesIO(edges.content)) as image:
        assert (image.format, image.size) == ("PNG", (64, 64))
    assert asker.get(f"pictures/{picture.pk}/edges", low="20", high="10").status_code == 400

    job = place(ann, t1)
    assert asker.get(f"jobs/{job.pk}/preview").status_code == 404
    live.show(job.pk, live.Live(0, 1, 4, b"RIFF"))
    assert asker.get(f"jobs/{job.pk}/preview").content == b"RIFF"
    place(ann, t1)
    assert asker.send("DELETE", "jobs").json() == {"cancelled": 2}
    assert len(asker.post("jobs/dismissed").json()["jobs"]) == 2
    assert not ImageJob.objects.filter(is_dismissed=False).exists()


def test_it_tells_a_story(key: Key, image_model: AIModel, document: Document, alice: User, t1: Team) -> None:
    asker = key(alice, t1)
    begun = asker.post(
        "stories", {"document": str(document.pk), "width": 64, "height": 64, "steps": 4, "prompt": "ink"}
    )
    story = begun.json()
    assert (begun.status_code, story["state"], story["settings"]["prompt"]) == (202, "queued", "ink")
    Story.objects.update(state="done")
    two = [Scene.objects.create(story_id=story["id"], number=n, text=f"T{n}", prompt=f"p{n}") for n in (1, 2)]

    drawn = asker.post(f"stories/{story['id']}/draw").json()
    assert [scene["is_drawing"] for scene in drawn["scenes"]] == [True, True]
    tasks.draw_pictures()
    assert asker.get(f"stories/{story['id']}").json()["drawn"] == 2
    assert asker.send("PATCH", f"scenes/{two[0].pk}", {"prompt": "other"}).json()["prompt"] == "other"
    assert asker.post(f"scenes/{two[0].pk}/move", {"is_up": False}).json()["number"] == 2
    assert asker.post(f"scenes/{two[0].pk}/draw").json()["is_drawing"] is True
    assert asker.send("DELETE", f"scenes/{two[1].pk}").status_code == 204
    assert asker.post(f"scenes/{two[1].pk}/restore").json()["id"] == str(two[1].pk)
    assert asker.post(f"scenes/{two[1].pk}/burn").status_code == 404
    assert asker.get(f"stories/{story['id']}/file", format="zip").content[:2] == b"PK"
    assert asker.send("PATCH", f"stories/{story['id']}", {"steps": 5}).json()["settings"]["steps"] == 5
    assert asker.send("PATCH", f"stories/{story['id']}", {"source": "x"}).status_code == 400
    assert asker.send("DELETE", f"stories/{story['id']}").status_code == 204
    assert asker.get("stories").json()["results"] == []
    assert asker.post(f"stories/{story['id']}/restore").json()["id"] == story["id"]


def test_it_takes_a_theme(key: Key, image_model: AIModel, chat_model: AIModel, ann: User, ed: User, t1: Team) -> None:
    asker = key(ann, t1)
    assert asker.send("PUT", "themes/words", {"negative": "blurry,  text"}).json() == {"negative": "blurry, text"}
    assert asker.get("themes/words").json() == {"negative": "blurry, text"}

    asked = asker.post("themes", {"theme": "一个红色的圆"})

    theme = asked.json()
    assert (asked.status_code, theme["is_final"], theme["prompt"]) == (202, False, None)
    assert asker.get(f"themes/{theme['id']}").json()["theme"] == "一个红色的圆"
    assert key(ed, t1).get(f"themes/{theme['id']}").status_code == 404
    assert asker.send("DELETE", f"themes/{theme['id']}").status_code == 204
    assert asker.get(f"themes/{theme['id']}").status_code == 404
    assert asker.post("themes", {"theme": " "}).status_code == 422
    assert [each["name"] for each in asker.get("themes").json()["writers"]] == [chat_model.name]
