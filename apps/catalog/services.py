"""Which models there are, which one is used, and whether it is in order."""

from django.conf import settings
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from apps.catalog.errors import NoModel
from apps.catalog.models import AIModel
from apps.runtimes.spec import RuntimeSpec


def default_model(kind: str) -> AIModel:
    """Return the default model of a kind (`AIModel.Kind`). Raises NoModel where it is absent or not ready."""
    model = AIModel.objects.filter(kind=kind, is_default=True).first()
    if model is None:
        raise NoModel(model=kind, reason=_("No default model is set."))
    if model.state != AIModel.State.READY:
        raise NoModel(model=model.name, reason=model.error or _("Its files are missing."))
    return model


def ready_models(kind: str) -> QuerySet[AIModel]:
    """Return the models of a kind that can be used, the default one first."""
    return AIModel.objects.filter(kind=kind, state=AIModel.State.READY).order_by("-is_default", "title")


def spec_of(model: AIModel) -> RuntimeSpec:
    """Return what the registry needs to load `model`."""
    return RuntimeSpec(
        name=model.name,
        runtime=model.runtime,
        path=settings.MODELS_DIR / model.path,
        dimensions=model.dimensions or 0,
        max_tokens=model.max_tokens,
        is_instruct=model.is_instruct,
        sha256=model.sha256,
        threads=settings.ENV.model_threads,
        slots=settings.ENV.answer_slots,
    )
