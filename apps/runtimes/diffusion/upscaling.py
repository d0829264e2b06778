"""Enlarges pictures by a network, tile by tile: memory is bounded by a tile and the result, and a tile is a step.

A tile is seen with a margin of its surroundings, so that no seam shows. Where the network enlarges by more than is
wanted, each tile is brought to its size by Lanczos at once; where by less, it looks again at what it made.
"""

import math
import os
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from apps.runtimes.contracts import Picture, RuntimeFailure
from apps.runtimes.diffusion.loading import best_device
from apps.runtimes.diffusion.networks import load_network
from apps.runtimes.diffusion.threads import computing_with
from apps.runtimes.drawing import OnStep, Progress
from apps.runtimes.spec import RuntimeSpec

TILE = 160  # pixels of the source along a side; with 64 channels and a factor of 4 the network takes half a GiB for it
MARGIN = 16  # pixels of the source around a tile that the network sees besides
_BREAKDOWNS = (RuntimeError, ValueError, TypeError, IndexError, AttributeError)
Size = tuple[int, int]  # width, height
Box = tuple[int, int, int, int]  # left, top, right, bottom


class NetworkUpscaler:
    """A network of spandrel that enlarges by `factor`. One picture at a time; whoever still holds it may use it."""

    def __init__(self, name: str, network: Any, threads: int) -> None:
        self.name = name
        self.is_busy = False
        self.factor = int(network.scale)
        self._network = network
        self._threads = threads
        self._lock = threading.Lock()

    def upscale(self, picture: Picture, scale: float, on_step: OnStep) -> Picture:
        """Return the picture `scale` times as large. `on_step` is called after each tile and may raise Stopped.

        Raises RuntimeFailure.
        """
        with self._lock:
            self.is_busy = True
            try:
                with computing_with(self._threads), torch.inference_mode():
                    return self._upscale(picture, scale, on_step)
            except _BREAKDOWNS as error:
                raise RuntimeFailure(f"The upscaler {self.name} failed: {error}") from error
            finally:
                self.is_busy = False

    def _upscale(self, picture: Picture, scale: float, on_step: OnStep) -> Picture:
        sizes = _sizes(picture, scale, self.factor)
        total, step = sum(_count(size) for size in sizes[:-1]), 0
        for size in sizes[1:]:
            enlarged: Picture = np.empty((size[1], size[0], 3), np.uint8)
            for tile in _tiles(picture):
                left, top, right, bottom = _placed(tile, picture, size)
                enlarged[top:bottom, left:right] = self._tile(picture, tile, size)
                step += 1
                on_step(Progress(step, total))
            picture = enlarged
        return picture

    def _tile(self, picture: Picture, tile: Box, size: Size) -> Picture:
        """Return what becomes of a tile of the picture in a whole of this size."""
        height, width = picture.shape[:2]
        left, top = max(0, tile[0] - MARGIN), max(0, tile[1] - MARGIN)
        right, bottom = min(width, tile[2] + MARGIN), min(height, tile[3] + MARGIN)
        seen = self._seen(picture[top:bottom, left:right])
        place = _placed(tile, picture, size)
        across, down = width / size[0] * self.factor, height / size[1] * self.factor  # pixels of `seen` for one
        box = (
            max(0.0, place[0] * across - left * self.factor),
            max(0.0, place[1] * down - top * self.factor),
            min(float(seen.shape[1]), place[2] * across - left * self.factor),
            min(float(seen.shape[0]), place[3] * down - top * self.factor),
        )
        sides = place[2] - place[0], place[3] - place[1]
        return np.asarray(Image.fromarray(seen).resize(sides, Image.Resampling.LANCZOS, box=box), np.uint8)

    def _seen(self, pixels: Picture) -> Picture:
        """Return what the network makes of pixels, `factor` times as large."""
        given = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
        made = self._network(given.to(self._network.device, self._network.dtype) / 255)[0]
        shown: Picture = (made.float().clamp(0, 1) * 255).round().to(torch.uint8).permute(1, 2, 0).cpu().numpy()
        return np.ascontiguousarray(shown)


def load_upscaler(spec: RuntimeSpec) -> NetworkUpscaler:
    """Return the upscaler in the safetensors file of `spec`, on the best device. Raises RuntimeFailure."""
    network = load_network(spec.path)
    device, dtype = best_device()
    if (dtype == torch.bfloat16 and not network.supports_bfloat16) or (
        dtype == torch.float16 and not network.supports_half
    ):
        dtype = torch.float32
    return NetworkUpscaler(spec.name, network.to(device, dtype), spec.threads or os.cpu_count() or 1)


def _sizes(picture: Picture, scale: float, factor: int) -> Sequence[Size]:
    """Return the size of the picture, and that after each time that the network looks at it; the last is wanted."""
    height, width = picture.shape[:2]
    times = max(1, math.ceil(round(math.log(scale, factor), 6)))
    between = [(width * factor**time, height * factor**time) for time in range(times)]
    return [*between, (round(width * scale), round(height * scale))]


def _count(size: Size) -> int:
    return math.ceil(size[0] / TILE) * math.ceil(size[1] / TILE)


def _tiles(picture: Picture) -> Iterator[Box]:
    height, width = picture.shape[:2]
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            yield left, top, min(left + TILE, width), min(top + TILE, height)


def _placed(tile: Box, picture: Picture, size: Size) -> Box:
    """Return where a tile of the picture lies in a whole of this size."""
    height, width = picture.shape[:2]
    across, down = size[0] / width, size[1] / height
    return round(tile[0] * across), round(tile[1] * down), round(tile[2] * across), round(tile[3] * down)
