"""Expected failures of libraries and documents."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError


class NameTaken(AppError):
    """Another library of the team has this name."""

    status = 409
    code = "name-taken"
    title = _("The name is taken")
    detail = _("Your team has a library named “%(name)s” already. Choose another name.")


class NameMissing(AppError):
    """A library needs a name of 1 to 100 characters."""

    status = 400
    code = "name-missing"
    title = _("A name is needed")
    detail = _("Give the library a name of up to 100 characters.")


class TypedNameDiffers(AppError):
    """The name typed to confirm a deletion is not the library's."""

    status = 400
    code = "typed-name-differs"
    title = _("The names differ")
    detail = _("Type the library's name exactly as shown. Nothing was deleted.")


class NotRestorable(AppError):
    """The same bytes were uploaded again meanwhile."""

    status = 409
    code = "not-restorable"
    title = _("The document is there already")
    detail = _("The same file was uploaded again after it was deleted, so the old one stays deleted.")
