"""What lies in var/models and is no model of the catalogue yet: a quick look by names, cheap enough for a page."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.utils.text import slugify

from apps.catalog.models import AIModel

MOST_ENTRIES = 500  # of the models folder that are looked at
MOST_FILES = 2_000  # of one folder
_CODE = {".py", ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".h5", ".onnx", ".so"}
_FORMS = {".gguf": "gguf", ".safetensors": "weights"}  # of a lone file


@dataclass(frozen=True, slots=True)
class Found:
    """An entry. `form`: "gguf", "folder", "pipeline", "weights" or "unknown"; `problem` names a refused file."""

    entry: str  # its name in the models folder
    form: str
    size_bytes: int
    problem: str = ""

    @property
    def is_addable(self) -> bool:
        """Return whether adding it has a chance."""
        return self.form != "unknown" and not self.problem

    @property
    def name(self) -> str:
        """Return a short name for it."""
        is_file = self.entry.endswith((".gguf", ".safetensors"))
        return short_name(Path(self.entry).stem if is_file else self.entry)


def short_name(text: str) -> str:
    """Return a name that addresses and settings can hold."""
    return slugify(text.replace(".", "-").replace("/", "-"))[:80]


def found() -> list[Found]:
    """Return what could be added, by name."""
    taken = {path.partition("/")[0] for path in AIModel.objects.exclude(path="").values_list("path", flat=True)}
    return [each for each in _entries() if each.entry not in taken]


def _entries() -> Iterator[Found]:
    try:
        with os.scandir(settings.MODELS_DIR) as entries:
            listed = sorted(entry.name for entry in entries if not entry.name.startswith("."))
    except OSError:
        return
    for name in listed[:MOST_ENTRIES]:
        path = settings.MODELS_DIR / name
        yield _folder(path) if path.is_dir() and not path.is_symlink() else _file(path)


def _file(path: Path) -> Found:
    if path.is_symlink() or not path.is_file():
        return Found(path.name, "unknown", 0, problem=path.name)
    form = _FORMS.get(path.suffix, "unknown")
    return Found(path.name, form, path.stat().st_size, problem=path.name if path.suffix in _CODE else "")


def _folder(path: Path) -> Found:
    names: set[str] = set()
    size, problem = 0, ""
    for inner in _files(path):
        names.add(inner.name)
        size += 0 if inner.is_symlink() else inner.stat().st_size
        if not problem and (inner.suffix in _CODE or inner.is_symlink()):
            problem = inner.relative_to(path).as_posix()
    return Found(path.name, _form(names), size, problem)


def _files(path: Path) -> Iterator[Path]:
    count = 0
    for root, _folders, names in os.walk(path, followlinks=False):
        for name in names:
            count += 1
            if count > MOST_FILES:
                return
            yield Path(root) / name


def _form(names: set[str]) -> str:
    if any(name.endswith(".gguf") for name in names):
        return "gguf"
    if "model_index.json" in names:
        return "pipeline"
    if "config.json" in names and any(name.endswith(".safetensors") for name in names):
        return "folder"
    return "weights" if any(name.endswith(".safetensors") for name in names) else "unknown"
