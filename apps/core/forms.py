"""What forms of all apps share."""

from collections.abc import Iterable, Mapping
from typing import Any

from django.forms import BaseForm, ChoiceField

from apps.core.errors import Invalid


def cleaned(form: BaseForm) -> dict[str, Any]:
    """Return what a posted form says. Raises Invalid; a form with fields to correct is shown again instead."""
    if not form.is_valid():
        raise Invalid
    return form.cleaned_data


def offer(form: BaseForm, choices: Mapping[str, Iterable[Any]]) -> None:
    """Let the named fields of the form offer these choices, which are known only now."""
    for name, values in choices.items():
        field = form.fields[name]
        assert isinstance(field, ChoiceField)
        field.choices = list(values)
