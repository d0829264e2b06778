"""IP-Adapters: a picture shown to the denoiser beside the prompt (Ye et al. 2023, "IP-Adapter", arXiv 2308.06721).

An adapter is one file; the CLIP vision encoder that reads pictures for it lies beside it in the folder `image_encoder`.
diffusers puts the adapter's attention into the denoiser and takes it out again; nothing of it outlives a drawing.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from apps.runtimes.adapter_files import IMAGE_ENCODER
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion.loading import LOAD_ERRORS
from apps.runtimes.drawing import ImagePromptUse

_PARTS = ("image_proj", "ip_adapter")


@dataclass(frozen=True, slots=True)
class Adapter:
    """An IP-Adapter: its tensors by part and name, and what reads pictures for it."""

    name: str
    weights: dict[str, dict[str, Tensor]]
    encoder: Any
    processor: Any


class ImagePrompts:
    """The IP-Adapter that was used last; the next picture of a job wants it again."""

    def __init__(self) -> None:
        self._path = ""
        self._adapter: Adapter | None = None

    def get(self, path: str, like: torch.nn.Module) -> Adapter:
        """Return the IP-Adapter of a file, where and in which numbers `like` computes. Raises RuntimeFailure."""
        if self._adapter is None or path != self._path:
            self._adapter, self._path = None, ""
            self._adapter, self._path = _load(Path(path), like), path
        return self._adapter


@contextmanager
def picture_shown(
    pipeline: Any, adapter: Adapter | None, use: ImagePromptUse | None, *, is_guided: bool
) -> Iterator[Sequence[Tensor]]:
    """Let the denoiser of `pipeline` look at a picture; yield what pipelines take as `ip_adapter_image_embeds`.

    That is one tensor: (2, 1, width) with guidance, the first row for the negative prompt, else (1, 1, width); with
    adapters that read patches (2, 1, patches, width). Empty where no picture is shown. Raises RuntimeFailure where the
    adapter does not fit the model.
    """
    if adapter is None or use is None:
        yield ()
        return
    before = pipeline.image_encoder, pipeline.feature_extractor
    try:
        yield _put_in(pipeline, adapter, use, is_guided=is_guided)
    finally:
        pipeline.unload_ip_adapter()
        pipeline.register_modules(image_encoder=before[0], feature_extractor=before[1])


def _put_in(pipeline: Any, adapter: Adapter, use: ImagePromptUse, *, is_guided: bool) -> Sequence[Tensor]:
    pipeline.register_modules(image_encoder=adapter.encoder, feature_extractor=adapter.processor)
    try:
        # Sparing memory, accelerate would change how every module of the process is made, other threads' too.
        pipeline.load_ip_adapter(
            adapter.weights, subfolder=None, weight_name=None, image_encoder_folder=None, low_cpu_mem_usage=False
        )
        pipeline.set_ip_adapter_scale(use.scale)
        shown: Sequence[Tensor] = pipeline.prepare_ip_adapter_image_embeds(
            [Image.fromarray(use.picture)], None, pipeline.unet.device, 1, is_guided
        )
    except LOAD_ERRORS as error:
        raise RuntimeFailure(f"The IP-Adapter {adapter.name} cannot be put on this model: {error}") from error
    return shown


def _load(path: Path, like: torch.nn.Module) -> Adapter:
    try:
        tensors = load_file(path)
        encoder: Any = CLIPVisionModelWithProjection.from_pretrained(
            path.parent / IMAGE_ENCODER, dtype=like.dtype, use_safetensors=True, local_files_only=True
        )
        side = encoder.config.image_size
        return Adapter(
            name=path.name,
            weights={part: _of_part(tensors, f"{part}.") for part in _PARTS},
            encoder=encoder.to(like.device).eval(),
            processor=CLIPImageProcessor(size=side, crop_size=side),
        )
    except LOAD_ERRORS as error:
        raise RuntimeFailure(f"The IP-Adapter {path.name} cannot be loaded: {error}") from error


def _of_part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
