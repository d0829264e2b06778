"""Forms that a page of the house fills in by buttons and lists: what they say wrong is no person's mistake."""

from typing import Any

from django.forms import BaseForm

from apps.core.errors import Invalid


def cleaned(form: BaseForm) -> dict[str, Any]:
    """Return what a posted form says. Raises Invalid; a form with fields to correct is shown again instead."""
    if not form.is_valid():
        raise Invalid
    return form.cleaned_data
