"""From an order to pictures."""

from apps.images import tasks
from apps.images.models import Picture
from apps.users.models import Team, User
from tests.images.core.conftest import Place


def test_it_draws_the_pictures_of_an_order(place: Place, alice: User, t1: Team) -> None:
    job = place(alice, t1, count=3, seed=7)

    tasks.draw_pictures()

    job.refresh_from_db()
    assert (job.state, job.done, job.total) == ("done", 3, 3)
    pictures = Picture.objects.filter(job=job).order_by("number")
    assert [(one.number, one.seed, one.width) for one in pictures] == [(0, 7, 64), (1, 8, 64), (2, 9, 64)]
