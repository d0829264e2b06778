"""Expected failures of web sources and their pages."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError


class LeftOut(AppError):
    """A page that is left out on purpose: nothing is wrong with it."""

    status = 422
    code = "web-left-out"
    title = _("The page is left out")


class RobotsForbid(LeftOut):
    """The site's robots.txt asks us not to read it, or could not be read."""

    code = "web-robots"
    title = _("The site does not want this page to be read")
    detail = _("Its robots.txt forbids it, or could not be read. Zhiku keeps to that.")


class LeftSite(LeftOut):
    """A redirect led out of the part of the site that was asked for."""

    code = "web-left-site"
    title = _("The page lies elsewhere")
    detail = _("The address leads to %(url)s, outside the part of the site that was asked for.")


class SameAddress(LeftOut):
    """A redirect led to a page of the source that is there already."""

    code = "web-same-address"
    title = _("The same page again")
    detail = _("The address leads to %(url)s, which is in this list already.")


class DeletedHere(LeftOut):
    """Somebody deleted the document; a visit does not bring it back."""

    code = "web-deleted-here"
    title = _("The document was deleted")
    detail = _("Somebody deleted its document, so the page is not read again. Restore the document to follow it again.")


class EmptyPage(AppError):
    """The answer has no content."""

    status = 422
    code = "web-empty"
    title = _("The page is empty")
    detail = _("The site answered without any content.")


class WrongStatus(AppError):
    """The site answered with an error. Param: status."""

    status = 502
    code = "web-status"
    title = _("The site answered with an error")
    detail = _("The site answered %(status)s.")


class NoSitemap(AppError):
    """The address is not a sitemap."""

    status = 422
    code = "web-no-sitemap"
    title = _("This is not a sitemap")
    detail = _("Neither a sitemap nor a list of addresses was found there.")


class AddressInvalid(AppError):
    """An address of the form cannot be used. Params: url, reason."""

    status = 400
    code = "web-address-invalid"
    title = _("An address cannot be used")
    detail = _("“%(url)s” is not a public web address (%(reason)s).")


class AddressMissing(AppError):
    """No address was given."""

    status = 400
    code = "web-address-missing"
    title = _("An address is needed")
    detail = _("Type at least one web address, one a line.")


class TooManyAddresses(AppError):
    """The list is longer than one source may have pages. Param: limit."""

    status = 400
    code = "web-too-many-addresses"
    title = _("The list is too long")
    detail = _("A source may have up to %(limit)s pages. Split the list.")


class AlreadyVisiting(AppError):
    """The source is being read or waits for it."""

    status = 409
    code = "web-already-visiting"
    title = _("It is being read already")
    detail = _("Wait until it is done, or stop it first.")
