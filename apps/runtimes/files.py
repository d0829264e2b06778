"""Checks the files of a model before anything reads them.

A model is data: GGUF, safetensors, JSON and text, each with the sha256 it was installed with. Code and pickles in
a model's folder, links out of it and files that were swapped afterwards are refused before a library opens them.
What only people read (a README, a licence, pictures) may lie beside: no library is ever pointed at it.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

from apps.runtimes.contracts import RuntimeFailure

MANIFEST = "manifest.json"
SUFFIXES = {".gguf", ".safetensors", ".json", ".txt", ".model"}
BESIDE = {".md", ".png", ".jpg", ".jpeg", ".svg", ".gif", ".webp", ".pdf"}
BESIDE_NAMES = {".gitattributes", ".gitignore", ".no_exist", "license", "licence", "notice", "copying", "use_policy"}
_MAGIC = {".gguf": b"GGUF"}
_HEADER_BYTES = 8
_MIB = 1024 * 1024


def sha256_of(path: Path) -> str:
    """Return the hex sha256 of a file, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(folder: Path) -> Iterator[Path]:
    """Yield the files of a model's folder but its manifest. Raises RuntimeFailure at a link or a foreign kind."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink():
            raise RuntimeFailure(f"{path.name} in the model {folder.name} is a link; a model holds plain files only.")
        if path.is_dir() or path == folder / MANIFEST or is_beside(path):
            continue
        _check_kind(path, folder.name)
        yield path


def is_beside(path: Path) -> bool:
    """Return whether a file is for people alone, by its name."""
    return path.suffix.lower() in BESIDE or path.name.lower() in BESIDE_NAMES


def _check_kind(path: Path, model: str) -> None:
    if path.suffix not in SUFFIXES:
        raise RuntimeFailure(f"{path.name} in the model {model} is not a kind of file that models may hold.")
    with path.open("rb") as file:
        head = file.read(_HEADER_BYTES)
    magic = _MAGIC.get(path.suffix, b"")
    if not head.startswith(magic):
        raise RuntimeFailure(f"{path.name} in the model {model} is not what its name says.")
    if path.suffix == ".safetensors" and int.from_bytes(head, "little") > 100 * _MIB:  # length of its JSON header
        raise RuntimeFailure(f"{path.name} in the model {model} is not what its name says.")


def write_manifest(folder: Path, source: Mapping[str, str]) -> None:
    """Write the sizes and checksums of a finished folder, with `source`: where it came from."""
    files = {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256_of(path)}
        for path in files_of(folder)
    }
    content = {"source": dict(source), "files": files}
    (folder / MANIFEST).write_text(json.dumps(content, indent=2, sort_keys=True) + "\n")


def source_of(folder: Path) -> dict[str, str]:
    """Return the `source` of the folder's manifest, empty where there is none that can be read."""
    try:
        content = json.loads((folder / MANIFEST).read_text())
        return {str(key): str(value) for key, value in content["source"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def check_folder(folder: Path) -> None:
    """Raise RuntimeFailure unless the folder holds exactly what its manifest lists, byte for byte."""
    listed = _listed(folder)
    found = {path.relative_to(folder).as_posix(): path for path in files_of(folder)}
    for name in sorted(listed.keys() | found.keys()):
        if name not in found:
            raise RuntimeFailure(f"{name} of the model {folder.name} is missing.")
        if name not in listed:
            raise RuntimeFailure(f"{name} does not belong to the model {folder.name}.")
        size, digest = listed[name]
        if found[name].stat().st_size != size or sha256_of(found[name]) != digest:
            raise RuntimeFailure(f"{name} of the model {folder.name} was changed or damaged.")


def _listed(folder: Path) -> dict[str, tuple[int, str]]:
    """Return size and sha256 of each file by its name, as the manifest has them."""
    try:
        files = json.loads((folder / MANIFEST).read_text())["files"]
        return {str(name): (int(file["bytes"]), str(file["sha256"])) for name, file in files.items()}
    except FileNotFoundError as error:
        raise RuntimeFailure(f"The model {folder.name} is not installed.") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise RuntimeFailure(f"The manifest of the model {folder.name} cannot be read.") from error
