"""What a usage page shows: cards, a chart and tables, ready for the template."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from apps.metering import plots, usage
from apps.metering.models import Resource
from apps.metering.usage import PERIODS, SHOWN, Point, Report, Row, Span, Whose
from apps.metering.wording import number_of

OTHERS = "…"
WEEKS = 27
COLUMNS = (Resource.QUESTIONS, Resource.PROMPT_TOKENS, Resource.OUTPUT_TOKENS, Resource.PAGES, Resource.MONEY)
CARDS = (Resource.QUESTIONS, Resource.OUTPUT_TOKENS, Resource.MONEY, Resource.PAGES, Resource.API_CALLS)


@dataclass(frozen=True, slots=True)
class Card:
    """A figure with its change against the period before, in percent; None where nothing was there before."""

    label: str
    value: str
    change: int | None
    resource: str = ""

    @property
    def change_text(self) -> str:
        """Return the change without its sign."""
        return str(abs(self.change or 0))


@dataclass(frozen=True, slots=True)
class TableRow:
    """A line of a table, its cells in the order of the columns."""

    row: Row
    cells: Sequence[tuple[str, str]]  # label of the column, value
    part: int  # percent of the greatest


def shown_of(name: str) -> Resource:
    """Return what the chart shows, by the name in the address."""
    return Resource(name) if name in [one.value for one in SHOWN] else Resource.QUESTIONS


def context(whose: Whose, period: str, shown: Resource) -> dict[str, Any]:
    """Return the context of a usage page without its tables of people and teams."""
    span = usage.span_of(period)
    found = usage.report(whose, span)
    return {
        "span": span,
        "periods": PERIODS,
        "shown": shown,
        "measures": [(one.value, label_of(one)) for one in SHOWN if found.sums.get(one) or one in (shown, *CARDS[:2])],
        "cards": _cards(found),
        "chart": chart(found, shown),
        "chart_label": label_of(shown),
        "columns": [label_of(one) for one in COLUMNS],
        "models": table(usage.by_model(found.points), Resource.OUTPUT_TOKENS),
        "has_use": any(found.sums.values()),
    }


def label_of(resource: Resource) -> str:
    """Return the name of a resource as a heading."""
    words = str(resource.label)
    return words[:1].upper() + words[1:]


def _cards(found: Report) -> list[Card]:
    before = found.before
    cards = [
        Card(
            label_of(one),
            number_of(one, found.sums.get(one, 0)),
            _change(found.sums.get(one, 0), before.get(one, 0) if before is not None else 0),
            one.value,
        )
        for one in CARDS
        if found.sums.get(one) or one in CARDS[:2]
    ]
    if found.people:
        cards.append(Card(_("People who asked"), str(found.people), _change(found.people, found.people_before or 0)))
    return cards


def _change(now: int, before: int) -> int | None:
    return round(100 * (now - before) / before) if before > 0 else None


def chart(found: Report, shown: Resource) -> plots.Stack:
    """Return the stacked chart by model of what is shown."""
    points = [point for point in found.points if point.resource == shown]
    steps = _steps(found.span, points)
    totals: dict[str, int] = {}
    for point in points:
        totals[point.model] = totals.get(point.model, 0) + point.amount
    tops = plots.top_series(totals)
    series: dict[str, list[float]] = {name or _("without a model"): [0.0] * len(steps) for name in tops}
    if len(totals) > len(tops):
        series[OTHERS] = [0.0] * len(steps)
    places = {step: place for place, step in enumerate(steps)}
    for point in points:
        name = (point.model or _("without a model")) if point.model in tops else OTHERS
        place = places.get(_day(point.step, found.span))
        if place is not None and name in series:
            series[name][place] += point.amount
    amounts = {amount for values in series.values() for amount in values} | {
        sum(values[place] for values in series.values()) for place in range(len(steps))
    }
    say = {amount: number_of(shown, int(amount)) for amount in amounts}
    return plots.stacked([_said(step, found.span) for step in steps], series, say)


def _day(step: datetime | date, span: Span) -> datetime | date:
    return step.date() if isinstance(step, datetime) and not span.is_hourly else step


def _steps(span: Span, points: Sequence[Point]) -> list[datetime | date]:
    now = timezone.now().astimezone(UTC)
    if span.is_hourly and span.begins:
        return [span.begins + timedelta(hours=hour) for hour in range(24)]
    if span.begins is not None:
        days = (now.date() - span.begins.date()).days + 1
        return [span.begins.date() + timedelta(days=day) for day in range(days)]
    first = min((_day(point.step, span) for point in points), default=now.date())
    months, end = [date(first.year, first.month, 1)], date(now.year, now.month, 1)
    while months[-1] < end:
        months.append((months[-1] + timedelta(days=32)).replace(day=1))
    return list(months)


def _said(step: datetime | date, span: Span) -> str:
    if isinstance(step, datetime):
        return date_format(timezone.localtime(step), "H:i")
    if span.begins is None:
        return date_format(step, pgettext("date format of a month and year", "M Y"))
    return date_format(step, pgettext("date format of a day", "j M"))


def table(rows: Sequence[Row], ranked: Resource) -> list[TableRow]:
    """Return the rows with a cell for each column; bars by what they are ranked by."""
    most = max((row.sums.get(ranked, 0) for row in rows), default=0)
    return [
        TableRow(
            row,
            [(label_of(one), number_of(one, row.sums.get(one, 0)) if row.sums.get(one) else "–") for one in COLUMNS],
            round(100 * row.sums.get(ranked, 0) / most) if most > 0 else 0,
        )
        for row in rows
    ]


def heatmap(amounts: Mapping[date, int]) -> plots.Heatmap:
    """Return the person's questions of the last half year, a square a day."""
    month = pgettext("date format of a month", "M")
    words = {str(number): date_format(date(2000, number, 1), month) for number in range(1, 13)}
    words |= {"none": _("no questions"), "some": _("%(n)s questions")}
    return plots.heatmap(amounts, timezone.now().astimezone(UTC).date(), WEEKS, words)
