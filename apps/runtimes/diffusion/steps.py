"""Counts the steps of all passes of a picture and tells of each."""

from collections.abc import Callable
from typing import Any

from apps.runtimes.contracts import Picture
from apps.runtimes.diffusion.conditions import Clock
from apps.runtimes.drawing import OnStep, Progress

Show = Callable[[], Picture | None]
Follow = Callable[[Any, int, Any, dict[str, Any]], dict[str, Any]]


class Steps:
    """The steps of one picture. `done` are those of the passes before."""

    def __init__(self, on_step: OnStep, total: int) -> None:
        self._on_step = on_step
        self._total = total
        self.done = 0

    def wait(self, _part: Progress) -> None:
        """Tell the same step again while something else is under way, for whoever wants the picture stopped."""
        self._on_step(Progress(self.done, self._total))

    def follow(self, count: int, clock: Clock, show: Show) -> Follow:
        """Return what a pipeline calls after each call of its scheduler, for a pass of `count` steps that `show` shows.

        A sampler of second order calls its scheduler twice a step, once in the last. What `on_step` raises goes through
        the pipeline: that is how a picture is stopped.
        """
        before = self.done
        self.done += count

        def told(pipeline: Any, index: int, _timestep: Any, _tensors: dict[str, Any]) -> dict[str, Any]:
            order = pipeline.scheduler.order
            clock.step = clock.first + (index + 1) // order
            step = index // order + 1
            if (index + 1) % order == 0 or step == count:
                self._on_step(Progress(before + step, self._total, show()))
            return {}

        return told
