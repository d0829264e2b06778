"""Forms of the account and team pages."""

import re
from typing import Any
from uuid import UUID

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.validators import validate_email
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from apps.core.forms import offer
from apps.users.models import Group, Role, Team, User

LONGEST_INVITATION_DAYS = 90
MOST_ADDRESSES = 100
MOST_CHOSEN = 1_000


class AccountForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for mypy, not at run time
    """Name and language of the signed-in person; nothing else can be set by it."""

    language = forms.ChoiceField(
        label=_("Language"), required=False, choices=[("", _("As the browser")), *settings.LANGUAGES]
    )

    class Meta:
        model = User
        fields = ("name", "language", "theme")
        labels = {"name": _("Name"), "theme": _("Theme")}


class ThemeForm(forms.Form):
    """The theme alone, posted by the switch in the shell."""

    theme = forms.ChoiceField(choices=User.Theme.choices)


class TeamForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for mypy, not at run time
    """A team's name."""

    class Meta:
        model = Team
        fields = ("name",)
        labels = {"name": _("Team name")}


class SwitchForm(forms.Form):
    """The team to work in."""

    team = forms.UUIDField()


class RoleForm(forms.Form):
    """A member's new role."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)


class EmailsField(forms.CharField):
    """Several addresses, separated by whatever is between them."""

    widget = forms.Textarea

    def clean(self, value: Any) -> list[str]:
        """Return the addresses in lower case, each once."""
        text = super().clean(value)
        found = list(dict.fromkeys(one.lower() for one in re.split(r"[\s,;，；、]+", text) if one))
        if len(found) > MOST_ADDRESSES:
            raise forms.ValidationError(_("At most %(n)s addresses at once.") % {"n": MOST_ADDRESSES})
        for one in found:
            try:
                validate_email(one)
            except forms.ValidationError as error:
                raise forms.ValidationError(_("%(address)s is no e-mail address.") % {"address": one}) from error
        return found


class InvitationForm(forms.Form):
    """Invitations: role, how long, and for whom alone."""

    emails = EmailsField(
        label=_("E-mail addresses"),
        required=False,
        max_length=20_000,
        widget=forms.Textarea(attrs={"rows": 3, "placeholder": "li@example.com, wang@example.com"}),
    )
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.VIEWER)
    days = forms.IntegerField(label=_("Valid for days"), min_value=1, max_value=LONGEST_INVITATION_DAYS, required=False)

    def __init__(self, *args: Any, highest: Role = Role.OWNER, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offer(self, {"role": [(role.value, role.label) for role in Role if highest.covers(role)]})
        self.fields["days"].initial = settings.ENV.invitation_days


class TypedNameForm(forms.Form):
    """A team's name, typed to confirm what cannot be taken back easily."""

    typed_name = forms.CharField(max_length=200)


class SecondFactorForm(forms.Form):
    """Whether members need a second factor."""

    requires_mfa = forms.BooleanField(label=_("Members need a second factor"), required=False)


class DomainForm(forms.Form):
    """A mail domain whose people join by themselves."""

    domain = forms.CharField(label=_("Mail domain"), max_length=253)
    role = forms.ChoiceField(
        label=_("Role"), choices=[(role.value, role.label) for role in (Role.VIEWER, Role.EDITOR)], initial=Role.VIEWER
    )


class GroupForm(forms.ModelForm):  # type: ignore[type-arg]  # generic for mypy, not at run time
    """A group's name and what it is for."""

    class Meta:
        model = Group
        fields = ("name", "description")
        labels = {"name": _("Name"), "description": _("What it is for")}


class ChosenMembersForm(forms.Form):
    """The members that are put into a group."""

    member = forms.TypedMultipleChoiceField(coerce=UUID)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        _take_what_came(self, data, "member")


class ChosenGroupsForm(forms.Form):
    """The groups that a member is in; none is a choice too."""

    group = forms.TypedMultipleChoiceField(coerce=UUID, required=False)

    def __init__(self, data: QueryDict) -> None:
        super().__init__(data)
        _take_what_came(self, data, "group")


def _take_what_came(form: forms.Form, data: QueryDict, name: str) -> None:
    """Let the field check that ids are ids; whether they are of the team is for the service to say."""
    offer(form, {name: [(one, one) for one in data.getlist(name)[:MOST_CHOSEN]]})


class JoinForm(forms.Form):
    """A new account through an invitation."""

    name = forms.CharField(label=_("Name"), max_length=100)
    email = forms.EmailField(label=_("E-mail"), widget=forms.EmailInput(attrs={"autocomplete": "email"}))
    password = forms.CharField(
        label=_("Password"), strip=False, widget=forms.PasswordInput(attrs={"autocomplete": "new-password"})
    )

    def __init__(self, *args: Any, bound_email: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if bound_email:
            self.fields["email"].initial = bound_email
            self.fields["email"].disabled = True

    def clean(self) -> dict[str, Any]:
        """Check the password against the rules, knowing the name and address it must not resemble."""
        cleaned = super().clean() or self.cleaned_data
        person = User(email=cleaned.get("email", ""), name=cleaned.get("name", ""))
        if password := cleaned.get("password"):
            try:
                validate_password(password, person)
            except forms.ValidationError as error:
                self.add_error("password", error)
        return cleaned
