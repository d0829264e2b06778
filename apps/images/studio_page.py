"""What the studio's page offers: models, sizes, samplers, adapters, styles, limits, and where a newcomer begins."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from apps.catalog.access import usable_models
from apps.catalog.adapters import fits
from apps.catalog.models import AIModel
from apps.catalog.suiting import is_demo, suits
from apps.images import drafts, gallery, quotas, safety
from apps.images.axis_hints import axis_hints
from apps.images.boards import boards_of
from apps.images.grammar.samplers import SAMPLERS, SCHEDULES
from apps.images.limits import MIB, Limits, limits
from apps.images.models import Board, Style
from apps.images.ordering import order_to_json
from apps.images.orders import Order
from apps.images.runs import Run, recent_jobs, runs_of
from apps.images.shelf import Shelf, shelf_of
from apps.images.suiting import suited
from apps.images.wording import axis_kinds
from apps.metering.models import Resource
from apps.metering.services import Remaining
from apps.runtimes.diffusion.demo import palette
from apps.users.models import Team, User

Adapter = AIModel.Adapter
NEAR = (Resource.PICTURES, Resource.PIXEL_STEPS)
DEMO_EXAMPLES = (
    "a large red circle on white background",
    "a small yellow triangle on black background",
    "a blue square on gray background",
)
EXAMPLES = (
    "a lighthouse on a cliff at dusk, oil painting",
    "portrait of an old fisherman, soft window light, 85mm photograph",
    "ink drawing of mountains in mist, a small boat on the river",
)
RATIOS = ((1, 1), (4, 3), (3, 4), (16, 9), (9, 16))


@dataclass(frozen=True, slots=True)
class Size:
    """A shape to choose, and the rectangle of 24 that shows it."""

    ratio: str
    label: str
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Studio:
    """The whole page."""

    models: Sequence[AIModel]
    model: AIModel | None
    start: Order  # what the form begins anew with
    draft: Order | None  # the form as the person left it
    limits: Limits
    loras: Sequence[AIModel]
    words: Sequence[AIModel]
    controls: Sequence[AIModel]
    ip_adapters: Sequence[AIModel]
    upscalers: Sequence[AIModel]
    styles: Sequence[Style]
    boards: Sequence[Board]
    runs: Sequence[Run]
    gallery: Shelf
    left: Sequence[Remaining]
    is_open: bool  # the team may draw
    tab: str = "prompt"

    @property
    def is_demo(self) -> bool:
        """Return whether the model at the start is the one that shows shapes only."""
        return self.model is not None and is_demo(self.model)

    @property
    def start_json(self) -> str:
        """Return the order that the form begins with."""
        return json.dumps(order_to_json(self.start))

    @property
    def draft_json(self) -> str:
        """Return the order that the form shows at first, "" for the one that it begins with."""
        return "" if self.draft is None else json.dumps(order_to_json(self.draft))

    @property
    def axes_json(self) -> str:
        """Return for each thing that a grid can vary an example of its values and, where there are few, all of them."""
        return json.dumps(axis_hints(self.models, self.styles))

    @property
    def samplers_json(self) -> str:
        """Return which noise schedules each sampler can follow."""
        return json.dumps({key: list(sampler.schedules) for key, sampler in SAMPLERS.items()})

    @property
    def models_json(self) -> str:
        """Return what suits each model."""
        return json.dumps({model.name: suits(model) | {"is_demo": is_demo(model)} for model in self.models})

    @property
    def samplers(self) -> list[tuple[str, str]]:
        """Return the samplers by key and label."""
        return [(key, sampler.label) for key, sampler in SAMPLERS.items()]

    @property
    def schedules(self) -> list[tuple[str, str]]:
        """Return the noise schedules by key and label."""
        return [(key, schedule.label) for key, schedule in SCHEDULES.items()]

    @property
    def sizes(self) -> list[Size]:
        """Return the shapes."""
        return [_size(width, height) for width, height in RATIOS]

    @property
    def axes(self) -> list[tuple[str, str]]:
        """Return what a grid can vary."""
        return axis_kinds()

    @property
    def source_mib(self) -> int:
        """Return how large an uploaded picture may be."""
        return self.limits.source_bytes // MIB

    @property
    def has_demo(self) -> bool:
        """Return whether the demonstration model can be chosen."""
        return any(is_demo(model) for model in self.models)

    @property
    def vocabulary(self) -> list[list[str]]:
        """Return the words that the demonstration model knows, in groups; none where it is not here."""
        if not self.has_demo:
            return []
        grounds = [f"on {name} background" for name in palette.BACKGROUNDS]
        return [list(palette.COLOURS), [*palette.SIZES, *palette.SHAPES], grounds, list(palette.PLACES)]

    @property
    def examples(self) -> Sequence[str]:
        """Return three prompts that the model at the start can draw."""
        return DEMO_EXAMPLES if self.is_demo else EXAMPLES

    @property
    def placeholder(self) -> str:
        """Return what the empty prompt suggests."""
        return self.examples[0]


def studio_of(user: User, team: Team) -> Studio:
    """Return the page for a person in a team."""
    models = list(usable_models(AIModel.Kind.IMAGE, team_id=team.pk, user=user))
    adapters = list(usable_models(AIModel.Kind.ADAPTER, team_id=team.pk, user=user)) if models else []
    for adapter in adapters:
        row: Any = adapter  # what the template asks of it is no column
        row.fits = " ".join(model.name for model in models if fits(adapter, model))
    boards = list(boards_of(user, team))
    runs = runs_of(user, recent_jobs(user, team))
    model = models[0] if models else None
    return Studio(
        models=models,
        model=model,
        start=_start(model),
        draft=_draft(user, team, models),
        limits=limits(),
        loras=[each for each in adapters if each.adapter == Adapter.LORA],
        words=[each for each in adapters if each.adapter == Adapter.TEXTUAL_INVERSION],
        controls=[each for each in adapters if each.adapter == Adapter.CONTROLNET],
        ip_adapters=[each for each in adapters if each.adapter == Adapter.IP_ADAPTER],
        upscalers=[each for each in adapters if each.adapter == Adapter.UPSCALER],
        styles=list(Style.objects.filter(team=team)),
        boards=boards,
        runs=runs,
        gallery=shelf_of(user, team, gallery.Filters()),
        left=left_of(user, team),
        is_open=safety.is_open(team),
        tab="pictures" if any(run.is_live for run in runs) else "prompt",
    )


def left_of(user: User, team: Team) -> list[Remaining]:
    """Return the limits on pictures and pixel-steps that bind the person, the scarcest first; at most two."""
    found = [one for one in quotas.left(user, team) if one.resource in NEAR]
    return sorted(found, key=lambda one: -one.fraction)[:2]


def _start(model: AIModel | None) -> Order:
    return Order() if model is None else Order(**suited(model, {}))


def _draft(user: User, team: Team, models: Sequence[AIModel]) -> Order | None:
    """Return the form as it was left, if its model can still be chosen."""
    draft = drafts.draft_of(user, team)
    return draft if draft is not None and draft.model in {model.name for model in models} else None


def _size(width: int, height: int) -> Size:
    scale = 18 / max(width, height)
    wide, high = width * scale, height * scale
    label = {True: _("Square"), False: f"{width}:{height}"}[width == height]
    return Size(str(round(width / height, 4)), label, (24 - wide) / 2, (24 - high) / 2, wide, high)
