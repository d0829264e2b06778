"""One picture and many: looked at, starred, moved, downloaded, deleted and brought back; strangers see nothing."""

import io
import json
import zipfile
from uuid import uuid4

import pytest
from django.test import Client
from PIL import Image

from apps.images.models import Board, Picture, PictureReport
from apps.users.models import Team, User
from tests.images.conftest import INFO, Made

HTMX = {"HX-Request": "true"}
ACTS = ("star", "move", "delete", "restore", "report")


@pytest.fixture
def picture(made: Made, alice: User, t1: Team) -> Picture:
    return made(alice, t1)


@pytest.fixture
def shared(picture: Picture, alice: User, t1: Team) -> Picture:
    """Return the picture on a board that the team sees."""
    picture.board = Board.objects.create(team=t1, owner=alice, name="CANARY-T1 board", is_shared=True)
    picture.save()
    return picture


def events(answer: object) -> dict[str, object]:
    found: dict[str, object] = json.loads(answer.headers["HX-Trigger"])  # type: ignore[attr-defined]
    return found


def test_it_shows_a_picture_with_its_settings(alice_client: Client, picture: Picture) -> None:
    card = alice_client.get(f"/images/pictures/{picture.pk}/", headers=HTMX).content.decode()

    assert "CANARY-T1 circle" in card
    assert "<dt>Seed</dt>" in card
    assert "DPM++ 2M" in card
    assert "&quot;seed&quot;: 7" in card
    assert "Sampler: Euler a" in card  # as it stands in the file


def test_it_leads_a_link_to_the_studio(alice_client: Client, picture: Picture) -> None:
    answer = alice_client.get(f"/images/pictures/{picture.pk}/")

    assert answer.status_code == 302
    assert answer["Location"] == f"/images/?picture={picture.pk}"


def test_it_offers_no_settings_of_an_upload(alice_client: Client, alice: User, t1: Team, made: Made) -> None:
    upload = made(alice, t1, kind=Picture.Kind.SOURCE, settings={}, prompt="", seed=None)

    card = alice_client.get(f"/images/pictures/{upload.pk}/", headers=HTMX).content.decode()

    assert 'data-act="again"' not in card
    assert 'data-act="source"' in card


@pytest.mark.parametrize("persona", ["ann", "bob", "xen"])
def test_it_hides_a_picture_from_others(persona: str, request: pytest.FixtureRequest, picture: Picture) -> None:
    client: Client = request.getfixturevalue(f"{persona}_client")
    of_nobody = client.get(f"/images/pictures/{uuid4()}/", headers=HTMX)

    for address in ("", "full/", "small/", "download/png/", "download/jpeg/"):
        answer = client.get(f"/images/pictures/{picture.pk}/{address}", headers=HTMX)
        assert answer.status_code == 404
        assert answer.content == of_nobody.content
    for act in ACTS:
        assert client.post(f"/images/pictures/{picture.pk}/{act}/", {"reason": "x"}).status_code == 404
    assert client.get(f"/images/pictures/zip/?picture={picture.pk}").status_code == 404
    assert client.post("/images/pictures/bulk/", {"picture": str(picture.pk), "act": "delete"}).status_code == 404
    assert client.get(f"/images/edges/?picture={picture.pk}").status_code == 404
    picture.refresh_from_db()
    assert picture.deleted_at is None
    assert not picture.is_starred


def test_it_shows_a_shared_picture_to_the_team_and_lets_only_its_owner_change_it(
    ann_client: Client, bob_client: Client, shared: Picture
) -> None:
    card = ann_client.get(f"/images/pictures/{shared.pk}/", headers=HTMX).content.decode()

    assert "Alice" in card
    assert "data-star" not in card
    for act in ("star", "move", "delete"):
        assert ann_client.post(f"/images/pictures/{shared.pk}/{act}/").status_code == 403
    assert bob_client.get(f"/images/pictures/{shared.pk}/", headers=HTMX).status_code == 404


def test_it_stars_and_moves(alice_client: Client, alice: User, t1: Team, picture: Picture) -> None:
    board = Board.objects.create(team=t1, owner=alice, name="Circles")

    starred = alice_client.post(f"/images/pictures/{picture.pk}/star/")
    alice_client.post(f"/images/pictures/{picture.pk}/move/", {"board": str(board.pk)})

    picture.refresh_from_db()
    assert picture.is_starred
    assert picture.board == board
    assert events(starred)["kb:pictures"] is True
    alice_client.post(f"/images/pictures/{picture.pk}/move/", {"board": ""})
    picture.refresh_from_db()
    assert picture.board is None


