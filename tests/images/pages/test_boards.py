"""Boards on the page: made, renamed, shared, deleted."""

import json

import pytest
from django.test import Client

from apps.images.models import Board
from apps.users.models import Team, User


@pytest.fixture
def board(alice: User, t1: Team) -> Board:
    return Board.objects.create(team=t1, owner=alice, name="CANARY-T1 board")


def test_it_makes_a_board_and_shows_it(ed_client: Client) -> None:
    answer = ed_client.post("/images/boards/new/", {"name": "Posters", "is_shared": "on"})

    made = Board.objects.get()
    assert (made.name, made.is_shared) == ("Posters", True)
    assert json.loads(answer["HX-Trigger"])["kb:boards"] == {"show": str(made.pk)}
    lists = ed_client.get(f"/images/boards/?board={made.pk}").content.decode()
    assert f'value="{made.pk}" selected' in " ".join(lists.split())
    assert "Keep it to myself" in lists


def test_it_refuses_a_board_without_a_name(ed_client: Client) -> None:
    assert ed_client.post("/images/boards/new/", {"name": "  "}).status_code == 422


def test_it_renames_shares_and_deletes(alice_client: Client, board: Board) -> None:
    alice_client.post("/images/boards/rename/", {"board": str(board.pk), "name": "Circles"})
    alice_client.post(f"/images/boards/{board.pk}/share/")
    board.refresh_from_db()
    assert (board.name, board.is_shared) == ("Circles", True)

    alice_client.post("/images/boards/delete/", {"board": str(board.pk)})

    assert not Board.objects.exists()


@pytest.mark.parametrize("persona", ["ann", "bob", "xen"])
def test_it_hides_a_private_board_from_others(persona: str, request: pytest.FixtureRequest, board: Board) -> None:
    client: Client = request.getfixturevalue(f"{persona}_client")
    form = {"board": str(board.pk), "name": "Taken over"}

    assert client.post("/images/boards/rename/", form).status_code == 404
    assert client.post("/images/boards/delete/", form).status_code == 404
    assert client.post(f"/images/boards/{board.pk}/share/").status_code == 404
    if persona != "xen":
        assert b"CANARY" not in client.get("/images/boards/").content
    board.refresh_from_db()
    assert board.name == "CANARY-T1 board"


def test_it_lets_only_its_owner_and_admins_rename_a_shared_board(
    ed_client: Client, ada_client: Client, board: Board
) -> None:
    Board.objects.filter(pk=board.pk).update(is_shared=True)
    form = {"board": str(board.pk), "name": "Renamed"}

    assert ed_client.post("/images/boards/rename/", form).status_code == 403
    assert ada_client.post("/images/boards/rename/", form).status_code == 200
