"""Makes the demonstration model's folder: train, measure, and replace the old one only by one that passes."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import torch

from apps.runtimes.diffusion.demo import recipe
from apps.runtimes.diffusion.demo.card import Facts, card_text
from apps.runtimes.diffusion.demo.drawing import RawDrawing, load
from apps.runtimes.diffusion.demo.measuring import Measured, measure
from apps.runtimes.diffusion.demo.palette import GUIDANCE, STEPS
from apps.runtimes.diffusion.demo.recipe import Effort
from apps.runtimes.files import write_manifest

MOST_BYTES = 16 * 1024 * 1024


class NotGoodEnough(Exception):
    """The new weights miss a bar; says which, and where they lie."""


def make(work: Path, target: Path, *, effort: Effort, seeds: int, report: Callable[[str], None]) -> Measured:
    """Train in `work`, and put the folder at `target` if it passes. Raises NotGoodEnough, and leaves it in `work`."""
    started = time.process_time()
    shutil.rmtree(work, ignore_errors=True)
    recipe.save(recipe.train(effort, report), work)
    seconds = time.process_time() - started
    report(f"trained in {seconds:.0f} seconds of one core; measuring")
    measured = finish(work, seeds=seeds, effort=effort, seconds=seconds)
    publish(work, target)
    return measured


def finish(work: Path, *, seeds: int, effort: Effort, seconds: float) -> Measured:
    """Measure what was trained, and write its card and checksums. Raises NotGoodEnough."""
    measured = measure(RawDrawing(load(work)), seeds=seeds)
    size = sum(path.stat().st_size for path in work.rglob("*") if path.is_file())
    failures = measured.failures + ([f"{size:,} bytes > {MOST_BYTES:,}"] if size > MOST_BYTES else [])
    if failures:
        raise NotGoodEnough(f"The weights in {work} are not good enough: {', '.join(failures)}.")
    facts = Facts(seeds=seeds, steps=STEPS, guidance=GUIDANCE, seconds=seconds, pictures=effort.pictures)
    (work / "README.md").write_text(card_text(measured, facts))
    write_manifest(work, {"made": "make demo-image-model", "seed": str(effort.seed), "torch": torch.__version__})
    return measured


def publish(work: Path, target: Path) -> None:
    """Put a copy of the finished folder in the place of the old one."""
    fresh, old = (target.with_name(f".{target.name}-{which}") for which in ("new", "old"))
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    shutil.copytree(work, fresh)
    if target.exists():
        target.rename(old)
    fresh.rename(target)
    shutil.rmtree(old, ignore_errors=True)
