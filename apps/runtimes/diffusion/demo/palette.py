"""What the demonstration model knows: its words, the colours they stand for, and how it draws best. Plain Python."""

from typing import Final

Rgb = tuple[int, int, int]

# Each is nearest to its own name in the CSS palette too. Blue and purple stand further apart than usual: an
# autoencoder of four channels confuses them first.
COLOURS: Final[dict[str, Rgb]] = {
    "red": (220, 30, 30),
    "green": (30, 165, 60),
    "blue": (25, 60, 230),
    "yellow": (242, 220, 40),
    "purple": (160, 30, 175),
    "orange": (248, 124, 20),
    "white": (250, 250, 250),
    "black": (15, 15, 15),
}
BACKGROUNDS: Final[dict[str, Rgb]] = {"white": (250, 250, 250), "black": (15, 15, 15), "gray": (128, 128, 128)}
SHAPES: Final = ("circle", "square", "triangle")
SIZES: Final = {"small": 11, "large": 26}
PLACES: Final = {
    "on the left": (18, 32),
    "on the right": (46, 32),
    "in the center": (32, 32),
    "at the top": (32, 18),
    "at the bottom": (32, 46),
}
PICTURE_SIZE: Final = 64
STEPS: Final = 20
GUIDANCE: Final = 3.0
TEXT_WIDTH: Final = 64  # of the states of its text encoder
