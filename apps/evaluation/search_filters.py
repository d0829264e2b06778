"""Filters of a search test: what a library offers, and what a form says of it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date

from django.db.models import Count, F, Func, TextField
from django.http import QueryDict

from apps.evaluation.errors import SearchFilterInvalid
from apps.libraries.families import FAMILIES, family_of
from apps.libraries.folders import clean_folder, paths
from apps.libraries.models import Document, Library
from apps.libraries.models.documents import DocumentQuerySet
from apps.rag.options import Filters
from apps.users.models import User

TAGS_MAX = 30  # offered, the most frequent ones
CHOSEN_MAX = 20


@dataclass(frozen=True, slots=True)
class Choice:
    """One value that can be chosen."""

    value: str
    label: str
    count: int
    is_chosen: bool = False


@dataclass(frozen=True, slots=True)
class Offered:
    """What a library can be filtered by, and what is chosen."""

    tags: Sequence[Choice]
    types: Sequence[Choice]
    folders: Sequence[str]
    folder: str = ""
    after: str = ""
    before: str = ""
    chosen: int = 0  # kinds of filters that are set


def offered(user: User, library: Library, filters: Filters) -> Offered:
    """Return the filters of a form: three queries."""
    documents = Document.objects.readable_by(user).filter(library=library)
    tags = (
        documents.order_by()
        .annotate(tag=Func(F("tags"), function="unnest", output_field=TextField()))
        .values_list("tag")
        .annotate(n=Count("pk"))
        .order_by("-n", "tag")[:TAGS_MAX]
    )
    return Offered(
        tags=[Choice(tag, tag, count, tag in filters.tags) for tag, count in tags],
        types=_families(documents, filters.types),
        folders=paths(documents),
        folder=next(iter(filters.folders), ""),
        after=filters.after.isoformat() if filters.after else "",
        before=filters.before.isoformat() if filters.before else "",
        chosen=sum(map(bool, (filters.tags, filters.types, filters.folders, filters.after, filters.before))),
    )


def parse_filters(form: QueryDict) -> Filters:
    """Return what a form asks for. Raises SearchFilterInvalid for dates that are none."""
    after, before = _day(form.get("after", "")), _day(form.get("before", ""))
    if after and before and after > before:
        raise SearchFilterInvalid
    folder = clean_folder(form.get("folder", ""))
    tags = dict.fromkeys(tag.replace("\0", "").strip()[:50] for tag in form.getlist("tag")[:CHOSEN_MAX])
    return Filters(
        tags=tuple(tag for tag in tags if tag),
        types=tuple(name for name in FAMILIES if name in form.getlist("type")),
        folders=(folder,) if folder else (),
        after=after,
        before=before,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text.strip()) if text.strip() else None
    except ValueError as error:
        raise SearchFilterInvalid from error


def _families(documents: DocumentQuerySet, chosen: Collection[str]) -> list[Choice]:
    counts = dict.fromkeys(FAMILIES, 0)
    rows = documents.order_by().values_list("media_type")
    for media_type, count in rows.annotate(n=Count("pk")):
        counts[family_of(media_type)] += count
    return [Choice(name, str(FAMILIES[name]), count, name in chosen) for name, count in counts.items() if count]
