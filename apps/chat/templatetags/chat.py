"""Tags of the chat pages."""

import json
from dataclasses import dataclass
from datetime import datetime

from django import template
from django.utils.dateparse import parse_datetime
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.timezone import localtime
from django.utils.translation import gettext as _

from apps.chat.errors import reason
from apps.chat.models import Citation, Message
from apps.chat.pictured import Shown, pieces_of
from apps.chat.sentences import stretches_of
from apps.chat.sources import Extract, Piece
from apps.core.markdown import render_cached

register = template.Library()


@dataclass(frozen=True, slots=True)
class Doubts:
    """What is not sure of an answer."""

    weak: int
    unsupported: int
    removed: list[str]

    @property
    def shown(self) -> int:
        """Return how many sentences of the text are marked."""
        return self.weak + self.unsupported

    def __bool__(self) -> bool:
        return bool(self.shown or self.removed)


@register.filter
def as_html(answer: Message) -> SafeString:
    """Return the answer's text as safe HTML; marks of its citations are links, weak sentences are marked."""
    numbers = sorted(citation.number for citation in answer.citations.all())
    html = render_cached(answer.text, numbers, stretches_of(answer))
    return mark_safe(html)  # noqa: S308  (core.markdown has cleaned it)


@register.filter
def question_pieces(text: str) -> list[Shown]:
    """Return a question's text and the pictures of the studio in it."""
    return list(pieces_of(text))


@register.filter
def doubts(answer: Message) -> Doubts:
    """Return how many sentences of an answer its sources bear out weakly or not at all, and which were left out."""
    states = [sentence.get("state") for sentence in answer.sentences]
    removed = [str(sentence.get("text", "")) for sentence in answer.sentences if sentence.get("state") == "removed"]
    return Doubts(states.count("weak"), states.count("unsupported"), removed)


@register.filter
def reason_of(answer: Message) -> str:
    """Return why an answer failed, in the reader's language."""
    return reason(answer.error_code)


@register.filter
def place_of(citation: Citation) -> str:
    """Return where in its document a citation lies: the page, else the nearest heading."""
    if not citation.page_from:
        return citation.heading_path[-1] if citation.heading_path else ""
    if citation.page_to in (None, citation.page_from):
        return _("p. %(page)s") % {"page": citation.page_from}
    return _("pp. %(first)s–%(last)s") % {"first": citation.page_from, "last": citation.page_to}


@register.filter
def with_marks(extract: Extract) -> SafeString:
    """Return a block's text with the passage and the quote marked; white space is kept as it is."""
    return format_html_join("", "{}", ((_piece(piece),) for piece in extract.pieces))


def _piece(piece: Piece) -> str | SafeString:
    return format_html('<mark data-weight="{}">{}</mark>', piece.weight, piece.text) if piece.weight else piece.text


@register.filter
def moment(text: str) -> datetime | None:
    """Return the time that a stored step names, in the reader's time zone."""
    found = parse_datetime(str(text or ""))
    return localtime(found) if found else None


@register.filter
def as_json(value: object) -> str:
    """Return JSON for an attribute; the template escapes it."""
    return json.dumps(value)
