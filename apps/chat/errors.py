"""Expected failures of conversations."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError, Invalid


class EmptyQuestion(Invalid):
    """Nothing was asked."""

    code = "empty-question"
    detail = _("Write a question first.")


class QuestionTooLong(Invalid):
    """The question is longer than a search can use."""

    code = "question-too-long"
    detail = _("The question has %(chars)s characters; at most %(limit)s are possible. Put long texts into a library.")


class AnswerRunning(AppError):
    """One answer at a time in a conversation."""

    status = 409
    code = "answer-running"
    title = _("The last answer is still being written")
    detail = _("Wait for it or stop it, then ask again.")


class NothingToSearch(AppError):
    """There is no library to ask."""

    status = 409
    code = "nothing-to-search"
    title = _("There is no library to search")
    detail = _("Make a library and add documents first, or choose another one.")


class NotRepeatable(AppError):
    """The message is no answer that can be made again now."""

    status = 409
    code = "not-repeatable"
    title = _("This answer cannot be made again now")


class NotVotable(AppError):
    """Only an answer that is there can be voted on."""

    status = 409
    code = "not-votable"
    title = _("This answer cannot be rated now")


class NothingToKeep(AppError):
    """There is no library that the person may write to, or no text."""

    status = 403
    code = "nothing-to-keep"
    title = _("This answer cannot be saved")
    detail = _("Only editors of a library of this chat can save an answer in it.")


REASONS: dict[str, Promise] = {
    "interrupted": _("The answer was interrupted: the process that wrote it ended. What it had written is kept."),
    "model-failed": _("The model could not answer. An administrator finds the reason in the log of the models worker."),
    "no-model": _("No model is ready to answer. An administrator can install one."),
    "access-ended": _("You no longer have access to the libraries of this question."),
    "internal": _("Something went wrong while the answer was made. It was logged."),
}


def reason(code: str) -> str:
    """Return the sentence for an answer's error code in the active language."""
    return str(REASONS.get(code, REASONS["internal"]))


class OpeningWithoutReason(Invalid):
    """A private conversation is not opened without saying why."""

    code = "opening-without-reason"
    detail = _("Say why, in %(shortest)s to %(longest)s characters. The owner will read it.")


class NoSecondAdmin(AppError):
    """Nobody else could allow it."""

    status = 409
    code = "no-second-admin"
    title = _("A second administrator is needed")
    detail = _("A conversation is opened only when another administrator allows it, and there is none who may.")


class OpeningNotYours(AppError):
    """Nobody allows their own wish, or a wish to read their own conversation."""

    status = 403
    code = "opening-not-yours"
    title = _("Another administrator must decide this")
    detail = _("Neither the one who asks nor the owner of the conversation can decide.")


class OpeningDecided(AppError):
    """It was decided, or it lapsed."""

    status = 409
    code = "opening-decided"
    title = _("This was decided already, or it lapsed")


class SearchTimedOut(AppError):
    """No worker searched in time."""

    status = 503
    code = "search-timed-out"
    title = _("The search took too long")
    detail = _("All workers are busy. Try again in a moment.")

    def headers(self) -> dict[str, str]:
        """Return when to try again."""
        return {"Retry-After": "5"}


class SearchFailed(AppError):
    """The search broke. Param: reason."""

    status = 503
    code = "api-search-failed"
    title = _("The search failed")
    detail = _("%(reason)s")


class ModelNotAllowed(AppError):
    """The chosen model is not open to the person, or is gone."""

    status = 403
    code = "model-not-allowed"
    title = _("This model is not open to you")
    detail = _("Choose another model, or ask an administrator for this one.")
