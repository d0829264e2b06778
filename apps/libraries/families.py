"""Media types in the families that people filter by."""

from collections.abc import Mapping

from django.db.models import Q
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

FAMILIES: Mapping[str, Promise] = {
    "pdf": _("PDF"),
    "text": _("Text"),
    "document": _("Word processing"),
    "sheet": _("Spreadsheet"),
    "slides": _("Slides"),
    "web": _("Web page"),
    "mail": _("E-mail"),
    "image": _("Picture"),
    "archive": _("Archive"),
    "other": _("Other"),
}
# What a media type contains, in the order of trying: the first family that fits has it.
_SIGNS: Mapping[str, tuple[str, ...]] = {
    "pdf": ("application/pdf",),
    "sheet": ("spreadsheet", "ms-excel", "text/csv", "tab-separated"),
    "slides": ("presentation", "powerpoint"),
    "document": ("wordprocessing", "msword", "opendocument.text", "/rtf", "epub"),
    "mail": ("message/", "outlook", "mbox"),
    "image": ("image/",),
    "archive": ("zip", "x-tar", "gzip", "7z"),
    "web": ("text/html", "xhtml", "mhtml", "multipart/related"),
    "text": ("text/", "json"),
}
ICONS = {
    "pdf": "file-text",
    "text": "file",
    "document": "file-type",
    "sheet": "table",
    "slides": "panel-right",
    "web": "globe",
    "mail": "mail",
    "image": "image",
    "archive": "layers",
    "other": "file",
}


def family_of(media_type: str) -> str:
    """Return the family of a media type, `other` where none fits."""
    for family, signs in _SIGNS.items():
        if any(sign in media_type for sign in signs):
            return family
    return "other"


def signs_of(family: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a media type of this family contains (nothing: anything) and what it must not contain."""
    earlier: list[str] = []
    for name, signs in _SIGNS.items():
        if name == family:
            return signs, tuple(earlier)
        earlier += signs
    return (), tuple(earlier)


def in_family(family: str) -> Q:
    """Return the condition that a document's media type is of this family."""
    signs, others = signs_of(family)
    wanted = _any(signs) if signs else Q()
    return wanted & ~_any(others) if others else wanted


def _any(signs: tuple[str, ...]) -> Q:
    condition = Q()
    for sign in signs:
        condition |= Q(media_type__contains=sign)
    return condition
