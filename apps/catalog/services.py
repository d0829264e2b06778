"""Which models there are, which one is used, and whether it is in order."""

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.catalog.cards import card_of
from apps.catalog.errors import NoModel
from apps.catalog.manifest import PACKAGED_MODELS, PackagedModel
from apps.catalog.models import AIModel
from apps.catalog.specs import check_model, spec_of

__all__ = ["check_model", "default_model", "is_serving", "ready_models", "register_models", "spec_of"]


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
    """Return the models of a kind that can be used, the default one first; `access.usable_models` says by whom."""
    return AIModel.objects.filter(kind=kind, state=AIModel.State.READY, is_enabled=True).order_by(
        "-is_default", "title"
    )


@transaction.atomic
def register_models() -> list[AIModel]:
    """Write the packaged models and the state of their files into the catalogue; return the rows. Idempotent.

    Reads every byte of the files once. What an admin chose as the default of a kind stays the default.
    """
    return [_register(packaged) for packaged in PACKAGED_MODELS]


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
    model.card = model.card or card_of(settings.MODELS_DIR / packaged.folder).text
    model.capabilities |= packaged.capabilities
    model.save(update_fields=["is_default", "card", "capabilities"])
    check_model(model)
    if model.state != AIModel.State.READY:
        model.error += f" It comes with {packaged.origin}: run `manage.py install_models`."
        model.save(update_fields=["error"])
    return model
