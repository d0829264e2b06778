"""The gallery's list on the page, and what is done with many pictures at once."""

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.images import shelf
from apps.images.gallery import PAGE
from apps.images.models import Board, ImageJob, Picture
from apps.images.views.pictures import AT_ONCE
from apps.users.models import Team, User
from tests.images.conftest import Made


@pytest.fixture
def board(alice: User, t1: Team) -> Board:
    return Board.objects.create(team=t1, owner=alice, name="CANARY-T1 board", is_shared=True)


def act(client: Client, what: str, *pictures: Picture) -> HttpResponse:
    form = {"act": what, "picture": [str(picture.pk) for picture in pictures]}
    return client.post("/images/pictures/bulk/", form)  # type: ignore[return-value]


def toast(answer: HttpResponse) -> Any:
    return json.loads(answer.headers["HX-Trigger"])["kb:toast"]


def copies(picture: Picture, count: int) -> None:
    """Keep more rows like this one; they share its files."""
    for _number in range(count):
        picture.pk = uuid4()
        picture.save(force_insert=True)


def test_it_loads_a_list_again_as_long_as_it_was(alice_client: Client, alice: User, t1: Team, made: Made) -> None:
    copies(made(alice, t1), PAGE + 9)

    def shown(**asked: str) -> int:
        return alice_client.get("/images/gallery/", asked).content.decode().count("data-open-picture")

    assert shown() == PAGE
    assert shown(size=str(PAGE + 10)) == PAGE + 10
    assert shown(size="-1") == shown(size="x") == shown(size="9" * 30) == PAGE
    assert shelf.size_of({"size": "9999"}) == shelf.MOST_AGAIN


def test_it_asks_the_database_as_often_for_many_pictures(
    alice_client: Client, alice: User, t1: Team, made: Made
) -> None:
    first = made(alice, t1)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            alice_client.get("/images/gallery/", {"size": "500"})
        return len(asked)

    queries()
    one = queries()
    copies(first, 150)
    assert queries() == one


def test_it_says_whose_picture_it_is(
    ed_client: Client, alice_client: Client, alice: User, t1: Team, made: Made, board: Board
) -> None:
    made(alice, t1, board=board)

    theirs = ed_client.get("/images/gallery/", {"board": str(board.pk)}).content.decode()

    assert 'title="Alice"' in theirs
    assert "data-others" in theirs
    assert "data-others" not in alice_client.get("/images/gallery/", {"board": str(board.pk)}).content.decode()


def test_it_lets_editors_take_pictures_off_a_shared_board(
    ed_client: Client, ann_client: Client, alice: User, t1: Team, made: Made, board: Board
) -> None:
    picture = made(alice, t1, board=board)

    assert act(ann_client, f"take-off:{board.pk}", picture).status_code == 403  # a viewer
    assert toast(act(ed_client, f"take-off:{board.pk}", picture))["text"] == "1 picture is off the board."

    picture.refresh_from_db()
    assert picture.board is None
    assert picture.owner == alice


@pytest.mark.parametrize("what", ["star", "delete", "move:none"])
def test_it_refuses_to_change_anothers_picture_in_words(
    what: str, ed_client: Client, alice: User, t1: Team, made: Made, board: Board
) -> None:
    answer = act(ed_client, what, made(alice, t1, board=board))

    assert answer.status_code == 403
    assert b"Only who made a picture" in answer.content


def test_it_restores_and_removes_only_what_is_in_the_persons_trash(
    alice_client: Client, ed_client: Client, alice: User, t1: Team, made: Made, board: Board
) -> None:
    pictures = [made(alice, t1, board=board) for _number in range(3)]
    act(alice_client, "delete", *pictures[:2])

    assert act(ed_client, "remove", pictures[0]).status_code == 404
    assert act(ed_client, "restore", pictures[0]).status_code == 404
    assert toast(act(alice_client, "remove", pictures[0], pictures[2]))["text"] == "1 picture is gone for good."
    assert toast(act(alice_client, "restore", pictures[1]))["text"] == "1 picture is back."
    assert set(Picture.objects.filter(deleted_at=None)) == set(pictures[1:])


def test_it_says_how_many_may_be_chosen(alice_client: Client, alice: User, t1: Team, made: Made) -> None:
    picture = made(alice, t1)
    form = {"act": "star", "picture": [str(picture.pk), *(str(uuid4()) for _number in range(AT_ONCE))]}

    answer = alice_client.post("/images/pictures/bulk/", form)

    assert answer.status_code == 400  # htmx tells it; the form stays as it is
    assert f"at most {AT_ONCE} pictures" in answer.content.decode()


@pytest.mark.parametrize("what", ["", "burn", "move:nonsense", "take-off:", "take-off:none"])
def test_it_refuses_unknown_acts(what: str, alice_client: Client, alice: User, t1: Team, made: Made) -> None:
    assert act(alice_client, what, made(alice, t1)).status_code in {400, 404}


def test_it_tells_which_orders_changed(alice_client: Client, alice: User, t1: Team, made: Made, job: ImageJob) -> None:
    """The middle of the page shows the same pictures as the gallery."""
    picture = made(alice, t1, job=job)

    told = json.loads(act(alice_client, "delete", picture).headers["HX-Trigger"])

    assert told["kb:runs"] == {"jobs": [str(job.pk)]}
