"""The chips above a list of documents: what can be filtered by, how many documents each choice shows, what is chosen.

Each facet counts what would be listed if its own condition were lifted, so that its counts are what a click shows.
One query each; their number does not depend on the number of documents.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Case, CharField, Count, Expression, F, Func, Q, QuerySet, TextField, Value, When
from django.db.models.fields.json import KeyTextTransform
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, gettext_lazy

from apps.libraries.families import FAMILIES, family_of
from apps.libraries.filters import ADDED_DAYS, FIELD_PREFIX, NOBODY, Filter, apply, status_is, validity_is
from apps.libraries.metadata import Field
from apps.libraries.models import Document
from apps.libraries.models.documents import DocumentQuerySet
from apps.users.models import User

CHOICES_MAX = 100  # shown of one facet, the most frequent ones
STATUS_NAMES: Mapping[str, Promise] = {
    "ready": gettext_lazy("Ready"),
    "reading": gettext_lazy("Being read"),
    "failed": gettext_lazy("Failed"),
    "cancelled": gettext_lazy("Cancelled"),
    "disabled": gettext_lazy("Switched off"),
}
VALIDITY_NAMES: Mapping[str, Promise] = {
    "valid": gettext_lazy("Valid today"),
    "expiring": gettext_lazy("Expires within 30 days"),
    "expired": gettext_lazy("Expired"),
    "upcoming": gettext_lazy("Not valid yet"),
}
ADDED_NAMES: Mapping[str, Promise] = {
    "today": gettext_lazy("Last 24 hours"),
    "week": gettext_lazy("Last 7 days"),
    "month": gettext_lazy("Last 30 days"),
    "year": gettext_lazy("Last 365 days"),
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One value of a facet and where its link leads: choosing it, or lifting it where it is chosen."""

    value: str
    label: str
    count: int
    query: str
    is_chosen: bool


@dataclass(frozen=True, slots=True)
class Facet:
    """What can be chosen of one kind. `entry` is "date" or "number" for a range that is typed, "text" for a search."""

    name: str
    label: str
    choices: tuple[Choice, ...] = ()
    chosen: str = ""  # its label where one is chosen
    clear: str = ""  # the query without it
    entry: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Facets:
    """All chips of a list."""

    status: Facet
    others: tuple[Facet, ...]


def facets_of(documents: DocumentQuerySet, wanted: Filter, fields: Sequence[Field]) -> Facets:
    """Return the chips for all documents of a library and what is asked for now."""
    make = _Maker(documents, wanted, tuple(fields))
    others = (make.tags(), make.types(), make.owners(), make.added(), make.validity(), make.origins())
    own = tuple(make.field(each) for each in fields)
    return Facets(make.status(), tuple(facet for facet in others + own if facet.choices or facet.entry))


