"""Which engine and number format embed fastest on this CPU: measured once, in a process of its own, and kept.

`python -m apps.runtimes.engine_choice FOLDER MAX_TOKENS THREADS` measures and prints JSON. The process that serves
reads the result alone, so that it never loads the libraries that lost (PyTorch takes 350 MB).
"""

import hashlib
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from apps.runtimes.contracts import Floats
from apps.runtimes.embedding import Engine, batches
from apps.runtimes.files import MANIFEST, sha256_of
from apps.runtimes.spec import RuntimeSpec

logger = logging.getLogger(__name__)

FOLDER = ".engines"  # beside the models' folders
LAYOUT = "1"  # of what is measured; another one makes every choice be made again
LEAST_COSINE = 0.999  # between a text's vectors and those of sentence-transformers in float32
NEAR = 1.1  # within ten per cent of the fastest, the one named first is taken: less memory, more exact
# In order of preference at equal speed.
CANDIDATES = (("openvino", "f32"), ("openvino", "bf16"), ("torch", "f32"), ("torch", "bf16"))
REFERENCE = ("torch", "f32")
ROUNDS = 3
MEASURE_S = 300.0
SAMPLE = tuple(
    sentence * repeats
    for repeats in (1, 4, 9, 14)
    for sentence in (
        "Every employee has fifteen days of paid leave a year; unused days lapse at the end of March. ",
        "员工每年享有十五天带薪年假，未使用的天数在次年三月底作废，特殊情况须经部门负责人批准。",
        "Error E-1042: the pump stops when the pressure falls below 2.5 bar. ",
    )
)


@dataclass(frozen=True, slots=True)
class Figure:
    """How one candidate did: seconds for the sample, and the least cosine to the reference."""

    library: str
    precision: str
    seconds: float
    cosine: float


def chosen(spec: RuntimeSpec) -> Figure | None:
    """Return the engine to take, measuring it where that was not done on this CPU; None where it cannot be done."""
    path = _stamp(spec)
    figures = _read(path)
    if figures is None:
        figures = _measure_apart(spec)
        if figures is None:
            return None
        _keep(path, figures)
    return choose(figures, spec.engine)


def choose(figures: Iterable[Figure], engine: str) -> Figure | None:
    """Return the fastest figure whose vectors are exact enough; `engine` is "auto" or the only library allowed."""
    fit = [figure for figure in figures if figure.cosine >= LEAST_COSINE and engine in ("auto", figure.library)]
    if not fit:
        return None
    limit = NEAR * min(figure.seconds for figure in fit)
    order = {candidate: place for place, candidate in enumerate(CANDIDATES)}
    near = [figure for figure in fit if figure.seconds <= limit]
    return min(near, key=lambda figure: order[figure.library, figure.precision])


def measure(spec: RuntimeSpec) -> list[Figure]:
    """Return the figures of every candidate that can run the model; they take turns, so that load hits all alike."""
    engines = dict(_engines(spec))
    best: dict[tuple[str, str], float] = {}
    vectors: dict[tuple[str, str], Floats] = {}
    for _ in range(ROUNDS):
        for name, engine in engines.items():
            seconds, vectors[name] = _timed(engine)
            best[name] = min(seconds, best.get(name, seconds))
    plain = vectors[REFERENCE]
    return [
        Figure(*name, round(best[name], 4), round(float((vectors[name] * plain).sum(axis=1).min()), 6))
        for name in CANDIDATES
        if name in engines
    ]


def _engines(spec: RuntimeSpec) -> Iterator[tuple[tuple[str, str], Engine]]:
    """Load every candidate; one that cannot run this model, or is not installed, is left out."""
    from apps.runtimes import sentence_transformers as torch_engine  # noqa: PLC0415 -- loads torch

    for precision in ("f32", "bf16"):
        yield ("torch", precision), torch_engine.open_engine(spec, precision)
    try:
        from apps.runtimes.openvino_engine import open_engine  # noqa: PLC0415 -- loads the library

        for precision in ("f32", "bf16"):
            yield ("openvino", precision), open_engine(spec, precision)
    except Exception as error:  # whatever the library raises: PyTorch runs the model then
        logger.warning("OpenVINO cannot run %s: %s", spec.name, error)


