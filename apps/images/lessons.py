"""What a training is asked to learn, as it is kept with its job: JSON, ranges, and what suits the model."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext_lazy as _
from pydantic import TypeAdapter, ValidationError

from apps.catalog.models import AIModel
from apps.core.errors import Invalid
from apps.images.errors import BadSetting
from apps.images.limits import GRID
from apps.images.ordering import MAX_SEED, check
from apps.runtimes.training import Method

LEAST_PICTURES, MOST_VECTORS, MOST_RANK, MOST_BATCH = 1, 16, 128, 8
LONGEST_CAPTION = 400
MOST_PRIORS = 100
LONGEST_WORD = 29  # characters between the angle brackets
TOKEN = re.compile(r"<[a-z0-9][a-z0-9-]{1,28}>")
SMALL_BYTES = 100_000_000  # models below learn fast: the demonstration model in a minute
_SIDES = {"sd1": 512, "sd2": 768, "sdxl": 1_024}
DEFAULT_SIDE = 512


class FewPictures(Invalid):
    """Too few or too many pictures to learn from. Params: least, most."""

    status = 422
    code = "training-pictures"
    title = _("The number of pictures does not suit")
    detail = _("Choose from %(least)s to %(most)s pictures to learn from.")


class BadToken(Invalid):
    """The new word is not written as one."""

    status = 422
    code = "training-token"
    title = _("The new word cannot be used")
    detail = _("Write a word of small letters, digits and hyphens, such as “my-cat”.")


class NoName(Invalid):
    """The result needs a name."""

    status = 422
    code = "training-name"
    title = _("The adapter has no name")
    detail = _("Give what is learnt a name of at most 80 characters.")


class TokenTaken(Invalid):
    """The team has learnt another thing by this word. Param: token."""

    status = 422
    code = "training-token-taken"
    title = _("The new word is taken")
    detail = _("%(token)s is a word that your team has taught already: choose another name.")


class LongCaption(Invalid):
    """A model would not read the end of a description. Params: caption, tokens, limit."""

    status = 422
    code = "training-caption-long"
    title = _("A description is too long")
    detail = _("The model reads %(limit)s tokens of a description, and “%(caption)s” has %(tokens)s: shorten it.")


class NoCaption(Invalid):
    """Nothing says what the pictures show."""

    status = 422
    code = "training-caption"
    title = _("Nothing says what the pictures show")
    detail = _("Describe the pictures in a few words.")


@dataclass(frozen=True, slots=True)
class Shown:
    """A picture to learn from, and what it shows."""

    picture: UUID
    caption: str


@dataclass(frozen=True, slots=True)
class Lesson:
    """Everything that is set for a training. `adapter` is the name in the catalogue that the result will have."""

    method: Method
    title: str
    model: str  # AIModel.name of the base
    pictures: tuple[Shown, ...]
    adapter: str = ""
    token: str = ""  # of a learnt word, with its angle brackets; the captions hold it
    initial: str = ""  # the word that the learnt one begins as
    vectors: int = 1
    class_prompt: str = ""  # of DreamBooth: what kind of thing it is
    class_pictures: int = 0  # drawn first, so that the kind is not forgotten; 0: none
    steps: int = 400
    learning_rate: float = 1e-4
    rank: int = 8
    batch: int = 1
    side: int = DEFAULT_SIDE
    seed: int = 0
    trains_text: bool = False
    validation_prompt: str = ""  # drawn now and then, to see how far it is
    validation_every: int = 100


_LESSON = TypeAdapter(Lesson)


def lesson_to_json(lesson: Lesson) -> dict[str, Any]:
    """Return the lesson as JSON values, each field by its name."""
    found: dict[str, Any] = _LESSON.dump_python(lesson, mode="json")
    return found


def lesson_from_json(data: object) -> Lesson:
    """Return the lesson that the values say. Raises BadSetting; nothing but the fields of `Lesson` is taken."""
    unknown = set(data) - {field.name for field in fields(Lesson)} if isinstance(data, Mapping) else {"lesson"}
    if unknown:
        raise BadSetting(field=str(min(unknown))[:80])
    try:
        return _LESSON.validate_python(data)
    except ValidationError as error:
        raise BadSetting(field=".".join(str(step) for step in error.errors()[0]["loc"])) from None


def validated(lesson: Lesson) -> Lesson:
    """Return the lesson if it can be taught here. Raises an AppError that names what cannot."""
    most = settings.ENV.image_training_pictures
    if not LEAST_PICTURES <= len(lesson.pictures) <= most:
        raise FewPictures(least=LEAST_PICTURES, most=most)
    if not lesson.title.strip() or len(lesson.title) > 80:  # noqa: PLR2004 -- said in the sentence
        raise NoName
    _check_numbers(lesson)
    _check_texts(lesson)
    return lesson


def _check_numbers(lesson: Lesson) -> None:
    check("steps", lesson.steps, 10, settings.ENV.image_training_steps)
    check("learning_rate", lesson.learning_rate, 1e-7, 0.1)
    check("rank", lesson.rank, 1, MOST_RANK)
    check("batch", lesson.batch, 1, MOST_BATCH)
    check("vectors", lesson.vectors, 1, MOST_VECTORS)
    check("seed", lesson.seed, 0, MAX_SEED)
    check("side", lesson.side, 64, settings.ENV.image_max_side)
    check("class_pictures", lesson.class_pictures, 0, MOST_PRIORS)
    check("validation_every", lesson.validation_every, 10, settings.ENV.image_training_steps)
    if lesson.side % GRID:
        raise BadSetting(field="side")


def _check_texts(lesson: Lesson) -> None:
    texts = [lesson.token, lesson.class_prompt, lesson.validation_prompt, lesson.initial]
    texts += [each.caption for each in lesson.pictures]
    if any(len(text) > LONGEST_CAPTION for text in texts):
        raise BadSetting(field="caption")
    if any(not each.caption.strip() for each in lesson.pictures):
        raise NoCaption
    if lesson.method == "textual_inversion":
        if not TOKEN.fullmatch(lesson.token):
            raise BadToken
        if not lesson.initial.strip() or any(lesson.token not in each.caption for each in lesson.pictures):
            raise NoCaption
    elif lesson.method == "dreambooth_lora" and not lesson.class_prompt.strip():
        raise NoCaption


@dataclass(frozen=True, slots=True)
class Preset:
    """What suits a model and a method, for who does not want to know."""

    steps: int
    learning_rate: float
    rank: int
    batch: int
    side: int
    validation_every: int


def preset(model: AIModel, method: Method) -> Preset:
    """Return the settings to begin with; measured on the demonstration model, and the usual ones for larger ones."""
    is_small = 0 < model.size_bytes < SMALL_BYTES
    side = side_of(model)
    if method == "textual_inversion":
        return Preset(400, 1e-2, 8, 4, side, 100) if is_small else Preset(1_500, 5e-3, 8, 1, side, 250)
    if is_small:  # a LoRA has to be seen at half its weight too; one thing should not carry its kind away
        return Preset(400, 2e-3 if method == "dreambooth_lora" else 5e-3, 8, 4, side, 100)
    return Preset(800, 1e-4, 16, 1, side, 200)


def with_preset(values: Mapping[str, Any], model: AIModel) -> dict[str, Any]:
    """Return the values of a lesson with what suits the model where they say nothing; methods are checked later."""
    said = values.get("method")
    method: Method = next((each for each in LEARNT if each == said), "lora")  # `said` may be anything
    return {**asdict(preset(model, method)), **values, "model": model.name}


def side_of(model: AIModel) -> int:
    """Return the side of the pictures that the model was trained on, in pixels."""
    known = model.capabilities.get("side")
    return known if isinstance(known, int) else _SIDES.get(str(model.capabilities.get("family", "")), DEFAULT_SIDE)


LEARNT: Mapping[Method, Literal["lora", "textual_inversion"]] = {
    "lora": "lora",
    "dreambooth_lora": "lora",
    "textual_inversion": "textual_inversion",
}
