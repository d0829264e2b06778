"""Judges the files of a foreign model by their content: data is taken, whatever could run code is not.

Security cases 77 to 80: pickles (by suffix and by their first bytes, whatever they are called), Python, configurations
that ask for code of their own, links, files that are not what their names say. Nothing here loads a model.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apps.runtimes.contracts import FileRefused, RuntimeFailure
from apps.runtimes.files import MANIFEST, SUFFIXES, is_beside
from apps.runtimes.gguf import read_gguf

CODE, LINK, KIND, CONTENT, CONFIG = "model-code", "model-link", "model-file", "model-content", "model-config"
MOST_FILES = 2_000
MOST_JSON = 96 * 1024 * 1024  # tokenizers of large vocabularies have 30 MB
MOST_HEADER = 100 * 1024 * 1024  # of safetensors, as the library itself allows
DEEPEST = 64  # of nested JSON
_HEAD = 16
_CODE = {
    ".py", ".pyc", ".pyd", ".so", ".dll", ".dylib", ".sh", ".js", ".exe", ".bat", ".ipynb", ".whl", ".jar",
    ".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle", ".joblib", ".npy", ".npz", ".h5", ".keras", ".pb", ".onnx",
    ".index", ".mar", ".ot", ".msgpack", ".yaml", ".yml", ".dill", ".tar", ".gz", ".zip",
}  # fmt: skip
_MAGIC = (
    (b"PK\x03\x04", "an archive, as PyTorch writes its pickles"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"#!", "a script"),
    (b"\x89HDF", "HDF5, which can hold code"),
    (b"\x93NUMPY", "NumPy, which can hold pickles"),
    (b"\x1f\x8b", "packed"),
)
_PICKLE = 0x80  # the first opcode of protocols 2 to 5
_ASK_FOR_CODE = ("auto_map", "custom_pipeline", "custom_pipelines", "trust_remote_code")
_LIBRARIES = ("sentence_transformers.", "transformers.", "torch.")  # whose classes modules.json may name
_PIPELINE_LIBRARIES = {"diffusers", "transformers", "stable_diffusion", None}


def files_of_model(folder: Path) -> list[Path]:
    """Return the files that make the model, each checked by its content. Raises FileRefused."""
    found = []
    for path in _walk(folder):
        if path.suffix.lower() in _CODE:
            raise FileRefused(
                CODE, path.name, f"{path.name} can hold code. Only data is taken: safetensors, GGUF, JSON."
            )
        if is_beside(path):
            continue
        check_file(path)
        found.append(path)
    return found


def _walk(folder: Path) -> Iterator[Path]:
    """Yield the plain files below a folder, hidden ones as well. Raises FileRefused for a link or too many files."""
    if folder.is_symlink():
        raise FileRefused(LINK, folder.name, f"{folder.name} is a link; a model holds plain files only.")
    count = 0
    for root, folders, names in os.walk(folder, followlinks=False):
        for name in sorted([*folders, *names]):
            path = Path(root) / name
            if path.is_symlink():
                raise FileRefused(LINK, name, f"{name} is a link; a model holds plain files only.")
            if name in names and path != folder / MANIFEST:
                count += 1
                if count > MOST_FILES:
                    raise FileRefused(KIND, folder.name, f"{folder.name} holds more files than a model has.")
                yield path


def check_file(path: Path) -> None:
    """Raise FileRefused unless a single file is what its name says and can hold no code."""
    if path.is_symlink() or not path.is_file():
        raise FileRefused(LINK, path.name, f"{path.name} is a link; a model holds plain files only.")
    with path.open("rb") as file:
        head = file.read(_HEAD)
    _check_head(path.name, head, path.suffix)
    if path.suffix not in SUFFIXES:
        raise FileRefused(KIND, path.name, f"{path.name} is not a kind of file that models hold.")
    try:
        if path.suffix == ".gguf":
            read_gguf(path)
        elif path.suffix == ".safetensors":
            _check_safetensors(path)
        elif path.suffix == ".json":
            check_config(path)
    except FileRefused:
        raise
    except RuntimeFailure as error:
        raise FileRefused(CONTENT, path.name, str(error)) from error


def _check_head(name: str, head: bytes, suffix: str) -> None:
    """Raise FileRefused where the first bytes are those of a pickle, a program or an archive."""
    if suffix == ".safetensors":
        # The length of a header may begin like anything; what follows it is an object of JSON.
        if head[8:9] != b"{" or head[4:8] != b"\0\0\0\0":
            raise FileRefused(CONTENT, name, f"{name} is not what its name says.")
        return
    for magic, what in _MAGIC:
        if head.startswith(magic):
            raise FileRefused(CODE, name, f"{name} is {what}, whatever its name says.")
    if len(head) > 1 and head[0] == _PICKLE and head[1] in range(1, 6):
        raise FileRefused(CODE, name, f"{name} is a pickle, which can run code, whatever its name says.")


def _check_safetensors(path: Path) -> None:
    """Raise FileRefused unless the header is JSON and the file as long as the header says."""
    header, start = read_header(path)
    try:
        ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
    except (TypeError, KeyError, ValueError, IndexError):
        raise FileRefused(CONTENT, path.name, f"{path.name} is garbled.") from None
    missing = start + max(ends, default=0) - path.stat().st_size
    if missing > 0:
        raise FileRefused(CONTENT, path.name, f"{path.name} is cut short: {missing} bytes are missing.")


def read_header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the header of a safetensors file, and where its tensors begin. Raises FileRefused."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > min(MOST_HEADER, path.stat().st_size - 8):
            raise FileRefused(CONTENT, path.name, f"{path.name} is not what its name says.")
        header = _parsed(path.name, file.read(length))
    if not isinstance(header, dict):
        raise FileRefused(CONTENT, path.name, f"{path.name} is not what its name says.")
    return header, 8 + length


def read_json(path: Path) -> Any:
    """Return the content of a JSON file. Raises FileRefused for one that is too large, too deep or no JSON."""
    if path.stat().st_size > MOST_JSON:
        raise FileRefused(CONTENT, path.name, f"{path.name} is larger than such a file can be.")
    return _parsed(path.name, path.read_bytes())


def _parsed(name: str, data: bytes) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        raise FileRefused(CONTENT, name, f"{name} is no JSON.") from None


def check_config(path: Path) -> None:
    """Raise FileRefused where a configuration asks a library to run code that comes with the model."""
    content = read_json(path)
    for name, value in _entries(content, path.name):
        if name in _ASK_FOR_CODE and value:
            raise FileRefused(CONFIG, path.name, f"{path.name} asks for code that comes with the model ({name}).")
    if path.name == "modules.json":
        _check_modules(path.name, content)
    if path.name == "model_index.json":
        _check_pipeline(path.name, content)


def _entries(content: Any, file: str) -> Iterator[tuple[str, Any]]:
    """Yield each name and value of the objects in JSON; vocabularies (values that are numbers) are passed over."""
    waiting: list[tuple[Any, int]] = [(content, 0)]
    while waiting:
        value, depth = waiting.pop()
        if depth > DEEPEST:
            raise FileRefused(CONTENT, file, f"{file} is nested too deep.")
        if isinstance(value, dict):
            yield from value.items()
            waiting += [(inner, depth + 1) for inner in value.values() if isinstance(inner, dict | list)]
        elif isinstance(value, list):
            waiting += [(inner, depth + 1) for inner in value if isinstance(inner, dict | list)]


def _check_modules(name: str, content: Any) -> None:
    """Raise FileRefused unless each module of a sentence-transformers folder is a class of a library that we have."""
    if not isinstance(content, list) or not all(isinstance(each, dict) for each in content):
        raise FileRefused(CONTENT, name, f"{name} is garbled.")
    for each in content:
        kind, path = str(each.get("type", "")), str(each.get("path", ""))
        if not kind.startswith(_LIBRARIES):
            raise FileRefused(CONFIG, name, f"{name} asks for code that comes with the model ({kind[:60]}).")
        if path.startswith("/") or ".." in path.split("/"):
            raise FileRefused(LINK, name, f"{name} leads out of the folder.")


def _check_pipeline(name: str, content: Any) -> None:
    """Raise FileRefused unless each part of a diffusers folder is of a library that we have."""
    if not isinstance(content, dict):
        raise FileRefused(CONTENT, name, f"{name} is garbled.")
    for part, value in content.items():
        if isinstance(value, list) and (len(value) != 2 or value[0] not in _PIPELINE_LIBRARIES):  # noqa: PLR2004 -- (library, class)
            raise FileRefused(CONFIG, name, f"{name} asks for code that comes with the model ({part[:60]}).")
