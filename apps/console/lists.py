"""The people, teams and jobs of the installation, a page at a time. Keyset pages: no counting of thousands."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

from django.db.models import Count, Q, QuerySet, Sum
from django.utils.translation import gettext_lazy

from apps.core.errors import title_of
from apps.core.text import typed, uuid_or_none
from apps.ingestion.models import IngestionJob
from apps.libraries.models import Document
from apps.users.models import Membership, Team, User

Row = TypeVar("Row")
PAGE = 50
MOST_TEAMS = 4  # of a person that a row names
MOST_EMAIL = 254  # characters of an address
# By the name in an address: what the list calls the state, and which rows are in it.
USER_STATES = {
    "active": (gettext_lazy("Active"), Q(is_active=True)),
    "suspended": (gettext_lazy("Suspended"), Q(is_active=False)),
    "admins": (gettext_lazy("Administrators"), Q(is_superuser=True)),
}
TEAM_STATES = {
    "active": (gettext_lazy("Active"), Q(suspended_at=None, deletion_at=None)),
    "suspended": (gettext_lazy("Suspended"), Q(suspended_at__isnull=False)),
    "going": (gettext_lazy("Being deleted"), Q(deletion_at__isnull=False)),
}


@dataclass(frozen=True, slots=True)
class PersonRow:
    """A person as the list shows them."""

    user: User
    teams: Sequence[str]
    more_teams: int


@dataclass(frozen=True, slots=True)
class TeamRow:
    """A team as the list shows it: how big, never what is in it."""

    team: Team
    members: int
    documents: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Page(Generic[Row]):
    """Rows, and the mark after which the next page begins; empty at the end."""

    rows: Sequence[Row]
    after: str


def people(query: Mapping[str, str]) -> Page[PersonRow]:
    """Return a page of accounts by address; two queries."""
    rows = User.objects.order_by("email", "pk")
    if text := typed(query.get("q", "")):
        rows = rows.filter(Q(email__icontains=text) | Q(name__icontains=text))
    if query.get("state") in USER_STATES:
        rows = rows.filter(USER_STATES[query["state"]][1])
    if after := typed(query.get("after", ""), MOST_EMAIL):
        rows = rows.filter(email__gt=after)
    found, following = cut(rows)
    teams: dict[UUID, list[str]] = {}
    for user_id, name in (
        Membership.objects.filter(user__in=found).order_by("team__name").values_list("user_id", "team__name")
    ):
        teams.setdefault(user_id, []).append(name)
    names = [(user, teams.get(user.pk, [])) for user in found]
    return Page(
        [PersonRow(user, own[:MOST_TEAMS], max(0, len(own) - MOST_TEAMS)) for user, own in names],
        found[-1].email if following else "",
    )


def teams(query: Mapping[str, str]) -> Page[TeamRow]:
    """Return a page of teams by name; three queries."""
    rows = Team.objects.order_by("name", "pk")
    if text := typed(query.get("q", "")):
        rows = rows.filter(name__icontains=text)
    if query.get("state") in TEAM_STATES:
        rows = rows.filter(TEAM_STATES[query["state"]][1])
    if mark := uuid_or_none(query.get("after", "")):
        last = Team.objects.filter(pk=mark).values_list("name", flat=True).first() or ""
        rows = rows.filter(Q(name__gt=last) | Q(name=last, pk__gt=mark))
    found, following = cut(rows)
    memberships = Membership.objects.filter(team__in=found).order_by()
    members = dict(memberships.values_list("team").annotate(n=Count("pk")).values_list("team", "n"))
    held = {
        row["library__team"]: (row["n"], row["size"] or 0)
        for row in Document.objects.filter(library__team__in=found, deleted_at=None)
        .order_by()
        .values("library__team")
        .annotate(n=Count("pk"), size=Sum("size_bytes"))
    }
    rows_shown = [TeamRow(team, members.get(team.pk, 0), *held.get(team.pk, (0, 0))) for team in found]
    return Page(rows_shown, str(found[-1].pk) if following else "")


@dataclass(frozen=True, slots=True)
class JobRow:
    """A job as administrators see it: whose, how far, what went wrong; not the name of the file."""

    job_id: UUID
    team: str
    kind: str
    state: str
    stage: str
    done: int
    total: int
    attempts: int
    error_code: str
    media_type: str
    size_bytes: int
    created_at: datetime
    updated_at: datetime

    @property
    def state_label(self) -> str:
        """Return the state in the reader's language."""
        return str(IngestionJob.State(self.state).label)

    @property
    def error_title(self) -> str:
        """Return what went wrong, in the reader's language."""
        return title_of(self.error_code) if self.error_code else ""


def jobs(query: Mapping[str, str]) -> Page[JobRow]:
    """Return a page of the jobs of all teams, newest first; one query."""
    rows = IngestionJob.objects.order_by("-created_at", "-pk")
    if query.get("state") in IngestionJob.State.values:
        rows = rows.filter(state=query["state"])
    if team := uuid_or_none(query.get("team", "")):
        rows = rows.filter(team_id=team)
    if mark := uuid_or_none(query.get("after", "")):
        last = IngestionJob.objects.filter(pk=mark).values_list("created_at", flat=True).first()
        if last is not None:
            rows = rows.filter(Q(created_at__lt=last) | Q(created_at=last, pk__lt=mark))
    values = rows.values_list(
        "pk", "team__name", "kind", "state", "stage", "done", "total", "attempts", "error_code",
        "version__media_type", "version__size_bytes", "created_at", "updated_at",
    )  # fmt: skip
    found, following = cut(values)
    shown = [JobRow(*row) for row in found]
    return Page(shown, str(shown[-1].job_id) if following else "")


def cut(rows: QuerySet[Any, Row]) -> tuple[list[Row], bool]:
    """Return the first page of the rows, and whether there are more."""
    found = list(rows[: PAGE + 1])
    return found[:PAGE], len(found) > PAGE
