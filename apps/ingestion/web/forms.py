"""The form of a web source."""

from typing import Any

from django import forms
from django.conf import settings
from django.core.validators import MaxValueValidator
from django.utils.translation import gettext_lazy as _

from apps.ingestion.models import WebSource
from apps.ingestion.web.services import MAX_DEPTH, Plan

INTERVALS = [
    (0, _("Only when asked")),
    (24, _("Every day")),
    (24 * 7, _("Every week")),
    (24 * 30, _("Every month")),
]
MAX_LIST_CHARS = 500_000
USUAL_PAGES = 50


class WebSourceForm(forms.Form):
    """What is read and how often; the limits of the installation are its bounds."""

    kind = forms.ChoiceField(
        label=_("What is read"),
        choices=WebSource.Kind.choices,
        widget=forms.RadioSelect,
        initial=WebSource.Kind.PAGES,
        required=True,
    )
    urls = forms.CharField(
        label=_("Addresses"),
        max_length=MAX_LIST_CHARS,
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "placeholder": "https://example.org/handbook/"}),
        help_text=_("One a line."),
    )
    depth = forms.IntegerField(
        label=_("Links followed"),
        min_value=0,
        max_value=MAX_DEPTH,
        initial=2,
        required=False,
        help_text=_("How many links away from the first page; only below its address on the same site."),
    )
    max_pages = forms.IntegerField(label=_("Most pages"), min_value=1, initial=USUAL_PAGES, required=False)
    every_hours = forms.TypedChoiceField(label=_("Visited"), choices=INTERVALS, coerce=int, initial=0)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit = settings.ENV.web_max_pages
        field = self.fields["max_pages"]
        field.validators.append(MaxValueValidator(limit))
        field.widget.attrs["max"] = limit
        field.help_text = _("Up to %(limit)s.") % {"limit": limit}

    @property
    def plan(self) -> Plan:
        """Return what was typed; valid forms only."""
        data = self.cleaned_data
        return Plan(
            kind=data["kind"],
            urls=data["urls"],
            depth=data["depth"] or 0,
            max_pages=data["max_pages"] or USUAL_PAGES,
            every_hours=data["every_hours"],
        )


def form_of(source: WebSource) -> WebSourceForm:
    """Return the form filled with what the source does now."""
    return WebSourceForm(
        initial={
            "kind": source.kind,
            "urls": "\n".join(source.urls),
            "depth": source.depth,
            "max_pages": source.max_pages,
            "every_hours": source.every_hours,
        }
    )
