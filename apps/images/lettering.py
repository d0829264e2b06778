"""Words on pictures: the font, and how much of a text fits."""

from bisect import bisect_right
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

FONT = Path(__file__).parent / "fonts" / "noto-sans-cjk-sc.otf"  # has the characters of GB 2312 and Big5
ELLIPSIS = "…"


@lru_cache(maxsize=64)
def font(size_px: int) -> ImageFont.FreeTypeFont:
    """Return the font whose letters are so high."""
    return ImageFont.truetype(str(FONT), size_px)


def shortened(words: str, letters: ImageFont.FreeTypeFont, room_px: float) -> str:
    """Return the words, or as many letters of them as fit and an ellipsis."""
    if letters.getlength(words) <= room_px:
        return words
    too_long = bisect_right(range(1, len(words)), room_px, key=lambda n: letters.getlength(words[:n] + ELLIPSIS))
    return words[:too_long].rstrip() + ELLIPSIS
