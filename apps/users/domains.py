"""Lets people whose proven address is of a team's mail domain join it by themselves."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from django.db import transaction

from apps.core.errors import Invalid, NotFound
from apps.users.access import TeamAccess
from apps.users.errors import DomainNotYours, PublicMailDomain
from apps.users.models import Membership, PastMember, Role, TeamDomain, User
from apps.users.permissions import Action
from apps.users.signals import tell

# Hosts where anybody gets an address. Not complete, which the second rule makes up for: nobody adds a domain that
# they have no confirmed address of.
PUBLIC = frozenset((Path(__file__).parent / "data" / "public_mail_domains.txt").read_text().split())
_DOMAIN = re.compile(r"(?=.{4,253}\Z)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]\Z")


def domain_of(email: str) -> str:
    """Return the part behind the last "@", in lower case and ASCII; empty for what has none."""
    _, at, domain = email.rpartition("@")
    return _ascii(domain) if at else ""


def _ascii(domain: str) -> str:
    try:
        return domain.strip().strip(".").lower().encode("idna").decode("ascii")
    except UnicodeError:
        return ""


@transaction.atomic
def add_domain(*, user: User, access: TeamAccess, domain: str, role: Role) -> TeamDomain:
    """Let people of a domain join with a role that is at most editor.

    Raises PublicMailDomain, DomainNotYours (unless the person administers the installation), Invalid, Forbidden.
    """
    access.require_action(Action.MANAGE_DOMAINS)
    name = _ascii(domain.strip().removeprefix("@"))
    if not _DOMAIN.fullmatch(name) or role.covers(Role.ADMIN):
        raise Invalid
    if name in PUBLIC:
        raise PublicMailDomain(domain=name)
    if not (user.is_superuser or name in _proven(user)):
        raise DomainNotYours(domain=name)
    row, _made = TeamDomain.objects.update_or_create(team=access.team, domain=name, defaults={"role": role})
    tell("domain.added", actor=user, team=access.team, target=row, detail={"domain": name, "role": role.value})
    return row


@transaction.atomic
def remove_domain(*, user: User, access: TeamAccess, domain_id: UUID) -> None:
    """Let nobody else join by this domain; who joined stays."""
    access.require_action(Action.MANAGE_DOMAINS)
    row = TeamDomain.objects.filter(team=access.team, pk=domain_id).first()
    if row is None:
        raise NotFound
    tell("domain.removed", actor=user, team=access.team, target=row, detail={"domain": row.domain})
    row.delete()


def _proven(user: User) -> set[str]:
    """Return the domains of the addresses at which the person showed to receive mail."""
    proven = EmailAddress.objects.filter(user=user, verified=True).values_list("email", flat=True)
    return {domain for email in proven if (domain := domain_of(email))}


@transaction.atomic
def join_by_domain(user: User) -> Sequence[Membership]:
    """Make the person a member where a proven address of theirs lets them in; called at each sign-in.

    Who left a team or was taken out of it is not brought back. One query for nearly everybody.
    """
    domains = _proven(user)
    if not domains or not user.is_active:
        return []
    been = PastMember.objects.filter(user=user).values("team")
    member = Membership.objects.filter(user=user).values("team")
    rows = TeamDomain.objects.filter(domain__in=domains, team__suspended_at=None, team__deletion_at=None)
    joined = []
    for row in rows.exclude(team__in=been).exclude(team__in=member).select_related("team"):
        membership, made = Membership.objects.get_or_create(team=row.team, user=user, defaults={"role": row.role})
        if made:
            detail = {"domain": row.domain, "role": row.role}
            tell("member.joined-by-domain", actor=user, team=row.team, target=user, detail=detail)
            joined.append(membership)
    return joined


def on_person(*, user: User, **_: Any) -> None:
    """Let somebody who signed in or proved their address join."""
    join_by_domain(user)