def _timed(engine: Engine) -> tuple[float, Floats]:
    rows = np.empty((len(SAMPLE), engine.dimensions), np.float32)
    began = time.perf_counter()
    encoded = engine.encode(SAMPLE, "passage")
    for batch, padded in batches([one.length for one in encoded], engine.max_tokens):
        rows[batch] = engine.forward([encoded[index] for index in batch], padded)
    return time.perf_counter() - began, rows


def _measure_apart(spec: RuntimeSpec) -> list[Figure] | None:
    """Measure in a child process; None when that fails, which is logged."""
    logger.info("the engines for %s are measured on this CPU", spec.name)
    command = [sys.executable, "-m", __name__, spec.name, str(spec.path), str(spec.max_tokens), str(spec.threads)]
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command,
            cwd=Path(__file__).resolve().parents[2],
            capture_output=True,
            text=True,
            timeout=MEASURE_S,
            check=True,
        )
        return _figures(done.stdout.strip().splitlines()[-1])
    except subprocess.CalledProcessError as error:
        logger.warning("the engines for %s could not be measured: %s", spec.name, error.stderr[-500:])
    except (subprocess.TimeoutExpired, OSError, ValueError, IndexError) as error:
        logger.warning("the engines for %s could not be measured: %s", spec.name, error)
    return None


def _stamp(spec: RuntimeSpec) -> Path:
    """Return where the choice for this model, this CPU and these libraries is kept."""
    parts = [LAYOUT, sha256_of(spec.path / MANIFEST), _cpu(), str(spec.threads)]
    parts += [_version(name) for name in ("openvino", "torch", "sentence-transformers")]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
    return spec.path.parent / FOLDER / f"{spec.path.name}-{digest}.json"


def _cpu() -> str:
    """Return what tells this kind of CPU from another: its name, its instructions, how many we may use."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    known = sorted({line for line in lines if line.startswith(("model name", "flags", "Features", "CPU part"))})
    return "\n".join([*known, str(len(os.sched_getaffinity(0)))])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _read(path: Path) -> list[Figure] | None:
    try:
        return _figures(path.read_text())
    except (OSError, ValueError):
        return None


def _figures(text: str) -> list[Figure]:
    """Read what `_json` wrote. Raises ValueError for anything else."""
    try:
        found = [
            Figure(str(row["library"]), str(row["precision"]), float(row["seconds"]), float(row["cosine"]))
            for row in json.loads(text)
        ]
    except (KeyError, TypeError) as error:
        raise ValueError(text) from error
    return [figure for figure in found if (figure.library, figure.precision) in CANDIDATES]


def _json(figures: Sequence[Figure]) -> str:
    return json.dumps([asdict(figure) for figure in figures])


def _keep(path: Path, figures: Sequence[Figure]) -> None:
    """Write the choice by one rename; where the folder is read-only it is measured at each start."""
    try:
        path.parent.mkdir(exist_ok=True)
        with _beside(path) as draft:
            draft.write_text(_json(figures))
            draft.replace(path)
    except OSError as error:
        logger.warning("the choice of the engine could not be kept: %s", error)


@contextmanager
def _beside(path: Path) -> Iterator[Path]:
    draft = path.with_suffix(f".{os.getpid()}.partial")
    try:
        yield draft
    finally:
        draft.unlink(missing_ok=True)


def main(arguments: Sequence[str]) -> None:
    """Measure the model of the arguments (name, folder, most tokens, threads) and print the figures."""
    name, folder, max_tokens, threads = arguments
    os.environ.setdefault("HF_HUB_OFFLINE", "1")  # no model hub is ever asked
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    spec = RuntimeSpec(name, "sentence_transformers", Path(folder), max_tokens=int(max_tokens), threads=int(threads))
    sys.stdout.write(_json(measure(spec)) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
