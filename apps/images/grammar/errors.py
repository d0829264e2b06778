"""Why a prompt or a setting cannot be used: one class per stable code."""

from django.utils.translation import gettext_lazy as _

from apps.core.errors import AppError

PROMPT_CHARS = 10_000  # about forty chunks of 75 tokens; bounds the work of every reader here


class PromptError(AppError):
    """Something that a person wrote for a picture cannot be read."""

    status = 422
    code = "prompt-invalid"
    title = _("This prompt cannot be read")


class PromptTooLong(PromptError):
    """More characters than a prompt may have, as it was written or after its variants were filled in."""

    code = "prompt-too-long"
    title = _("This prompt is too long")
    detail = _("A prompt may have %(limit)s characters.")


class MalformedWeight(PromptError):
    """A weight in brackets that is not a number: upstream fails on it with a ValueError (media.md trap 32)."""

    code = "prompt-weight"
    title = _("A weight in this prompt is not a number")
    detail = _("“%(weight)s” is not a weight. Write one like (word:1.2).")


class StepsOutOfRange(PromptError):
    """A number of steps that no picture has."""

    code = "prompt-steps"
    title = _("This number of steps is not possible")
    detail = _("%(steps)s steps are not possible, 1 to %(limit)s are.")


class TooManyVariants(PromptError):
    """A dynamic prompt that stands for more prompts than were asked for."""

    code = "prompt-variants"
    title = _("This prompt has too many variants")
    detail = _("It stands for more than the %(limit)s prompts that are allowed at once.")


class TookTooLong(PromptError):
    """A dynamic prompt whose filling in takes more work than it may."""

    code = "prompt-work"
    title = _("This prompt takes too long to fill in")
    detail = _("Use fewer variants inside variants, or shorter wildcards.")


class NestedTooDeep(PromptError):
    """Variants, wildcards or variables within each other, deeper than anybody means, or in a circle."""

    code = "prompt-depth"
    title = _("This prompt is nested too deeply")
    detail = _("Variants and wildcards may stand within each other %(limit)s deep, and not in a circle.")


class MalformedVariant(PromptError):
    """A dynamic prompt that breaks the grammar."""

    code = "prompt-variant-syntax"
    title = _("A variant in this prompt cannot be read")
    detail = _("It cannot be read from “%(near)s” on. Variants look like {red|green} or {2$$red|green|blue}.")


class UnknownVariable(PromptError):
    """A variable that has no value where it is used."""

    code = "prompt-variable"
    title = _("A variable in this prompt has no value")
    detail = _("“%(name)s” has no value. Give it one before it is used: ${%(name)s=red}.")


class UnknownWildcard(PromptError):
    """A wildcard that the caller's list has not."""

    code = "unknown-wildcard"
    title = _("There is no such wildcard")
    detail = _("There is no wildcard “%(name)s” among yours.")


class WildcardName(PromptError):
    """A wildcard's name that is a pattern, a path, or holds other signs."""

    code = "wildcard-name"
    title = _("This name of a wildcard is not possible")
    detail = _("“%(name)s” is not a wildcard's name: letters, digits, -, _ and / between them, no patterns.")


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


class GridValue(PromptError):
    """A value of a grid's axis that is not of the axis's kind."""

    code = "grid-value"
    title = _("A value of the grid cannot be read")
    detail = _("“%(value)s” is not a value for this axis. Write values like 1, 2, 5-9 (+2) or 1-10 [5].")


class GridAxis(PromptError):
    """An axis that the grid has not, or that has no values."""

    code = "grid-axis"
    title = _("An axis of the grid cannot be used")
    detail = _("“%(axis)s” is not an axis, or has no values.")


class GridTooLarge(PromptError):
    """A grid of more pictures than it may have."""

    code = "grid-too-large"
    title = _("This grid has too many pictures")
    detail = _("It may have %(limit)s pictures.")


class SearchWordMissing(PromptError):
    """Prompt S/R whose first value is not in the prompt."""

    code = "grid-search-word"
    title = _("The search word is not in the prompt")
    detail = _("“%(word)s”, the first value of the axis, stands neither in the prompt nor in the negative prompt.")


class UnreadableInfo(PromptError):
    """A picture's stored settings that are too large, too deep, or broken."""

    code = "picture-info"
    title = _("The settings in this picture cannot be read")
    detail = _("They are damaged, or larger than settings are.")


def require_length(text: str) -> None:
    """Raise `PromptTooLong` for a prompt that is longer than the readers take."""
    if len(text) > PROMPT_CHARS:
        raise PromptTooLong(limit=PROMPT_CHARS)
