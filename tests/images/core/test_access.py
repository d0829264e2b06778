"""The gates: who sees and changes which job, picture and board."""

from collections.abc import Callable
from uuid import uuid4

import pytest

from apps.catalog.models import AIModel
from apps.core.errors import Forbidden, NotFound
from apps.images import addresses, boards, gallery, jobs, services, tasks, uploads, work
from apps.images.access import access_board, access_job, access_picture, access_pictures
from apps.images.models import Board, ImageJob, Picture
from apps.images.orders import ControlWish, ImagePromptWish
from apps.users.access import KeyLimits, acting_key
from apps.users.models import Membership, Role, Team, User
from tests import factories
from tests.images.conftest import Place, order, png

Act = Callable[[User, Picture, Board], object]
ACTS: dict[str, Act] = {
    "see": lambda user, picture, _board: access_picture(user, picture.pk),
    "change": lambda user, picture, _board: access_picture(user, picture.pk, own=True),
    "among others": lambda user, picture, _board: access_pictures(user, [picture.pk, *_own(user)]),
    "star": lambda user, picture, _board: gallery.star(user=user, picture_ids=[picture.pk], is_starred=True),
    "star all": lambda user, picture, _board: gallery.star(
        user=user, picture_ids=[*_own(user), picture.pk], is_starred=True
    ),
    "move": lambda user, picture, _board: gallery.move(user=user, picture_ids=[picture.pk], board=None),
    "delete": lambda user, picture, _board: gallery.delete(user=user, picture_ids=[picture.pk]),
    "restore": lambda user, picture, _board: gallery.restore(user=user, picture_ids=[picture.pk]),
    "remove": lambda user, picture, _board: gallery.remove_for_good(user=user, picture_ids=[picture.pk]),
    "job": lambda user, picture, _board: access_job(user, picture.job_id or uuid4()),
    "draw over": lambda user, picture, _board: services.place_order(
        user=user, team=user.memberships.get().team, order=order(kind="redraw", source=picture.pk)
    ),
    "use as a mask": lambda user, picture, _board: services.place_order(
        user=user,
        team=user.memberships.get().team,
        order=order(kind="inpaint", source=_own(user)[0], mask=picture.pk),
    ),
    "show to a ControlNet": lambda user, picture, _board: services.place_order(
        user=user, team=user.memberships.get().team, order=order(control=ControlWish("controlnet", picture.pk))
    ),
    "show to an IP-Adapter": lambda user, picture, _board: services.place_order(
        user=user, team=user.memberships.get().team, order=order(image_prompt=ImagePromptWish("ip_adapter", picture.pk))
    ),
    "board": lambda user, _picture, board: access_board(user, board.pk),
    "onto the board": lambda user, _picture, board: gallery.move(user=user, picture_ids=_own(user), board=board),
    "draw onto the board": lambda user, _picture, board: services.place_order(
        user=user, team=user.memberships.get().team, order=order(), board=board
    ),
    "rename": lambda user, _picture, board: boards.rename(user=user, board=board, name="Mine"),
    "share": lambda user, _picture, board: boards.share(user=user, board=board, is_shared=True),
    "delete board": lambda user, _picture, board: boards.delete(user=user, board=board),
    "take off": lambda user, picture, board: gallery.take_off(user=user, board=board, picture_ids=[picture.pk]),
    "page": lambda user, _picture, board: gallery.page(
        user, user.memberships.get().team, gallery.Filters(board=board.pk)
    ),
}


def _own(user: User) -> list[object]:
    return list(Picture.objects.filter(owner=user).values_list("pk", flat=True))


@pytest.fixture
def drawn(place: Place, alice: User, t1: Team) -> tuple[Picture, Board]:
    """Return a picture of alice on a board of hers, which nobody else sees; there are adapters to show it to."""
    for kind in (AIModel.Adapter.CONTROLNET, AIModel.Adapter.IP_ADAPTER):
        factories.AIModelFactory(
            name=kind, kind=AIModel.Kind.ADAPTER, adapter=kind, path=f"{kind}/a", dimensions=None, is_default=False
        )
    board = boards.create(user=alice, team=t1, name="CANARY-T1 board")
    services.place_order(user=alice, team=t1, order=order(), board=board)
    tasks.draw_pictures()
    return Picture.objects.get(), board


