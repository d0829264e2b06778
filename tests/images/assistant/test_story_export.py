"""Stories as files to keep."""

import io
import zipfile
from xml.etree import ElementTree

import pytest
from django.test import Client
from django.urls import reverse

from apps.images import stories
from apps.images.models import Scene, Story
from apps.libraries.models import Document
from apps.users.models import User
from tests.images.assistant.tales import close, drawn


@pytest.mark.parametrize("form", ["epub", "zip"])
def test_a_story_is_saved_as_a_file_with_its_pictures(
    story: Story, alice: User, alice_client: Client, form: str
) -> None:
    Scene.objects.filter(story=story, number=1).update(text="A <b>fox</b> & a\x07 hare\nsaid hello")
    stories.draw_all(user=alice, story=story)
    drawn()
    answer = alice_client.get(reverse("images:story-export", args=[story.pk, form]))

    assert answer.headers["Content-Disposition"].endswith(f'.{form}"')
    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        names = file.namelist()
        page = file.read("story.xhtml" if form == "epub" else "index.html").decode()
        body = ElementTree.fromstring(page)  # noqa: S314 -- our own file
        assert [name for name in names if name.endswith(".png")] == ["pictures/01.png", "pictures/02.png"]
        assert file.read("pictures/01.png").startswith(b"\x89PNG")
        if form == "epub":
            assert (names[0], file.getinfo(names[0]).compress_type) == ("mimetype", zipfile.ZIP_STORED)
            book = ElementTree.fromstring(file.read("story.opf"))  # noqa: S314
            hrefs = {item.get("href") for item in book.iter("{http://www.idpf.org/2007/opf}item")}
            assert hrefs == {name for name in names if "/" not in name or name.startswith("pictures")} - {
                "mimetype", "story.opf"
            }  # fmt: skip
    told = "".join(body.itertext())
    assert "A <b>fox</b> & a hare" in told
    assert [each.text for each in body.iter("{http://www.w3.org/1999/xhtml}h2")] == ["One", "Two"]


def test_a_file_of_a_closed_document_holds_pictures_alone(
    story: Story, alice: User, tale: Document, alice_client: Client
) -> None:
    stories.draw_all(user=alice, story=story)
    drawn()
    close(tale)
    answer = alice_client.get(reverse("images:story-export", args=[story.pk, "zip"]))

    with zipfile.ZipFile(io.BytesIO(answer.content)) as file:
        page = file.read("index.html").decode()
        assert "pictures/02.png" in file.namelist()
    assert "snow" not in page
    assert "a fox" not in page
    assert "CANARY-T1 tale" not in page + answer.headers["Content-Disposition"]
    assert alice_client.get(reverse("images:story-export", args=[story.pk, "exe"])).status_code == 404
