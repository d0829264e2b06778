"""Words of the list of documents: validity, the icon of a type, how a document stands."""

from django import template
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext

from apps.libraries.families import ICONS, family_of
from apps.libraries.filters import EXPIRING_DAYS
from apps.libraries.models import Document

register = template.Library()


@register.filter
def family_icon(media_type: str) -> str:
    """Return the name of the icon for a media type."""
    return ICONS[family_of(media_type)]


@register.filter
def validity_words(document: Document) -> str:
    """Return why a document is not searched today, or that it soon will not be; "" where there is nothing to say."""
    today = timezone.localdate()
    first, last = document.valid_from, document.valid_until
    if last and last < today:
        return gettext("Expired on %(day)s") % {"day": date_format(last, "DATE_FORMAT")}
    if first and first > today:
        return gettext("Valid from %(day)s") % {"day": date_format(first, "DATE_FORMAT")}
    if last and (last - today).days <= EXPIRING_DAYS:
        return gettext("Valid until %(day)s") % {"day": date_format(last, "DATE_FORMAT")}
    return ""


@register.filter
def is_searched_today(document: Document) -> bool:
    """Return whether the days of validity let the document be searched."""
    today = timezone.localdate()
    is_begun = document.valid_from is None or document.valid_from <= today
    return is_begun and (document.valid_until is None or document.valid_until >= today)


@register.filter
def has_former(document: Document) -> bool:
    """Return whether an earlier version answers while the last one could not be read."""
    return document.status in {Document.Status.FAILED, Document.Status.CANCELLED} and bool(document.current_version_id)
