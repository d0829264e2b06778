"""Tags and filters that every page uses: icons, empty states, sizes and times in the reader's language."""

import hashlib
from datetime import datetime
from functools import cache

from django import template
from django.contrib.staticfiles.storage import staticfiles_storage
from django.template.defaultfilters import date as format_date
from django.utils import timezone
from django.utils.formats import number_format
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext, to_locale

register = template.Library()

KIB = 1024
MINUTE, HOUR, DAY = 60, 3_600, 86_400
TYPE_ICONS = {
    "application/pdf": "file-text",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "file-type",
    "text/markdown": "hash",
    "text/html": "file-code",
    "text/plain": "file",
    "text/x-source": "file-code",
    "text/csv": "table",
    "application/vnd.ms-excel": "table",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "table",
    "application/vnd.oasis.opendocument.spreadsheet": "table",
    "application/vnd.ms-powerpoint": "panel-right",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "panel-right",
    "application/vnd.oasis.opendocument.presentation": "panel-right",
    "application/msword": "file-type",
    "application/rtf": "file-type",
    "application/vnd.oasis.opendocument.text": "file-type",
    "application/epub+zip": "file-type",
    "message/rfc822": "mail",
    "application/vnd.ms-outlook": "mail",
    "application/mbox": "mail",
    "multipart/related": "globe",
    "application/zip": "layers",
    "image/png": "image",
    "image/jpeg": "image",
    "image/webp": "image",
    "image/gif": "image",
    "image/tiff": "image",
    "image/bmp": "image",
}


@cache
def _sprite() -> str:
    return staticfiles_storage.url("vendor/lucide.svg")


@register.simple_tag
def icon(name: str, label: str | Promise = "", *, size: str = "", spin: bool = False) -> SafeString:
    """Return an icon of the sprite; without a label it is hidden from screen readers (its button has the name)."""
    attributes = format_html(' data-size="{}"', size) if size else ""
    if spin:
        attributes += SafeString(" data-spin")
    if label:
        attributes += format_html(' role="img" aria-label="{}"', label)
    else:
        attributes += format_html(' aria-hidden="{}"', "true")
    return format_html('<svg class="icon"{}><use href="{}#{}"></use></svg>', SafeString(attributes), _sprite(), name)


@register.inclusion_tag("parts/empty_state.html")
def empty_state(  # noqa: PLR0913 -- a tag's arguments are its markup
    icon: str,
    title: str,
    text: str = "",
    *,
    action: str = "",
    href: str = "",
    dialog: str = "",
    second_action: str = "",
    second_href: str = "",
) -> dict[str, str]:
    """Return what an empty page shows: a picture, what would be here, and how to get it there."""
    return {
        "icon": icon,
        "title": title,
        "text": text,
        "action": action,
        "href": href,
        "dialog": dialog,
        "second_action": second_action,
        "second_href": second_href,
    }


@register.filter
def filesize(value: int | None) -> str:
    """Return a number of bytes as `340 KB`, `1.2 MB`; one decimal below ten."""
    size = float(value or 0)
    for unit in ("B", "KB", "MB", "GB"):
        if size < KIB:
            return _with_unit(size, unit)
        size /= KIB
    return _with_unit(size, "TB")


def _with_unit(size: float, unit: str) -> str:
    decimals = 1 if size < 10 and unit != "B" else 0  # noqa: PLR2004 -- 9.8 MB, 12 MB
    return f"{number_format(round(size, decimals), decimals)} {unit}"


@register.filter
def ago(value: datetime | None) -> str:
    """Return how long ago a moment was; older than six days the date."""
    if value is None:
        return ""
    seconds = (timezone.now() - value).total_seconds()
    if seconds < MINUTE:
        return gettext("just now")
    if seconds < HOUR:
        minutes = int(seconds // MINUTE)
        return ngettext("%(count)d minute ago", "%(count)d minutes ago", minutes) % {"count": minutes}
    if seconds < DAY:
        hours = int(seconds // HOUR)
        return ngettext("%(count)d hour ago", "%(count)d hours ago", hours) % {"count": hours}
    if seconds < 7 * DAY:
        days = int(seconds // DAY)
        return ngettext("%(count)d day ago", "%(count)d days ago", days) % {"count": days}
    return str(format_date(timezone.localtime(value), "DATE_FORMAT"))


@register.filter
def percent(part: float | None, whole: float | None) -> int:
    """Return part of whole as 0 to 100, for the width of a bar."""
    return max(0, min(100, round(100 * (part or 0) / whole))) if whole else 0


@register.filter
def seconds(value: float | None) -> str:
    """Return a duration as `0.8 s`."""
    return f"{number_format(round(value or 0, 1), 1)} s"


@register.filter
def type_icon(media_type: str) -> str:
    """Return the name of the icon for a media type."""
    return TYPE_ICONS.get(media_type, "file")


@register.filter
def initial(value: object) -> str:
    """Return the first character of a name, for its avatar."""
    return str(value).strip()[:1].upper()


@register.filter
def html_lang(code: str) -> str:
    """Return Django's `zh-hans` as the `zh-Hans` that fonts and screen readers know."""
    return to_locale(code).replace("_", "-")


@register.filter
def short_hash(value: str) -> str:
    """Return a stable id for a piece of text."""
    return hashlib.sha256(value.encode()).hexdigest()[:8]
