"""What each role may do in a team: one table, by which the gates judge and which the members' page shows.

Rights in one library may be given beyond it, or taken away, by grants (libraries/models/grants.py).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from django.db import models
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.users.models import Role


class Action(models.TextChoices):
    """Something a member may want to do."""

    ASK = "ask", _("Ask questions and read documents")
    SEE_MEMBERS = "see-members", _("See who is in the team and its groups")
    OWN_KEYS = "own-keys", _("Make API keys of one's own")
    CREATE_LIBRARY = "create-library", _("Create libraries")
    CHANGE_DOCUMENTS = "change-documents", _("Upload, change and delete documents")
    CURATE = "curate", _("Write curated answers, words and question sets; see what stayed unanswered")
    MANAGE_LIBRARY = "manage-library", _("Rename and delete libraries, change their settings and who may see them")
    PURGE = "purge", _("Delete documents for good")
    INVITE = "invite", _("Invite people")
    CHANGE_ROLES = "change-roles", _("Change roles, up to one's own")
    SUSPEND_MEMBERS = "suspend-members", _("Suspend and remove members")
    MANAGE_GROUPS = "manage-groups", _("Create groups and choose who is in them")
    MANAGE_DOMAINS = "manage-domains", _("Let people of a mail domain join by themselves")
    TEAM_KEYS = "team-keys", _("Make and revoke API keys of the team")
    CHOOSE_MODELS = "choose-models", _("Choose the team's models")
    SET_LIMITS = "set-limits", _("Set limits, see the team's usage")
    READ_AUDIT = "read-audit", _("Read the audit log")
    CHANGE_SETTINGS = "change-settings", _("Rename the team, require a second factor")
    MAKE_OWNERS = "make-owners", _("Make members owners, hand the team over")
    DELETE_TEAM = "delete-team", _("Delete the team")


@dataclass(frozen=True, slots=True)
class Section:
    """Some actions under a heading, each with the least role that may do it."""

    title: str | Promise
    actions: Mapping[Action, Role]


SECTIONS: Sequence[Section] = (
    Section(
        _("Knowledge"),
        {
            Action.ASK: Role.VIEWER,
            Action.CREATE_LIBRARY: Role.EDITOR,
            Action.CHANGE_DOCUMENTS: Role.EDITOR,
            Action.CURATE: Role.EDITOR,
            Action.MANAGE_LIBRARY: Role.ADMIN,
            Action.PURGE: Role.ADMIN,
        },
    ),
    Section(
        _("People"),
        {
            Action.SEE_MEMBERS: Role.VIEWER,
            Action.INVITE: Role.ADMIN,
            Action.CHANGE_ROLES: Role.ADMIN,
            Action.SUSPEND_MEMBERS: Role.ADMIN,
            Action.MANAGE_GROUPS: Role.ADMIN,
            Action.MANAGE_DOMAINS: Role.ADMIN,
            Action.MAKE_OWNERS: Role.OWNER,
        },
    ),
    Section(
        _("Team"),
        {
            Action.OWN_KEYS: Role.VIEWER,
            Action.TEAM_KEYS: Role.ADMIN,
            Action.CHOOSE_MODELS: Role.ADMIN,
            Action.SET_LIMITS: Role.ADMIN,
            Action.READ_AUDIT: Role.ADMIN,
            Action.CHANGE_SETTINGS: Role.ADMIN,
            Action.DELETE_TEAM: Role.OWNER,
        },
    ),
)
LEAST: Mapping[Action, Role] = {action: role for section in SECTIONS for action, role in section.actions.items()}


def least(action: Action) -> Role:
    """Return the least role that may do it."""
    return LEAST[action]


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the matrix: what, and for each role from viewer to owner whether it may."""

    action: Action
    allowed: Sequence[bool]


def matrix() -> Iterator[tuple[str | Promise, list[Line]]]:
    """Yield each heading with its lines, for the members' page."""
    for section in SECTIONS:
        yield (
            section.title,
            [Line(one, [role.covers(least) for role in Role]) for one, least in section.actions.items()],
        )
