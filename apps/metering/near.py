"""Which limits a person should know of before asking or uploading."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils import formats, timezone
from django.utils.translation import gettext as _

from apps.metering.models import Resource, Window
from apps.metering.services import Remaining
from apps.metering.wording import amount_of, number_of, period, whose

AREAS = {
    "ask": (Resource.QUESTIONS, Resource.OUTPUT_TOKENS, Resource.PROMPT_TOKENS, Resource.MONEY),
    "upload": (Resource.STORAGE_BYTES, Resource.DOCUMENTS, Resource.PAGES),
}
FEW = 3  # questions, pages … that are said although less than the warning's part is used


@dataclass(frozen=True, slots=True)
class Near:
    """A limit that is near, in words."""

    limit: Remaining
    text: str
    again: str

    @property
    def is_full(self) -> bool:
        """Return whether nothing is left."""
        return self.limit.left == 0


def near(limits: Iterable[Remaining], area: str) -> list[Near]:
    """Return the limits of an area that are nearly used up, the fullest first; at most two."""
    found = [one for one in limits if one.resource in AREAS[area] and (one.is_warning or one.left <= FEW)]
    ranked = sorted(found, key=lambda one: (-one.fraction, one.resets_at is not None, one.resource))
    return [Near(one, text_of(one), again_of(one)) for one in ranked[:2]]


def text_of(one: Remaining) -> str:
    """Return what is left of a limit: `3 of 20 questions left today`."""
    said = {
        "left": number_of(one.resource, one.left),
        "limit": amount_of(one.resource, one.limit),
        "whose": whose(one.scope),
        "period": period(one.window),
    }
    if one.resource == Resource.GENERATIONS:
        said["used"] = number_of(one.resource, one.used)
        return _("%(used)s of %(limit)s %(whose)s under way") % said
    if one.is_soft and one.left == 0:
        return _("%(limit)s %(whose)s are used up: a smaller model answers") % said
    if one.window == Window.TOTAL:
        return _("%(left)s of %(limit)s %(whose)s left") % said
    return _("%(left)s of %(limit)s %(whose)s left %(period)s") % said


def again_of(one: Remaining) -> str:
    """Return when the count starts again; empty where it never does."""
    if one.resets_at is None:
        return ""
    at = timezone.localtime(one.resets_at)
    is_today = at.date() == timezone.localdate() or (one.resets_at - timezone.now()).total_seconds() < 86_400  # noqa: PLR2004
    if is_today:
        return _("again at %(time)s") % {"time": formats.date_format(at, "TIME_FORMAT")}
    return _("again on %(date)s") % {"date": formats.date_format(at, "SHORT_DATE_FORMAT")}
