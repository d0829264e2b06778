"""A mark on pictures that says who drew them: words at the bottom right."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from apps.images import lettering
from apps.runtimes.contracts import Picture as Pixels

PART_OF_SIDE = 28  # the letters are this part of the shorter side
SMALLEST, LARGEST = 7, 48  # pixels
WIDEST = 0.9  # of the picture's width
OPACITY = 200  # of 255


def marked(pixels: Pixels, words: str) -> Pixels:
    """Return the picture with the words at its bottom right: white with a dark edge, legible on light and dark."""
    words = " ".join(words.split())
    if not words:
        return pixels
    height, width = pixels.shape[:2]
    text, font = _fitting(words, width, max(SMALLEST, min(LARGEST, min(width, height) // PART_OF_SIDE)))
    edge = max(1, round(font.size / 12))
    margin = max(2, round(font.size / 2))
    layer = Image.new("RGBA", (width, height), (0, 0, 0, 0))
    ImageDraw.Draw(layer).text(
        (width - margin, height - margin), text, font=font, anchor="rs", fill=(255, 255, 255, OPACITY),
        stroke_width=edge, stroke_fill=(0, 0, 0, OPACITY),
    )  # fmt: skip
    image = Image.alpha_composite(Image.fromarray(pixels).convert("RGBA"), layer)
    return np.asarray(image.convert("RGB"), np.uint8).copy()


def _fitting(words: str, width: int, size: int) -> tuple[str, ImageFont.FreeTypeFont]:
    """Return the words and the font by which they fit: first the letters become smaller, then the words fewer."""
    room = width * WIDEST
    while size > SMALLEST and lettering.font(size).getlength(words) > room:
        size -= 1
    letters = lettering.font(size)
    return lettering.shortened(words, letters, room), letters
