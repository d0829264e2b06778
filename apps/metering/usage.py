"""What was used, summed up from the sums by day: figures, a chart, and tables of models, people and teams."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, F, Max, Min, Q, QuerySet, Sum
from django.db.models.functions import TruncHour
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.metering.models import Resource, Scope, UsageDay, UsageEvent, UsageShown
from apps.users.models import Team, User

PERIODS = {"24h": _("24 hours"), "7": _("7 days"), "30": _("30 days"), "90": _("90 days"), "all": _("All")}
DEFAULT_PERIOD = "30"
MOST_ROWS = 50  # of a table of people or teams
# What a chart can show; storage and answers at the same time are levels, not use.
SHOWN = (
    Resource.QUESTIONS,
    Resource.OUTPUT_TOKENS,
    Resource.PROMPT_TOKENS,
    Resource.MONEY,
    Resource.PAGES,
    Resource.API_CALLS,
    Resource.PICTURES,
    Resource.AUDIO_SECONDS,
)
Sums = dict[str, int]  # resource -> amount


@dataclass(frozen=True, slots=True)
class Whose:
    """Whose use is shown: the installation's, a team's, a person's, or a person's in a team."""

    team: Team | None = None
    user: User | None = None

    def filters(self) -> dict[str, UUID]:
        """Return the filters of the ledger and of its sums."""
        found = {"team_key": self.team.pk if self.team else None, "user_key": self.user.pk if self.user else None}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True, slots=True)
class Span:
    """A period: its first moment, how it is cut into steps, and the equal period before it."""

    name: str
    begins: datetime | None  # None: everything
    before: datetime | None

    @property
    def is_hourly(self) -> bool:
        """Return whether the steps are hours, which only the ledger knows."""
        return self.name == "24h"


@dataclass(frozen=True, slots=True)
class Point:
    """What was used of a resource by a model in one step of time."""

    step: datetime | date
    model: str
    resource: str
    amount: int


@dataclass(frozen=True, slots=True)
class Row:
    """A line of a table: who or what, and what was used."""

    key: UUID | str
    name: str
    hint: str
    sums: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Report:
    """What a dashboard shows of one period."""

    span: Span
    points: list[Point]
    sums: Sums
    before: Sums | None  # of the equal period before; None where there is none
    people: int
    people_before: int | None


def span_of(name: str) -> Span:
    """Return a period by its name; an unknown one is the default."""
    name = name if name in PERIODS else DEFAULT_PERIOD
    now = timezone.now().astimezone(UTC)
    if name == "all":
        return Span(name, None, None)
    if name == "24h":
        begins = now.replace(minute=0, second=0, microsecond=0) - timedelta(hours=23)
        return Span(name, begins, begins - timedelta(hours=24))
    begins = now.replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=int(name) - 1)
    return Span(name, begins, begins - timedelta(days=int(name)))


def report(whose: Whose, span: Span) -> Report:
    """Return the figures of a period and of the one before it; two queries at most."""
    every = list(_points(whose, span))
    begins = span.begins
    now = [point for point in every if begins is None or _at(point.step) >= begins]
    sums, before = _sum(now), None
    if begins is not None:
        before = _sum(point for point in every if _at(point.step) < begins)
    people, earlier = _people(whose, span) if whose.user is None else (0, None)
    return Report(span, now, sums, before, people, earlier)


def _by_day(whose: Whose, scope: Scope, begins: datetime | None) -> QuerySet[Any]:
    """Return the sums by day since a moment: of each `subject`, a team or a person, or of each model ("system")."""
    since = {"day__gte": begins.date()} if begins is not None else {}
    filters = whose.filters()
    if not filters:
        return UsageShown.objects.filter(scope=scope, **since).order_by()
    days = UsageDay.objects.filter(**filters, **since).order_by()
    return days if scope == Scope.SYSTEM else days.annotate(subject=F(f"{scope}_key"))


def _points(whose: Whose, span: Span) -> Iterator[Point]:
    """Yield the sums by step, model and resource of the period and of the one before it; one query."""
    if span.is_hourly:
        events = UsageEvent.objects.filter(at__gte=span.before, **whose.filters())
        hours = events.annotate(step=TruncHour("at", tzinfo=UTC)).order_by().values_list("step", "model", "resource")
        for step, model, resource, amount in hours.annotate(total=Sum("amount")):
            yield Point(step, model, resource, amount)
        return
    days = _by_day(whose, Scope.SYSTEM, span.before).values_list("day", "model", "resource")
    months: dict[tuple[date, str, str], int] = defaultdict(int)
    # By the bare day: an expression of it costs more than all the rest at a million lines of usage.
    for day, model, resource, amount in days.annotate(total=Sum("amount")):
        if span.before is not None:
            yield Point(day, model, resource, amount)
        else:
            months[day.replace(day=1), model, resource] += amount
    yield from (Point(month, model, resource, amount) for (month, model, resource), amount in months.items())


def _at(step: datetime | date) -> datetime:
    return step if isinstance(step, datetime) else datetime(step.year, step.month, step.day, tzinfo=UTC)


def _sum(points: Iterable[Point]) -> Sums:
    sums: Sums = defaultdict(int)
    for point in points:
        sums[point.resource] += point.amount
    return dict(sums)


def _people(whose: Whose, span: Span) -> tuple[int, int | None]:
    """Return how many people asked in the period, and how many in the one before it; one query."""
    begins = span.begins.date() if span.begins is not None else date.min
    asked = _by_day(whose, Scope.USER, span.before).filter(resource=Resource.QUESTIONS)
    each = asked.values("subject").annotate(first=Min("day"), last=Max("day"))
    found = each.aggregate(
        now=Count("subject", filter=Q(last__gte=begins)), earlier=Count("subject", filter=Q(first__lt=begins))
    )
    return found["now"], found["earlier"] if span.begins is not None else None


def by_model(points: Iterable[Point]) -> list[Row]:
    """Return what each model did, the one with the most generated tokens first."""
    sums: dict[str, Sums] = defaultdict(lambda: defaultdict(int))
    for point in points:
        sums[point.model][point.resource] += point.amount
    rows = [Row(model, model, "", dict(found)) for model, found in sums.items() if model]
    return sorted(rows, key=lambda row: -row.sums.get(Resource.OUTPUT_TOKENS, 0))


def by_person(whose: Whose, span: Span, resource: str) -> list[Row]:
    """Return the people who used most of a resource, with all that they used; three queries."""
    top = _top(_by_day(whose, Scope.USER, span.begins), resource)
    people = {user.pk: user for user in User.objects.filter(pk__in=top)}
    return [
        Row(key, people[key].name or people[key].email, people[key].email, sums)
        for key, sums in top.items()
        if key in people
    ]


def by_team(span: Span, resource: str) -> list[Row]:
    """Return the teams that used most of a resource, with all that they used; three queries."""
    top = _top(_by_day(Whose(), Scope.TEAM, span.begins), resource)
    names = dict(Team.objects.filter(pk__in=top).values_list("pk", "name"))
    return [Row(key, names[key], "", sums) for key, sums in top.items() if key in names]


def _top(days: QuerySet[Any], resource: str) -> dict[UUID, Sums]:
    """Return the subjects with the most of a resource, the greatest first, with their sums of every resource."""
    ranked = days.filter(resource=resource).values_list("subject").annotate(total=Sum("amount"))
    keys = [key for key, _total in ranked.order_by("-total", "subject")[:MOST_ROWS]]
    sums: dict[UUID, Sums] = {key: {} for key in keys}
    rows = days.filter(subject__in=keys).values_list("subject", "resource")
    for key, kind, amount in rows.annotate(total=Sum("amount")):
        sums[key][kind] = amount
    return sums


def daily(whose: Whose, span: Span) -> QuerySet[UsageDay, tuple[Any, ...]]:
    """Return the rows behind a period, for an export: day, team, person, key, model, resource, amount."""
    columns = ("day", "team_key", "user_key", "api_key", "model", "resource", "amount")
    days = UsageDay.objects.filter(**whose.filters())
    days = days if span.begins is None else days.filter(day__gte=span.begins.date())
    return days.order_by("day", "team_key", "user_key", "model", "resource").values_list(*columns)


def used_in_all(team_id: UUID) -> dict[Resource, int]:
    """Return what the team has used since it exists; of storage and documents what is there now."""
    rows = UsageDay.objects.filter(team_key=team_id).values_list("resource").annotate(amount=Sum("amount"))
    return {Resource(resource): amount for resource, amount in rows}


def by_day(user: User, days: int) -> dict[date, int]:
    """Return how many questions a person asked on each of the last days."""
    begins = timezone.now().astimezone(UTC).date() - timedelta(days=days - 1)
    mine = UsageDay.objects.filter(user_key=user.pk, day__gte=begins, resource=Resource.QUESTIONS)
    return dict(mine.order_by().values_list("day").annotate(total=Sum("amount")))
