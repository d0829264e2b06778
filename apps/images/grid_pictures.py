"""The grid of an order as one picture, with what its axes stand for written beside the rows and columns."""

import io
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _
from PIL import Image, ImageDraw, PngImagePlugin

from apps.core.errors import NotFound
from apps.images import files, lettering, provenance
from apps.images.models import ImageJob, Picture
from apps.images.ordering import order_from_json
from apps.images.runs import why_gone
from apps.images.sheets import Sheet, axes_of, sheets_of
from apps.users.models import User

LEAST_SIDE = 160  # pixels: smaller pictures are enlarged, else their headings have no room
MOST_PIXELS = 24_000_000  # of all pictures together; larger ones are made smaller
GAP = 8
LETTERS = (15, 34)  # smallest and largest, pixels
PAPER, INK, FAINT, SUNKEN = (255, 255, 255), (33, 29, 25), (110, 103, 96), (240, 238, 233)


@dataclass(frozen=True, slots=True)
class _Cell:
    """One picture of the grid, or in words why there is none."""

    picture: Picture | None
    gone: str


@dataclass(frozen=True, slots=True)
class _Measures:
    """How large everything is, in pixels."""

    width: int  # of a picture
    height: int
    abreast: int  # pictures in one place
    letters: int
    margin: int  # at the left, for what the rows stand for

    @property
    def place(self) -> int:
        """Return the width of a column."""
        return self.abreast * (self.width + GAP)

    @property
    def line(self) -> int:
        """Return the height of a line of text."""
        return round(self.letters * 1.6)


def grid_picture(user: User, job: ImageJob) -> bytes:
    """Return the grid of the person's own order as PNG, its settings inside. Raises NotFound where it has none."""
    order = order_from_json(job.order)
    axes = axes_of(order)
    drawn = Picture.objects.owned_by(user).filter(job=job, kind=Picture.Kind.DRAWN)
    by_number = {picture.number: picture for picture in drawn}
    cells = [_cell(job, number, by_number.get(number)) for number in range(len(job.plan))]
    sheets = sheets_of(axes, [(entry.get("cell") or (), cell) for entry, cell in zip(job.plan, cells, strict=True)])
    if not sheets:
        raise NotFound
    image = _composed(sheets, order.prompt)
    info = PngImagePlugin.PngInfo()
    first = next((cell.picture for cell in cells if cell.picture), None)
    if first is not None:
        info.add_text(
            provenance.PARAMETERS, provenance.infotext_of(order, size=(first.width, first.height), model=job.model)
        )
    buffer = io.BytesIO()
    image.save(buffer, "PNG", pnginfo=info)
    return buffer.getvalue()


def _cell(job: ImageJob, number: int, picture: Picture | None) -> _Cell:
    gone = why_gone(job, number, picture)
    if gone or picture is None:
        return _Cell(None, gone or _("Not drawn"))
    return _Cell(picture, "")


def _composed(sheets: Sequence[Sheet[_Cell]], prompt: str) -> Image.Image:
    measures = _measured(sheets)
    width = measures.margin + measures.place * max(len(sheet.columns) for sheet in sheets) + GAP
    height = measures.line + sum(_height(sheet, measures) for sheet in sheets) + GAP
    image = Image.new("RGB", (width, height), PAPER)
    brush = ImageDraw.Draw(image)
    _write(brush, (GAP, 0), " ".join(prompt.split()), measures, width - 2 * GAP)
    top = measures.line
    for sheet in sheets:
        _draw_sheet(image, sheet, measures, top)
        top += _height(sheet, measures)
    return image


