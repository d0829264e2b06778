"""What is left, for the pages on which it is used up; amounts in words."""

from typing import Any

from django import template

from apps.core.errors import sentence_of
from apps.metering.near import Near, again_of, near, text_of
from apps.metering.services import Remaining

register = template.Library()


@register.inclusion_tag("metering/left.html", takes_context=True)
def limits_near(context: dict[str, Any], area: str) -> dict[str, Any]:
    """Return the limits of an area (ask, upload) that are nearly used up; asked again after each use."""
    found: list[Near] = near(context.get("remaining") or [], area)
    return {"area": area, "near": found}


@register.filter
def limit_sentence(params: dict[str, Any]) -> str:
    """Return what an answer's limit says, by the stored params of the refusal."""
    return sentence_of("quota-exceeded", params)


@register.filter
def left_text(one: Remaining) -> str:
    """Return what is left of a limit, in words."""
    return text_of(one)


@register.filter
def again_text(one: Remaining) -> str:
    """Return when the count starts again."""
    return again_of(one)
