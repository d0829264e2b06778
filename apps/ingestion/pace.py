"""How fast the stages have gone lately, by team and kind of file, kept in the database."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

from django.db import connection

from apps.ingestion.models import Pace

Measure = Literal["read", "embed", "index", "size"]
FADE = 0.9  # what a document's figures weigh once the next one is counted: the last ten or so matter
MIB = 1024 * 1024
SUFFIX_MAX = 10
# Before anything was measured: seconds per byte read, seconds per chunk embedded and indexed, chunks per byte.
DEFAULTS: Mapping[Measure, float] = {"read": 1 / MIB, "embed": 0.03, "index": 0.002, "size": 1 / 1_000}
DEFAULTS_BY_SUFFIX: Mapping[tuple[Measure, str], float] = {
    ("read", "pdf"): 2 / MIB,
    ("size", "pdf"): 1 / 20_000,
    ("size", "docx"): 1 / 5_000,
    ("size", "pptx"): 1 / 50_000,
    ("size", "xlsx"): 1 / 2_000,
    **{("read", image): 5 / MIB for image in ("png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif")},
    **{("size", image): 1 / 200_000 for image in ("png", "jpg", "jpeg", "webp", "tif", "tiff", "bmp", "gif")},
}
_RECORD = """
    INSERT INTO ingestion_pace (team_id, stage, suffix, units, cost)
    SELECT %s, * FROM unnest(%s::text[], %s::text[], %s::float8[], %s::float8[])
    ON CONFLICT (team_id, stage, suffix) DO UPDATE SET
        units = ingestion_pace.units * %s + excluded.units, cost = ingestion_pace.cost * %s + excluded.cost"""


@dataclass(frozen=True, slots=True)
class Measured:
    """What a document took: so much cost (see `models.Pace`) for so many units."""

    measure: Measure
    units: float
    cost: float
    suffix: str = ""


@dataclass(frozen=True, slots=True)
class Paces:
    """Costs per unit: of a team, and of all teams under None."""

    rates: Mapping[tuple[UUID | None, str, str], float]

    def cost(self, measure: Measure, team_id: UUID, suffix: str, units: float) -> float:
        """Return what so many units will cost (seconds; for "size" chunks), by the nearest figures there are."""
        kind = _kind(measure, suffix)
        for key in ((team_id, measure, kind), (None, measure, kind)):
            if key in self.rates:
                return self.rates[key] * units
        return DEFAULTS_BY_SUFFIX.get((measure, kind), DEFAULTS[measure]) * units


def suffix_of(name: str) -> str:
    """Return the suffix of a file's name by which its pace is kept: "pdf", at most ten characters."""
    stem, dot, suffix = name.rpartition(".")
    return suffix.lower()[:SUFFIX_MAX] if dot and stem and suffix.isalnum() else ""


def record(team_id: UUID, measure: Measure, *, units: float, cost: float, suffix: str = "") -> None:
    """Count what a document took; figures of older ones fade."""
    record_all(team_id, [Measured(measure, units, cost, suffix)])


def record_all(team_id: UUID, measured: Iterable[Measured]) -> None:
    """Count what a document took, all in one statement; each measure at most once."""
    counted = [each for each in measured if each.units > 0]
    if counted:
        measures = [each.measure for each in counted]
        kinds = [_kind(each.measure, each.suffix) for each in counted]
        units, costs = [float(each.units) for each in counted], [float(each.cost) for each in counted]
        with connection.cursor() as cursor:
            cursor.execute(_RECORD, [team_id, measures, kinds, units, costs, FADE, FADE])


def _kind(measure: str, suffix: str) -> str:
    """Return the suffix where it matters."""
    return suffix if measure in ("read", "size") else ""


def load() -> Paces:
    """Return the paces of all teams."""
    units: dict[tuple[UUID | None, str, str], float] = defaultdict(float)
    costs: dict[tuple[UUID | None, str, str], float] = defaultdict(float)
    for team_id, stage, suffix, its_units, its_cost in Pace.objects.values_list(
        "team_id", "stage", "suffix", "units", "cost"
    ):
        for key in ((team_id, stage, suffix), (None, stage, suffix)):
            units[key] += its_units
            costs[key] += its_cost
    return Paces({key: costs[key] / units[key] for key in units if units[key]})
