"""Signed addresses of files: one person, one picture, some minutes."""

import pytest
from django.test import Client
from django.utils import timezone

from apps.core.errors import NotFound
from apps.images import addresses, boards, gallery, uploads
from apps.images.models import Board, Picture
from apps.users.models import Membership, Team, User
from tests.images.conftest import png


@pytest.fixture
def picture(alice: User, t1: Team) -> Picture:
    """Return a picture of alice that nobody else sees."""
    return uploads.store_upload(user=alice, team=t1, upload=png(64, 64))


@pytest.mark.parametrize(("variant", "media_type"), [("full", "image/png"), ("thumb", "image/webp")])
def test_it_hands_out_a_file_to_its_person(
    picture: Picture, alice: User, alice_client: Client, variant: str, media_type: str
) -> None:
    response = alice_client.get(addresses.address_of(picture, alice, variant))

    assert response.status_code == 200
    assert response.headers["Content-Type"] == media_type
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Cache-Control"].startswith("private")
    assert "sandbox" in response.headers["Content-Security-Policy"]
    assert len(response.content) > 20


def test_it_lets_a_browser_keep_a_file_as_long_as_the_gate_agrees(
    picture: Picture, alice: User, alice_client: Client
) -> None:
    address = addresses.address_of(picture, alice)
    first = alice_client.get(address)
    known = {"If-None-Match": first.headers["ETag"]}

    assert "no-cache" in first.headers["Cache-Control"]
    assert alice_client.get(address, headers=known).status_code == 304

    Picture.objects.update(taken_down_at=timezone.now())
    assert alice_client.get(address, headers=known).status_code == 404


def test_it_hands_it_out_to_nobody_else(
    picture: Picture, alice: User, bob_client: Client, ada_client: Client, anonymous_client: Client
) -> None:
    """Security cases 3, 4 and 6: another's address is of no use, with whatever method and header."""
    address = addresses.address_of(picture, alice)

    for client in (bob_client, ada_client):
        for headers in (
            {},
            {"Range": "bytes=0-9"},
            {"If-None-Match": "*"},
            {"If-Modified-Since": "Mon, 1 Jan 2035 00:00:00 GMT"},
        ):
            response = client.get(address, headers=headers)
            assert response.status_code == 404
            assert response.content == client.get("/images/files/nothing/").content
        assert client.head(address).status_code == 404
    assert anonymous_client.get(address).status_code == 302


def test_it_is_bound_to_a_picture_and_a_variant(picture: Picture, alice: User, bob: User, t1: Team) -> None:
    """Security case 18: no part of an address can be changed or guessed."""
    other = uploads.store_upload(user=alice, team=t1, upload=png(64, 64))
    token = addresses.address_of(picture, alice, "thumb").split("/")[-2]

    assert addresses.read(alice, token) == (picture.pk, "thumb")
    for forged in (
        token.replace(picture.pk.hex, other.pk.hex),
        token.replace(".thumb.", ".full."),
        token[:-1] + ("A" if token[-1] != "A" else "B"),
        token.rpartition(":")[0],
        "",
        "x" * 500,
    ):
        with pytest.raises(NotFound):
            addresses.read(alice, forged)
    with pytest.raises(NotFound):
        addresses.read(bob, token)


def test_it_ends_after_ten_minutes_and_stays_the_same_for_a_while(
    picture: Picture, alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1_700_000_100.0]
    monkeypatch.setattr(addresses.time, "time", lambda: now[0])
    address = addresses.address_of(picture, alice)
    token = address.split("/")[-2]

    now[0] += 100
    assert addresses.address_of(picture, alice) == address
    now[0] += 199
    addresses.read(alice, token)
    now[0] += addresses.LIFE_S
    with pytest.raises(NotFound):
        addresses.read(alice, token)


def test_it_dies_with_the_right(picture: Picture, alice: User, ed: User, ed_client: Client, t1: Team) -> None:
    """Security case 20: leaving the team, a board that closes, a picture taken down: from the next request on."""
    board: Board = boards.create(user=alice, team=t1, name="Ours", is_shared=True)
    gallery.move(user=alice, picture_ids=[picture.pk], board=board)
    address = addresses.address_of(picture, ed)
    assert ed_client.get(address).status_code == 200

    boards.share(user=alice, board=board, is_shared=False)
    assert ed_client.get(address).status_code == 404
    boards.share(user=alice, board=board, is_shared=True)
    Picture.objects.update(taken_down_at=timezone.now())
    assert ed_client.get(address).status_code == 404
    Picture.objects.update(taken_down_at=None)
    assert ed_client.get(address).status_code == 200
    Membership.objects.filter(user=ed).delete()
    assert ed_client.get(address).status_code == 404


def test_it_shows_the_trash_to_its_owner_alone(
    picture: Picture, alice: User, alice_client: Client, ed: User, ed_client: Client, t1: Team
) -> None:
    board = boards.create(user=alice, team=t1, name="Ours", is_shared=True)
    gallery.move(user=alice, picture_ids=[picture.pk], board=board)
    gallery.delete(user=alice, picture_ids=[picture.pk])

    assert alice_client.get(addresses.address_of(picture, alice, "thumb")).status_code == 200
    assert ed_client.get(addresses.address_of(picture, ed, "thumb")).status_code == 404
