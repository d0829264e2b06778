"""LoRAs and ControlNets: state of a pipeline, put on for one picture, and off whatever happens."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from diffusers import ControlNetModel

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion.loading import LOAD_ERRORS
from apps.runtimes.drawing import LoraUse

_DEFAULT_FILE = "pytorch_lora_weights.safetensors"


@contextmanager
def loras_put_on(pipeline: Any, loras: Sequence[LoraUse]) -> Iterator[None]:
    """Let `pipeline` draw with these LoRAs. Raises RuntimeFailure where one does not fit the model."""
    if not loras:
        yield
        return
    try:
        for lora in loras:
            _load(pipeline, lora)
        _set_weights(pipeline, loras)
        yield
    finally:
        pipeline.unload_lora_weights()


class Controls:
    """The ControlNet that was used last; the next picture of a job wants it again."""

    def __init__(self) -> None:
        self._path = ""
        self._model: Any = None

    def get(self, path: str, like: Any) -> Any:
        """Return the ControlNet of a folder, where and in which numbers `like` computes. Raises RuntimeFailure."""
        if path != self._path:
            self._model, self._path = _load_control(path, like), path
        return self._model


def _load(pipeline: Any, lora: LoraUse) -> None:
    path = Path(lora.path)
    folder, name = (path, _DEFAULT_FILE) if path.is_dir() else (path.parent, path.name)
    try:
        pipeline.load_lora_weights(
            str(folder), weight_name=name, adapter_name=lora.key, use_safetensors=True, local_files_only=True
        )
    except LOAD_ERRORS as error:
        raise RuntimeFailure(f"The LoRA {path.name} cannot be put on this model: {error}") from error
    if not any(lora.key in keys for keys in pipeline.get_list_adapters().values()):
        raise RuntimeFailure(f"The LoRA {path.name} names no part of this model.")


def _set_weights(pipeline: Any, loras: Sequence[LoraUse]) -> None:
    """Set the weights of denoiser and text encoders; a LoRA may have been trained for one of them alone."""
    has = {name: set(keys) for name, keys in pipeline.get_list_adapters().items()}
    weights = [
        {part: lora.weight if part == "unet" else lora.text_weight for part, keys in has.items() if lora.key in keys}
        for lora in loras
    ]
    pipeline.set_adapters([lora.key for lora in loras], adapter_weights=weights)


def _load_control(path: str, like: torch.nn.Module) -> Any:
    try:
        model = ControlNetModel.from_pretrained(path, dtype=like.dtype, use_safetensors=True, local_files_only=True)
        return model.to(like.device).eval()
    except LOAD_ERRORS as error:
        raise RuntimeFailure(f"The ControlNet {Path(path).name} cannot be loaded: {error}") from error
