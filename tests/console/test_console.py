"""The console: for administrators alone, in few queries however many there are, and what it does to accounts."""

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.audit.models import AuditEvent
from apps.console import lists, tasks
from apps.console.findings import findings
from apps.console.models import Check, Sample
from apps.console.plots import growth
from apps.console.standing import standing
from apps.core import heartbeat
from apps.users import accounts
from apps.users.errors import LastAdministrator, NotOneself
from apps.users.models import Team, User
from kb_project import settings as product
from tests import factories
from tests.users.signing import signed_in

pytestmark = pytest.mark.django_db
PAGES = ("/system/", "/system/people/", "/system/teams/", "/system/jobs/")


@pytest.fixture(autouse=True)
def _proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("apps.users.signin.require_proof", lambda _request: None)


@pytest.mark.parametrize("address", PAGES)
def test_it_is_for_administrators_alone(address: str, alice: User, root: User) -> None:
    assert signed_in(alice).get(address).status_code == 404
    assert signed_in(root).get(address).status_code == 200


@pytest.mark.parametrize("address", PAGES[1:])
def test_it_asks_the_database_as_often_for_many_as_for_few(address: str, root: User, t1: Team) -> None:
    client = signed_in(root)
    client.get(address)

    def queries() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    for _ in range(2):
        factories.MembershipFactory(team=factories.TeamFactory(), user=factories.UserFactory())
    few = queries()
    for _ in range(lists.PAGE + 5):
        factories.MembershipFactory(team=factories.TeamFactory(), user=factories.UserFactory())
    assert queries() == few


def test_it_pages_through_people_and_teams_without_leaving_anybody_out(root: User) -> None:
    for number in range(lists.PAGE + 7):
        factories.UserFactory(email=f"p{number:03}@example.test")
        factories.TeamFactory(name="Same name" if number % 2 else f"Team {number}")
    for read, everything in ((lists.people, User.objects.count()), (lists.teams, Team.objects.count())):
        first = read({})
        second = read({"after": first.after})
        keys = [_key(row) for page in (first, second) for row in page.rows]
        assert len(keys) == len(set(keys)) == everything
        assert not second.after


def _key(row: object) -> object:
    return getattr(row, "user", None) or getattr(row, "team", None)


def test_it_filters_people(root: User) -> None:
    factories.UserFactory(email="gone@example.test", is_active=False)
    assert [row.user.email for row in lists.people({"state": "suspended"}).rows] == ["gone@example.test"]
    assert [row.user.email for row in lists.people({"state": "admins"}).rows] == [root.email]
    assert [row.user.email for row in lists.people({"q": "GONE"}).rows] == ["gone@example.test"]


@pytest.mark.parametrize("query", ["after=x", "after=%00", "state=x", "team=1", "q=%00", "after=" + "a" * 3000])
def test_it_survives_queries_that_say_nothing(root: User, query: str) -> None:
    client = signed_in(root)
    for address in PAGES[1:]:
        assert client.get(f"{address}?{query}").status_code == 200


def test_it_suspends_and_resumes(root: User, alice: User) -> None:
    client, hers = signed_in(root), signed_in(alice)
    assert hers.get("/").status_code == 200
    client.post(f"/system/people/{alice.pk}/suspend/", {"reason": "left the firm"})
    assert hers.get("/").status_code == 302
    event = AuditEvent.objects.get(action="user.suspended")
    assert event.detail["reason"] == "left the firm"
    client.post(f"/system/people/{alice.pk}/resume/")
    assert signed_in(User.objects.get(pk=alice.pk)).get("/").status_code == 200


def test_it_never_ends_the_last_administrator_nor_oneself(root: User, alice: User) -> None:
    with pytest.raises(NotOneself):
        accounts.suspend(actor=root, user_id=root.pk, reason="")
    with pytest.raises(NotOneself):
        accounts.make_admin(actor=root, user_id=root.pk, is_admin=False)
    second = factories.UserFactory(is_superuser=True, is_staff=True)
    accounts.make_admin(actor=root, user_id=second.pk, is_admin=False)
    second.refresh_from_db()
    assert not second.is_superuser
    with pytest.raises(LastAdministrator):
        accounts.suspend(actor=alice, user_id=root.pk, reason="")


