"""The pages of a version with how well each was read: what the strip beside the original shows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from apps.libraries.models import DocumentVersion, Figure, PageReading

Quality = Literal["good", "fair", "poor", "failed", "empty", "unknown"]
GOOD, FAIR = 0.9, 0.75  # confidence of recognised text from which it is as good as typed, or still usable
MAX_PAGES = 1_500  # shown at once; of a longer document the worst
RANK: Mapping[Quality, int] = {"failed": 0, "poor": 1, "empty": 2, "fair": 3, "unknown": 4, "good": 5}


@dataclass(frozen=True, slots=True)
class Page:
    """One page; `picture` is the image of the whole page, where the document is made of images."""

    number: int
    quality: Quality
    method: str = ""
    confidence: float | None = None
    characters: int = 0
    rotation: int = 0
    setting: Mapping[str, object] | None = None
    picture: Figure | None = None

    @property
    def rank(self) -> int:
        """Return its place when bad pages come first."""
        return RANK[self.quality]

    @property
    def percent(self) -> int | None:
        """Return the confidence as 0 to 100, None where nothing was recognised."""
        return None if self.confidence is None else round(100 * self.confidence)


@dataclass(frozen=True, slots=True)
class Strip:
    """The pages in order; `bad` of them were read poorly or not at all; `is_cut` when only the worst are here."""

    pages: tuple[Page, ...]
    bad: int
    is_cut: bool = False

    @property
    def is_shown(self) -> bool:
        """Return whether there is anything to choose or to know: several pages, or one that was not plain text."""
        return len(self.pages) > 1 or any(page.quality != "unknown" and page.method != "text" for page in self.pages)

    @property
    def has_pictures(self) -> bool:
        """Return whether the document is a series of images that we kept."""
        return any(page.picture for page in self.pages)


def strip_of(version: DocumentVersion | None) -> Strip:
    """Return the pages of a version; empty where the format has none."""
    if version is None or not version.pages:
        return Strip((), 0)
    readings = {
        reading.page: reading for reading in PageReading.objects.filter(version=version).defer("lines").order_by("page")
    }
    pictures = {
        figure.page: figure for figure in Figure.objects.filter(version=version, box=[0, 0, 1, 1], page__isnull=False)
    }
    last = max(version.pages, *readings, 0)
    pages = [_page(number, readings.get(number), pictures.get(number)) for number in range(1, last + 1)]
    bad = sum(page.quality in {"failed", "poor"} for page in pages)
    if len(pages) <= MAX_PAGES:
        return Strip(tuple(pages), bad)
    worst = sorted(pages, key=lambda page: (page.rank, page.number))[:MAX_PAGES]
    return Strip(tuple(sorted(worst, key=lambda page: page.number)), bad, is_cut=True)


def quality_of(method: str, confidence: float | None) -> Quality:
    """Return how well a page was read."""
    if method == PageReading.Method.FAILED:
        return "failed"
    if method == PageReading.Method.EMPTY:
        return "empty"
    if method == PageReading.Method.TEXT:
        return "good"
    if confidence is None:
        return "unknown"
    return "good" if confidence >= GOOD else "fair" if confidence >= FAIR else "poor"


def _page(number: int, reading: PageReading | None, picture: Figure | None) -> Page:
    if reading is None:
        return Page(number, "unknown", picture=picture)
    return Page(
        number,
        quality_of(reading.method, reading.confidence),
        reading.method,
        reading.confidence,
        reading.characters,
        reading.rotation,
        reading.setting,
        picture,
    )
