"""Somebody says that a picture should not be here; the team's admins decide, and its owner is told."""

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import override

from apps.core import mail
from apps.core.errors import NotFound
from apps.images.errors import ReasonMissing
from apps.images.models import Picture, PictureReport
from apps.users.access import TeamAccess
from apps.users.models import Role, User
from apps.users.signals import tell

State = PictureReport.State
SHOWN = 100
REASON_CHARS = 1_000


def report(*, user: User, picture: Picture, reason: str) -> PictureReport:
    """Keep what somebody says of a picture that they see. Said again, it replaces what is still open.

    Raises ReasonMissing.
    """
    said = _clean(reason)
    rows = PictureReport.objects.filter(picture=picture, reporter=user, state=State.OPEN)
    with transaction.atomic():
        told = rows.first() or PictureReport(team=picture.team, picture=picture, reporter=user)
        told.reason = said
        told.save()
        tell("picture.reported", actor=user, team=picture.team, target=picture, detail={"reason": said})
    return told


def reports_of(access: TeamAccess) -> list[PictureReport]:
    """Return the open reports of a team and the last that were decided, for its admins; one query."""
    access.require(Role.ADMIN)
    rows = PictureReport.objects.filter(team=access.team)
    rows = rows.select_related("picture__owner", "reporter", "decided_by")
    found = list(rows.order_by("-created_at")[:SHOWN])
    return sorted(found, key=lambda one: one.state != State.OPEN)


def access_report(access: TeamAccess, report_id: UUID) -> PictureReport:
    """Return a report of the team, for its admins. Raises NotFound or Forbidden."""
    access.require(Role.ADMIN)
    rows = PictureReport.objects.filter(team=access.team, pk=report_id).select_related("picture__owner", "team")
    found = rows.first()
    if found is None:
        raise NotFound
    return found


def reported_picture(access: TeamAccess, report_id: UUID) -> Picture:
    """Return the picture of an open report, so that an admin can judge it. Raises NotFound or Forbidden."""
    found = access_report(access, report_id)
    if found.state != State.OPEN:
        raise NotFound
    return found.picture


@transaction.atomic
def keep(*, user: User, access: TeamAccess, report_id: UUID, reason: str = "") -> None:
    """Let a picture stay: all that is said of it so far is settled."""
    found = access_report(access, report_id)
    if _settle(found.picture, user, State.KEPT, reason.strip()[:REASON_CHARS]):
        _told("picture.kept", user, found.picture, reason)


@transaction.atomic
def take_down(*, user: User, access: TeamAccess, report_id: UUID, reason: str) -> None:
    """Take a picture away from everybody, its owner too, at once, and tell the owner why. Raises ReasonMissing."""
    found, said = access_report(access, report_id), _clean(reason)
    picture = Picture.objects.select_for_update(of=("self",)).select_related("owner", "team").get(pk=found.picture_id)
    if picture.taken_down_at is not None:
        return
    picture.taken_down_at = timezone.now()
    picture.save(update_fields=["taken_down_at", "updated_at"])
    _settle(picture, user, State.TAKEN_DOWN, said)
    _told("picture.taken-down", user, picture, said)
    transaction.on_commit(lambda: _mail_owner(picture, said))


@transaction.atomic
def bring_back(*, user: User, access: TeamAccess, report_id: UUID) -> None:
    """Undo a take-down: the picture is its owner's again, where it was."""
    found = access_report(access, report_id)
    if Picture.objects.filter(pk=found.picture_id).exclude(taken_down_at=None).update(taken_down_at=None):
        PictureReport.objects.filter(picture=found.picture_id, state=State.TAKEN_DOWN).update(
            state=State.KEPT, decided_by=user, decided_at=timezone.now()
        )
        _told("picture.brought-back", user, found.picture, "")


def notices_for(user: User) -> Sequence[PictureReport]:
    """Return why pictures of the person were taken down that they have not been told of yet; one query."""
    rows = PictureReport.objects.filter(picture__owner=user, state=State.TAKEN_DOWN, told_at=None)
    rows = rows.exclude(picture__taken_down_at=None).select_related("team")
    return list(rows.order_by("picture_id", "-created_at").distinct("picture_id")[:SHOWN])


def acknowledge(*, user: User, report_id: UUID) -> None:
    """Keep that the owner saw why a picture was taken down. Raises NotFound."""
    rows = PictureReport.objects.filter(picture__owner=user, state=State.TAKEN_DOWN)
    found = rows.filter(pk=report_id).first()
    if found is None:
        raise NotFound
    rows.filter(picture=found.picture_id, told_at=None).update(told_at=timezone.now())


def _settle(picture: Picture, user: User, state: str, decision: str) -> int:
    rows = PictureReport.objects.filter(picture=picture, state=State.OPEN)
    return rows.update(state=state, decision=decision, decided_by=user, decided_at=timezone.now())


def _told(action: str, user: User, picture: Picture, reason: str) -> None:
    owner = picture.owner.email if picture.owner else ""
    detail = {"owner": owner, "reason": reason[:REASON_CHARS]}
    tell(action, actor=user, team=picture.team, target=picture, detail=detail)


def _mail_owner(picture: Picture, reason: str) -> None:
    owner = picture.owner
    if owner is None:
        return
    with override(owner.language or settings.LANGUAGE_CODE):
        mail.send(
            to=owner.email,
            subject=_("One of your pictures was taken down"),
            body=_(
                "An admin of the team %(team)s took down a picture that you made on %(day)s. "
                "The reason given: %(reason)s"
            )
            % {"team": picture.team, "day": timezone.localtime(picture.created_at).date(), "reason": reason},
        )


def _clean(reason: str) -> str:
    said = reason.replace("\x00", "").strip()[:REASON_CHARS]
    if not said:
        raise ReasonMissing
    return said
