"""Where a training stands, as one safetensors file: what is learnt, the optimizer's memory, latents, losses."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from apps.runtimes.contracts import RuntimeFailure

_LEARNT, _FIRST, _SECOND, _LATENTS, _LOSSES = "learnt/", "first/", "second/", "latents/", "losses"


@dataclass(slots=True)
class State:
    """`learnt` by name, with the first and second moments of AdamW of the same names; `latents` of the pictures."""

    learnt: dict[str, Tensor] = field(default_factory=dict)
    first: dict[str, Tensor] = field(default_factory=dict)
    second: dict[str, Tensor] = field(default_factory=dict)
    latents: dict[str, Tensor] = field(default_factory=dict)
    losses: list[float] = field(default_factory=list)

    @property
    def step(self) -> int:
        """Return how many steps are done."""
        return len(self.losses)


def read(path: Path) -> State | None:
    """Return the state in a file, None where there is none. Raises RuntimeFailure for a damaged one."""
    if not path.exists():
        return None
    state = State()
    parts = {_LEARNT: state.learnt, _FIRST: state.first, _SECOND: state.second, _LATENTS: state.latents}
    try:
        with safe_open(path, framework="pt") as file:
            state.losses = file.get_tensor(_LOSSES).tolist()
            for name in file.keys():  # noqa: SIM118 -- no mapping
                for prefix, part in parts.items():
                    if name.startswith(prefix):
                        part[name.removeprefix(prefix)] = file.get_tensor(name)
    except (SafetensorError, OSError) as error:
        raise RuntimeFailure("The checkpoint of the training is damaged.") from error
    return state


def write(path: Path, state: State) -> None:
    """Write the file by one rename: whoever is killed in between leaves the one before."""
    tensors = {_LOSSES: torch.tensor(state.losses, dtype=torch.float64)}
    parts = {_LEARNT: state.learnt, _FIRST: state.first, _SECOND: state.second, _LATENTS: state.latents}
    for prefix, part in parts.items():
        tensors |= {prefix + name: tensor.detach().cpu().contiguous().clone() for name, tensor in part.items()}
    unfinished = path.with_suffix(".part")
    save_file(tensors, unfinished)
    unfinished.replace(path)
