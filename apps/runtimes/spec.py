"""What a runtime needs to load a model. Plain Python, hashable: the registry's key."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RuntimeSpec:
    """One model as its adapter sees it; `apps.catalog.services.spec_of` builds it from the catalogue's row."""

    name: str
    runtime: str  # key of registry.CHAT_RUNTIMES, EMBED_RUNTIMES, RERANK_RUNTIMES or IMAGE_RUNTIMES
    path: Path  # file (GGUF, checkpoint) or folder (sentence-transformers, diffusers), absolute
    dimensions: int = 0  # of an embedding model
    max_tokens: int = 512  # input limit of an embedding model, context of one chat sequence
    is_instruct: bool = True  # has a chat template
    sha256: str = ""  # of the file, or of the folder's manifest
    threads: int = 0  # CPU threads; 0: the cores of the machine
    engine: str = "auto"  # of an embedding model: "auto", "openvino" or "torch"
    slots: int = 4  # sequences decoded together by a chat model
    base_url: str = ""  # of a service that runs the model elsewhere
    remote_name: str = ""  # what the service calls it
    credential: str = field(default="", repr=False)  # of the service, sealed for `place` (core.crypto)
    place: str = ""
    keep_alive_s: int = field(default=0, compare=False)  # idle seconds after which it is unloaded; 0: never
    memory_bytes: int = field(default=0, compare=False)  # that it takes once loaded; 0: unknown
