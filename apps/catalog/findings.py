"""What is found out about a model before it is taken into the catalogue."""

from dataclasses import dataclass, field
from typing import Any

from apps.catalog.models import AIModel

SPARE_BYTES = 96 * 1024 * 1024  # buffers of a runtime


@dataclass(frozen=True, slots=True)
class Findings:
    """What a model is, as far as its files say."""

    kind: AIModel.Kind
    runtime: str
    path: str  # below MODELS_DIR
    title: str
    size_bytes: int
    memory_bytes: int
    max_tokens: int = 77
    dimensions: int | None = None
    is_instruct: bool = True
    licence: str = ""
    languages: str = ""
    card: str = field(default="", repr=False)
    capabilities: dict[str, Any] = field(default_factory=dict)
    adapter: str = ""  # AIModel.Adapter
    token: str = ""  # of a learnt word
