"""Loads an image model: a folder of diffusers or a .safetensors checkpoint. Nothing is fetched, no pickle is read."""

import json
import os
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from safetensors import SafetensorError

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion.families import settings_of, tokenizers_of

LOAD_ERRORS = (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError, SafetensorError, ImportError)
_INDEX = "model_index.json"
_LIBRARIES = (None, "diffusers", "transformers", "stable_diffusion")
_FILE_PIPELINES = ("StableDiffusionPipeline", "StableDiffusionXLPipeline")
# Small networks lose more to the hand-over between threads than they gain: the demonstration model (1.8 M parameters)
# took 4.6 CPU seconds a picture with the default of threads on busy cores, and 0.06 with one.
_SMALL_PARAMETERS = 50_000_000


def load_pipeline(path: Path) -> Any:
    """Return the text-to-image pipeline of a folder or checkpoint, on the best device. Raises RuntimeFailure."""
    device, dtype = best_device()
    for library in (diffusers, transformers):
        library.utils.logging.disable_progress_bar()
        library.utils.logging.set_verbosity_error()
    try:
        pipeline = _from_folder(path, dtype) if path.is_dir() else _from_file(path, dtype)
        pipeline.to(device)
    except LOAD_ERRORS as error:
        raise RuntimeFailure(f"The image model {path.name} cannot be loaded: {error}") from error
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def best_device() -> tuple[str, torch.dtype]:
    """Return where to draw and in which numbers: a CPU computes halves slowly or not at all."""
    if not torch.cuda.is_available():
        return "cpu", torch.float32
    return "cuda", torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16


def thread_count(pipeline: Any, wanted: int) -> int:
    """Return how many threads to draw with: `wanted`, or what suits the size of the denoiser."""
    if wanted:
        return wanted
    parameters = sum(weights.numel() for weights in pipeline.unet.parameters())
    return 1 if parameters < _SMALL_PARAMETERS else os.cpu_count() or 1


def _from_folder(path: Path, dtype: torch.dtype) -> Any:
    _check_libraries(json.loads((path / _INDEX).read_text()))
    return diffusers.AutoPipelineForText2Image.from_pretrained(
        path,
        dtype=dtype,
        use_safetensors=True,
        local_files_only=True,
        safety_checker=None,
        requires_safety_checker=False,
    )


def _check_libraries(index: dict[str, Any]) -> None:
    """Raise ValueError where a part names a library of its own: diffusers would import it, even from the folder."""
    for part, named in index.items():
        if isinstance(named, list) and named and named[0] not in _LIBRARIES:
            message = f"its part {part!r} names the library {named[0]!r}"
            raise ValueError(message)


def _from_file(path: Path, dtype: torch.dtype) -> Any:
    config = _config_of(path)
    index = json.loads((config / _INDEX).read_text())
    _check_libraries(index)
    name = str(index.get("_class_name", ""))
    if name not in _FILE_PIPELINES:
        message = f"{_INDEX} names the pipeline {name!r}, which is not read from one file"
        raise ValueError(message)
    parts = tokenizers_of(config) | ({"safety_checker": None} if name == _FILE_PIPELINES[0] else {})
    return getattr(diffusers, name).from_single_file(
        str(path), config=str(config), local_files_only=True, dtype=dtype, **parts
    )


def _config_of(path: Path) -> Path:
    """Return the folder with the settings of a checkpoint: its own, or those of its family.

    Its own lie beside it in a folder of its name, or in the folder that it lies in.
    """
    for folder in (path.with_suffix(""), path.parent):
        if (folder / _INDEX).is_file():
            return folder
    shipped = settings_of(path)
    if shipped is None:
        message = f"it is of an unknown family, and beside it lies no folder {path.stem} with {_INDEX} and a tokenizer"
        raise FileNotFoundError(message)
    return shipped
