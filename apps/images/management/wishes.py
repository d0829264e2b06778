"""Draws what an evaluation asks for as the product draws: by its grammar and its engine."""

from collections.abc import Sequence

from apps.images.drawings import Found, drawing_of
from apps.images.orders import Order
from apps.runtimes.diffusion.demo.measuring import Wish
from apps.runtimes.diffusion.demo.palette import PICTURE_SIZE
from apps.runtimes.diffusion.demo.shapes import Pixels
from apps.runtimes.drawing import ImageModel, Progress


class ProductDrawing:
    """Draws wishes with an image model, each prompt written in AUTOMATIC1111's grammar."""

    def __init__(self, model: ImageModel, *, steps: int, guidance: float) -> None:
        self._model = model
        self._steps = steps
        self._guidance = guidance

    def __call__(self, wishes: Sequence[Wish]) -> list[Pixels]:
        """Return a picture (64, 64, 3) for each wish."""
        return [self._draw(wish) for wish in wishes]

    def _draw(self, wish: Wish) -> Pixels:
        order = Order(
            prompt=wish.prompt,
            width=PICTURE_SIZE,
            height=PICTURE_SIZE,
            steps=self._steps,
            guidance=self._guidance,
            seed=wish.seed,
        )
        return self._model.draw(drawing_of(order, Found({}, (), {})), _ignore)


def _ignore(_: Progress) -> None:
    """Look at no step."""