def unchanged(picture: Picture, board: Board) -> bool:
    now, then = Picture.objects.get(pk=picture.pk), Board.objects.get(pk=board.pk)
    same = ("board_id", "is_starred", "deleted_at", "updated_at")
    return all(getattr(now, name) == getattr(picture, name) for name in same) and then.name == board.name


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("who", ["bob", "ada", "ed", "ann"])
def test_it_hides_what_is_anothers_from_strangers_and_colleagues(
    act: Act, who: str, drawn: tuple[Picture, Board], request: pytest.FixtureRequest
) -> None:
    """Security cases 1 to 5, 8 and 9: every way to name another's picture, job or board is NotFound, changing nothing.

    Lists that name one foreign picture beside own ones are refused whole.
    """
    person: User = request.getfixturevalue(who)
    own = uploads.store_upload(user=person, team=person.memberships.get().team, upload=png(64, 64))

    with pytest.raises(NotFound):
        act(person, *drawn)

    assert unchanged(*drawn)
    own.refresh_from_db()
    assert (own.is_starred, own.board_id) == (False, None)
    assert not ImageJob.objects.filter(owner=person).exists()


@pytest.mark.parametrize("who", ["xen", "sue", "root"])
def test_it_hides_all_from_those_who_are_not_in_the_team(
    who: str, drawn: tuple[Picture, Board], request: pytest.FixtureRequest, t1: Team
) -> None:
    """Security case 20: an ex-member, a suspended account, and administrators of the installation."""
    person: User = request.getfixturevalue(who)
    picture, board = drawn

    for act in (
        lambda: access_picture(person, picture.pk),
        lambda: access_board(person, board.pk),
        lambda: access_job(person, picture.job_id or uuid4()),
        lambda: services.place_order(user=person, team=t1, order=order()),
        lambda: uploads.store_upload(user=person, team=t1, upload=png(64, 64)),
        lambda: boards.create(user=person, team=t1, name="x"),
    ):
        with pytest.raises(NotFound):
            act()


FORBIDDEN = {"change", "star", "star all", "move", "delete", "rename", "share", "delete board"}
NEVER = {"restore", "remove", "job"}


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("who", ["ed", "ann"])
def test_it_shows_a_shared_board_to_the_team_and_lets_others_change_nothing_of_its_pictures(
    act: str, who: str, drawn: tuple[Picture, Board], request: pytest.FixtureRequest
) -> None:
    """Security cases 8 and 19: what is seen may be used, not changed; a viewer does not put pictures on the board."""
    picture, board = drawn
    boards.share(user=board.owner or picture.owner, board=board, is_shared=True)  # type: ignore[arg-type]
    person: User = request.getfixturevalue(who)
    uploads.store_upload(user=person, team=person.memberships.get().team, upload=png(64, 64))
    for_editors = {"onto the board", "draw onto the board", "take off"}
    refused: type[Exception] | None = Forbidden if act in FORBIDDEN or (who == "ann" and act in for_editors) else None
    if act in NEVER:
        refused = NotFound

    if refused is None:
        ACTS[act](person, picture, board)
    else:
        with pytest.raises(refused):
            ACTS[act](person, picture, board)
        assert unchanged(picture, board)


def test_it_lets_admins_clear_up_shared_boards(drawn: tuple[Picture, Board], ada: User, alice: User) -> None:
    picture, board = drawn
    boards.share(user=alice, board=board, is_shared=True)

    boards.rename(user=ada, board=board, name="Ours")
    boards.share(user=ada, board=board, is_shared=False)

    picture.refresh_from_db()
    assert picture.board_id == board.pk  # still on its owner's board
    with pytest.raises(NotFound):
        access_picture(ada, picture.pk)


def test_it_takes_others_pictures_off_a_board_that_is_no_longer_shared(alice: User, ed: User, t1: Team) -> None:
    board = boards.create(user=alice, team=t1, name="Ours", is_shared=True)
    picture = uploads.store_upload(user=ed, team=t1, upload=png(64, 64))
    gallery.move(user=ed, picture_ids=[picture.pk], board=board)

    boards.share(user=alice, board=board, is_shared=False)

    picture.refresh_from_db()
    assert picture.board is None


