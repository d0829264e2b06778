"""Expected failures of a library's words and synonyms."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError


class WordsBusy(AppError):
    """A change of the words is being applied."""

    status = 409
    code = "words-busy"
    title = _("The words are being applied")
    detail = _("The passages are indexed by the new words just now. Wait until that is done, or stop it.")


class WordsInvalid(AppError):
    """Some lines are no words or groups of synonyms."""

    status = 422
    code = "words-invalid"
    title = _("Some lines cannot be used")
    detail = _("%(count)s lines cannot be used; each is named below. Nothing was saved.")


class WordsTooLong(AppError):
    """The lists are longer than any list may be."""

    status = 413
    code = "words-too-long"
    title = _("The list is too long")
    detail = _("A list may have up to %(limit)s characters.")


class NothingToUndo(AppError):
    """Nothing was applied before."""

    status = 409
    code = "no-former-words"
    title = _("There is nothing to go back to")
    detail = _("These are the first words of this library.")


class NoDraft(AppError):
    """There is no change to compare or apply."""

    status = 409
    code = "no-word-draft"
    title = _("There is no change")
    detail = _("Change the words or synonyms first, then compare and apply.")
