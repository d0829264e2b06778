"""Learns a LoRA (Hu et al. 2021): small factors beside the weights of the denoiser's transformers.

The layers are those that kohya's scripts train, so that a LoRA has as much room here as people are used to.
"""

from typing import Any

import torch
from diffusers.utils.peft_utils import recurse_remove_peft_layers
from peft import LoraConfig
from torch import Tensor

from apps.runtimes.diffusion.training.loop import generator_of
from apps.runtimes.diffusion.training.parts import Parts, ids_of, states_of
from apps.runtimes.training import Course

_NAME = "learning"
_OF_DENOISER = ("to_q", "to_k", "to_v", "to_out.0", "proj_in", "proj_out", "ff.net.0.proj", "ff.net.2")
# A small denoiser has few transformers, and its colours are made by convolutions: there these learn as well. Measured
# on the demonstration model: pink circles after 400 steps had 3 % of pink pixels without them.
_CONVOLUTIONS = ("conv1", "conv2", "conv_shortcut", "conv_in", "conv_out")
_SMALL_PARAMETERS = 50_000_000
_OF_TEXT = ("q_proj", "k_proj", "v_proj", "out_proj", "fc1", "fc2")


class LoraLearner:
    """A LoRA on the denoiser, and on the text encoder where the course says so."""

    def __init__(self, parts: Parts, course: Course) -> None:
        self._parts = parts
        self._text_learns = course.trains_text
        self._models: dict[str, Any] = {"unet": parts.unet}
        if course.trains_text:
            self._models["text_encoder"] = parts.text_encoder
        targets = {"unet": _of_denoiser(parts.unet), "text_encoder": _OF_TEXT}
        for part, model in self._models.items():
            layers = LoraConfig(r=course.rank, lora_alpha=course.rank, target_modules=list(targets[part]))
            model.add_adapter(layers, adapter_name=_NAME)
        self.parameters = self._own_parameters()
        _begin(self.parameters, course)
        self._ids = ids_of(parts.tokenizer, [each.caption for each in course.examples])
        self._prior_ids = ids_of(parts.tokenizer, [each.caption for each in course.priors]) if course.priors else None
        self._known: dict[int, Tensor] = {}

    def _own_parameters(self) -> dict[str, torch.nn.Parameter]:
        """Return the factors by the names that diffusers gives them in a file."""
        return {
            f"{part}.{name.replace(f'.{_NAME}.', '.')}": parameter
            for part, model in self._models.items()
            for name, parameter in model.named_parameters()
            if f".{_NAME}." in name
        }

    def states(self, examples: Tensor) -> Tensor:
        """Return the text states of the examples of these numbers."""
        return self._states(self._ids[examples])

    def prior_states(self, priors: Tensor) -> Tensor:
        """Return those of the priors of these numbers."""
        return self._states(self._prior_ids[priors]) if self._prior_ids is not None else self.states(priors)

    def _states(self, ids: Tensor) -> Tensor:
        """Return the states; those of a text encoder that does not learn are computed once."""
        if self._text_learns:
            return states_of(self._parts, ids)
        return torch.cat([self._state(each) for each in ids])

    def _state(self, ids: Tensor) -> Tensor:
        key = hash(tuple(ids.tolist()))
        if key not in self._known:
            with torch.no_grad():
                self._known[key] = states_of(self._parts, ids[None])
        return self._known[key]

    def close(self) -> None:
        """Take the factors out of the model."""
        for model in self._models.values():
            recurse_remove_peft_layers(model)
            model.__dict__.pop("peft_config", None)
            model._hf_peft_config_loaded = False


def _of_denoiser(unet: Any) -> tuple[str, ...]:
    is_small = sum(weights.numel() for weights in unet.parameters()) < _SMALL_PARAMETERS
    return _OF_DENOISER + _CONVOLUTIONS if is_small else _OF_DENOISER


def _begin(parameters: dict[str, torch.nn.Parameter], course: Course) -> None:
    """Begin with random first factors and zeros for the second: without effect, and the same for the same seed."""
    generator = generator_of(course, -1)
    with torch.no_grad():
        for name, parameter in parameters.items():
            if "lora_B" in name:
                parameter.zero_()
            else:
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / course.rank)
