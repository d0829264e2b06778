"""Reads pictures by OCR: photographs, scans and screenshots, with all the frames of a TIFF, WebP or GIF as pages.

Only the formats of an allow-list are decoded, sizes are checked before, and what is kept for people to see is encoded
anew, upright and without metadata (security-cases row 70).
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from apps.ingestion.parsers.cleaning import language_of
from apps.ingestion.parsers.pdf_blocks import WORD, blocks_of
from apps.ingestion.parsers.pdf_furniture import Page
from apps.ingestion.parsers.pictures import FORMATS, MAX_SIDE, encode
from apps.ingestion.parsers.recognition import Recognition, lines_of
from apps.ingestion.parsers.types import Refused, Task
from apps.libraries.types import Box, FigureFound, PageRead, ParsedDocument
from apps.runtimes.contracts import Picture

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 100_000_000  # of one frame: a page of A3 at 600 dpi has 70 million
MAX_FRAMES = 500
MAX_READ_PIXELS = 12_000_000  # a larger picture is scaled down for reading
POINTS = 842.0  # the longer side, as if every picture were a page of A4: distances between lines are in points
QUARTER = 90


def parse(task: Task) -> ParsedDocument:
    """Return what is written on a picture. Raises Refused: `empty` for a picture without text, `no-text-layer`."""
    recognition = Recognition(task)
    if not recognition.is_on:
        raise Refused("no-text-layer", pages=1)
    pages: list[Page] = []
    pictures: list[FigureFound] = []
    for number, total, image in _frames(task):
        task.report(number - 1, total)
        page, shown = _read(number, total, image, recognition)
        pages.append(page)
        pictures.append(_keep(task, number, shown))
    task.report(len(pages), len(pages))
    blocks = tuple(blocks_of(pages, {}))
    if not any(WORD.search(block.text) for block in blocks):
        raise Refused("empty")
    reads = tuple(page.read for page in pages)
    language = language_of([block.text for block in blocks])
    first = [next((at for at, block in enumerate(blocks) if block.page == page.number), len(blocks)) for page in pages]
    figures = tuple(replace(picture, block=at) for picture, at in zip(pictures, first, strict=True))
    return ParsedDocument(blocks, len(pages), "", language, page_reads=reads, figures=figures)


def _frames(task: Task) -> Iterator[tuple[int, int, "Image.Image"]]:
    """Yield (number from 1, number of frames, upright RGB picture) of each page."""
    from PIL import Image  # noqa: PLC0415  heavy: only a child that needs it

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow raises at twice this
    try:
        with Image.open(task.path, formats=FORMATS) as image:
            total = _count(image, task)
            for at in range(total):
                image.seek(at)
                yield at + 1, total, _upright(image)
    except Image.DecompressionBombError as error:
        raise Refused("too-large-picture", megapixels=MAX_PIXELS // 1_000_000) from error
    except (OSError, ValueError, SyntaxError, EOFError) as error:  # what Pillow's decoders raise
        raise Refused("broken", reason=type(error).__name__) from error


def _count(image: "Image.Image", task: Task) -> int:
    """Return how many frames are read: all of a TIFF, the first of an animation. Raises Refused."""
    if image.width * image.height > MAX_PIXELS:
        raise Refused("too-large-picture", megapixels=MAX_PIXELS // 1_000_000)
    if image.format != "TIFF":
        return 1
    total = int(getattr(image, "n_frames", 1))
    limit = min(MAX_FRAMES, task.limits.max_pages)
    if total > limit:
        raise Refused("too-many-pages", pages=total, limit=limit)
    return total


def _upright(image: "Image.Image") -> "Image.Image":
    """Return a frame as RGB on white, turned as its camera says, small enough to be read."""
    from PIL import Image, ImageOps  # noqa: PLC0415

    if image.width * image.height > MAX_PIXELS:
        raise Refused("too-large-picture", megapixels=MAX_PIXELS // 1_000_000)
    share = (MAX_READ_PIXELS / (image.width * image.height)) ** 0.5
    if share < 1:
        image.draft("RGB", (round(image.width * share), round(image.height * share)))  # JPEG decodes smaller at once
    turned = ImageOps.exif_transpose(image)
    if turned.mode.startswith("I;16") or turned.mode in ("I", "F"):
        turned = _flat(turned)
    if "A" in turned.getbands() or "transparency" in turned.info:
        layer = turned.convert("RGBA")
        turned = Image.new("RGB", layer.size, "white")
        turned.paste(layer, mask=layer.getchannel("A"))
    plain = turned.convert("RGB")
    share = (MAX_READ_PIXELS / (plain.width * plain.height)) ** 0.5
    size = (max(1, round(plain.width * share)), max(1, round(plain.height * share)))
    return plain.resize(size, reducing_gap=2.0) if share < 1 else plain.copy()


def _flat(image: "Image.Image") -> "Image.Image":
    """Return a picture of more than 8 bits a pixel as 8 bits, from its darkest to its brightest."""
    from PIL import Image  # noqa: PLC0415

    values = np.nan_to_num(np.asarray(image, dtype=np.float32))
    low, high = float(values.min()), float(values.max())
    return Image.fromarray(((values - low) * (255.0 / max(high - low, 1e-6))).astype(np.uint8), "L")


def _read(number: int, total: int, image: "Image.Image", recognition: Recognition) -> tuple[Page, "Image.Image"]:
    """Return a frame's lines, and the frame turned by quarters so that people can read it."""
    if recognition.setting(number).method == "skip":
        read = PageRead(number, "empty")
    else:
        read = recognition.page(number, total, lambda _dpi: _pixels(image))
    quarters = round(read.rotation / QUARTER) % 4
    shown = image.rotate(-QUARTER * quarters, expand=True) if quarters else image
    scale = POINTS / max(shown.size)
    size = (shown.width * scale, shown.height * scale)
    lean = (read.rotation - QUARTER * quarters + 180) % 360 - 180
    return Page(number, size, lines_of(read, size, lean), read, lean), shown


def _pixels(image: "Image.Image") -> Picture:
    return np.asarray(image, dtype=np.uint8)


def _keep(task: Task, number: int, image: "Image.Image") -> FigureFound:
    """Keep the page's picture, so that people see the boxes on it."""
    image.thumbnail((MAX_SIDE, MAX_SIDE), reducing_gap=2.0)
    picture = encode(image)
    box = Box(number, 0.0, 0.0, 1.0, 1.0)
    return FigureFound(task.keep([picture.data]), picture.media_type, picture.width, picture.height, 0, number, box)
