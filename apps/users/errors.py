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


class KeyRefused(AppError):
    """The API key is wrong, revoked or expired, or its person may not act in its team any more."""

    status = 401
    code = "key-refused"
    title = _("This API key does not work")
    detail = _("It is wrong, revoked or expired, or its owner is no longer a member of the team.")

    def headers(self) -> dict[str, str]:
        """Return the scheme that is expected."""
        return {"WWW-Authenticate": "Bearer"}


class KeyAmbiguous(KeyRefused):
    """Two different keys came with one request."""

    code = "key-ambiguous"
    title = _("Two different API keys came with this request")
    detail = _("Send one: in “Authorization: Bearer …” or in “x-api-key”.")


class ScopeMissing(AppError):
    """The key may not be used for this. Param: scope."""

    status = 403
    code = "scope-missing"
    title = _("This API key is not allowed to do that")
    detail = _("It lacks the scope “%(scope)s”. Make a key that has it.")


class KeyInvalid(AppError):
    """A key like this cannot be made. Param: reason."""

    status = 400
    code = "key-invalid"
    title = _("This key cannot be made")
    detail = _("Check its name, what it may do, its libraries and when it expires (%(reason)s).")


class SecondFactorMissing(AppError):
    """The team, or the person's office, asks for a second factor that the person has not set up."""

    status = 403
    code = "second-factor-missing"
    title = _("A second factor is needed here")
    detail = _("Sign in and set one up under your name, Security.")


class NotYourself(AppError):
    """The change cannot be made to oneself."""

    status = 409
    code = "not-yourself"
    title = _("You cannot do this to yourself")
    detail = _("Ask another owner or admin, or leave the team.")


class Suspended(AppError):
    """The member is suspended and cannot be given this."""

    status = 409
    code = "suspended"
    title = _("This member is suspended")
    detail = _("Resume them first.")


class GroupNameTaken(AppError):
    """The team has a group of this name."""

    status = 409
    code = "group-name-taken"
    title = _("There is a group of this name already")


class PublicMailDomain(AppError):
    """Anybody can have an address there."""

    status = 400
    code = "public-mail-domain"
    title = _("Anybody can have an address there")
    detail = _("%(domain)s gives addresses to everybody. Invite people instead.")


class DomainNotYours(AppError):
    """Whoever lets a domain join shows by a confirmed address that they belong to it."""

    status = 403
    code = "domain-not-yours"
    title = _("You can only add the domain of your own address")
    detail = _("Confirm an address of %(domain)s on your account page first.")


class TooManyInvitations(AppError):
    """The team sent as many invitations today as it may."""

    status = 429
    code = "too-many-invitations"
    title = _("That is enough mail for today")
    detail = _("A team may send %(limit)s invitations in 24 hours. Make a link instead, or go on tomorrow.")

    def headers(self) -> dict[str, str]:
        """Return when to try again, in seconds: a day."""
        return {"Retry-After": "86400"}


class NameDiffers(AppError):
    """What was typed is not the name of what is to be destroyed or given away."""

    status = 400
    code = "name-differs"
    title = _("The name is not the same")
    detail = _("Type the team's name as it is written.")


class RemovalBegan(AppError):
    """The team's data are being removed already."""

    status = 409
    code = "removal-began"
    title = _("It is too late to call this team back")
    detail = _("Its documents and chats are being removed.")


class NotOneself(AppError):
    """Administrators do not do this to their own account."""

    status = 409
    code = "not-oneself"
    title = _("You cannot do this to your own account")
    detail = _("Ask another administrator.")


class LastAdministrator(AppError):
    """The installation would be left without an administrator."""

    status = 409
    code = "last-administrator"
    title = _("This is the last administrator")
    detail = _("Make somebody else an administrator first.")


class AddressNotProven(AppError):
    """The provider did not say that the person's address is theirs."""

    status = 403
    code = "address-not-proven"
    title = _("Your address is not confirmed")
    detail = _("The single sign-on service does not confirm your e-mail address, so no account can be opened with it.")


class SignOnFailed(AppError):
    """Something went wrong between the provider and this installation."""

    status = 403
    code = "sign-on-failed"
    title = _("Single sign-on did not work")
    detail = _("Go back to the sign-in page and try again. If it fails again, tell an administrator.")
