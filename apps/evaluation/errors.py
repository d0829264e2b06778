"""Expected failures of the search test and of search settings."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError


class SearchSettingInvalid(AppError):
    """A search setting has a value outside of its range."""

    status = 400
    code = "search-setting-invalid"
    title = _("Searching like this is not possible")
    detail = _("“%(name)s” must be between %(least)s and %(most)s. Nothing was changed.")


class SearchChoiceUnknown(AppError):
    """A search setting has none of its choices."""

    status = 400
    code = "search-choice-unknown"
    title = _("There is no such choice")
    detail = _("“%(name)s” must be one of the choices that the page offers. Nothing was changed.")


class SearchQuestionMissing(AppError):
    """A search test without a question, or with too long a one."""

    status = 400
    code = "search-question-missing"
    title = _("A question is needed")
    detail = _("Write a question of up to %(limit)s characters.")


class SearchFilterInvalid(AppError):
    """A filter of a search test has a value that it cannot have."""

    status = 400
    code = "search-filter-invalid"
    title = _("A filter cannot be used")
    detail = _("The dates must be days of the calendar, the first not after the last.")


class SearchFailed(AppError):
    """Something unexpected ended a search test; the log has it."""

    status = 500
    code = "search-failed"
    title = _("The search failed")
    detail = _("Something unexpected happened. The log of the installation says more. Try again.")


class SearchModelFailed(AppError):
    """The embedding or the rerank model broke."""

    status = 503
    code = "search-model-failed"
    title = _("The model failed")
    detail = _("The model that reads the question did not answer. Try again in a minute.")


class NoSuchEditor(AppError):
    """The person to whom a gap is given cannot edit its library."""

    status = 422
    code = "no-such-editor"
    title = _("This person cannot close the gap")
    detail = _("Only an editor of the library can. Nothing was changed.")
