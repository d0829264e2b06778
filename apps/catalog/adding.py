"""Adds a model that an operator brings: a sentence-transformers folder, copied below var/models and tried once."""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils.text import slugify

from apps.catalog.models import AIModel
from apps.catalog.services import check_model, spec_of
from apps.runtimes import registry
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.files import MANIFEST, write_manifest
from apps.runtimes.inspection import files_of_model

KINDS = (AIModel.Kind.EMBEDDING, AIModel.Kind.RERANK)
RUNTIME = "sentence_transformers"
MOST_TOKENS = 512  # that a passage needs; longer inputs only cost time
_KEPT = {".safetensors", ".json", ".txt", ".model"}  # what a model may hold (runtimes.files); a README stays behind


class NotAdded(Exception):
    """The folder is no model that can be used; one sentence for the operator."""


def add_folder(source: Path, *, kind: str, name: str = "", title: str = "", licence: str = "") -> AIModel:
    """Copy the model of `source` into the models folder, try it, and return its row in the catalogue.

    A rerank model becomes the default of its kind where there is none; an embedding model never does: changing it
    means new vectors (`ingestion.switching`). Raises NotAdded, and then leaves nothing behind.
    """
    config = _config(source)
    name = slugify(name or source.resolve().name.replace(".", "-"))[:80]
    target = settings.MODELS_DIR / name
    if not name or target.exists() or AIModel.objects.filter(name=name).exists():
        raise NotAdded(f"There is a model named {name!r} already, or the name is empty: choose another by --name.")
    _copy(source, target)
    try:
        return _register(target, config, kind=kind, title=title or source.resolve().name, licence=licence)
    except (RuntimeFailure, NotAdded) as error:
        shutil.rmtree(target)
        raise NotAdded(str(error)) from error


def _config(source: Path) -> dict[str, Any]:
    try:
        config = json.loads((source / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NotAdded(f"{source} has no readable config.json: it is no model folder.") from error
    if not isinstance(config, dict) or not any(source.glob("*.safetensors")):
        raise NotAdded(f"{source} has no .safetensors file; other formats can hold code and are not loaded.")
    return config


def _copy(source: Path, target: Path) -> None:
    """Have a copy of what a model may hold, by one rename."""
    settings.MODELS_DIR.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".adding-", dir=settings.MODELS_DIR) as scratch:
        built = Path(scratch) / target.name
        for path in sorted(source.rglob("*")):
            inside = path.relative_to(source)
            if path.is_file() and path.suffix in _KEPT and path.name != MANIFEST and inside.parts[0][0] != ".":
                (built / inside).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, built / inside)
        try:
            files_of_model(built)
            write_manifest(built, {"made": "added by hand"})
        except RuntimeFailure as error:
            raise NotAdded(str(error)) from error
        built.rename(target)


@transaction.atomic
def _register(folder: Path, config: dict[str, Any], *, kind: str, title: str, licence: str) -> AIModel:
    has_default = AIModel.objects.filter(kind=kind, is_default=True).exists()
    model = AIModel.objects.create(
        name=folder.name,
        title=title[:120],
        kind=kind,
        runtime=RUNTIME,
        path=folder.name,
        size_bytes=sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()),
        licence=licence[:80],
        dimensions=int(config.get("hidden_size") or 0) or None if kind == AIModel.Kind.EMBEDDING else None,
        max_tokens=min(MOST_TOKENS, int(config.get("max_position_embeddings") or MOST_TOKENS)),
        is_default=kind == AIModel.Kind.RERANK and not has_default,
    )
    check_model(model)
    if model.state != AIModel.State.READY:
        raise NotAdded(model.error)
    if kind == AIModel.Kind.RERANK:
        registry.reranker(spec_of(model)).score("How?", ["So."])
    else:
        registry.embedder(spec_of(model)).embed_queries(["How?"])
    return model
