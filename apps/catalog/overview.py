"""What the console shows of models: cards with their state of this moment, in a fixed number of queries."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Prefetch, Q

from apps.catalog import presence
from apps.catalog.models import AIModel, ModelJob
from apps.catalog.offers import can_be_default, offered
from apps.catalog.wording import figures

KIND_ICONS = {
    "chat": "message-square",
    "embedding": "boxes",
    "rerank": "arrow-down-up",
    "image": "image",
    "adapter": "sliders-horizontal",
    "speech": "activity",
    "transcription": "scroll-text",
}


@dataclass(frozen=True, slots=True)
class Card:
    """One model with what is going on. `percent` is of the job or the load; None: not known."""

    model: AIModel
    job: ModelJob | None
    loaded: Mapping[str, Any] | None
    free_bytes: int | None
    shares: int

    @property
    def icon(self) -> str:
        """Return the icon of its kind."""
        return KIND_ICONS.get(self.model.kind, "cpu")

    @property
    def is_working(self) -> bool:
        """Return whether something goes on that a look in a second would show otherwise."""
        return self.job is not None or bool(self.loaded and not self.loaded["is_ready"])

    @property
    def percent(self) -> int | None:
        """Return how far the job is, or else the load."""
        if self.job is not None and self.job.total:
            return min(100, round(100 * self.job.done / self.job.total))
        progress = self.loaded["progress"] if self.loaded and not self.loaded["is_ready"] else None
        return round(100 * progress) if progress is not None else None

    @property
    def status(self) -> str:
        """Return the word that colours its state."""
        if self.job is not None:
            return "running" if self.job.state == ModelJob.State.RUNNING else "queued"
        if self.loaded and not self.loaded["is_ready"]:
            return "running"
        if self.model.state != AIModel.State.READY:
            return "failed"
        return "ready" if self.model.is_enabled else "cancelled"

    @property
    def is_local(self) -> bool:
        """Return whether it runs here."""
        return self.model.source != AIModel.Source.ENDPOINT

    @property
    def fits(self) -> bool:
        """Return whether it can be loaded beside what is loaded; a loaded one does."""
        if self.loaded or self.free_bytes is None or not self.needed:
            return True
        return self.needed <= self.free_bytes

    @property
    def needed(self) -> int:
        """Return the memory that it takes, estimated where its files do not tell."""
        return self.model.memory_bytes or (self.model.size_bytes * 12 // 10 if self.is_local else 0)

    @property
    def offered(self) -> frozenset[str]:
        """Return the kinds of work that it can be asked for."""
        return offered(self.model)

    @property
    def can_be_default(self) -> bool:
        """Return whether it can be what is taken where nobody chooses."""
        return can_be_default(self.model)

    @property
    def figures(self) -> list[str]:
        """Return the figures of the last benchmark as short texts."""
        return figures(self.model.benchmark)


@dataclass(frozen=True, slots=True)
class Filters:
    """What the page is narrowed to; empty: all."""

    kind: str = ""
    text: str = ""
    licence: str = ""
    state: str = ""


def cards(filters: Filters) -> list[Card]:
    """Return the models that match, the defaults first within each kind."""
    found = AIModel.objects.all()
    if filters.kind:
        found = found.filter(kind=filters.kind)
    if filters.licence:
        found = found.filter(licence=filters.licence)
    if filters.text:
        found = found.filter(
            Q(title__icontains=filters.text) | Q(name__icontains=filters.text) | Q(hub_id__icontains=filters.text)
        )
    if filters.state == "ready":
        found = found.filter(state=AIModel.State.READY, is_enabled=True)
    if filters.state == "problem":
        found = found.exclude(state=AIModel.State.READY)
    return _cards(found.order_by("-is_default", "title"))


def card_of(model: AIModel) -> Card:
    """Return the card of one model."""
    return _cards(AIModel.objects.filter(pk=model.pk))[0]


def _cards(rows: Any) -> list[Card]:
    live = ModelJob.objects.filter(state__in=ModelJob.LIVE)
    found = rows.annotate(shares=Count("accesses", distinct=True)).prefetch_related(
        Prefetch("jobs", queryset=live, to_attr="live_jobs")
    )
    loaded, free = presence.look()
    return [
        Card(row, row.live_jobs[0] if row.live_jobs else None, loaded.get(row.name), free, row.shares) for row in found
    ]


@dataclass(frozen=True, slots=True)
class Section:
    """The cards of one kind."""

    kind: str
    label: str
    icon: str
    cards: list[Card]


def by_kind(found: Iterable[Card]) -> list[Section]:
    """Return the cards under their kinds, in the order of the kinds."""
    listed = list(found)
    return [
        Section(kind.value, str(kind.label), KIND_ICONS[kind.value], of_kind)
        for kind in AIModel.Kind
        if (of_kind := [card for card in listed if card.model.kind == kind])
    ]


def counts() -> dict[str, int]:
    """Return how many models there are of each kind."""
    rows = AIModel.objects.values_list("kind").annotate(n=Count("pk")).order_by()
    return dict(rows)


def licences() -> list[str]:
    """Return the licences there are."""
    return list(AIModel.objects.exclude(licence="").order_by("licence").values_list("licence", flat=True).distinct())
