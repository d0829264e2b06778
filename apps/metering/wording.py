"""Amounts and limits in the reader's words."""

from collections.abc import Callable

from django.conf import settings
from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.core.templatetags.shell import filesize
from apps.metering.models import Resource, Scope, Window

MICROS = 1_000_000
PIXEL_STEPS = 1_000  # one unit of the counter


def money(micros: int) -> str:
    """Return an amount of money in the currency of the settings: `12.50 EUR`; below a hundredth four decimals."""
    value = micros / MICROS
    decimals = 4 if 0 < abs(value) < 0.1 else 2  # noqa: PLR2004
    return f"{number_format(value, decimals, force_grouping=True)} {settings.ENV.currency}"


def number_of(resource: str, amount: int) -> str:
    """Return an amount without the name of what is counted: `1,200`, `1.2 MB`, `12.50 EUR`."""
    if resource == Resource.STORAGE_BYTES:
        return str(filesize(amount)) if amount >= 0 else f"−{filesize(-amount)}"
    return money(amount) if resource == Resource.MONEY else str(number_format(amount, 0, force_grouping=True))


def amount_of(resource: str, amount: int) -> str:
    """Return an amount with what it counts: `5 questions`, `1.2 MB of storage`."""
    shown = number_of(resource, amount)
    if resource == Resource.MONEY:
        return shown
    return _WORDS[Resource(resource)](amount) % {"n": shown}


_WORDS: dict[Resource, Callable[[int], str]] = {
    Resource.QUESTIONS: lambda n: ngettext("%(n)s question", "%(n)s questions", n),
    Resource.PROMPT_TOKENS: lambda n: ngettext("%(n)s prompt token", "%(n)s prompt tokens", n),
    Resource.OUTPUT_TOKENS: lambda n: ngettext("%(n)s generated token", "%(n)s generated tokens", n),
    Resource.PAGES: lambda n: ngettext("%(n)s page", "%(n)s pages", n),
    Resource.DOCUMENTS: lambda n: ngettext("%(n)s document", "%(n)s documents", n),
    Resource.STORAGE_BYTES: lambda _n: _("%(n)s of storage"),
    Resource.GENERATIONS: lambda n: ngettext("%(n)s answer", "%(n)s answers", n),
    Resource.PICTURES: lambda n: ngettext("%(n)s picture", "%(n)s pictures", n),
    Resource.PIXEL_STEPS: lambda _n: _("%(n)s thousand pixel-steps"),
    Resource.AUDIO_SECONDS: lambda n: ngettext("%(n)s second of audio", "%(n)s seconds of audio", n),
    Resource.API_CALLS: lambda n: ngettext("%(n)s API call", "%(n)s API calls", n),
}


def whose(scope: str) -> str:
    """Return whose limit it is, as the end of a sentence."""
    return {
        Scope.SYSTEM: _("of the whole installation"),
        Scope.TEAM: _("of your team"),
        Scope.GROUP: _("of one of your groups"),
        Scope.USER: _("for you"),
        Scope.MEMBER: _("for you in this team"),
        Scope.KEY: _("of this API key"),
    }[Scope(scope)]


def period(window: str) -> str:
    """Return a window as the end of a phrase: `today`, `this month`."""
    return {
        Window.MINUTE: _("this minute"),
        Window.DAY: _("today"),
        Window.MONTH: _("this month"),
        Window.TOTAL: "",
    }[Window(window)]