def test_it_makes_an_account_and_shows_its_password_once(root: User) -> None:
    client = signed_in(root)
    made = client.post("/system/people/new/", {"email": "New@Example.test", "name": "New"})
    assert made.headers["Cache-Control"] == "no-store"
    password = made.context["made"][1]
    assert password in made.content.decode()
    assert User.objects.get(email="new@example.test").check_password(password)
    assert password not in client.get("/system/people/").content.decode()
    again = client.post("/system/people/new/", {"email": "new@example.test", "name": ""})
    assert again.status_code == 422


def test_it_makes_and_suspends_teams(root: User, alice: User, t1: Team) -> None:
    client = signed_in(root)
    assert client.post("/system/teams/new/", {"name": "Fresh", "owner": alice.email}).status_code == 302
    assert Team.objects.get(name="Fresh").memberships.get().user == alice
    assert client.post("/system/teams/new/", {"name": "Fresh", "owner": "nobody@example.test"}).status_code == 422
    client.post(f"/system/teams/{t1.pk}/state/", {"state": "suspended", "reason": "unpaid"})
    t1.refresh_from_db()
    assert t1.suspended_at is not None
    client.post(f"/system/teams/{t1.pk}/state/", {"state": "active"})
    t1.refresh_from_db()
    assert t1.suspended_at is None


def test_it_shows_no_name_of_a_file_or_of_a_talk(root: User, alice: User, t1: Team) -> None:
    library = factories.LibraryFactory(team=t1, name="CANARY-T1 library")
    document = factories.DocumentFactory(library=library, name="CANARY-T1 file.pdf")
    factories.IngestionJobFactory(document=document)
    client = signed_in(root)
    for address in (*PAGES, f"/system/people/{alice.pk}/"):
        page = client.get(address).content.decode().replace("CANARY-T1 team", "")
        assert "CANARY-T1" not in page


def test_it_tells_what_is_not_in_order(root: User) -> None:
    codes = {str(one.title) for one in findings(standing())}
    assert "Mail is not set up" in codes
    assert "There is one administrator" in codes
    Check.objects.create(broken=[{"check": "audit.chain", "what": "x"}])
    worst = findings(standing())[0]
    assert worst.level == "error"


def test_it_knows_which_processes_live(root: User) -> None:
    heartbeat.keep("worker", "worker@here:1", queues=["answer", "embed"])
    heartbeat.keep("beat")
    signs = {sign.role: sign for sign in heartbeat.signs()}
    assert signs["worker"].queues == ["answer", "embed"]
    assert signs["worker"].memory > 0
    titles = {str(one.title) for one in findings(standing())}
    assert "No worker runs" not in titles
    assert "The scheduler gives no sign" not in titles
    cache.clear()


def test_it_keeps_a_sample_an_hour_and_one_a_day_of_old_ones() -> None:
    tasks.sample()
    tasks.sample()
    assert Sample.objects.count() == 1
    old = timezone.now() - timedelta(days=60)
    for hour in range(5):
        Sample.objects.filter(pk=Sample.objects.create().pk).update(at=old.replace(hour=hour))
    Sample.objects.filter(at__gt=timezone.now() - timedelta(days=1)).update(at=timezone.now() - timedelta(hours=2))
    tasks.sample()
    assert Sample.objects.filter(at__lt=timezone.now() - timedelta(days=31)).count() == 1


def test_it_draws_growth_from_two_samples_on() -> None:
    assert growth([]) == []
    rows = [Sample(database_bytes=1), Sample(database_bytes=3), Sample(database_bytes=2)]
    line = growth(rows)[0]
    assert (line.last, line.added) == (2, 1)
    assert line.points.count(",") == 3


def test_it_names_its_version_once() -> None:
    text = (product.BASE_DIR / "pyproject.toml").read_text(encoding="utf-8")
    assert f'version = "{product.VERSION}"' in text


@pytest.mark.django_db(transaction=True)
def test_two_administrators_cannot_end_each_other_at_the_same_time() -> None:
    one, two = (factories.UserFactory(is_superuser=True, is_staff=True) for _ in range(2))
    start = threading.Barrier(2)
    refused: list[type[Exception]] = []

    def end(actor: User, other: User) -> Callable[[], None]:
        def run() -> None:
            start.wait()
            try:
                accounts.make_admin(actor=actor, user_id=other.pk, is_admin=False)
            except LastAdministrator as error:
                refused.append(type(error))
            finally:
                connection.close()

        return run

    threads = [threading.Thread(target=end(*pair)) for pair in ((one, two), (two, one))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert refused == [LastAdministrator]
    assert User.objects.filter(is_superuser=True).count() == 1
