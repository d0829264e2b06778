"""Where lines of text lie on a picture: which way they run, how far they are askew, and their place once upright."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from apps.runtimes.contracts import Picture

Quad = npt.NDArray[
    np.float32
]  # shape (4, 2): corners in pixels; the first edge is the line's top, in reading direction
QUARTER = 90
TALL = 1.5  # a box so many times as high as wide holds a line that runs up or down
_MAX_SKEW = 40.0
_ASPECT_FOR_SKEW = 4.0  # a shorter line tells nothing about its direction


def sizes(quad: Quad) -> tuple[float, float]:
    """Return the lengths of a line's top edge and of its left edge, in pixels."""
    return float(np.linalg.norm(quad[1] - quad[0])), float(np.linalg.norm(quad[3] - quad[0]))


def is_tall(quad: Quad) -> bool:
    """Return whether the box stands upright, so that its text runs up or down the picture."""
    width, height = sizes(quad)
    return height >= TALL * width


def turned(quad: Quad, turn: int) -> Quad:
    """Return the corners in the order of a reader whose text runs `turn` degrees clockwise from left to right."""
    return np.roll(quad, -(turn // QUARTER), axis=0)


def skew(quads: Sequence[Quad]) -> int:
    """Return by how many degrees clockwise the lines fall, 0 where there is none long enough to tell."""
    angles, weights = [], []
    for quad in quads:
        width, height = sizes(quad)
        if width >= _ASPECT_FOR_SKEW * height:
            edge = (quad[1] - quad[0]) + (quad[2] - quad[3])
            angle = math.degrees(math.atan2(float(edge[1]), float(edge[0])))
            nearest = angle - QUARTER * round(angle / QUARTER)
            if abs(nearest) <= _MAX_SKEW:
                angles.append(nearest)
                weights.append(width)
    if not angles:
        return 0
    order = np.argsort(angles)
    passed = np.cumsum(np.asarray(weights)[order])
    return round(angles[int(order[int(np.searchsorted(passed, passed[-1] / 2))])])


def upright(points: npt.NDArray[np.float32], size: tuple[int, int], degrees: int) -> npt.NDArray[np.float32]:
    """Return points of a picture of `size` (width, height) as fractions of it once turned clockwise by `degrees`.

    The turned picture is as large as is needed to hold all of the original.
    """
    width, height = size
    radians = math.radians(degrees)
    cos, sin = math.cos(radians), math.sin(radians)
    whole = np.array([abs(width * cos) + abs(height * sin), abs(width * sin) + abs(height * cos)])
    centred = points.astype(np.float64) - np.array([width / 2, height / 2])
    spun = centred @ np.array([[cos, sin], [-sin, cos]]) + whole / 2
    return np.asarray(spun / whole, dtype=np.float32)


def cut(picture: Picture, quad: Quad) -> Picture:
    """Return the line inside four corners, straightened."""
    width, height = sizes(quad)
    goal = np.array([[0, 0], [width, 0], [width, height], [0, height]], dtype=np.float32)
    matrix = cv2.getPerspectiveTransform(quad.astype(np.float32), goal)
    size = (max(1, round(width)), max(1, round(height)))
    straight = cv2.warpPerspective(picture, matrix, size, borderMode=cv2.BORDER_REPLICATE, flags=cv2.INTER_CUBIC)
    return np.asarray(straight, dtype=np.uint8)
