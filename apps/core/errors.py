"""Expected failures: each has a status, a stable code and a sentence in the reader's language."""

from collections.abc import Mapping
from typing import ClassVar

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

PROBLEM_PREFIX = "/problems/"
Value = str | int | float | bool | None


class AppError(Exception):
    """A failure that people may see.

    `detail` is a translatable template; `params` fills its `%(name)s` and travels in problem+json (RFC 9457)
    as extension members, so an API client needs not to parse the sentence.
    """

    status: ClassVar[int] = 400
    code: ClassVar[str] = "bad-request"
    title: ClassVar[str | Promise] = _("This request cannot be carried out")
    detail: ClassVar[str | Promise] = ""

    def __init__(self, **params: Value) -> None:
        super().__init__(self.code)
        self.params: Mapping[str, Value] = params

    def sentence(self) -> str:
        """Return the detail in the active language, filled in; the title where there is no detail."""
        template = str(self.detail) or str(self.title)
        return template % self.params if self.params else template

    def headers(self) -> dict[str, str]:
        """Return headers that the answer carries besides the status."""
        return {}

    def __str__(self) -> str:
        return self.sentence()


class NotFound(AppError):
    """The object does not exist, or is not this person's: the two look the same."""

    status = 404
    code = "not-found"
    title = _("There is nothing here")
    detail = _("The address may be wrong, or the thing behind it was removed or is not shared with you.")


class Forbidden(AppError):
    """The object is visible, the action is not allowed with this role."""

    status = 403
    code = "forbidden"
    title = _("Your role does not allow this")
    detail = _("Ask an owner or admin of the team.")


class Invalid(AppError):
    """A field of the request has a value that cannot be used."""

    status = 400
    code = "invalid"
    title = _("Something in the request is not valid")


def sentence_of(code: str, params: Mapping[str, Value]) -> str:
    """Return the sentence of a stored failure in the active language; the code itself where no class has it."""
    found = _find(AppError, code)
    if found is None:
        return code
    try:
        return found(**params).sentence()
    except (KeyError, TypeError, ValueError):  # stored by another release with other parameters
        return str(found.title)


def title_of(code: str) -> str:
    """Return the title of a failure of which only the code is known; the code itself where no class has it."""
    found = _find(AppError, code)
    return code if found is None else str(found.title)


def _find(root: type[AppError], code: str) -> type[AppError] | None:
    for kind in root.__subclasses__():
        if kind.code == code:
            return kind
        deeper = _find(kind, code)
        if deeper is not None:
            return deeper
    return None
