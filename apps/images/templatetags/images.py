"""Numbers of settings as fields of a form take them."""

from django import template

register = template.Library()


@register.filter
def plain(value: float) -> str:
    """Return a number for a field: 7, 7.5; a decimal point in every language."""
    return f"{float(value):g}"
