"""The forms of the library pages."""

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.libraries.services import DESCRIPTION_MAX, NAME_MAX


class LibraryForm(forms.Form):
    """Name and description of a library."""

    name = forms.CharField(label=_("Name"), max_length=NAME_MAX)
    description = forms.CharField(
        label=_("Description"),
        max_length=DESCRIPTION_MAX,
        required=False,
        help_text=_("One line that says what belongs here."),
    )
