"""Why a prompt or a setting cannot be used: one class per stable code."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError


class PromptError(AppError):
    """Something that a person wrote for a picture cannot be read."""

    status = 422
    code = "prompt-invalid"
    title = _("This prompt cannot be read")


class UnknownSampler(PromptError):
    """A sampler that does not exist here; another is never taken in its place."""

    code = "unknown-sampler"
    title = _("There is no such sampler")
    detail = _("“%(name)s” is not one of the samplers here: %(known)s.")


class UnknownSchedule(PromptError):
    """A noise schedule that does not exist here; another is never taken in its place."""

    code = "unknown-schedule"
    title = _("There is no such noise schedule")
    detail = _("“%(name)s” is not one of the noise schedules here: %(known)s.")


class ScheduleMismatch(PromptError):
    """A noise schedule that this sampler cannot follow."""

    code = "schedule-mismatch"
    title = _("This sampler cannot follow that noise schedule")
    detail = _("%(sampler)s does not go with the noise schedule %(schedule)s, only with: %(known)s.")
