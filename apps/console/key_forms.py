"""The form of a new API key."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from apps.core.forms import offer
from apps.libraries.models import Library
from apps.metering.models import Resource, Window
from apps.users.keys import KeyWish
from apps.users.models import KeyScope

EXPIRIES = {"30": _("in 30 days"), "90": _("in 90 days"), "365": _("in a year"), "": _("never")}
MOST = 10**12


@dataclass(frozen=True, slots=True)
class Budget:
    """A limit of the key itself."""

    resource: Resource
    window: Window
    amount: int


class KeyForm(forms.Form):
    """Name, what it may do, where, how long and how much."""

    once = forms.CharField(widget=forms.HiddenInput, required=False, max_length=40)  # a form sent twice makes one key
    name = forms.CharField(label=_("Name"), max_length=100)
    scopes = forms.MultipleChoiceField(
        label=_("May be used to"),
        initial=[KeyScope.READ, KeyScope.SEARCH, KeyScope.ASK],
        widget=forms.CheckboxSelectMultiple,
    )
    libraries = forms.MultipleChoiceField(
        label=_("In these libraries"), required=False, widget=forms.CheckboxSelectMultiple
    )
    expires = forms.ChoiceField(label=_("Expires"), required=False, choices=list(EXPIRIES.items()), initial="90")
    calls = forms.IntegerField(label=_("Most calls per day"), required=False, min_value=1, max_value=MOST)
    questions = forms.IntegerField(label=_("Most questions per day"), required=False, min_value=1, max_value=MOST)
    tokens = forms.IntegerField(label=_("Most generated tokens per month"), required=False, min_value=1, max_value=MOST)

    def __init__(self, *args: Any, scopes: Sequence[KeyScope], libraries: Sequence[Library], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["once"].initial = secrets.token_urlsafe(12)
        offer(
            self,
            {
                "scopes": [(scope.value, scope.label) for scope in scopes],
                "libraries": [(str(one.pk), one.name) for one in libraries],
            },
        )

    def wish(self, *, is_shared: bool) -> KeyWish:
        """Return the key that is wanted."""
        chosen = [UUID(one) for one in self.cleaned_data["libraries"]]
        return KeyWish(
            name=self.cleaned_data["name"].strip(),
            scopes=frozenset(KeyScope(one) for one in self.cleaned_data["scopes"]),
            library_ids=tuple(chosen) or None,
            expires_at=self._expiry(),
            is_shared=is_shared,
        )

    def _expiry(self) -> datetime | None:
        days = self.cleaned_data["expires"]
        return timezone.now() + timedelta(days=int(days)) if days else None

    def budgets(self) -> list[Budget]:
        """Return the limits that were filled in."""
        fields = (
            ("calls", Resource.API_CALLS, Window.DAY),
            ("questions", Resource.QUESTIONS, Window.DAY),
            ("tokens", Resource.OUTPUT_TOKENS, Window.MONTH),
        )
        data = self.cleaned_data
        return [Budget(resource, window, data[name]) for name, resource, window in fields if data[name]]
