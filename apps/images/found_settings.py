"""What a picture file tells of how it was made: the settings of whichever program drew it, as an order.

Only what the studio can set is taken over, each within its range; what cannot be used here is said.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.utils.translation import gettext as _

from apps.catalog.access import usable_models
from apps.catalog.models import AIModel
from apps.images.grammar import styles as styling
from apps.images.grammar.errors import PromptError
from apps.images.grammar.infotext import Infotext
from apps.images.grammar.pictured import read_picture_texts
from apps.images.limits import GRID, Limits, limits
from apps.images.models import Style
from apps.images.ordering import MAX_SEED, RANGES
from apps.images.orders import HiresWish
from apps.images.picture_texts import texts_in
from apps.users.models import Team, User

Kept = dict[str, Any]


@dataclass(frozen=True, slots=True)
class FoundSettings:
    """Settings that a picture tells: fields of Order as JSON, who wrote them, and what could not be taken over."""

    order: Mapping[str, Any]
    origin: str
    notes: tuple[str, ...]


def settings_in(user: User, team: Team, upload: "UploadedFile[bytes]") -> FoundSettings | None:
    """Return what the file tells; None where it tells nothing. Raises the refusals of uploads, and UnreadableInfo."""
    found = read_picture_texts(texts_in(upload, limits()))
    if found is None:
        return None
    order, notes = _order(found.info, limits())
    _put_model(order, notes, found.info.model, user, team)
    _put_styles(order, team)
    origin = _("Written by %(program)s or a program like it.") % {"program": found.program}
    return FoundSettings(order, origin, tuple(notes))


def _order(info: Infotext, bounds: Limits) -> tuple[Kept, list[str]]:
    order: Kept = {"prompt": _text(info.prompt, bounds), "negative": _text(info.negative, bounds)}
    notes: list[str] = []
    steps = None if info.steps is None else (info.steps, 1, bounds.max_steps)
    numbers: dict[str, tuple[float, float, float] | None] = {
        "steps": steps,
        "guidance": _ranged("guidance", info.guidance),
        "seed": None if info.seed is None else (info.seed, 0, MAX_SEED),
        "clip_skip": _ranged("clip_skip", info.clip_skip),
        "variation_seed": _ranged("variation_seed", info.integer("Variation seed")),
        "variation_strength": _ranged("variation_strength", info.number("Variation seed strength")),
    }
    for name, found in numbers.items():
        if found is not None and found[1] <= found[0] <= found[2]:
            order[name] = found[0]
    _put_size(order, notes, info, bounds)
    _put_hires(order, info, bounds)
    _put_sampling(order, notes, info)
    return order, notes


def _text(text: str, bounds: Limits) -> str:
    return text.replace("\x00", "")[: bounds.prompt_chars]


def _ranged(name: str, value: float | None) -> tuple[float, float, float] | None:
    return None if value is None else (value, *RANGES[name])


def _put_size(order: Kept, notes: list[str], info: Infotext, bounds: Limits) -> None:
    """Take over the size, brought to the grid; one that is not drawn here is said."""
    if info.size is None:
        return
    width, height = (round(side / GRID) * GRID for side in info.size)
    fits = all(bounds.min_side <= side <= bounds.max_side for side in (width, height))
    if fits and width * height <= bounds.max_pixels:
        order.update(width=width, height=height)
    else:
        notes.append(_("Its size, %(size)s, is not drawn here.") % {"size": f"{info.size[0]} × {info.size[1]}"})


def _put_hires(order: Kept, info: Infotext, bounds: Limits) -> None:
    """Take over the second pass, if there was one. Networks that enlarged elsewhere are not here: latents do it."""
    scale, steps = info.number("Hires upscale"), info.integer("Hires steps") or 0
    least, most = RANGES["upscale"]
    if scale is not None and least <= scale <= most and 0 <= steps <= bounds.max_steps:
        upscaler = "lanczos" if info.get("Hires upscaler") == "Lanczos" else "latent"
        order["hires"] = asdict(HiresWish(scale, steps, info.strength or HiresWish().strength, upscaler))


def _put_sampling(order: Kept, notes: list[str], info: Infotext) -> None:
    try:
        found = info.sampling()
    except PromptError as error:
        notes.append(error.sentence())
        return
    if found is not None:
        order.update(sampler=found[0].key, schedule=found[1].key)


def _put_model(order: Kept, notes: list[str], name: str, user: User, team: Team) -> None:
    """Take over the model where one of this name can be used here; say so where not."""
    if not name:
        return
    stem = name.rpartition("/")[2].removesuffix(".safetensors").casefold()
    for model in usable_models(AIModel.Kind.IMAGE, team_id=team.pk, user=user):
        if stem in {model.name.casefold(), model.title.casefold()}:
            order["model"] = model.name
            return
    notes.append(_("The model “%(name)s” is not here; the one that is chosen stays.") % {"name": name[:80]})


def _put_styles(order: Kept, team: Team) -> None:
    """Take the words of the team's styles off the prompts, and name the styles. Those that lock settings are left."""
    kept = Style.objects.filter(team=team, settings={}).order_by("name")
    styles = [styling.Style(style.name, style.prompt, style.negative) for style in kept]
    found = styling.extract_styles(styles, order["prompt"], order["negative"])
    if found.names:
        order.update(prompt=found.prompt, negative=found.negative, styles=list(found.names))