@dataclass(frozen=True, slots=True)
class _Maker:
    documents: DocumentQuerySet
    wanted: Filter
    fields: tuple[Field, ...]

    def _without(self, name: str) -> QuerySet[Document]:
        return apply(self.documents, self.wanted.without(name), self.fields).order_by()

    def _facet(self, name: str, label: str, rows: Iterator[tuple[str, str, int]] | list[tuple[str, str, int]]) -> Facet:
        """Return a facet of (value, label, count) rows."""
        cleared = self.wanted.without(name)
        now = self._value(name)
        choices = tuple(
            Choice(value, text, count, (cleared if value == now else self._with(name, value)).query, value == now)
            for value, text, count in rows
            if count or value == now
        )
        chosen = next((choice.label for choice in choices if choice.is_chosen), now)
        return Facet(name, label, choices[:CHOICES_MAX], chosen, cleared.query, value=now)

    def _value(self, name: str) -> str:
        if name.startswith(FIELD_PREFIX):
            return self.wanted.fields.get(name.removeprefix(FIELD_PREFIX), "")
        return str(getattr(self.wanted, name))

    def _with(self, name: str, value: str) -> Filter:
        change: dict[str, Any] = {name: value}
        if name.startswith(FIELD_PREFIX):
            change = {"fields": {**self.wanted.fields, name.removeprefix(FIELD_PREFIX): value}}
        return replace(self.wanted, **change)

    def status(self) -> Facet:
        """Count each status once."""
        cases = [When(status_is(name), then=Value(name)) for name in STATUS_NAMES]
        counts = _counted(self._without("status"), Case(*cases, output_field=CharField()))
        return self._facet(
            "status", gettext("Status"), [(name, str(text), counts.get(name, 0)) for name, text in STATUS_NAMES.items()]
        )

    def tags(self) -> Facet:
        """Count the tags of what is listed now: each further tag narrows it."""
        listed = apply(self.documents, self.wanted, self.fields).order_by()
        rows = listed.annotate(value=Func(F("tags"), function="unnest", output_field=TextField())).values_list("value")
        found = list(rows.annotate(n=Count("pk")).order_by("-n", "value")[:CHOICES_MAX])
        known = {tag for tag, _count in found}
        found += [(tag, 0) for tag in self.wanted.tags if tag not in known]
        choices = tuple(Choice(tag, tag, count, self._toggled(tag), tag in self.wanted.tags) for tag, count in found)
        chosen = ", ".join(self.wanted.tags)
        return Facet("tag", gettext("Tag"), choices, chosen, self.wanted.without("tag").query)

    def _toggled(self, tag: str) -> str:
        tags = self.wanted.tags
        now = tuple(each for each in tags if each != tag) if tag in tags else (*tags, tag)
        return replace(self.wanted, tags=now).query

    def types(self) -> Facet:
        """Count the media types by family."""
        counts: dict[str, int] = {}
        for media_type, count in self._without("type").values_list("media_type").annotate(n=Count("pk")):
            family = family_of(media_type)
            counts[family] = counts.get(family, 0) + count
        rows = [(name, str(text), counts.get(name, 0)) for name, text in FAMILIES.items()]
        return self._facet("type", gettext("Type"), rows)

    def owners(self) -> Facet:
        """Count the owners; hidden while no document has one."""
        counts: dict[UUID | None, int] = dict(
            self._without("owner").values_list("owner").annotate(n=Count("pk")).order_by("-n")
        )
        people = {user.pk: str(user) for user in User.objects.filter(pk__in=[key for key in counts if key])}
        rows = [(str(key), people.get(key, ""), count) for key, count in counts.items() if key]
        if rows or self.wanted.owner:
            rows.append((NOBODY, gettext("Nobody"), counts.get(None, 0)))
        return self._facet("owner", gettext("Owner"), rows)

    def added(self) -> Facet:
        """Count by age."""
        now = timezone.now()
        ages = {
            name: Count("pk", filter=Q(created_at__gte=now - timedelta(days=days))) for name, days in ADDED_DAYS.items()
        }
        counts = self._without("added").aggregate(**ages)
        return self._facet("added", gettext("Added"), [(name, str(ADDED_NAMES[name]), counts[name]) for name in ages])

    def validity(self) -> Facet:
        """Count by validity; hidden while no document has dates."""
        today: date = timezone.localdate()
        kinds = {name: Count("pk", filter=validity_is(name, today)) for name in VALIDITY_NAMES}
        dated = Count("pk", filter=~Q(valid_from=None, valid_until=None))
        counts = self._without("validity").aggregate(dated=dated, **kinds)
        rows = [(name, str(text), counts[name]) for name, text in VALIDITY_NAMES.items()]
        return self._facet("validity", gettext("Validity"), rows if counts["dated"] or self.wanted.validity else [])

    def origins(self) -> Facet:
        """Count by origin; hidden while all were uploaded."""
        counts = dict(self._without("origin").values_list("origin").annotate(n=Count("pk")))
        rows = [(value, str(text), counts.get(value, 0)) for value, text in Document.Origin.choices]
        is_plain = set(counts) <= {Document.Origin.UPLOAD.value} and not self.wanted.origin
        return self._facet("origin", gettext("Origin"), [] if is_plain else rows)

    def field(self, each: Field) -> Facet:
        """Count the values of a choice; other types are typed into a field."""
        name = FIELD_PREFIX + each.key
        if each.type != "choice":
            now = self._value(name)
            return Facet(name, each.label, (), now, self.wanted.without(name).query, entry=each.type, value=now)
        counts = _counted(self._without(name), KeyTextTransform(each.key, "metadata"))
        return self._facet(name, each.label, [(choice, choice, counts.get(choice, 0)) for choice in each.choices])


def _counted(documents: QuerySet[Document], value: Expression) -> dict[str, int]:
    rows = documents.annotate(value=value).values_list("value").annotate(n=Count("pk"))
    return {found: count for found, count in rows if found is not None}
