"""What an order leaves out, filled in as suits the model: the one place where that is done."""

from collections.abc import Mapping
from typing import Any

from apps.catalog.models import AIModel
from apps.catalog.suiting import suits


def suited(model: AIModel, said: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of an order for the model: those said, and the size, steps, guidance, sampler that suit it."""
    best = suits(model)
    size = {"width": best["side"], "height": best["side"]}
    rest = {"model": model.name, "steps": best["steps"], "guidance": best["guidance"], "sampler": best["sampler"]}
    return size | rest | dict(said)
