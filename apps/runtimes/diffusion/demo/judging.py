"""Says what a picture of the demonstration model shows, by plain geometry on its pixels."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from apps.runtimes.diffusion.demo.palette import BACKGROUNDS, COLOURS
from apps.runtimes.diffusion.demo.shapes import Pixels

_NAMES = tuple(COLOURS | BACKGROUNDS)
_RGB = np.array([(COLOURS | BACKGROUNDS)[name] for name in _NAMES])
_FRAME = 3  # pixels from the edge that no figure but one at the very side reaches
_CORNER = 0.2  # of the box's side
_LEAST_PIXELS = 2  # of a row or column that belongs to the figure
# Of the figure's bounding box: the share that is filled, and that of its upper and of its lower corners.
_MARKS = {"circle": (0.785, 0.15, 0.15), "square": (1.0, 1.0, 1.0), "triangle": (0.5, 0.0, 0.76)}

Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is seen; `shape` is empty where there is no figure. `shares` is each colour's part of the picture."""

    background: str
    colour: str
    shape: str
    shares: dict[str, float]


def judge(picture: Pixels) -> Verdict:
    """Return the verdict on a picture (height, width, 3)."""
    nearest = _nearest(picture)
    shares = {name: float((nearest == number).mean()) for number, name in enumerate(_NAMES)}
    background = _background(nearest)
    colour = max((name for name in _NAMES if name != background), key=shares.__getitem__)
    return Verdict(background, colour, _shape(_figure(picture, background, colour)), shares)


def _nearest(picture: Pixels) -> npt.NDArray[np.intp]:
    """Return the number of each pixel's nearest palette colour."""
    distances = np.square(picture.astype(int)[:, :, None] - _RGB).sum(-1)
    numbers: npt.NDArray[np.intp] = distances.argmin(-1)
    return numbers


def _background(nearest: npt.NDArray[np.intp]) -> str:
    """Return the commonest colour of the picture's frame: a large figure has the majority inside."""
    inner = slice(_FRAME, -_FRAME)
    frame = np.ones(nearest.shape, dtype=bool)
    frame[inner, inner] = False
    return _NAMES[int(np.bincount(nearest[frame], minlength=len(_NAMES)).argmax())]


def _figure(picture: Pixels, background: str, colour: str) -> Mask:
    """Return where the picture is nearer to the figure's colour than to the background's."""
    pixels = picture.astype(int)
    to_background, to_figure = (np.square(pixels - _RGB[_NAMES.index(name)]).sum(-1) for name in (background, colour))
    mask: Mask = to_figure < to_background
    return mask


def _shape(mask: Mask) -> str:
    rows, columns = (np.flatnonzero(mask.sum(axis) >= _LEAST_PIXELS) for axis in (1, 0))
    if not len(rows) or not len(columns):
        return ""
    box = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    height, width = (max(1, round(_CORNER * side)) for side in box.shape)
    upper, lower = (
        np.concatenate((part[:, :width], part[:, -width:]), axis=1).mean() for part in (box[:height], box[-height:])
    )
    seen = np.array((box.mean(), upper, lower))
    return min(_MARKS, key=lambda name: float(np.square(seen - _MARKS[name]).sum()))
