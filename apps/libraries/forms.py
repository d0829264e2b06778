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


class NewLibraryForm(LibraryForm):
    """A new library, and for whom it is."""

    is_restricted = forms.TypedChoiceField(
        label=_("Who it is for"),
        choices=[("", _("Whole team")), ("1", _("Only people I choose"))],
        coerce=bool,
        empty_value=False,  # type: ignore[arg-type]  # any value may stand for nothing
        required=False,
        widget=forms.RadioSelect,
    )
