"""Money in words."""

from django import template

from apps.metering.wording import money as _money

register = template.Library()


@register.filter
def money(micros: int) -> str:
    """Return millionths of the currency as an amount of money."""
    return _money(micros)
