"""What a team's admins set for its pictures: the policy, styles, word lists. Each change is in the log."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.core.errors import NotFound
from apps.images.blocking import words_in
from apps.images.models import ImagePolicy, Style, WordList
from apps.users.access import TeamAccess, require_system_admin
from apps.users.models import Team, User
from apps.users.permissions import Action
from apps.users.signals import tell

Row = TypeVar("Row", Style, WordList)
FIELDS = ("is_enabled", "is_checked", "is_watermarked", "watermark", "blocked_words")
MAY = Action.CHANGE_SETTINGS


def policy_of(team: Team | None) -> ImagePolicy:
    """Return the team's own policy, or for None the installation's; one without a row is not saved yet."""
    return ImagePolicy.objects.filter(team=team).first() or ImagePolicy(team=team)


def set_policy(*, user: User, access: TeamAccess | None, said: Mapping[str, Any]) -> ImagePolicy:
    """Set a team's policy, for its admins; with None the installation's, for its administrators.

    The words of the list are kept one a line. The log says what changed, not which words.
    """
    if access is None:
        require_system_admin(user)
    else:
        access.require_action(MAY)
    team = access.team if access else None
    values = {name: said[name] for name in FIELDS}
    values["blocked_words"] = "\n".join(words_in(values["blocked_words"]))
    with transaction.atomic():
        policy, _made = ImagePolicy.objects.select_for_update().get_or_create(team=team)
        changed = [name for name in FIELDS if getattr(policy, name) != values[name]]
        for name in changed:
            setattr(policy, name, values[name])
        if changed:
            policy.save(update_fields=[*changed, "updated_at"])
            tell("image-policy.changed", actor=user, team=team, target=policy, detail=_detail(policy, changed))
    return policy


def _detail(policy: ImagePolicy, changed: list[str]) -> dict[str, str]:
    return {
        name: str(len(words_in(policy.blocked_words))) if name == "blocked_words" else str(getattr(policy, name))
        for name in changed
    }


def styles_of(access: TeamAccess) -> QuerySet[Style]:
    """Return the team's styles, for its admins."""
    access.require_action(MAY)
    return Style.objects.filter(team=access.team).order_by("name")


def word_lists_of(access: TeamAccess) -> QuerySet[WordList]:
    """Return the team's word lists, for its admins."""
    access.require_action(MAY)
    return WordList.objects.filter(team=access.team).order_by("name")


def style_of(access: TeamAccess, style_id: UUID) -> Style:
    """Return a style of the team, for its admins. Raises NotFound or Forbidden."""
    return _one(styles_of(access).filter(pk=style_id).first())


def word_list_of(access: TeamAccess, list_id: UUID) -> WordList:
    """Return a word list of the team, for its admins. Raises NotFound or Forbidden."""
    return _one(word_lists_of(access).filter(pk=list_id).first())


def _one(found: Row | None) -> Row:
    if found is None:
        raise NotFound
    return found


@transaction.atomic
def save(*, user: User, access: TeamAccess, row: Style | WordList) -> None:
    """Keep a new style or word list of the team, or a changed one."""
    access.require_action(MAY)
    is_new = row._state.adding
    row.team = access.team
    row.save()
    _told("made" if is_new else "changed", user, row)


@transaction.atomic
def delete(*, user: User, access: TeamAccess, row: Style | WordList) -> None:
    """Delete a style or word list of the team; pictures that were drawn with it stay."""
    access.require_action(MAY)
    _told("deleted", user, row)
    row.delete()


def _told(what: str, user: User, row: Style | WordList) -> None:
    kind = "image-style" if isinstance(row, Style) else "word-list"
    tell(f"{kind}.{what}", actor=user, team=row.team, target=row, detail={"name": row.name})
