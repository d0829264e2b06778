"""Takes a file or folder of var/models into use: where it lies, after its content was judged and a trial went well."""

import os
from pathlib import Path, PurePosixPath
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.catalog import adapters, errors, jobs, measuring
from apps.catalog.findings import Findings
from apps.catalog.found import Found, found, short_name
from apps.catalog.inspecting import checked_files, inspect, refusal_of
from apps.catalog.models import AIModel, ModelJob
from apps.catalog.specs import check_model, entry_of
from apps.runtimes.contracts import FileRefused, RuntimeFailure
from apps.runtimes.files import write_manifest
from apps.runtimes.inspection import check_file
from apps.users.models import User
from apps.users.signals import tell

_GUESS = {
    "gguf": (AIModel.Kind.CHAT, "llama_cpp"),
    "folder": (AIModel.Kind.EMBEDDING, "sentence_transformers"),
    "pipeline": (AIModel.Kind.IMAGE, "diffusers"),
    "weights": (AIModel.Kind.ADAPTER, "diffusers"),  # or a checkpoint: its content tells
}
RUNNABLE = ("llama_cpp", "sentence_transformers", "diffusers", "spandrel", "fake")  # tried before it counts as ready


def find_entry(entry: str) -> Found:
    """Return what lies in the models folder under a name. Raises ModelRefused for anything else (security case 80)."""
    if PurePosixPath(entry).name != entry or entry in {"", ".", ".."}:
        raise errors.IsLink(file=entry[:120])
    for each in found():
        if each.entry == entry:
            return each
    raise errors.NotAModel(file=entry[:120])


@transaction.atomic
def take(*, user: User, entry: str, title: str = "") -> ModelJob:
    """Enter a file or folder of var/models in the catalogue and queue its import; the caller rings on commit."""
    what = find_entry(entry)
    if what.problem:
        raise errors.HoldsCode(file=what.problem[:120])
    if what.form not in _GUESS:
        raise errors.NotAModel(file=entry[:120])
    kind, runtime = _GUESS[what.form]
    model = AIModel(
        name=what.name,
        title=(title or what.entry)[:120],
        kind=kind,
        runtime=runtime,
        path=entry,
        size_bytes=what.size_bytes,
        source=AIModel.Source.FILE,
    )
    enter(model)
    tell("model.added", actor=user, target=model, detail={"from": "file", "entry": entry[:200]})
    return jobs.start(model, ModelJob.Kind.IMPORT, user=user, options={"has_title": bool(title)})


def enter(model: AIModel) -> None:
    """Save a new row under a name that nobody has. Raises NameTaken."""
    if not model.name:
        raise errors.NameTaken(name="–")
    try:
        with transaction.atomic():
            model.save(force_insert=True)
    except IntegrityError as error:
        raise errors.NameTaken(name=model.name) from error


def import_model(model: AIModel, watch: jobs.Watch, *, has_title: bool = False) -> dict[str, Any]:
    """Judge the files, write down their checksums, try the model; return what the trial said. Raises ModelRefused.

    Safe to repeat: a worker that died leaves a folder that the next one judges again.
    """
    folder = _own_folder(model)
    found_out = inspect(folder)
    watch.step(0, 3)
    _describe(model, found_out, has_title=has_title)
    adapters.prepare(model, folder)
    seal_folder(folder, {"made": "added from the models folder", "licence": found_out.licence})
    watch.step(1, 3)
    check_model(model)  # reads every byte
    watch.step(2, 3)
    return try_new(model)


def try_new(model: AIModel) -> dict[str, Any]:
    """Let a model that was just added do something; where it cannot, it is broken. Raises ModelBroken, DoesNotFit."""
    if model.state != AIModel.State.READY:
        raise errors.ModelBroken(reason=model.error)
    if model.runtime not in RUNNABLE or (model.adapter and model.adapter != AIModel.Adapter.UPSCALER):
        return {}  # other adapters do nothing by themselves
    try:
        return measuring.try_model(model)
    except (errors.ModelBroken, errors.DoesNotFit) as error:
        AIModel.objects.filter(pk=model.pk).update(state=AIModel.State.BROKEN, error=error.sentence()[:2_000])
        raise


def _own_folder(model: AIModel) -> Path:
    """Return the model's folder; a lone file is moved into one of its own, by one rename on the same disk."""
    path = entry_of(model)
    if path.is_dir() and not path.is_symlink():
        return path
    try:
        check_file(path)
    except FileRefused as error:
        raise refusal_of(error) from error
    folder: Path = settings.MODELS_DIR / short_name(path.stem)
    try:
        folder.mkdir()
        AIModel.objects.filter(pk=model.pk).update(path=folder.name)
        os.rename(path, folder / path.name)  # noqa: PTH104 -- the same
    except FileExistsError as error:
        raise errors.NameTaken(name=folder.name) from error
    except OSError as error:
        raise errors.FolderUnwritable from error
    model.path = folder.name
    return folder


def seal_folder(folder: Path, source: dict[str, str]) -> None:
    """Write the checksums of the files that were judged: what is changed later is not loaded."""
    checked_files(folder)
    try:
        write_manifest(folder, source)
    except RuntimeFailure as error:
        raise errors.ModelBroken(reason=str(error)) from error
    except OSError as error:
        raise errors.FolderUnwritable from error


def _describe(model: AIModel, what: Findings, *, has_title: bool) -> None:
    """Write what the files say into the row; a title that a person gave stays."""
    model.kind, model.runtime, model.path = what.kind, what.runtime, what.path
    model.title = model.title if has_title else what.title
    model.adapter, model.token = what.adapter, model.token or what.token
    model.size_bytes, model.memory_bytes = what.size_bytes, what.memory_bytes
    model.max_tokens, model.dimensions, model.is_instruct = what.max_tokens, what.dimensions, what.is_instruct
    model.licence = model.licence or what.licence
    model.languages, model.card, model.capabilities = what.languages, what.card, what.capabilities
    model.save()
