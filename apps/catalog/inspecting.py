"""Finds out what a folder or file below var/models is: thoroughly, by content, before anything is loaded."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.conf import settings

from apps.catalog import adapters, errors
from apps.catalog.cards import card_of
from apps.catalog.findings import SPARE_BYTES, Findings
from apps.catalog.models import AIModel
from apps.runtimes.adapter_files import FAMILIES, pipeline_width
from apps.runtimes.contracts import FileRefused
from apps.runtimes.gguf import Gguf, read_gguf
from apps.runtimes.inspection import files_of_model, read_json
from apps.runtimes.llama.template_trial import try_template

MOST_PASSAGE_TOKENS = 512  # longer inputs of an embedding model only cost time
CHAT_TOKENS = 4_096  # context of one conversation, where the model was trained with as much
# Architectures of GGUF files that continue no text: encoders, vision towers, speech.
NO_CHAT = {
    "bert", "nomic-bert", "nomic-bert-moe", "neo-bert", "jina-bert-v2", "jina-bert-v3", "modern-bert",
    "t5", "t5encoder", "clip", "whisper", "wavtokenizer-dec", "gemma-embedding", "eurobert", "flux", "sd1",
    "sdxl", "sd3", "",
}  # fmt: skip
_REFUSALS: dict[str, type[errors.ModelRefused]] = {
    kind.code: kind
    for kind in (errors.HoldsCode, errors.IsLink, errors.ForeignFile, errors.Garbled, errors.AsksForCode)
}


def inspect(folder: Path) -> Findings:
    """Return what the folder holds. Raises ModelRefused; reads each file's head and every configuration."""
    files = checked_files(folder)
    names = {path.relative_to(folder).as_posix() for path in files}
    weights = [path for path in files if path.suffix == ".gguf"]
    if weights:
        return _gguf(folder, weights)
    if "model_index.json" in names:
        return _pipeline(folder, files)
    adapter = adapters.judged(folder, files)
    if adapter is not None:
        return adapter
    if "config.json" in names and any(path.suffix == ".safetensors" for path in files):
        return _transformer(folder, files, names)
    raise errors.NotAModel(file=folder.name)


def checked_files(folder: Path) -> list[Path]:
    """Return the files of the model, each checked by content. Raises ModelRefused."""
    try:
        return files_of_model(folder)
    except FileRefused as error:
        raise refusal_of(error) from error


def refusal_of(error: FileRefused) -> errors.ModelRefused:
    """Return the refusal that people see."""
    return _REFUSALS.get(error.code, errors.ModelRefused)(file=error.file[:120])


def _size(files: Sequence[Path]) -> int:
    return sum(path.stat().st_size for path in files)


def _relative(path: Path) -> str:
    return path.relative_to(settings.MODELS_DIR).as_posix()


def _gguf(folder: Path, weights: list[Path]) -> Findings:
    first = min(weights)
    about = read_gguf(first)
    if about.parts != len(weights):
        raise errors.NotAModel(file=folder.name)  # several models, or a part is missing
    if about.architecture in NO_CHAT:
        raise errors.CannotRun(file=first.name, what=about.architecture or "?")
    if about.template and try_template(about.template):
        raise errors.TemplateRefused(file=first.name)
    card = card_of(folder)
    size = _size(weights)
    tokens = min(about.context or CHAT_TOKENS, CHAT_TOKENS)
    return Findings(
        kind=AIModel.Kind.CHAT,
        runtime="llama_cpp",
        path=_relative(first),
        title=(about.name or first.stem)[:120],
        size_bytes=size,
        memory_bytes=size + about.memory_per_token() * tokens * settings.ENV.answer_slots + SPARE_BYTES,
        max_tokens=tokens,
        is_instruct=bool(about.template),
        licence=(card.licence or about.licence)[:80],
        languages=card.languages,
        card=card.text,
        capabilities=_gguf_facts(about),
    )


def _gguf_facts(about: Gguf) -> dict[str, Any]:
    return {
        "architecture": about.architecture[:60],
        "quantisation": about.quantisation,
        "weights": about.weights,
        "trained_context": about.context,
    }


def _pipeline(folder: Path, files: list[Path]) -> Findings:
    """Return what a diffusers folder is; its parts were checked file by file."""
    index = read_json(folder / "model_index.json")
    if not any(path.suffix == ".safetensors" for path in files):
        raise errors.NotAModel(file=folder.name)
    card = card_of(folder)
    width = pipeline_width(folder)
    lone = adapters.lone_checkpoint(folder, files)
    return Findings(
        kind=AIModel.Kind.IMAGE,
        runtime="diffusers",
        path=_relative(lone or folder),
        title=folder.name[:120],
        size_bytes=_size(files),
        memory_bytes=_size(files) * 2 + SPARE_BYTES,
        max_tokens=77,
        licence=card.licence,
        languages=card.languages,
        card=card.text,
        capabilities={
            "architecture": str(index.get("_class_name", ""))[:60],
            "width": width,
            "family": FAMILIES.get(width, ""),
        },
    )


def _transformer(folder: Path, files: list[Path], names: set[str]) -> Findings:
    config = read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise errors.Garbled(file="config.json")
    if "tokenizer.json" not in names:
        raise errors.NotAModel(file=folder.name)
    kind = _kind(folder, config)
    size = _size(files)
    card = card_of(folder)
    is_embedding = kind == AIModel.Kind.EMBEDDING
    return Findings(
        kind=kind,
        runtime="sentence_transformers",
        path=_relative(folder),
        title=folder.name[:120],
        size_bytes=size,
        memory_bytes=size * (1 if str(config.get("dtype", config.get("torch_dtype", ""))) == "float32" else 2)
        + SPARE_BYTES * 2,
        max_tokens=_max_tokens(folder, config),
        dimensions=_dimensions(folder, config) if is_embedding else None,
        licence=card.licence,
        languages=card.languages,
        card=card.text,
        capabilities={"architecture": str(config.get("model_type", ""))[:60]},
    )


def _kind(folder: Path, config: dict[str, Any]) -> AIModel.Kind:
    classes = [str(each) for each in config.get("architectures") or []]
    if any(each.endswith("ForSequenceClassification") for each in classes):
        return AIModel.Kind.RERANK
    if any(each.endswith(("ForCausalLM", "ForConditionalGeneration", "LMHeadModel")) for each in classes):
        if (folder / "modules.json").exists():
            return AIModel.Kind.EMBEDDING  # a language model that was trained to embed
        raise errors.CannotRun(file=folder.name, what=classes[0][:60])
    return AIModel.Kind.EMBEDDING


def _max_tokens(folder: Path, config: dict[str, Any]) -> int:
    found = [MOST_PASSAGE_TOKENS]
    path = folder / "sentence_bert_config.json"
    if path.exists():
        content = read_json(path)
        found.append(_whole(content.get("max_seq_length")) if isinstance(content, dict) else 0)
    found.append(_whole(config.get("max_position_embeddings")))
    return min(each for each in found if each > 0)


def _dimensions(folder: Path, config: dict[str, Any]) -> int | None:
    """Return the width of the vectors: that of the last dense layer where there is one."""
    for path in sorted(folder.glob("*_Dense/config.json"), reverse=True):
        content = read_json(path)
        if isinstance(content, dict) and _whole(content.get("out_features")):
            return _whole(content.get("out_features"))
    return _whole(config.get("hidden_size")) or None


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else 0
