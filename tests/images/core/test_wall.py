"""The studio behind the second wall: the web process works for its person's teams alone, and still knows the queue."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.core import tenancy
from apps.core.errors import NotFound
from apps.images import boards, gallery, jobs, pace, services, standing, tasks, uploads, work
from apps.images.access import access_job, access_picture
from apps.images.models import ImageJob, Picture
from apps.users.models import Team, User
from tests.images.conftest import Place, order, png
from tests.tenancy.conftest import as_role


def test_it_places_draws_and_shows_behind_the_wall(place: Place, alice: User, bob: User, t1: Team, t2: Team) -> None:
    with as_role():
        with tenancy.acting_for(t2.pk):
            theirs = [place(bob, count=2) for _job in range(2)]
        with tenancy.everything("a worker"):
            tasks.draw_pictures()
        with tenancy.acting_for(t2.pk):
            place(bob, count=2)
        with tenancy.acting_for(t1.pk):
            job = services.place_order(user=alice, team=t1, order=order(count=2))
            source = uploads.store_upload(user=alice, team=t1, upload=png(64, 64))
            place(alice, kind="redraw", source=source.pk)
            told = standing.standing([job])[job.pk]
            assert ImageJob.objects.count() == 2
            assert pace.paces()
            with pytest.raises(NotFound):
                access_job(bob, theirs[0].pk)
        assert told.position in {1, 2}
        assert told.seconds is not None
        with tenancy.everything("a worker"):
            tasks.draw_pictures()
        with tenancy.acting_for(t1.pk):
            board = boards.create(user=alice, team=t1, name="Mine")
            found = gallery.page(alice, t1, gallery.Filters(kinds=("drawn",))).pictures
            gallery.move(user=alice, picture_ids=[one.pk for one in found], board=board)
            assert len(found) == 3
            gallery.delete(user=alice, picture_ids=[one.pk for one in found])
        with tenancy.acting_for():
            assert not Picture.objects.exists()
            with pytest.raises(NotFound):
                access_picture(alice, found[0].pk)


def test_it_asks_little_of_the_database_for_a_picture(place: Place, alice: User, t1: Team) -> None:
    """Query counts of an order and of a slice of the worker, however many pictures there are."""
    place(alice)
    tasks.draw_pictures()
    with CaptureQueriesContext(connection) as ordered:
        place(alice, count=8)
    with CaptureQueriesContext(connection) as drawn:
        held = jobs.claim()
        assert held is not None
        work.work_on(held)
    for _picture in range(6):
        held = jobs.claim()
        assert held is not None
        work.work_on(held)
    with CaptureQueriesContext(connection) as last:
        held = jobs.claim()
        assert held is not None
        work.work_on(held)

    assert [count(each) for each in (ordered, drawn, last)] == [10, 21, 21]


def count(asked: CaptureQueriesContext) -> int:
    return sum("SAVEPOINT" not in each["sql"] for each in asked.captured_queries)
