"""From a row of the catalogue to what the registry loads, and whether its files are still what they were."""

from pathlib import Path, PurePosixPath

from django.conf import settings
from django.utils.translation import gettext as _

from apps.catalog.errors import NoModel
from apps.catalog.models import AIModel
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.files import MANIFEST, check_folder, sha256_of
from apps.runtimes.spec import RuntimeSpec


def spec_of(model: AIModel) -> RuntimeSpec:
    """Return what the registry needs to load `model`. Raises NoModel where its path leaves the models folder."""
    keep_alive_s = 0 if model.is_default else model.keep_alive_s or settings.ENV.model_keep_alive_s
    return RuntimeSpec(
        name=model.name,
        runtime=model.runtime,
        path=Path() if model.source == AIModel.Source.ENDPOINT else path_of(model),
        base_url=model.base_url,
        remote_name=model.remote_name,
        credential=model.credential,
        place=credential_place(model),
        keep_alive_s=keep_alive_s,
        memory_bytes=model.memory_bytes,
        dimensions=model.dimensions or 0,
        max_tokens=model.max_tokens,
        is_instruct=model.is_instruct,
        sha256=model.sha256,
        threads=settings.ENV.model_threads,
        slots=settings.ENV.answer_slots,
        engine=settings.ENV.embed_engine,
    )


def credential_place(model: AIModel) -> str:
    """Return where the key of a service belongs: it opens for this model at this address alone (security case 38)."""
    return f"catalog.model:{model.pk}:{model.base_url}"


def check_model(model: AIModel) -> AIModel:
    """Compare the model's files with their manifest and record what is wrong; return the row, saved.

    A model that a service runs has no files and stays as it is.
    """
    if model.source == AIModel.Source.ENDPOINT:
        return model
    model.state, model.error = AIModel.State.BROKEN, ""
    try:
        folder = entry_of(model)
        if not (folder / MANIFEST).exists():
            model.state = AIModel.State.MISSING
        check_folder(folder)
        model.state, model.sha256 = AIModel.State.READY, sha256_of(folder / MANIFEST)
    except (RuntimeFailure, NoModel, OSError) as error:
        model.error = str(error)
    model.save(update_fields=["state", "error", "sha256", "updated_at"])
    return model


def path_of(model: AIModel) -> Path:
    """Return the model's path below MODELS_DIR. Raises NoModel where it would lie elsewhere (security case 80)."""
    steps = PurePosixPath(model.path)
    if steps.is_absolute() or not steps.parts or ".." in steps.parts:
        raise NoModel(model=model.name, reason=_("Its path leaves the folder of the models."))
    path: Path = settings.MODELS_DIR / steps
    return path


def entry_of(model: AIModel) -> Path:
    """Return what lies directly in MODELS_DIR of the model: its folder, or the file it is. Raises NoModel."""
    path: Path = settings.MODELS_DIR / path_of(model).relative_to(settings.MODELS_DIR).parts[0]
    return path