def _measured(sheets: Sequence[Sheet[_Cell]]) -> _Measures:
    cells = list(_all(sheets))
    pictures = [cell.picture for cell in cells if cell.picture]
    width = max((picture.width for picture in pictures), default=LEAST_SIDE)
    height = max((picture.height for picture in pictures), default=LEAST_SIDE)
    scale = max(1.0, LEAST_SIDE / max(width, height))
    scale = min(scale, math.sqrt(MOST_PIXELS / (width * height * len(cells))))
    width, height = max(1, round(width * scale)), max(1, round(height * scale))
    letters = max(LETTERS[0], min(LETTERS[1], width // 14))
    font = lettering.font(letters)
    labels = [text for sheet in sheets for text in (sheet.row_axis, *(row.label for row in sheet.rows))]
    margin = min(max(font.getlength(text) for text in labels), letters * 12)
    abreast = max(len(place) for sheet in sheets for row in sheet.rows for place in row.cells)
    return _Measures(width, height, abreast, letters, GAP + (math.ceil(margin) + GAP if margin else 0))


def _all(sheets: Sequence[Sheet[_Cell]]) -> Iterator[_Cell]:
    for sheet in sheets:
        for row in sheet.rows:
            for place in row.cells:
                yield from place


def _height(sheet: Sheet[_Cell], measures: _Measures) -> int:
    lines = 2 + bool(sheet.title)
    return lines * measures.line + len(sheet.rows) * (measures.height + GAP)


def _draw_sheet(image: Image.Image, sheet: Sheet[_Cell], measures: _Measures, top: int) -> None:
    """Draw one table: the value of the third axis, the names of the others, their values, and the pictures."""
    brush = ImageDraw.Draw(image)
    if sheet.title:
        _write(brush, (GAP, top), sheet.title, measures, image.width - 2 * GAP)
        top += measures.line
    _write(brush, (measures.margin, top), sheet.column_axis, measures, image.width - measures.margin, FAINT)
    top += measures.line
    _write(brush, (GAP, top), sheet.row_axis, measures, measures.margin - GAP, FAINT)
    for number, column in enumerate(sheet.columns):
        _write(brush, (measures.margin + number * measures.place, top), column, measures, measures.place - GAP)
    top += measures.line
    for row in sheet.rows:
        _write(
            brush, (GAP, top + measures.height // 2 - measures.line // 2), row.label, measures, measures.margin - GAP
        )
        for number, place in enumerate(row.cells):
            for at, cell in enumerate(place):
                left = measures.margin + number * measures.place + at * (measures.width + GAP)
                _draw_cell(image, cell, measures, (left, top))
        top += measures.height + GAP


def _draw_cell(image: Image.Image, cell: _Cell, measures: _Measures, corner: tuple[int, int]) -> None:
    size = (measures.width, measures.height)
    if cell.picture is not None and (pixels := _pixels(cell.picture, size)) is not None:
        image.paste(pixels, (corner[0] + (size[0] - pixels.width) // 2, corner[1] + (size[1] - pixels.height) // 2))
        return
    brush = ImageDraw.Draw(image)
    brush.rectangle((*corner, corner[0] + size[0] - 1, corner[1] + size[1] - 1), fill=SUNKEN)
    place = (corner[0] + GAP, corner[1] + size[1] // 2 - measures.line // 2)
    _write(brush, place, cell.gone or _("Not drawn"), measures, size[0] - 2 * GAP, FAINT)


def _pixels(picture: Picture, size: tuple[int, int]) -> Image.Image | None:
    """Return a picture as large as fits into this size; None where its file is gone."""
    try:
        image = Image.fromarray(files.read_pixels(picture))
    except FileNotFoundError:
        return None
    scale = min(size[0] / image.width, size[1] / image.height)
    fitting = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image if fitting == image.size else image.resize(fitting, Image.Resampling.LANCZOS)


def _write(
    brush: ImageDraw.ImageDraw, place: tuple[int, int], words: str, measures: _Measures, room: int,
    ink: tuple[int, int, int] = INK,
) -> None:  # fmt: skip
    """Write one line, its upper left corner at `place`; what has no room ends in an ellipsis."""
    letters = lettering.font(measures.letters)
    middle = place[1] + measures.line // 2
    brush.text((place[0], middle), lettering.shortened(words, letters, room), font=letters, fill=ink, anchor="lm")
