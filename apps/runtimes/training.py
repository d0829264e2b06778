"""What the product asks of a model library that trains adapters. Plain Python: no Django, no model library.

Training goes in slices: each goes on from a checkpoint and leaves one, so that cancelling, a killed worker and other
people's turns cost at most a slice. On a CPU the same course gives the same adapter, however it was sliced.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from apps.runtimes.contracts import Picture

Method = Literal["textual_inversion", "lora", "dreambooth_lora"]


@dataclass(frozen=True, slots=True)
class Example:
    """A picture with what is said of it. All pictures of a course have one size, multiples of 8."""

    picture: Picture
    caption: str


@dataclass(frozen=True, slots=True)
class Course:
    """What is to be learnt, completely.

    `token` is the new word of a textual inversion; the captions hold it. It begins as the word `initial` and has
    `vectors` rows. `priors` are pictures of the class that a DreamBooth training must not forget.
    """

    method: Method
    examples: tuple[Example, ...]
    steps: int
    learning_rate: float
    seed: int
    batch: int = 1
    rank: int = 8
    trains_text: bool = False  # the text encoder's attention too
    token: str = ""
    initial: str = ""
    vectors: int = 1
    priors: tuple[Example, ...] = ()
    prior_weight: float = 1.0


@dataclass(frozen=True, slots=True)
class Pace:
    """A training step is done; `loss` is that of its batch."""

    step: int
    loss: float


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """How far a training is: the losses of all steps so far."""

    step: int
    losses: tuple[float, ...]


OnPace = Callable[[Pace], None]


class Trainer(Protocol):
    """Trains adapters of one model, one at a time: calls of several threads wait for each other."""

    name: str
    is_busy: bool

    def train(self, course: Course, checkpoint: Path, *, until: int, on_step: OnPace) -> Checkpoint:
        """Go on from `checkpoint`, a file that need not be there yet, up to the step `until`, and write it anew.

        `on_step` may raise `drawing.Stopped`: what was learnt so far is written, and it is passed through. Raises
        RuntimeFailure where the course cannot be taught to this model or the loss is no number.
        """
        ...

    def export(self, course: Course, checkpoint: Path, target: Path, notes: dict[str, str]) -> None:
        """Write the adapter of a checkpoint as the safetensors file `target`, with `notes` as its metadata."""
        ...

    def close(self) -> None:
        """Free the model."""
        ...