def test_it_deletes_with_undo(alice_client: Client, picture: Picture) -> None:
    deleted = alice_client.post(f"/images/pictures/{picture.pk}/delete/")

    note = events(deleted)["kb:toast"]
    assert isinstance(note, dict)
    assert alice_client.get(f"/images/pictures/{picture.pk}/", headers=HTMX).status_code == 404
    assert str(picture.pk) in alice_client.get("/images/gallery/?board=trash").content.decode()
    assert "1 picture is back" in json.dumps(events(alice_client.post(note["undo"])))
    assert alice_client.get(f"/images/pictures/{picture.pk}/", headers=HTMX).status_code == 200


def test_it_does_many_at_once(alice_client: Client, alice: User, t1: Team, made: Made) -> None:
    chosen = [str(made(alice, t1).pk) for _ in range(3)]
    board = Board.objects.create(team=t1, owner=alice, name="Circles")

    alice_client.post("/images/pictures/bulk/", {"picture": chosen, "act": "star"})
    alice_client.post("/images/pictures/bulk/", {"picture": chosen, "act": f"move:{board.pk}"})
    assert Picture.objects.filter(is_starred=True, board=board).count() == 3
    alice_client.post("/images/pictures/bulk/", {"picture": chosen, "act": "move:none"})
    gone = alice_client.post("/images/pictures/bulk/", {"picture": chosen, "act": "delete"})

    assert Picture.objects.filter(board=None).exclude(deleted_at=None).count() == 3
    note = events(gone)["kb:toast"]
    assert isinstance(note, dict)
    alice_client.post(note["undo"])
    assert Picture.objects.filter(deleted_at=None).count() == 3


@pytest.mark.parametrize(
    "form",
    [{"act": "delete", "picture": "x"}, {"act": "burn", "picture": "PICTURE"}, {"picture": "PICTURE"}],
    ids=["no id", "unknown", "nothing"],
)
def test_it_refuses_a_bulk_action_that_it_cannot_read(
    alice_client: Client, picture: Picture, form: dict[str, str]
) -> None:
    sent = {key: str(picture.pk) if value == "PICTURE" else value for key, value in form.items()}

    assert alice_client.post("/images/pictures/bulk/", sent).status_code == 400


@pytest.mark.parametrize(("form", "kind"), [("png", "PNG"), ("jpeg", "JPEG"), ("webp", "WEBP")])
def test_it_downloads_with_the_settings_inside(alice_client: Client, picture: Picture, form: str, kind: str) -> None:
    answer = alice_client.get(f"/images/pictures/{picture.pk}/download/{form}/")

    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "attachment" in answer["Content-Disposition"]
    with Image.open(io.BytesIO(answer.content)) as image:
        assert image.format == kind
        assert image.info.get("parameters", INFO) == INFO
    assert alice_client.get(f"/images/pictures/{picture.pk}/download/svg/").status_code == 404


def test_it_packs_many_into_an_archive(alice_client: Client, alice: User, t1: Team, made: Made) -> None:
    chosen = [made(alice, t1) for _ in range(2)]

    answer = alice_client.get("/images/pictures/zip/?" + "&".join(f"picture={each.pk}" for each in chosen))

    with zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content))) as packed:  # type: ignore[attr-defined]
        assert len(packed.namelist()) == 2
        assert packed.testzip() is None


def test_it_takes_a_report_of_a_shared_picture(ann_client: Client, shared: Picture) -> None:
    assert ann_client.post(f"/images/pictures/{shared.pk}/report/", {"reason": " "}).status_code == 422

    ann_client.post(f"/images/pictures/{shared.pk}/report/", {"reason": "A face of somebody"})
    ann_client.post(f"/images/pictures/{shared.pk}/report/", {"reason": "My own face"})

    assert PictureReport.objects.get().reason == "My own face"


def test_it_searches_the_gallery_and_goes_on_where_it_ended(
    alice_client: Client, alice: User, t1: Team, made: Made
) -> None:
    for number in range(65):
        made(alice, t1, prompt=f"a square {number}", is_starred=number == 5)

    first = alice_client.get("/images/gallery/?q=square").content.decode()
    following = first.split('hx-get="')[1].split('"')[0].replace("&amp;", "&")
    second = alice_client.get(following).content.decode()

    assert first.count("data-open-picture") == 60
    assert second.count("data-open-picture") == 5
    assert "No picture fits" in alice_client.get("/images/gallery/?q=triangle").content.decode()
    assert alice_client.get("/images/gallery/?starred=1").content.decode().count("data-open-picture") == 1


@pytest.mark.parametrize("query", ["board=x", "time=x&last=x", "q=%00", "kind=mask", "time=2026-01-01&last="])
def test_it_takes_any_filter(alice_client: Client, picture: Picture, query: str) -> None:
    assert alice_client.get(f"/images/gallery/?{query}").status_code == 200


def test_it_hides_the_board_of_another_team(bob_client: Client, shared: Picture) -> None:
    answer = bob_client.get(f"/images/gallery/?board={shared.board_id}")

    assert answer.status_code == 404
    assert b"CANARY" not in answer.content
