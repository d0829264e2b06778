"""Words of the document page: how a page was read, what was done to a passage, what a file says of itself."""

from django import template
from django.utils.translation import gettext, gettext_lazy, ngettext, pgettext_lazy

from apps.core.errors import title_of
from apps.libraries.page_strip import Page

register = template.Library()
HALF_TURN = 180  # degrees

ACTIONS = {
    "edited": gettext_lazy("Edited"),
    "disabled": gettext_lazy("Disabled"),
    "enabled": gettext_lazy("Enabled"),
    "added": gettext_lazy("Added"),
    "split": gettext_lazy("Split"),
    "merged": gettext_lazy("Merged with the next"),
    "deleted": gettext_lazy("Deleted"),
    "restored": gettext_lazy("Restored"),
}
FACTS = {
    "title": gettext_lazy("Title"),
    "author": gettext_lazy("Author"),
    "subject": gettext_lazy("Subject"),
    "keywords": gettext_lazy("Keywords"),
    "creator": gettext_lazy("Made with"),
    "producer": gettext_lazy("Written by"),
    "created": gettext_lazy("Created"),
    "modified": pgettext_lazy("date", "Changed"),
    "modified_by": gettext_lazy("Changed by"),
    "program": gettext_lazy("Made with"),
    "description": gettext_lazy("Description"),
    "category": gettext_lazy("Category"),
    "from": gettext_lazy("From"),
    "to": gettext_lazy("To"),
    "cc": gettext_lazy("Copy to"),
    "date": gettext_lazy("Date"),
    "sent": gettext_lazy("Sent"),
    "language": gettext_lazy("Language"),
    "encoding": gettext_lazy("Encoding"),
    "publisher": gettext_lazy("Publisher"),
    "id": gettext_lazy("Identifier"),
    "address": gettext_lazy("Address"),
    "saved": gettext_lazy("Saved"),
    "delimiter": gettext_lazy("Separator"),
    "records": gettext_lazy("Records"),
    "messages": gettext_lazy("Messages"),
    "cues": gettext_lazy("Subtitles"),
    "length": gettext_lazy("Length"),
}
RULES = {
    "structure": gettext_lazy("By structure"),
    "parent_child": gettext_lazy("Parent and child"),
    "row": gettext_lazy("One row each"),
    "qa": gettext_lazy("Questions and answers"),
    "whole": gettext_lazy("Whole document"),
}
QUALITIES = {
    "failed": gettext_lazy("not read"),
    "empty": gettext_lazy("empty"),
    "unknown": gettext_lazy("read"),
}


@register.filter
def page_words(page: Page) -> str:
    """Return a page as its tick says it: `Page 3: recognised, 82 % sure`."""
    return gettext("Page %(page)s: %(how)s") % {"page": page.number, "how": _how(page)}


def _how(page: Page) -> str:
    if page.quality in QUALITIES:
        return str(QUALITIES[page.quality])
    size = ngettext("%(n)s character", "%(n)s characters", page.characters) % {"n": page.characters}
    if page.percent is None:
        return gettext("text, %(size)s") % {"size": size}
    words = gettext("recognised, %(percent)s %% sure, %(size)s") % {"percent": page.percent, "size": size}
    if not page.rotation:
        return words
    degrees = page.rotation if page.rotation <= HALF_TURN else page.rotation - 2 * HALF_TURN
    return gettext("%(how)s, turned by %(degrees)s°") % {"how": words, "degrees": degrees}


@register.filter
def rule_words(strategy: str) -> str:
    """Return by which rule a library's documents are cut (`ingestion.chunking`)."""
    return str(RULES.get(strategy, strategy))


@register.filter
def action_words(action: str) -> str:
    """Return what was done to a passage."""
    return str(ACTIONS.get(action, action))


@register.filter
def fact_name(key: str) -> str:
    """Return the name of something that a file says of itself."""
    return str(FACTS.get(key.lower(), key))


@register.filter
def reason_words(code: str) -> str:
    """Return why a file inside a file was not read."""
    return title_of(code)


@register.filter
def cell_lines(text: str) -> str:
    """Return a table's cell with its own line ends, which markdown writes as `<br>`."""
    return text.replace("<br>", "\n")
