"""What a list of documents shows: a query string becomes a Filter, and a Filter becomes conditions and a query string.

Only the names declared here are understood and no name or key of a request ever reaches the ORM (security case 17).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Literal, get_args
from urllib.parse import urlencode
from uuid import UUID

from django.db.models import F, FloatField, Q
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast
from django.http import QueryDict
from django.utils import timezone

from apps.libraries.errors import FilterInvalid, UnknownFilter
from apps.libraries.families import FAMILIES, in_family
from apps.libraries.metadata import Field
from apps.libraries.models import Document
from apps.libraries.models.documents import DocumentQuerySet

Status = Literal["ready", "reading", "failed", "cancelled", "disabled"]
Validity = Literal["valid", "expiring", "expired", "upcoming"]
Added = Literal["today", "week", "month", "year"]
SORTS: Mapping[str, tuple[str, ...]] = {
    "-added": ("-created_at", "pk"),
    "added": ("created_at", "pk"),
    "name": ("name", "pk"),
    "-name": ("-name", "pk"),
    "-size": ("-size_bytes", "pk"),
    "size": ("size_bytes", "pk"),
    "-changed": ("-updated_at", "pk"),
    "until": ("valid_until", "pk"),
}
SIZES = (25, 50, 100)
ADDED_DAYS: Mapping[str, int] = {"today": 1, "week": 7, "month": 30, "year": 365}
EXPIRING_DAYS = 30
FIELD_PREFIX = "f."
TEXT_MAX = 200
TAGS_MAX = 10
NOBODY = "none"
IGNORED = frozenset({"page", "deleted"})  # of the page, not of the list
RANGE = (".from", ".to")  # behind the name of a metadata field: the two bounds of a form
SINGLE = ("q", "folder", "status", "type", "owner", "added", "validity", "origin", "sort", "size")


@dataclass(frozen=True, slots=True)
class Filter:
    """What is asked for; empty values ask for nothing. `fields` are values by the key of a metadata field."""

    q: str = ""
    folder: str = ""
    status: str = ""
    tags: tuple[str, ...] = ()
    type: str = ""
    owner: str = ""
    added: str = ""
    validity: str = ""
    origin: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    sort: str = "-added"
    size: int = 50

    @property
    def is_active(self) -> bool:
        """Return whether it leaves anything out."""
        return self != replace(Filter(), sort=self.sort, size=self.size)

    @property
    def query(self) -> str:
        """Return it as a query string in one order; what is at its default is left out."""
        return urlencode(self.pairs)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """Return (name, value) of what is not at its default."""
        pairs: list[tuple[str, str]] = []
        for name in SINGLE:
            value = getattr(self, name)
            if value != getattr(_DEFAULT, name):
                pairs.append((name, str(value)))
        pairs += [("tag", tag) for tag in self.tags]
        return pairs + [(FIELD_PREFIX + key, value) for key, value in sorted(self.fields.items())]

    def without(self, name: str) -> "Filter":
        """Return it without one condition, named as in a query string."""
        if name == "tag":
            return replace(self, tags=())
        if name.startswith(FIELD_PREFIX):
            key = name.removeprefix(FIELD_PREFIX)
            return replace(self, fields={k: v for k, v in self.fields.items() if k != key})
        return replace(self, **{name: getattr(_DEFAULT, name)})


_DEFAULT = Filter()


def parse(query: QueryDict, fields: Sequence[Field]) -> Filter:
    """Return the filter of a query string. Raises UnknownFilter for a name, FilterInvalid for a value."""
    keys = {FIELD_PREFIX + each.key: each for each in fields}
    known = {*SINGLE, *IGNORED, "tag", *keys, *(name + end for name in keys for end in RANGE)}
    for name in query:
        if name not in known:
            raise UnknownFilter(name=name[:60])
    values = {name: _text(query, name) for name in SINGLE}
    return Filter(
        q=values["q"],
        folder=values["folder"].strip("/"),
        status=_one_of("status", values["status"], get_args(Status)),
        tags=_tags(query),
        type=_one_of("type", values["type"], FAMILIES),
        owner=_owner(values["owner"]),
        added=_one_of("added", values["added"], get_args(Added)),
        validity=_one_of("validity", values["validity"], get_args(Validity)),
        origin=_one_of("origin", values["origin"], Document.Origin.values),
        fields={each.key: value for name, each in keys.items() if (value := _field_value(query, name))},
        sort=_one_of("sort", values["sort"], SORTS) or _DEFAULT.sort,
        size=int(_one_of("size", values["size"], map(str, SIZES)) or _DEFAULT.size),
    )


def _text(query: QueryDict, name: str) -> str:
    value = (query.get(name) or "").strip()
    if len(value) > (TEXT_MAX if name != "folder" else 1_000) or "\x00" in value:
        raise FilterInvalid(name=name)
    return value


def _field_value(query: QueryDict, name: str) -> str:
    """Return the value of a metadata field; two bounds from a form become `first..last`."""
    first, last = (_text(query, name + end) for end in RANGE)
    return f"{first}..{last}" if first or last else _text(query, name)


def _tags(query: QueryDict) -> tuple[str, ...]:
    tags = tuple(dict.fromkeys(tag.strip() for tag in query.getlist("tag") if tag.strip()))
    if len(tags) > TAGS_MAX or any(len(tag) > TEXT_MAX or "\x00" in tag for tag in tags):
        raise FilterInvalid(name="tag")
    return tags


def _one_of(name: str, value: str, allowed: Iterable[str]) -> str:
    if value and value not in set(allowed):
        raise FilterInvalid(name=name)
    return value


def _owner(value: str) -> str:
    if not value or value == NOBODY:
        return value
    try:
        return str(UUID(value))
    except ValueError as error:
        raise FilterInvalid(name="owner") from error


def apply(documents: DocumentQuerySet, wanted: Filter, fields: Sequence[Field]) -> DocumentQuerySet:
    """Return the documents that the filter asks for, unordered. Raises FilterInvalid for a metadata value."""
    for condition in _conditions(wanted):
        documents = documents.filter(condition)
    for each in fields:
        if each.key in wanted.fields:
            documents = _by_field(documents, each, wanted.fields[each.key])
    return documents


def order(documents: DocumentQuerySet, wanted: Filter) -> DocumentQuerySet:
    """Return them in the order asked for; documents without an end of validity come last."""
    if wanted.sort == "until":
        return documents.order_by(F("valid_until").asc(nulls_last=True), "pk")
    return documents.order_by(*SORTS[wanted.sort])


def _conditions(wanted: Filter) -> list[Q]:
    conditions = [Q(name__icontains=word) for word in wanted.q.split()]
    conditions += [Q(tags__contains=[tag]) for tag in wanted.tags]
    if wanted.folder:
        conditions.append(in_folder(wanted.folder))
    if wanted.status:
        conditions.append(status_is(wanted.status))
    if wanted.type:
        conditions.append(in_family(wanted.type))
    if wanted.owner:
        conditions.append(Q(owner=None) if wanted.owner == NOBODY else Q(owner=wanted.owner))
    if wanted.added:
        since = timezone.now() - timedelta(days=ADDED_DAYS[wanted.added])
        conditions.append(Q(created_at__gte=since))
    if wanted.validity:
        conditions.append(validity_is(wanted.validity, timezone.localdate()))
    if wanted.origin:
        conditions.append(Q(origin=wanted.origin))
    return conditions


def in_folder(folder: str) -> Q:
    """Return the condition of being in a folder or below it."""
    return Q(folder=folder) | Q(folder__startswith=folder + "/")


def status_is(status: str) -> Q:
    """Return the condition of one status as the list counts them: each document has exactly one."""
    if status == "disabled":
        return Q(is_enabled=False)
    states = {
        "ready": [Document.Status.READY],
        "reading": [Document.Status.QUEUED, Document.Status.RUNNING],
        "failed": [Document.Status.FAILED],
        "cancelled": [Document.Status.CANCELLED],
    }
    return Q(is_enabled=True, status__in=states[status])


def validity_is(validity: str, today: date) -> Q:
    """Return the condition of being valid today, about to expire, expired, or valid only later."""
    has_begun = Q(valid_from=None) | Q(valid_from__lte=today)
    if validity == "expired":
        return Q(valid_until__lt=today)
    if validity == "upcoming":
        return Q(valid_from__gt=today)
    if validity == "expiring":
        return has_begun & Q(valid_until__gte=today, valid_until__lte=today + timedelta(days=EXPIRING_DAYS))
    return has_begun & (Q(valid_until=None) | Q(valid_until__gte=today))


def _by_field(documents: DocumentQuerySet, each: Field, value: str) -> DocumentQuerySet:
    """Filter by a metadata field: a choice exactly, a text by a part of it, numbers and dates by `from..to`."""
    if each.type == "choice":
        return documents.filter(metadata__contains={each.key: value})
    stored = KeyTextTransform(each.key, "metadata")
    if each.type == "text":
        return documents.alias(stored_text=stored).filter(stored_text__icontains=value)
    first, dots, last = value.partition("..")
    low, high = _bound(each, first), _bound(each, last if dots else first)
    name = "stored_number" if each.type == "number" else "stored_date"
    expression = Cast(stored, FloatField()) if each.type == "number" else stored
    documents = documents.alias(**{name: expression})
    if low is not None:
        documents = documents.filter(**{f"{name}__gte": low})
    return documents.filter(**{f"{name}__lte": high}) if high is not None else documents


def _bound(each: Field, text: str) -> float | str | None:
    text = text.strip()
    if not text:
        return None
    try:
        return float(text) if each.type == "number" else date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise FilterInvalid(name=each.label) from error
