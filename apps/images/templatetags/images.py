"""Numbers of settings as fields of a form take them."""

import json

from django import template

register = template.Library()


@register.filter
def plain(value: float) -> str:
    """Return a number for a field: 7, 7.5; a decimal point in every language."""
    return f"{float(value):g}"


@register.filter
def as_json(value: object) -> str:
    """Return a value as JSON, for an attribute that a script reads."""
    return json.dumps(value)
