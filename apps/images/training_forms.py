"""The form on which a training is begun: few questions for a newcomer, the rest folded away."""

import re
from collections.abc import Container, Sequence
from typing import Any

from django import forms
from django.utils.crypto import get_random_string
from django.utils.translation import gettext_lazy as _

from apps.catalog.found import short_name
from apps.catalog.models import AIModel
from apps.core.errors import Invalid
from apps.core.forms import offer
from apps.core.text import uuid_or_none
from apps.images.lessons import (
    LONGEST_CAPTION,
    LONGEST_WORD,
    MOST_BATCH,
    MOST_RANK,
    MOST_VECTORS,
    Lesson,
    Shown,
    preset,
)
from apps.images.ordering import MAX_SEED
from apps.images.training_services import free_word
from apps.runtimes.training import Method

STAR = "*"  # stands for the new word or thing in a description
UNNAMED = "new"  # the word of a name without Latin letters
RARE = "sks"  # a word that hardly any caption has: what DreamBooth ties a thing to
PRIORS = 12
METHODS: list[tuple[Method, Any]] = [
    ("lora", _("A look or a subject")),
    ("dreambooth_lora", _("One particular thing")),
    ("textual_inversion", _("A new word")),
]


class LessonForm(forms.Form):
    """What is to be learnt; the pictures and their own descriptions come beside it."""

    method = forms.ChoiceField(choices=METHODS, initial="lora", widget=forms.RadioSelect)
    title = forms.CharField(label=_("Name"), max_length=80)
    about = forms.CharField(
        label=_("What do the pictures show?"),
        max_length=LONGEST_CAPTION,
        required=False,
        help_text=_("For a thing or a new word, write * where its name belongs: “a * circle”."),
    )
    model = forms.ChoiceField(label=_("Model"))
    begins_as = forms.CharField(
        label=_("The new word begins as"), max_length=60, required=False, help_text=_("A known word that is near it.")
    )
    validation_prompt = forms.CharField(
        label=_("Test picture"),
        max_length=LONGEST_CAPTION,
        required=False,
        help_text=_("Drawn now and then while it learns. * stands for the new name. Empty: the description."),
    )
    steps = forms.IntegerField(label=_("Steps"), min_value=10, required=False)
    learning_rate = forms.FloatField(label=_("Learning rate"), min_value=1e-7, max_value=0.1, required=False)
    rank = forms.IntegerField(label=_("Rank"), min_value=1, max_value=MOST_RANK, required=False)
    batch = forms.IntegerField(label=_("Pictures at once"), min_value=1, max_value=MOST_BATCH, required=False)
    vectors = forms.IntegerField(label=_("Vectors of the word"), min_value=1, max_value=MOST_VECTORS, required=False)
    seed = forms.IntegerField(label=_("Seed"), min_value=0, max_value=MAX_SEED, required=False)
    trains_text = forms.BooleanField(label=_("Train the text encoder too"), required=False)

    def __init__(self, *args: Any, models: Sequence[AIModel], taken: Container[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._taken = taken  # words that were taught already
        self._models = {model.name: model for model in models}
        offer(self, {"model": [(model.name, model.title) for model in models]})

    def lesson(self, pictures: Sequence[str], captions: Sequence[str]) -> Lesson:
        """Return the lesson of a valid form with these pictures. Raises Invalid where an id is none."""
        given = self.cleaned_data
        method: Method = given["method"]
        best = preset(self._models[given["model"]], method)
        word = self._word(method)
        shown = tuple(_shown(pictures, captions, given["about"], word))
        tested = given["validation_prompt"] or (shown[0].caption if shown else "")
        return Lesson(
            method=method, title=" ".join(given["title"].split()), model=given["model"], pictures=shown,
            token=word if method == "textual_inversion" else "", initial=given["begins_as"] or "a",
            vectors=given["vectors"] or 1, class_prompt=self._class(method), class_pictures=self._priors(method),
            steps=given["steps"] or best.steps, learning_rate=given["learning_rate"] or best.learning_rate,
            rank=given["rank"] or best.rank, batch=given["batch"] or best.batch, side=best.side,
            seed=int(get_random_string(9, "123456789")) if given["seed"] is None else given["seed"],
            trains_text=given["trains_text"], validation_prompt=tested.replace(STAR, word),
            validation_every=best.validation_every,
        )  # fmt: skip

    def _word(self, method: Method) -> str:
        """Return what * stands for."""
        if method == "textual_inversion":
            name = short_name(self.cleaned_data["title"]).replace("_", "-")[:LONGEST_WORD]
            return free_word(name if len(name) > 1 else UNNAMED, self._taken)
        return RARE if method == "dreambooth_lora" else ""

    def _class(self, method: Method) -> str:
        about = self.cleaned_data["about"].replace(STAR, " ")
        return " ".join(about.split()) if method == "dreambooth_lora" else ""

    def _priors(self, method: Method) -> int:
        return PRIORS if method == "dreambooth_lora" else 0


def _shown(pictures: Sequence[str], captions: Sequence[str], about: str, word: str) -> list[Shown]:
    """Return the pictures with their own descriptions, or the common one, and the new name in its place."""
    found = []
    for number, text in enumerate(pictures):
        picture = uuid_or_none(text)
        if picture is None:
            raise Invalid
        own = captions[number].strip()[:LONGEST_CAPTION] if number < len(captions) else ""
        found.append(Shown(picture, _named(own or about, word)))
    return found


def _named(caption: str, word: str) -> str:
    if word and STAR not in caption:
        caption = f"{caption}, {STAR}" if caption else STAR
    return re.sub(r"\s+", " ", caption.replace(STAR, word)).strip()
