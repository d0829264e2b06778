"""Cuts the pictures out of PDF pages, as they are seen there: masks, overlays and clipping included."""

import ctypes
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

import pypdfium2.raw as pdfium

from apps.ingestion.parsers.pdf_layer import draw
from apps.ingestion.parsers.pdf_lines import Edges, Frame
from apps.ingestion.parsers.types import Task
from apps.libraries.types import Block, Box, FigureFound

MAX_FIGURES = 500  # of one document
MAX_ON_PAGE = 20
DPI = 150
MIN_SIDE = 40.0  # points: smaller ones are bullets, logos and rules
MIN_SHARE = 0.01  # of the page's area
_BACKGROUND = 0.9  # a picture that fills so much of a page with text is its background
_CLOSE = 40.0  # points between a figure and its caption


@dataclass(slots=True)
class Figures:
    """Collects the pictures of one document; each is kept once."""

    task: Task
    found: list[FigureFound] = field(default_factory=list)
    _digests: set[bytes] = field(default_factory=set)

    def take(self, page: object, number: int, frame: Frame, pictures: Sequence[object]) -> None:
        """Keep the pictures of a page that has text."""
        for edges in worth_keeping(pictures, frame)[:MAX_ON_PAGE]:
            if len(self.found) >= MAX_FIGURES:
                return
            self._keep(page, number, frame, edges)

    def _keep(self, page: object, number: int, frame: Frame, edges: Edges) -> None:
        from PIL import Image  # noqa: PLC0415  most documents hold no picture

        from apps.ingestion.parsers.pictures import encode  # noqa: PLC0415

        pixels = draw(page, frame, DPI, edges)
        if int(pixels.max()) - int(pixels.min()) < 16:  # noqa: PLR2004  of 255: one plain colour
            return
        digest = hashlib.sha256(pixels.tobytes()).digest()
        if digest in self._digests:  # a logo on every page
            return
        self._digests.add(digest)
        picture = encode(Image.fromarray(pixels))
        width, height = frame.size
        x0, y0, x1, y1 = (
            round(min(1.0, max(0.0, edge)), 4)
            for edge in (edges[0] / width, edges[1] / height, edges[2] / width, edges[3] / height)
        )
        blob = self.task.keep([picture.data])
        size = picture.width, picture.height
        self.found.append(FigureFound(blob, picture.media_type, *size, 0, number, Box(number, x0, y0, x1, y1)))

    def placed(self, blocks: Sequence[Block], heights: dict[int, float]) -> tuple[FigureFound, ...]:
        """Return the figures with their captions and with the blocks that they stand before.

        `heights` holds the height in points of each page.
        """
        by_page: dict[int, list[tuple[int, Block]]] = {}
        for at, block in enumerate(blocks):
            if block.page is not None and block.box is not None:
                by_page.setdefault(block.page, []).append((at, block))
        return tuple(_placed(figure, by_page.get(figure.page or 0, []), len(blocks), heights) for figure in self.found)


def worth_keeping(pictures: Sequence[object], frame: Frame) -> list[Edges]:
    """Return where pictures worth keeping lie on a page, from top to bottom; those that overlap are one."""
    width, height = frame.size
    edges = [ctypes.c_float() for _edge in range(4)]
    references = [ctypes.byref(edge) for edge in edges]
    found: list[Edges] = []
    for each in pictures:
        if pdfium.FPDFPageObj_GetBounds(each, *references):
            left, bottom, right, top = (edge.value for edge in edges)
            x0, y0, x1, y1 = frame.shown(left, top, right, bottom)
            inside = max(0.0, x0), max(0.0, y0), min(width, x1), min(height, y1)
            if inside[0] < inside[2] and inside[1] < inside[3]:
                found.append(inside)
    worth = [box for box in _merged(found) if _is_worth(box, width, height)]
    return sorted(worth, key=lambda box: (box[1], box[0]))


def _is_worth(box: Edges, width: float, height: float) -> bool:
    wide, high = box[2] - box[0], box[3] - box[1]
    share = wide * high / (width * height)
    return min(wide, high) >= MIN_SIDE and MIN_SHARE <= share <= _BACKGROUND


def _merged(boxes: Iterable[Edges]) -> list[Edges]:
    """Return boxes with those that overlap or touch as one: programs cut pictures into stripes."""
    merged: list[Edges] = []
    for box in boxes:
        whole = box
        rest = []
        for other in merged:
            x0, y0, x1, y1 = other
            if whole[0] <= x1 + 1 and x0 <= whole[2] + 1 and whole[1] <= y1 + 1 and y0 <= whole[3] + 1:
                whole = min(whole[0], x0), min(whole[1], y0), max(whole[2], x1), max(whole[3], y1)
            else:
                rest.append(other)
        merged = [*rest, whole]
    return merged


def _placed(
    figure: FigureFound, blocks: Sequence[tuple[int, Block]], last: int, heights: dict[int, float]
) -> FigureFound:
    box = figure.box
    below = [(at, block) for at, block in blocks if box and block.box and block.box.y0 >= box.y1 - 0.01]
    caption = next((block for _at, block in below if block.kind == "caption"), None)
    text = ""
    if caption is not None and caption.box and box:
        gap = (caption.box.y0 - box.y1) * heights.get(figure.page or 0, 842.0)
        text = caption.text[:500] if gap <= _CLOSE else ""
    following = [at for at, _block in blocks]
    place = below[0][0] if below else (following[-1] + 1 if following else last)
    return replace(figure, block=place, caption=text)
