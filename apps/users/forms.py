"""Forms of the account and team pages."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.utils.translation import gettext_lazy as _

from apps.users.models import Role, Team, User

LONGEST_INVITATION_DAYS = 90


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


class InvitationForm(forms.Form):
    """An invitation: role, how long, and optionally for whom alone."""

    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.VIEWER)
    email = forms.EmailField(label=_("Only for this e-mail"), required=False)
    days = forms.IntegerField(label=_("Valid for days"), min_value=1, max_value=LONGEST_INVITATION_DAYS, required=False)

    def __init__(self, *args: Any, highest: Role = Role.OWNER, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = [(role.value, role.label) for role in Role if highest.covers(role)]  # type: ignore[attr-defined]
        self.fields["days"].initial = settings.ENV.invitation_days


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
