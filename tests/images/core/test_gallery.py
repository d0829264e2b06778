"""The gallery: pages, search, boards, trash; and what is removed for good."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.core.invariants import verify
from apps.images import boards, files, gallery, tasks, team_removal, uploads
from apps.images.errors import BoardNameEmpty
from apps.images.gallery import Filters
from apps.images.models import Board, ImageJob, Picture
from apps.metering.models import Resource, UsageEvent
from apps.users.models import Team, User
from tests.images.conftest import Place, png


def stored(team: Team) -> int:
    folder = f"images/{team.pk}"
    return len(default_storage.listdir(folder)[1]) if default_storage.exists(folder) else 0


def kept_bytes() -> int:
    return sum(UsageEvent.objects.filter(resource=Resource.STORAGE_BYTES).values_list("amount", flat=True))


@pytest.fixture
def pictures(place: Place, alice: User) -> list[Picture]:
    """Return five pictures of alice, the newest first."""
    for prompt in ("a red circle", "a blue circle", "一只猫"):
        place(alice, prompt=prompt)
    place(alice, prompt="a red square", count=2)
    tasks.draw_pictures()
    return list(Picture.objects.order_by("-created_at", "-pk"))


def test_it_pages_through_everything_once(pictures: list[Picture], alice: User, t1: Team) -> None:
    seen, after = [], None
    for _page in range(3):
        found = gallery.page(alice, t1, Filters(), after=after, size=2)
        seen += found.pictures
        after = found.after

    assert seen == pictures
    assert after is None


def test_it_finds_by_words_stars_and_kinds(pictures: list[Picture], alice: User, t1: Team) -> None:
    gallery.star(user=alice, picture_ids=[pictures[0].pk], is_starred=True)
    source = uploads.store_upload(user=alice, team=t1, upload=png(64, 64))
    uploads.store_upload(user=alice, team=t1, upload=png(64, 64), kind="mask")

    def count(filters: Filters) -> int:
        return len(gallery.page(alice, t1, filters).pictures)

    assert count(Filters()) == 6  # no mask
    assert count(Filters(words="RED circle")) == 1
    assert count(Filters(words="猫")) == 1
    assert count(Filters(words="%")) == 0
    assert count(Filters(words="_")) == 0
    assert count(Filters(is_starred=True)) == 1
    assert [one.pk for one in gallery.page(alice, t1, Filters(kinds=("source",))).pictures] == [source.pk]


def test_it_asks_the_database_once_however_many_there_are(pictures: list[Picture], alice: User, t1: Team) -> None:
    """Query counts of the lists."""
    board = boards.create(user=alice, team=t1, name="Circles")
    gallery.move(user=alice, picture_ids=[one.pk for one in pictures[:3]], board=board)
    for name in "abc":
        boards.create(user=alice, team=t1, name=name)

    def queries(ask: object) -> int:
        with CaptureQueriesContext(connection) as asked:
            assert callable(ask)
            ask()
        return len(asked)

    def shown(filters: Filters) -> list[tuple[object, ...]]:
        return [(one.board, one.owner, one.prompt) for one in gallery.page(alice, t1, filters).pictures]

    assert queries(lambda: shown(Filters())) == 1
    assert queries(lambda: shown(Filters(words="red", is_starred=True))) == 1
    assert queries(lambda: shown(Filters(board=board.pk))) == 2
    assert queries(lambda: [(one.picture_count, one.owner) for one in boards.boards_of(alice, t1)]) == 1
    found = list(boards.boards_of(alice, t1))
    assert queries(lambda: boards.covers(found)) == 1
    assert queries(lambda: gallery.star(user=alice, picture_ids=[one.pk for one in pictures], is_starred=True)) == 2
    assert queries(lambda: gallery.delete(user=alice, picture_ids=[one.pk for one in pictures])) == 2


def test_it_counts_what_is_on_a_board_and_shows_its_newest(pictures: list[Picture], alice: User, t1: Team) -> None:
    board = boards.create(user=alice, team=t1, name="  Red \n things ")
    gallery.move(user=alice, picture_ids=[one.pk for one in pictures[:3]], board=board)
    gallery.delete(user=alice, picture_ids=[pictures[0].pk])

    found = boards.boards_of(alice, t1).get()
    assert (found.name, found.picture_count, found.cover) == ("Red things", 2, pictures[1].pk)
    assert boards.covers([found]) == {pictures[1].pk: pictures[1]}
    boards.delete(user=alice, board=board)
    assert Picture.objects.filter(board=None).count() == 5
    for name in ("", "  ", "x" * 101):
        with pytest.raises(BoardNameEmpty):
            boards.create(user=alice, team=t1, name=name)


def test_it_brings_back_what_was_deleted(pictures: list[Picture], alice: User, t1: Team) -> None:
    ids = [one.pk for one in pictures[:2]]

    assert gallery.delete(user=alice, picture_ids=ids) == 2
    assert [one.pk for one in gallery.page(alice, t1, Filters()).pictures] == [one.pk for one in pictures[2:]]
    assert {one.pk for one in gallery.page(alice, t1, Filters(in_trash=True)).pictures} == set(ids)
    assert gallery.restore(user=alice, picture_ids=ids) == 2
    assert len(gallery.page(alice, t1, Filters()).pictures) == 5


def test_it_removes_for_good_only_what_lies_in_the_trash(
    pictures: list[Picture], alice: User, t1: Team, django_capture_on_commit_callbacks: object
) -> None:
    gallery.delete(user=alice, picture_ids=[pictures[0].pk])
    assert callable(django_capture_on_commit_callbacks)
    with django_capture_on_commit_callbacks(execute=True):
        assert gallery.remove_for_good(user=alice, picture_ids=[one.pk for one in pictures]) == 1

    assert Picture.objects.count() == 4
    assert stored(t1) == 8
    assert kept_bytes() == sum(Picture.objects.values_list("size_bytes", flat=True))


def test_it_purges_after_the_time_to_restore(
    pictures: list[Picture], alice: User, t1: Team, django_capture_on_commit_callbacks: object
) -> None:
    old = timezone.now() - timedelta(days=settings.ENV.undo_days + 1)
    mask = uploads.store_upload(user=alice, team=t1, upload=png(64, 64), kind="mask")
    gallery.delete(user=alice, picture_ids=[pictures[0].pk, pictures[1].pk])
    Picture.objects.filter(pk=pictures[0].pk).update(deleted_at=old)
    Picture.objects.filter(pk=mask.pk).update(created_at=old)

    assert callable(django_capture_on_commit_callbacks)
    with django_capture_on_commit_callbacks(execute=True):
        assert gallery.purge() == 2

    assert Picture.objects.count() == 4
    assert stored(t1) == 8
    assert kept_bytes() == sum(Picture.objects.values_list("size_bytes", flat=True))
    assert [found for found in verify() if found.check.startswith(("images.", "metering."))] == []


def test_it_removes_files_that_no_picture_owns(pictures: list[Picture], alice: User, t1: Team) -> None:
    lost = files.write(t1.pk, files.read_pixels(pictures[0]))

    assert files.remove_orphans() == 0  # it may be on its way
    assert files.remove_orphans(timedelta(0)) == 2
    assert not default_storage.exists(lost.file)
    assert stored(t1) == 10


def test_it_removes_a_team_with_all_that_is_stored(
    pictures: list[Picture], place: Place, alice: User, t1: Team, t2: Team, bob: User
) -> None:
    theirs = uploads.store_upload(user=bob, team=t2, upload=png(64, 64))
    boards.create(user=alice, team=t1, name="Circles")
    default_storage.save(f"images/{t1.pk}/training/{uuid4()}.safetensors", files.ContentFile(b"x"))
    place(alice)
    beats: list[int] = []

    for _again in range(2):  # after a crash it runs once more
        team_removal.remove_pictures(t1.pk, lambda: beats.append(1))

    assert beats
    assert stored(t1) == 0
    assert not default_storage.exists(f"images/{t1.pk}")
    assert not Picture.objects.filter(team=t1).exists()
    assert not ImageJob.objects.filter(team=t1).exists()
    assert default_storage.exists(theirs.file)


def test_it_names_a_broken_row(pictures: list[Picture], t2: Team) -> None:
    """The invariants see what they are for."""
    default_storage.delete(pictures[0].thumbnail)
    board = Board.objects.create(team=t2, name="x")
    Picture.objects.filter(pk=pictures[1].pk).update(board=board)
    ImageJob.objects.filter(pk=pictures[2].job_id).update(state="queued", done=0)
    ImageJob.objects.filter(pk=pictures[3].job_id).update(state="running", lease_until=None)

    broken = {found.check for found in verify()}

    assert broken >= {
        "images.files-exist", "images.same-team", "images.jobs-count-their-pictures", "images.jobs-end",
    }  # fmt: skip
