"""The members' page as values: who is shown, by which filter."""

from dataclasses import dataclass
from uuid import UUID

from django.core.paginator import Page, Paginator
from django.db.models import CharField, Prefetch, Q, Value
from django.db.models.functions import Coalesce, Lower, NullIf
from django.http import QueryDict

from apps.core.text import typed, uuid_or_none
from apps.users.models import Group, GroupMember, Membership, MembershipQuerySet, Role, Team

PAGE = 25
FOUND = 20  # candidates for a group shown at once
ACTIVE, SUSPENDED = "active", "suspended"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a query string asks for; unknown values ask for nothing."""

    q: str = ""
    role: str = ""
    state: str = ""
    group: UUID | None = None

    @classmethod
    def of(cls, query: QueryDict) -> "Wanted":
        """Return what the query string asks for."""
        role, state = query.get("role", ""), query.get("state", "")
        return cls(
            q=typed(query.get("q", "")),
            role=role if role in Role.values else "",
            state=state if state in {ACTIVE, SUSPENDED} else "",
            group=uuid_or_none(query.get("group", "")),
        )

    @property
    def prefix(self) -> str:
        """Return the start of a link to another page of the list."""
        query = QueryDict(mutable=True)
        for name in ("q", "role", "state", "group"):
            if value := getattr(self, name):
                query[name] = str(value)
        return f"?{query.urlencode()}&" if query else "?"


def members_of(team: Team) -> MembershipQuerySet:
    """Return the members by name, each with their person and groups."""
    groups = GroupMember.objects.select_related("group").order_by("group__name")
    name = Lower(Coalesce(NullIf("user__name", Value("", output_field=CharField())), "user__email"))
    rows = Membership.objects.filter(team=team).select_related("user")
    return rows.prefetch_related(Prefetch("groups", queryset=groups)).order_by(name, "pk")


def matching(rows: MembershipQuerySet, text: str) -> MembershipQuerySet:
    """Return those whose name or address contains the text."""
    return rows.filter(Q(user__name__icontains=text) | Q(user__email__icontains=text)) if text else rows


def page_of(team: Team, wanted: Wanted, number: str) -> Page[Membership]:
    """Return one page of what is asked for."""
    rows = matching(members_of(team), wanted.q)
    if wanted.role:
        rows = rows.filter(role=wanted.role)
    if wanted.state:
        is_suspended = Q(user__is_active=False) | ~Q(suspended_at=None)
        rows = rows.filter(is_suspended if wanted.state == SUSPENDED else ~is_suspended)
    if wanted.group:
        rows = rows.filter(groups__group=wanted.group)
    return Paginator(rows, PAGE).get_page(number)


def candidates(group: Group, text: str) -> list[Membership]:
    """Return the first members of the team by name who are not in the group."""
    rows = matching(members_of(group.team), text).exclude(groups__group=group)
    return list(rows[:FOUND])
