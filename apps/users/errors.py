"""Expected failures of people and teams."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError


class LastOwner(AppError):
    """The change would leave a team without an owner."""

    status = 409
    code = "last-owner"
    title = _("A team needs an owner")
    detail = _("Make somebody else an owner first.")


class InvitationClosed(AppError):
    """The link was right once: it expired, was used or was revoked."""

    status = 410
    code = "invitation-closed"
    title = _("This invitation no longer works")
    detail = _("It expired, was used or was revoked. Ask the team for a new link.")


class InvitationForSomebodyElse(AppError):
    """The invitation is bound to another address than the signed-in person's."""

    status = 403
    code = "invitation-bound"
    title = _("This invitation is for somebody else")
    detail = _("Sign in with the address that it was sent to.")


class AlreadyMember(AppError):
    """The person is in the team already."""

    status = 409
    code = "already-member"
    title = _("You are in this team already")


class AddressTaken(AppError):
    """An account with this address exists."""

    status = 409
    code = "address-taken"
    title = _("This address cannot be used here")
    detail = _("There is an account with this address already. If it is yours, sign in with it.")


class TeamsByAdminsOnly(AppError):
    """This installation lets only its administrators found teams."""

    status = 403
    code = "teams-by-admins"
    title = _("Only administrators can create a team here")
