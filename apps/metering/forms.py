"""Forms of limits and prices."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from apps.core.forms import offer
from apps.metering.limits import Limit
from apps.metering.models import Behaviour, Price, Quota, Resource, Scope, Window
from apps.metering.wording import MICROS
from apps.users.models import Team

GIB = 2**30
LARGEST = 2**62
TEAM_SCOPES = (Scope.MEMBER, Scope.GROUP, Scope.KEY)
PRICED = (Resource.PROMPT_TOKENS, Resource.OUTPUT_TOKENS, Resource.QUESTIONS, Resource.PAGES, Resource.PICTURES,
          Resource.PIXEL_STEPS, Resource.AUDIO_SECONDS, Resource.API_CALLS)  # fmt: skip
CHOSEN_FIRST = (Resource.QUESTIONS, Resource.OUTPUT_TOKENS, Resource.MONEY, Resource.STORAGE_BYTES)


def factor(resource: str) -> int:
    """Return how many units of the counter one unit of the form has: bytes of a GiB, millionths of the currency."""
    return {Resource.STORAGE_BYTES: GIB, Resource.MONEY: MICROS}.get(Resource(resource), 1)


def resource_choices() -> list[tuple[str, str]]:
    """Return the resources with the unit that a form asks for."""
    words = {
        Resource.STORAGE_BYTES: _("Storage (GiB)"),
        Resource.MONEY: _("Cost (%(currency)s)") % {"currency": settings.ENV.currency},
        Resource.PIXEL_STEPS: _("Pixel-steps (thousands)"),
    }
    ordered = [*CHOSEN_FIRST, *(one for one in Resource if one not in CHOSEN_FIRST)]
    return [(one.value, words.get(one) or _capital(str(one.label))) for one in ordered]


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


class LimitForm(forms.Form):
    """A limit: whose, of what, how much, and what happens at it."""

    scope = forms.ChoiceField(label=gettext_lazy("For"))
    subject = forms.UUIDField(required=False, widget=forms.HiddenInput)
    resource = forms.ChoiceField(label=gettext_lazy("Of what"))
    amount = forms.DecimalField(
        label=gettext_lazy("At most"), min_value=Decimal(0), max_digits=20, decimal_places=4, localize=False
    )
    window = forms.ChoiceField(label=gettext_lazy("Per"))
    warn_percent = forms.IntegerField(label=gettext_lazy("Warn from (%)"), min_value=1, max_value=100, initial=80)
    behaviour = forms.ChoiceField(
        label=gettext_lazy("At the limit"), choices=Behaviour.choices, required=False, initial=Behaviour.BLOCK
    )
    fallback_model = forms.ChoiceField(label=gettext_lazy("Smaller model"), required=False)
    is_enabled = forms.BooleanField(label=gettext_lazy("The limit holds"), required=False, initial=True)

    def __init__(
        self, *args: Any, scopes: Sequence[Scope] = tuple(Scope), models: Sequence[str] = (), **more: Any
    ) -> None:
        super().__init__(*args, **more)
        offer(self, {
            "scope": [(one.value, one.label) for one in scopes],
            "resource": resource_choices(),
            "window": [(Window.DAY, _("day")), (Window.MONTH, _("month")), (Window.MINUTE, _("minute")),
                       (Window.TOTAL, _("in all"))],
            "fallback_model": [("", _("none")), *((name, name) for name in models)],
        })  # fmt: skip

    def clean(self) -> dict[str, Any]:
        """Turn the amount into units of the counter, and say what cannot be."""
        cleaned = super().clean() or {}
        if "amount" in cleaned and "resource" in cleaned:
            units = int(cleaned["amount"] * factor(cleaned["resource"]))
            if units > LARGEST:
                self.add_error("amount", _("This is more than can be counted."))
            cleaned["limit"] = units
        if cleaned.get("resource") == Resource.GENERATIONS:
            cleaned["window"] = Window.TOTAL
        if cleaned.get("behaviour") == Behaviour.DEGRADE and not cleaned.get("fallback_model"):
            self.add_error("fallback_model", _("Choose the model that answers at the limit."))
        return cleaned

    def limit(self, named: dict[str, Any]) -> Limit:
        """Return the limit that the form says, of the subject that `named` names."""
        said = self.cleaned_data
        return Limit(
            scope=Scope(said["scope"]),
            resource=Resource(said["resource"]),
            window=Window(said["window"]),
            limit=said["limit"],
            is_enabled=said["is_enabled"],
            warn_percent=said["warn_percent"],
            behaviour=Behaviour(said["behaviour"] or Behaviour.BLOCK),
            fallback_model=said["fallback_model"],
            **named,
        )


def initial_of(quota: Quota) -> dict[str, Any]:
    """Return what the form shows of a limit that there is."""
    amount = Decimal(quota.limit) / factor(quota.resource)
    names = ("scope", "resource", "window", "warn_percent", "behaviour", "fallback_model", "is_enabled")
    return {name: getattr(quota, name) for name in names} | {"amount": f"{amount.normalize():f}"}


class BudgetForm(forms.Form):
    """A budget for one team by the month or day: the shortest way to a limit."""

    team = forms.UUIDField(widget=forms.HiddenInput)
    resource = forms.ChoiceField(label=gettext_lazy("Budget of"))
    amount = forms.DecimalField(label=gettext_lazy("At most"), min_value=Decimal(0), max_digits=20, decimal_places=4)
    window = forms.ChoiceField(label=gettext_lazy("Per"))

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        offer(self, {
            "resource": resource_choices()[: len(CHOSEN_FIRST)],
            "window": [(Window.MONTH, _("month")), (Window.DAY, _("day")), (Window.TOTAL, _("in all"))],
        })  # fmt: skip

    def limit(self, team: Team) -> Limit:
        """Return the limit that the form says."""
        said = self.cleaned_data
        units = min(int(said["amount"] * factor(said["resource"])), LARGEST)
        return Limit(Scope.TEAM, Resource(said["resource"]), Window(said["window"]), units, team=team)


class PriceForm(forms.ModelForm):  # type: ignore[type-arg]  # Django's class takes no parameter at run time
    """What one million units of a resource cost from a day on."""

    price = forms.DecimalField(
        label=gettext_lazy("Price per million"), min_value=Decimal(0), max_digits=16, decimal_places=6
    )
    model = forms.ChoiceField(label=gettext_lazy("Model"), required=False)

    class Meta:
        model = Price
        fields = ("model", "resource", "starts_on")
        labels = {"resource": gettext_lazy("Of what"), "starts_on": pgettext_lazy("price", "From")}
        widgets = {"starts_on": forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")}

    def __init__(self, *args: Any, models: Sequence[str] = (), **more: Any) -> None:
        super().__init__(*args, **more)
        offer(self, {
            "model": [("", _("Every model")), *((one, one) for one in models)],
            "resource": [(one.value, _capital(str(one.label))) for one in PRICED],
        })  # fmt: skip
        self.fields["starts_on"].initial = timezone.now().date()

    def save(self, commit: bool = True) -> Price:  # noqa: FBT001, FBT002  (Django's signature)
        """Write the price in millionths of the currency."""
        self.instance.micros_per_million = int(self.cleaned_data["price"] * MICROS)
        saved: Price = super().save(commit)
        return saved
