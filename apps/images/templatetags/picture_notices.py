"""What the owner of a picture is told once it was taken down."""

from typing import Any

from django import template

from apps.images.reports import notices_for

register = template.Library()


@register.inclusion_tag("images/parts/notices.html", takes_context=True)
def picture_notices(context: dict[str, Any]) -> dict[str, Any]:
    """Show why pictures of the person were taken down, until they have seen it; one query."""
    return {"notices": notices_for(context["request"].user)}
