"""Forms of the page on which a team's admins keep its pictures in order."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.core.errors import AppError
from apps.core.text import one_line
from apps.images.blocking import LONGEST_WORD
from apps.images.grammar.samplers import SAMPLERS, SCHEDULES
from apps.images.limits import limits
from apps.images.models import ImagePolicy, Style, WordList
from apps.images.ordering import order_from_json, validated

MOST_WORDS, MOST_CHARS = 2_000, 100_000
PROMPT_CHARS = 2_000
NUMBERS = ("width", "height", "steps", "clip_skip", "guidance", "strength")  # settings that a style can lock
NAMES = ("model", "sampler", "schedule")
LABELS = {
    "width": gettext_lazy("Width"),
    "height": gettext_lazy("Height"),
    "steps": gettext_lazy("Steps"),
    "clip_skip": gettext_lazy("Clip skip"),
    "guidance": gettext_lazy("Guidance"),
    "strength": gettext_lazy("Strength"),
}


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """What may be drawn, and what is done to pictures before they are kept."""

    class Meta:
        model = ImagePolicy
        fields: ClassVar[Any] = ["is_enabled", "is_checked", "is_watermarked", "watermark", "blocked_words"]
        labels: ClassVar[Any] = {
            "is_enabled": gettext_lazy("The image studio is on"),
            "is_checked": gettext_lazy("A safety checker looks at each picture before it is kept"),
            "is_watermarked": gettext_lazy("Each picture gets a visible mark"),
            "watermark": gettext_lazy("Words of the mark"),
            "blocked_words": gettext_lazy("Words that no prompt may hold"),
        }
        help_texts: ClassVar[Any] = {
            "watermark": gettext_lazy("They stand at the bottom right. Empty: the team's name."),
            "blocked_words": gettext_lazy(
                "One a line. Spelling them out, other widths and traditional characters do not help around it; "
                "“art” does not block “heart”."
            ),
        }
        widgets: ClassVar[Any] = {"blocked_words": forms.Textarea(attrs={"rows": 6, "spellcheck": "false"})}

    def clean_watermark(self) -> str:
        """Return the words in one line."""
        return one_line(self.cleaned_data["watermark"])

    def clean_blocked_words(self) -> str:
        """Refuse lists that take long to look through."""
        said: str = self.cleaned_data["blocked_words"]
        lines = said.splitlines()
        if len(lines) > MOST_WORDS:
            raise forms.ValidationError(_("At most %(n)s words.") % {"n": MOST_WORDS})
        if any(len(line.strip()) > LONGEST_WORD for line in lines):
            raise forms.ValidationError(_("A word can have at most %(n)s characters.") % {"n": LONGEST_WORD})
        return said


class StyleForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """Words around a prompt, and settings that stay fixed while the style is chosen."""

    class Meta:
        model = Style
        fields: ClassVar[Any] = ["name", "prompt", "negative"]
        labels: ClassVar[Any] = {
            "name": gettext_lazy("Name"),
            "prompt": gettext_lazy("Prompt"),
            "negative": gettext_lazy("Negative prompt"),
        }
        help_texts: ClassVar[Any] = {
            "prompt": gettext_lazy("{prompt} marks the place of what somebody writes; without it this is added behind.")
        }
        widgets: ClassVar[Any] = {
            "prompt": forms.Textarea(attrs={"rows": 2}),
            "negative": forms.Textarea(attrs={"rows": 2}),
        }

    def __init__(self, *args: Any, models: Mapping[str, str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        locked = self.instance.settings or {}
        for name in NUMBERS:
            kind = forms.FloatField if name in {"guidance", "strength"} else forms.IntegerField
            self.fields[name] = kind(label=LABELS[name], required=False, initial=locked.get(name), min_value=0)
        choices = {
            "model": (gettext_lazy("Model"), models),
            "sampler": (gettext_lazy("Sampler"), {key: one.label for key, one in SAMPLERS.items()}),
            "schedule": (gettext_lazy("Noise schedule"), {key: one.label for key, one in SCHEDULES.items()}),
        }
        for name, (label, offered) in choices.items():
            self.fields[name] = forms.ChoiceField(
                label=label, required=False, initial=locked.get(name, ""),
                choices=[("", gettext_lazy("as people choose")), *offered.items()],
            )  # fmt: skip

    def locked_fields(self) -> list[forms.BoundField]:
        """Return the fields of the settings that can be fixed."""
        return [self[name] for name in (*NAMES, *NUMBERS)]

    def clean(self) -> dict[str, Any]:
        """Refuse settings that no order could have."""
        said: dict[str, Any] = super().clean() or self.cleaned_data
        if any(len(said.get(name, "")) > PROMPT_CHARS for name in ("prompt", "negative")):
            raise forms.ValidationError(_("The words can have at most %(n)s characters.") % {"n": PROMPT_CHARS})
        try:
            validated(order_from_json({"prompt": "a"} | self._locked(said)), limits())
        except AppError as error:
            raise forms.ValidationError(error.sentence()) from error
        return said

    def save(self, commit: bool = True) -> Style:  # noqa: FBT001, FBT002 -- Django's
        """Put what is locked into the style."""
        kept = {name: value for name, value in (self.instance.settings or {}).items() if name not in NAMES + NUMBERS}
        self.instance.settings = kept | self._locked(self.cleaned_data)
        saved: Style = super().save(commit)
        return saved

    @staticmethod
    def _locked(said: Mapping[str, Any]) -> dict[str, Any]:
        return {name: said[name] for name in (*NAMES, *NUMBERS) if said.get(name) not in {None, ""}}


class WordListForm(forms.ModelForm):  # type: ignore[type-arg]  # no generic at run time
    """Words that a name in a prompt stands for."""

    name = forms.RegexField(
        r"^[\w-]+(?:/[\w-]+)*$",
        label=gettext_lazy("Name"),
        max_length=80,
        help_text=gettext_lazy("Letters, digits, hyphens. In a prompt it is written __name__."),
    )

    class Meta:
        model = WordList
        fields: ClassVar[Any] = ["name", "words"]
        labels: ClassVar[Any] = {"words": gettext_lazy("Words")}
        help_texts: ClassVar[Any] = {"words": gettext_lazy("One a line; each picture gets one of them.")}
        widgets: ClassVar[Any] = {"words": forms.Textarea(attrs={"rows": 6})}

    def clean_words(self) -> str:
        """Refuse empty and endless lists."""
        said: str = self.cleaned_data["words"]
        if len(said) > MOST_CHARS:
            raise forms.ValidationError(_("The list can have at most %(n)s characters.") % {"n": MOST_CHARS})
        return said
