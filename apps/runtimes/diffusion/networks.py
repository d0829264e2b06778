"""spandrel, which knows the networks that enlarge pictures (ESRGAN, Real-ESRGAN, SPAN, SwinIR and others), imported.

It asks for torchvision, whose compiled half goes with one build of torch: where the two do not match, as with the
wheels for CPUs alone, it cannot be imported, and transformers breaks where it lies about. Only two of spandrel's
networks use it, and neither of them enlarges pictures: they are left out, and torchvision is not installed (ADR 0043).
"""

import sys
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.diffusion.loading import LOAD_ERRORS

_LEFT_OUT = ("LaMa", "RestoreFormer")


class _LeftOut:
    """Stands for an architecture of spandrel in its register, and finds itself in no file."""

    def __init__(self, name: str) -> None:
        self.id = self.name = name

    def detect(self, _tensors: Mapping[str, Any]) -> bool:
        """Return False."""
        return False


def load_network(path: Path) -> Any:
    """Return the network of a safetensors file, as spandrel describes it. Raises RuntimeFailure."""
    if path.suffix != ".safetensors":  # spandrel would unpickle others
        raise RuntimeFailure(f"The upscaler {path.name} is no safetensors file.")
    spandrel = load_spandrel()
    try:
        network = spandrel.ModelLoader(device="cpu").load_from_file(path)
    except (*LOAD_ERRORS, spandrel.UnsupportedModelError, AssertionError) as error:
        raise RuntimeFailure(f"The upscaler {path.name} cannot be loaded: {error}") from error
    if network.purpose != "SR" or (network.input_channels, network.output_channels) != (3, 3):
        raise RuntimeFailure(f"The network {path.name} does not enlarge pictures in colour.")
    return network.eval()


def load_spandrel() -> ModuleType:
    """Return the package. Raises RuntimeFailure where it is not installed."""
    for name in _LEFT_OUT:
        module = f"spandrel.architectures.{name}"
        if module not in sys.modules:
            stand_in: Any = ModuleType(module)
            setattr(stand_in, f"{name}Arch", lambda name=name: _LeftOut(name))
            sys.modules[module] = stand_in
    try:
        return import_module("spandrel")
    except ImportError as error:
        raise RuntimeFailure(f"Upscalers need the package spandrel: {error}") from error
