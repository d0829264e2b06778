"""The forms of the pages about models."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from apps.catalog.models import AIModel

KINDS_OF_SERVICES = (AIModel.Kind.CHAT, AIModel.Kind.EMBEDDING)


class EntryForm(forms.Form):
    """A file or folder of the models folder."""

    entry = forms.CharField(max_length=300)
    title = forms.CharField(max_length=120, required=False)


class ServiceForm(forms.Form):
    """A model that an OpenAI-compatible service runs."""

    TOKENS = {AIModel.Kind.CHAT: 8_192, AIModel.Kind.EMBEDDING: 512}  # where none are given

    kind = forms.ChoiceField(label=_("What it does"), choices=[(kind.value, kind.label) for kind in KINDS_OF_SERVICES])
    base_url = forms.CharField(
        label=_("Address"),
        max_length=500,
        widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "http://host:8080/v1"}),
    )
    remote_name = forms.CharField(label=_("Name of the model there"), max_length=200)
    title = forms.CharField(label=_("Name for people"), max_length=120, required=False)
    key = forms.CharField(
        label=_("API key"),
        max_length=500,
        required=False,
        strip=True,
        help_text=_("Stored encrypted, never shown again. Leave empty where the service asks for none."),
        widget=forms.PasswordInput(render_value=False, attrs={"autocomplete": "off"}),
    )
    max_tokens = forms.IntegerField(
        label=_("Context in tokens"),
        min_value=64,
        max_value=2_000_000,
        required=False,
        help_text=_("Empty: 8192 for a chat model, 512 for an embedding model."),
    )


class HubForm(forms.Form):
    """A model of the hub."""

    hub_id = forms.RegexField(
        label=_("Model"),
        regex=r"^[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}(@[\w.-]{1,80})?$",
        max_length=200,
        error_messages={"invalid": _("Write it as owner/name, perhaps with @revision.")},
        widget=forms.TextInput(attrs={"placeholder": "owner/name"}),
    )
    file = forms.RegexField(
        label=_("GGUF file"),
        regex=r"^[\w.-]{1,180}\.gguf$",
        required=False,
        help_text=_("Only where the model has several; empty: the one of middle size (Q4_K_M)."),
        error_messages={"invalid": _("Write the name of one .gguf file.")},
    )
    kind = forms.ChoiceField(
        label=_("What it does"),
        choices=[(kind.value, kind.label) for kind in (AIModel.Kind.CHAT, AIModel.Kind.EMBEDDING, AIModel.Kind.RERANK)],
    )
    title = forms.CharField(label=_("Name for people"), max_length=120, required=False)


class EditForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """What people see of a model, and how it is kept."""

    class Meta:
        model = AIModel
        fields = ["title", "token", "licence", "max_tokens", "keep_alive_s", "card", "is_enabled"]
        labels = {
            "title": _("Name for people"),
            "token": _("Word in prompts"),
            "licence": _("Licence"),
            "max_tokens": _("Context in tokens"),
            "keep_alive_s": _("Seconds it stays loaded after its last use"),
            "card": _("Description (Markdown)"),
            "is_enabled": _("People may choose it"),
        }
        help_texts = {"keep_alive_s": _("Empty: as the installation is set. A default stays loaded.")}
        widgets = {"card": forms.Textarea(attrs={"rows": 8})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["max_tokens"] = forms.IntegerField(
            label=_("Context in tokens"), min_value=64, max_value=2_000_000, initial=self.instance.max_tokens
        )
        self.fields["keep_alive_s"].required = False
        if self.instance.kind != AIModel.Kind.CHAT:
            del self.fields["max_tokens"]  # of an embedding model it belongs to its vectors
        if self.instance.adapter == AIModel.Adapter.TEXTUAL_INVERSION:
            self.fields["token"] = forms.RegexField(
                label=_("Word in prompts"),
                regex=r"^[\w<>-]{2,40}$",
                initial=self.instance.token,
                error_messages={"invalid": _("Write one word of letters, digits and hyphens.")},
            )
        else:
            del self.fields["token"]
        if self.instance.kind == AIModel.Kind.ADAPTER:
            del self.fields["keep_alive_s"]  # it is loaded with its model
