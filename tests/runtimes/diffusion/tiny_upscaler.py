"""Networks of random weights that enlarge pictures, in the files that people bring."""

from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from apps.runtimes.diffusion.networks import load_spandrel


def esrgan(scale: int = 4) -> Any:
    """Return an ESRGAN of one block; its picture lies around grey."""
    network = _architecture("ESRGAN").ESRGAN(num_filters=8, num_blocks=1, scale=scale)
    return _grey(network, network.model[-1])


def compact(scale: int = 2) -> Any:
    """Return a Real-ESRGAN compact of three layers."""
    network = _architecture("Compact").Compact(num_feat=8, num_conv=3, upscale=scale)
    return _grey(network, network.body[-1])


def save(path: Path, network: Any) -> Path:
    """Write the weights of a network as safetensors."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: tensor.contiguous() for name, tensor in network.state_dict().items()}, path)
    return path


def _architecture(name: str) -> Any:
    load_spandrel()
    torch.manual_seed(5)
    return import_module(f"spandrel.architectures.{name}")


def _grey(network: Any, last: Any) -> Any:
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
        last.bias.fill_(0.5)
    return network.eval()