def test_it_lets_viewers_keep_boards_of_their_own_but_not_share_them(ann: User, t1: Team) -> None:
    """Security case 19."""
    board = boards.create(user=ann, team=t1, name="Mine")

    with pytest.raises(Forbidden):
        boards.share(user=ann, board=board, is_shared=True)
    with pytest.raises(Forbidden):
        boards.create(user=ann, team=t1, name="Ours", is_shared=True)


def test_it_lets_nothing_wander_between_two_teams_of_one_person(
    image_model: AIModel, alice: User, t1: Team, t2: Team
) -> None:
    """Security case 2: somebody in both teams draws in one from what the other has: not found, like a stranger's."""
    factories.MembershipFactory(team=t2, user=alice, role=Role.EDITOR)
    theirs = uploads.store_upload(user=alice, team=t2, upload=png(64, 64))
    mine = uploads.store_upload(user=alice, team=t1, upload=png(64, 64))
    board = boards.create(user=alice, team=t2, name="Two")

    for act in (
        lambda: services.place_order(user=alice, team=t1, order=order(kind="redraw", source=theirs.pk)),
        lambda: services.place_order(user=alice, team=t1, order=order(), board=board),
        lambda: gallery.move(user=alice, picture_ids=[mine.pk], board=board),
        lambda: gallery.page(alice, t1, gallery.Filters(board=board.pk)),
    ):
        with pytest.raises(NotFound):
            act()
    assert [picture.pk for picture in gallery.page(alice, t1, gallery.Filters()).pictures] == [mine.pk]


def test_it_holds_an_api_key_to_its_team(drawn: tuple[Picture, Board], alice: User, t2: Team) -> None:
    """Security case 9: a key of one team with another's picture, job or board."""
    factories.MembershipFactory(team=t2, user=alice)
    picture, board = drawn
    token = acting_key.set(KeyLimits(uuid4(), t2.pk, frozenset(), None))
    try:
        for act in (
            lambda: access_picture(alice, picture.pk),
            lambda: access_board(alice, board.pk),
            lambda: access_job(alice, picture.job_id or uuid4()),
            lambda: addresses.read(alice, "nothing"),
        ):
            with pytest.raises(NotFound):
                act()
    finally:
        acting_key.reset(token)


def test_it_draws_nothing_for_somebody_who_left_meanwhile(place: Place, ed: User) -> None:
    """Security case 20: the right is asked for again when it is drawn."""
    job = place(ed, count=2)
    Membership.objects.filter(user=ed).delete()

    tasks.draw_pictures()

    job.refresh_from_db()
    assert (job.state, job.error_code) == ("failed", "image-right-lost")
    assert not Picture.objects.exists()


def test_it_draws_nothing_with_a_model_or_a_source_that_was_taken_away(
    image_model: AIModel, place: Place, alice: User, ed: User, t1: Team
) -> None:
    """Security case 20: narrowed rights reach what waits."""
    board = boards.create(user=alice, team=t1, name="Ours", is_shared=True)
    source = uploads.store_upload(user=alice, team=t1, upload=png(64, 64))
    gallery.move(user=alice, picture_ids=[source.pk], board=board)
    over = place(ed, kind="redraw", source=source.pk)
    boards.share(user=alice, board=board, is_shared=False)
    tasks.draw_pictures()
    with_model = place(ed)
    AIModel.objects.filter(pk=image_model.pk).update(is_open=False)
    tasks.draw_pictures()

    over.refresh_from_db()
    with_model.refresh_from_db()
    assert (over.error_code, with_model.error_code) == ("image-source-gone", "image-model-gone")


def test_it_puts_a_picture_on_no_board_that_was_closed_meanwhile(
    image_model: AIModel, alice: User, ed: User, t1: Team
) -> None:
    """Security case 20: what was ordered for a shared board does not end on a colleague's private one."""
    board = boards.create(user=alice, team=t1, name="Ours", is_shared=True)
    job = services.place_order(user=ed, team=t1, order=order(count=2), board=board)
    held = jobs.claim()
    assert held is not None
    work.work_on(held)
    boards.share(user=alice, board=board, is_shared=False)

    tasks.draw_pictures()

    assert set(Picture.objects.filter(job=job).values_list("board", "number")) == {(None, 0), (None, 1)}
