"""A trainer that learns nothing, for tests of what goes on around one: no model library, no waiting."""

import json
from pathlib import Path

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.spec import RuntimeSpec
from apps.runtimes.training import Checkpoint, Course, OnPace, Pace

WIDTH = 16


class FakeTrainer:
    """Counts steps; the loss falls, a little otherwise for each seed. `taught` are the courses of its slices."""

    taught: list[Course] = []

    def __init__(self, name: str) -> None:
        self.name = name
        self.is_busy = False

    def train(self, course: Course, checkpoint: Path, *, until: int, on_step: OnPace) -> Checkpoint:
        """Go on from the checkpoint up to the step `until`."""
        losses: list[float] = json.loads(checkpoint.read_text()) if checkpoint.exists() else []
        self.taught.append(course)
        try:
            while len(losses) < min(until, course.steps):
                losses.append(round(1 / (len(losses) + 1) + course.seed % 7 / 100, 6))
                on_step(Pace(len(losses), losses[-1]))
        finally:
            checkpoint.write_text(json.dumps(losses))
        return Checkpoint(len(losses), tuple(losses))

    def export(self, course: Course, checkpoint: Path, target: Path, notes: dict[str, str]) -> None:
        """Write an adapter of zeros with the tensors that the method's adapters have."""
        if not checkpoint.exists():
            raise RuntimeFailure("The training has no checkpoint.")
        shapes = _shapes(course)
        header: dict[str, object] = {"__metadata__": {"format": "pt", **notes}}
        at = 0
        for name, (rows, columns) in shapes.items():
            size = 4 * rows * columns
            header[name] = {"dtype": "F32", "shape": [rows, columns], "data_offsets": [at, at + size]}
            at += size
        head = json.dumps(header).encode()
        target.write_bytes(len(head).to_bytes(8, "little") + head + bytes(at))

    def close(self) -> None:
        """Free nothing."""


def _shapes(course: Course) -> dict[str, tuple[int, int]]:
    if course.method == "textual_inversion":
        return {course.token: (course.vectors, WIDTH)}
    layer = "unet.mid_block.attentions.0.transformer_blocks.0.attn2.to_k"
    return {f"{layer}.lora_A.weight": (course.rank, WIDTH), f"{layer}.lora_B.weight": (WIDTH, course.rank)}


def load_trainer(spec: RuntimeSpec) -> FakeTrainer:
    """Return a fake trainer."""
    return FakeTrainer(spec.name)
