"""Takes an adapter that was trained here into the catalogue, for the team that trained it."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import transaction

from apps.catalog.errors import ModelBroken
from apps.catalog.findings import Findings
from apps.catalog.importing import seal_folder
from apps.catalog.inspecting import inspect
from apps.catalog.models import AIModel, ModelAccess
from apps.catalog.specs import check_model
from apps.users.models import Team, User
from apps.users.signals import tell

CARD = "README.md"


@dataclass(frozen=True, slots=True)
class Trained:
    """What the catalogue is told of an adapter. `write` puts its file at the path that it is given."""

    name: str
    title: str
    write: Callable[[Path], None]
    card: str  # markdown
    licence: str
    team: Team
    person: User
    facts: Mapping[str, object] = field(default_factory=dict)  # of its capabilities


def keep(trained: Trained) -> AIModel:
    """Enter a trained adapter; it is the team's alone. Safe to repeat after a crash: the same name is the same adapter.

    Raises ModelBroken where its files are not what was written.
    """
    known = AIModel.objects.filter(name=trained.name).first()
    if known is not None:
        return known
    folder = settings.MODELS_DIR / trained.name
    _place(trained, folder)
    with transaction.atomic():
        model = _row(trained, inspect(folder))
        ModelAccess.objects.create(model=model, team=trained.team)
        if check_model(model).state != AIModel.State.READY:
            raise ModelBroken(reason=model.error)
        tell("model.added", actor=trained.person, team=trained.team, target=model, detail={"from": "training"})
    return model


def _place(trained: Trained, folder: Path) -> None:
    """Have the finished folder arrive by one rename; what a crash left of an earlier try goes first."""
    settings.MODELS_DIR.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=".training-", dir=settings.MODELS_DIR) as scratch:
        built = Path(scratch) / trained.name
        built.mkdir()
        trained.write(built / f"{trained.name}.safetensors")
        (built / CARD).write_text(trained.card)
        seal_folder(built, {"made": "trained here", "licence": trained.licence})
        built.rename(folder)


def _row(trained: Trained, found: Findings) -> AIModel:
    return AIModel.objects.create(
        name=trained.name,
        title=trained.title,
        kind=found.kind,
        adapter=found.adapter,
        token=found.token,
        runtime=found.runtime,
        path=found.path,
        size_bytes=found.size_bytes,
        memory_bytes=found.memory_bytes,
        max_tokens=found.max_tokens,
        licence=trained.licence,
        card=trained.card,
        capabilities=found.capabilities | dict(trained.facts),
        source=AIModel.Source.FILE,
        is_open=False,
    )
