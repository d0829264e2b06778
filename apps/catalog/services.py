"""Which models there are, which one is used, and whether it is in order."""

from pathlib import Path, PurePosixPath

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.catalog.errors import NoModel
from apps.catalog.manifest import PACKAGED_MODELS, PackagedModel
from apps.catalog.models import AIModel
from apps.runtimes.contracts import RuntimeFailure
from apps.runtimes.files import MANIFEST, check_folder, sha256_of
from apps.runtimes.spec import RuntimeSpec


def default_model(kind: str) -> AIModel:
    """Return the default model of a kind (`AIModel.Kind`). Raises NoModel where it is absent or not ready."""
    model = AIModel.objects.filter(kind=kind, is_default=True).first()
    if model is None:
        raise NoModel(model=kind, reason=_("No default model is set."))
    if model.state != AIModel.State.READY:
        raise NoModel(model=model.name, reason=model.error or _("Its files are missing."))
    return model


def is_serving(model: AIModel) -> bool:
    """Return whether `model` is the default of its kind, and keep it so until the transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT is_default FROM catalog_aimodel WHERE id = %s FOR SHARE", [model.pk])
        row = cursor.fetchone()
    return row is not None and bool(row[0])


def ready_models(kind: str) -> QuerySet[AIModel]:
    """Return the models of a kind that can be used, the default one first."""
    return AIModel.objects.filter(kind=kind, state=AIModel.State.READY).order_by("-is_default", "title")


def spec_of(model: AIModel) -> RuntimeSpec:
    """Return what the registry needs to load `model`. Raises NoModel where its path leaves the models folder."""
    return RuntimeSpec(
        name=model.name,
        runtime=model.runtime,
        path=_path_of(model),
        dimensions=model.dimensions or 0,
        max_tokens=model.max_tokens,
        is_instruct=model.is_instruct,
        sha256=model.sha256,
        threads=settings.ENV.model_threads,
        slots=settings.ENV.answer_slots,
        engine=settings.ENV.embed_engine,
    )


@transaction.atomic
def register_models() -> list[AIModel]:
    """Write the packaged models and the state of their files into the catalogue; return the rows. Idempotent.

    Reads every byte of the files once. What an admin chose as the default of a kind stays the default.
    """
    return [_register(packaged) for packaged in PACKAGED_MODELS]


def check_model(model: AIModel) -> AIModel:
    """Compare the model's files with their manifest and record what is wrong; return the row, saved."""
    model.state, model.error = AIModel.State.BROKEN, ""
    try:
        folder = settings.MODELS_DIR / _path_of(model).relative_to(settings.MODELS_DIR).parts[0]
        if not (folder / MANIFEST).exists():
            model.state = AIModel.State.MISSING
        check_folder(folder)
        model.state, model.sha256 = AIModel.State.READY, sha256_of(folder / MANIFEST)
    except (RuntimeFailure, NoModel, OSError) as error:
        model.error = str(error)
    model.save(update_fields=["state", "error", "sha256", "updated_at"])
    return model


def _path_of(model: AIModel) -> Path:
    """Return the model's path below MODELS_DIR. Raises NoModel where it would lie elsewhere (security case 80)."""
    steps = PurePosixPath(model.path)
    if steps.is_absolute() or not steps.parts or ".." in steps.parts:
        raise NoModel(model=model.name, reason=_("Its path leaves the folder of the models."))
    path: Path = settings.MODELS_DIR / steps
    return path


def _register(packaged: PackagedModel) -> AIModel:
    model, is_new = AIModel.objects.update_or_create(
        name=packaged.name,
        defaults={
            "title": packaged.title,
            "kind": packaged.kind,
            "runtime": packaged.runtime,
            "path": packaged.path,
            "size_bytes": packaged.size_bytes,
            "licence": packaged.licence,
            "languages": packaged.languages,
            "dimensions": packaged.dimensions,
            "max_tokens": packaged.max_tokens,
            "is_instruct": packaged.is_instruct,
        },
    )
    has_default = AIModel.objects.filter(kind=packaged.kind, is_default=True).exists()
    if is_new and packaged.is_default and not has_default:
        model.is_default = True
        model.save(update_fields=["is_default"])
    check_model(model)
    if model.state != AIModel.State.READY:
        model.error += f" It comes with {' and '.join(packaged.requirements)}: run `manage.py install_models`."
        model.save(update_fields=["error"])
    return model
