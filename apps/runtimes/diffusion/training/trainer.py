"""Trains adapters on a model's own copy: what is drawn meanwhile by the same model is not touched."""

import threading
from collections.abc import Mapping
from pathlib import Path

from safetensors.torch import save_file
from torch import Tensor

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion.loading import load_pipeline
from apps.runtimes.diffusion.training import checkpoints
from apps.runtimes.diffusion.training.inversion import VECTORS, WordLearner
from apps.runtimes.diffusion.training.loop import Learner, run
from apps.runtimes.diffusion.training.lora import LoraLearner
from apps.runtimes.diffusion.training.parts import Parts, parts_of
from apps.runtimes.spec import RuntimeSpec
from apps.runtimes.training import Checkpoint, Course, OnPace


class DiffusionTrainer:
    """Trains one adapter at a time."""

    def __init__(self, parts: Parts) -> None:
        self.name = parts.name
        self.is_busy = False
        self._parts = parts
        self._turn = threading.Lock()

    def train(self, course: Course, checkpoint: Path, *, until: int, on_step: OnPace) -> Checkpoint:
        """Go on from the checkpoint up to the step `until` (see `runtimes.training.Trainer`)."""
        with self._turn:
            self.is_busy = True
            try:
                learner = _learner(self._parts, course)
                try:
                    state = run(self._parts, learner, course, checkpoint, until=until, on_step=on_step)
                finally:
                    learner.close()
            finally:
                self.is_busy = False
        return Checkpoint(state.step, tuple(state.losses))

    def export(self, course: Course, checkpoint: Path, target: Path, notes: Mapping[str, str]) -> None:
        """Write the adapter of a checkpoint under the names that diffusers reads."""
        state = checkpoints.read(checkpoint)
        if state is None:
            raise RuntimeFailure("The training has no checkpoint.")
        learnt: dict[str, Tensor] = state.learnt
        if course.method == "textual_inversion":
            learnt = {course.token: learnt[VECTORS]}
        save_file(learnt, target, metadata={"format": "pt", **notes})

    def close(self) -> None:
        """Let the model go with its last holder."""


def _learner(parts: Parts, course: Course) -> Learner:
    return WordLearner(parts, course) if course.method == "textual_inversion" else LoraLearner(parts, course)


def load_trainer(spec: RuntimeSpec) -> DiffusionTrainer:
    """Load a copy of the model of `spec` for training. Raises RuntimeFailure."""
    return DiffusionTrainer(parts_of(spec.name, load_pipeline(spec.path)))
