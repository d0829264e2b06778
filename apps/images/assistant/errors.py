"""Expected failures of the prompt assistant and of stories."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError, Invalid


class EmptyTheme(Invalid):
    """There is nothing to write about."""

    status = 422
    code = "assistant-theme"
    title = _("The theme is empty")
    detail = _("Say in any language what the picture is about.")


class NotWritten(AppError):
    """A model answered twice with what is no prompt. Param: model."""

    status = 502
    code = "assistant-not-written"
    title = _("The assistant has no prompt")
    detail = _("The model %(model)s was asked twice and wrote nothing that can be used. A larger model does better.")


class AssistantStopped(AppError):
    """The person did not want to wait."""

    status = 409
    code = "assistant-stopped"
    title = _("The assistant was stopped")


class AssistantTooSlow(AppError):
    """No prompt in time: the queue is long, no worker runs, or the model is slow."""

    status = 504
    code = "assistant-too-slow"
    title = _("The assistant took too long")
    detail = _("No prompt came in time. Your prompt is as it was; try again later.")


class AssistantFailed(AppError):
    """The model broke."""

    status = 502
    code = "assistant-failed"
    title = _("The assistant could not write")
    detail = _("The model failed. Your prompt is as it was; try again, or ask an administrator to look at the models.")


class NothingToTell(AppError):
    """A document without text, or one that is not read yet."""

    status = 422
    code = "story-no-text"
    title = _("This document cannot be illustrated")
    detail = _("It has no text that has been read. Look at its page in the library.")


class StoryLost(AppError):
    """Workers died at it, several times."""

    status = 500
    code = "story-lost"
    title = _("The scenes could not be found")
    detail = _("The worker stopped several times. What was found stays; try again.")


class SceneBusy(AppError):
    """A scene is drawn, or nothing can be drawn of it."""

    status = 409
    code = "story-scene"
    title = _("There is nothing to draw")
    detail = _("Every scene with a prompt has its picture or is being drawn.")
