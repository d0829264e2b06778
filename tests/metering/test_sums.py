"""The sums of days that are over equal the days, whatever is settled, given back or deleted after them."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from datetime import timedelta
from threading import Event
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from apps.metering import sums, usage
from apps.metering.invariants import days_equal_sums, ledger_equals_days
from apps.metering.models import Reservation, Resource, UsageDay, UsageShown, UsageSum
from apps.metering.services import add_use, reserve, settle
from apps.metering.tasks import sum_up_days
from apps.metering.team_removal import remove_counters
from apps.metering.usage import PERIODS, Whose, span_of
from apps.users.models import Team, User
from tests import factories

QUESTION = {Resource.QUESTIONS: 1}
USED = {Resource.QUESTIONS: 1, Resource.PROMPT_TOKENS: 900, Resource.OUTPUT_TOKENS: 40}


def held(user: User | None, team: Team | None, days_ago: int, model: str = "a-model") -> Reservation:
    """Return a reservation of that day, which is not settled yet."""
    reservation = Reservation.objects.get(pk=reserve(user=user, team=team, amounts=QUESTION, model=model).pk)
    reservation.created_at = timezone.now() - timedelta(days=days_ago)
    reservation.save(update_fields=["created_at"])
    return reservation


def use(user: User | None, team: Team | None, days_ago: int, model: str = "a-model") -> None:
    settle(held(user, team, days_ago, model).pk, USED)


def figures() -> dict[str, Any]:
    """Return all that the pages of the installation show, for each period."""
    found = {}
    for period in PERIODS:
        span = span_of(period)
        report = asdict(usage.report(Whose(), span))
        report["points"] = sorted(tuple(point.values()) for point in report["points"])
        tables = [usage.by_person(Whose(), span, "questions"), usage.by_team(span, "output_tokens")]
        found[period] = [report, tables, usage.by_person(Whose(), span, "pages")]
    return found


def drift() -> list[str]:
    return days_equal_sums() + ledger_equals_days()


@pytest.fixture
def today_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `sum_up` take today too, so that all that is counted from then on comes late."""
    monkeypatch.setattr(sums, "SETTLING", timedelta(days=-2))


@pytest.fixture
def used(alice: User, ann: User, bob: User, t1: Team, t2: Team) -> None:
    """Use something on seven days, in two teams, by three people and two models, and by nobody."""
    for days_ago in (0, 1, 2, 6, 8, 35, 120):
        use(alice, t1, days_ago)
        use(ann, t1, days_ago, "another-model")
    use(bob, t2, 1)
    use(alice, t2, 50)
    use(None, t1, 3)
    use(bob, None, 3)


@pytest.mark.usefixtures("used")
def test_it_shows_the_same_figures_before_and_after_days_are_summed_up() -> None:
    before = figures()

    assert (
        sum_up_days()
        == UsageDay.objects.filter(day__lte=timezone.now().date() - timedelta(days=1)).values("day").distinct().count()
    )

    assert figures() == before
    assert drift() == []
    assert set(UsageSum.objects.values_list("scope", flat=True)) == {"system", "team", "user"}
    assert sum_up_days() == 0


@pytest.mark.usefixtures("used")
def test_it_leaves_out_the_day_that_is_not_over() -> None:
    sum_up_days()

    today = timezone.now().date()
    assert not UsageSum.objects.filter(day=today).exists()
    assert UsageShown.objects.filter(scope="system", day=today).exists()


@pytest.mark.usefixtures("used")
def test_it_counts_what_is_settled_on_a_day_that_is_summed_up(alice: User, ann: User, t1: Team) -> None:
    late, new = held(alice, t1, 2), held(ann, t1, 2, "a-new-model")
    sum_up_days()
    before = usage.report(Whose(), span_of("7"))

    assert settle(late.pk, USED)
    assert settle(new.pk, USED | {Resource.PAGES: 7}, "another-new-model")
    assert not settle(new.pk, USED)

    after = usage.report(Whose(), span_of("7"))
    assert after.sums["output_tokens"] == before.sums["output_tokens"] + 80
    assert after.sums["pages"] == 7
    assert usage.by_person(Whose(), span_of("7"), "pages")[0].key == ann.pk
    assert "another-new-model" in {point.model for point in after.points}
    assert drift() == []


@pytest.mark.usefixtures("used", "today_is_over")
def test_it_gives_back_on_a_day_that_is_summed_up(alice: User, t1: Team) -> None:
    stored = {Resource.STORAGE_BYTES: 5_000, Resource.DOCUMENTS: 1}
    add_use(user=alice, team=t1, amounts=stored)
    sum_up_days()

    add_use(user=alice, team=t1, amounts={resource: -amount for resource, amount in stored.items()})
    add_use(user=None, team=None, amounts={Resource.PAGES: 3})

    shown = UsageShown.objects.filter(resource=Resource.STORAGE_BYTES)
    assert {(row.scope, row.amount) for row in shown} == {("system", 0), ("team", 0), ("user", 0)}
    assert drift() == []


def test_it_goes_on_after_days_without_use(alice: User, t1: Team) -> None:
    use(alice, t1, 6)
    assert sum_up_days() == 1

    use(alice, t1, 4)
    use(alice, t1, 40)

    assert drift() == []
    assert sum_up_days() == 1
    assert drift() == []


@pytest.mark.usefixtures("used")
def test_it_keeps_the_sums_of_deleted_people_and_teams(ann: User, t1: Team, t2: Team) -> None:
    late = held(ann, t1, 2)
    sum_up_days()
    before = usage.report(Whose(), span_of("all")).sums

    remove_counters(t2.pk, lambda: None)
    Team.objects.filter(pk=t2.pk).delete()
    ann.delete()
    assert usage.report(Whose(), span_of("all")).sums == before
    settle(late.pk, USED)

    assert usage.report(Whose(), span_of("all")).sums["questions"] == before["questions"] + 1
    assert drift() == []


@pytest.mark.usefixtures("used")
def test_it_says_where_sums_are_wrong() -> None:
    sum_up_days()
    UsageSum.objects.filter(scope="team", resource="questions").update(amount=99)

    assert "99" in days_equal_sums()[0]


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("today_is_over")
def test_it_counts_once_what_is_settled_while_a_day_is_summed_up() -> None:
    members = [factories.MembershipFactory() for _ in range(4)]
    begun = Event()

    def work(number: int) -> None:
        try:
            for done in range(12):
                held_now = reserve(user=members[number].user, team=members[number].team, amounts=QUESTION, model="m")
                settle(held_now.pk, USED)
                if done == 1:
                    begun.set()
        finally:
            connection.close()

    def sum_up() -> int:
        begun.wait(10)
        try:
            return sums.sum_up()
        finally:
            connection.close()

    with ThreadPoolExecutor(5) as pool:
        summed = pool.submit(sum_up)
        list(pool.map(work, range(4)))

    assert summed.result() == 1
    assert drift() == []
    assert usage.report(Whose(), span_of("7")).sums["questions"] == 48
