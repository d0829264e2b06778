"""Words and figures of the search test and of the list of asked questions."""

from collections.abc import Mapping

from django import template
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from apps.evaluation.testing import Card
from apps.libraries.models import AskedQuestion

register = template.Library()
SMALL = 0.1  # a score below it is shown with more digits
LARGE = 10
A_SECOND = 1_000
STAGES: Mapping[str, Promise] = {
    "embedding": _("Reading the question"),
    "terms": _("Looking up its words"),
    "legs": _("Meaning and words"),
    "fusion": _("Joining"),
    "rerank": _("Reading again"),
    "loading": _("Loading the passages"),
}
PARTS: Mapping[str, Promise] = {
    "vectors": _("Meaning"),
    "words": _("Words"),
    "rerank": _("Rerank"),
    "links": _("Named"),
    "freshness": _("Freshness"),
}


@register.filter
def score(value: float) -> str:
    """Return a score with as many digits as tell it from its neighbours."""
    digits = 1 if abs(value) >= LARGE else 2 if abs(value) >= SMALL else 4
    return number_format(value, decimal_pos=digits, force_grouping=False)


@register.filter
def as_percent(value: float) -> str:
    """Return a probability in percent."""
    return f"{round(value * 100)} %"


@register.filter
def ms(value: float) -> str:
    """Return milliseconds as people read them."""
    if value >= A_SECOND:
        return gettext("%(n)s s") % {"n": number_format(value / A_SECOND, decimal_pos=1)}
    return gettext("%(n)s ms") % {"n": number_format(value, decimal_pos=0 if value >= LARGE else 1)}


@register.filter
def stage_name(name: str) -> str:
    """Return what a stage of a search does; a name without words as it is."""
    return str(STAGES.get(name, name))


@register.filter
def part_name(name: str) -> str:
    """Return the name of one part of a score."""
    return str(PARTS.get(name, name))


@register.filter
def text_of(card: Card) -> str:
    """Return a card's text without its marks."""
    return "".join(text for text, _is_marked in (*card.lead, *card.pieces))


@register.filter
def source_words(row: AskedQuestion) -> str:
    """Return where a question was asked."""
    return gettext("Search test") if row.source == AskedQuestion.Source.TEST else str(row.get_source_display())


@register.filter
def outcome_words(row: AskedQuestion) -> str:
    """Return how a question ended."""
    if row.is_refusal:
        return gettext("Refused")
    if row.curated_id:
        return gettext("Answered by an editor")
    return gettext("Answered weakly") if row.is_weak else gettext("Answered")


@register.filter
def outcome_status(row: AskedQuestion) -> str:
    """Return the status whose dot stands before the words."""
    return "warn" if row.is_refusal or row.is_weak else "ok"
