"""Words and figures of documents: the status line, why a reading failed, the language of a text."""

import json
import re
from collections.abc import Sequence

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from apps.core.errors import sentence_of
from apps.core.markdown import render_cached
from apps.libraries.explaining import Reader
from apps.libraries.models import Document

register = template.Library()
_HAN = re.compile("[\u3400-\u9fff\uf900-\ufaff]")
_EMPHASIS = re.compile(r"[*_`~]+")  # inside a line: nothing takes its place, or Han would stand apart
_BREAKS = re.compile(r"\|+|^#+|^>+|^[-+]\s|:?-{3,}:?", re.MULTILINE)
_SAMPLE_CHARS = 2_000
_HAN_SHARE = 0.15
_SUFFIX_TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "md": "text/markdown",
    "markdown": "text/markdown",
    "html": "text/html",
    "htm": "text/html",
}


@register.filter
def status_words(document: Document) -> str:
    """Return the status as people read it: `Reading 12 of 80 pages`, `Embedding 340 of 900`, `Ready`."""
    if document.status != Document.Status.RUNNING:
        return str(document.get_status_display())
    counts = {"done": document.progress_done, "total": document.progress_total}
    if document.stage == "read":
        return gettext("Reading %(done)s of %(total)s pages") % counts if counts["total"] else gettext("Reading")
    if document.stage == "split":
        return gettext("Splitting")
    if document.stage == "embed":
        return gettext("Embedding %(done)s of %(total)s") % counts if counts["total"] else gettext("Embedding")
    return gettext("Indexing")


@register.filter
def failure(document: Document) -> str:
    """Return why the reading failed, in the reader's language."""
    return sentence_of(document.error_code, document.error_params) if document.error_code else ""


@register.filter
def media_type_of(document: Document) -> str:
    """Return the media type; before the content was looked at, that which the name suggests, for the icon alone."""
    suffix = document.name.rpartition(".")[2].lower()
    return document.media_type or _SUFFIX_TYPES.get(suffix, "text/plain")


@register.filter
def markdown(text: str) -> SafeString:
    """Return markdown that a person wrote as safe HTML."""
    return mark_safe(render_cached(text))  # noqa: S308  (core.markdown has cleaned it)


@register.filter
def without_markdown(text: str) -> str:
    """Return the words of a markdown text in one line, for a list."""
    return " ".join(_BREAKS.sub(" ", _EMPHASIS.sub("", text[:_SAMPLE_CHARS])).split())


@register.filter
def language_of(text: str) -> str:
    """Return `zh-Hans` for a text with a good share of Han characters, else `en`: for the `lang` attribute."""
    sample = text[:_SAMPLE_CHARS]
    return "zh-Hans" if len(_HAN.findall(sample)) > len(sample) * _HAN_SHARE else "en"


@register.filter(name="json")
def as_json(value: Sequence[Sequence[float]] | None) -> str:
    """Return boxes as compact JSON for a data attribute; the template escapes it."""
    return json.dumps(value or [], separators=(",", ":"))


@register.filter
def reader_why(reader: Reader) -> str:
    """Return by what somebody may read a place: `Editor of the team`, `Shared with them`, `Through the group Legal`."""
    if reader.by in ("team", "role"):
        return gettext("%(role)s of the team") % {"role": reader.role.label}
    where = {"group": reader.group, "name": reader.rung}
    if reader.by == "group":
        words = gettext("Through the group “%(group)s” at “%(name)s”") if reader.rung else ""
        return (words or gettext("Through the group “%(group)s”")) % where
    return (gettext("By name at “%(name)s”") if reader.rung else gettext("By name")) % where
