"""The page on which an administrator of the installation changes the embedding model."""

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from apps.catalog.models import AIModel
from apps.catalog.services import ready_models
from apps.core.errors import AppError, NotFound
from apps.core.text import uuid_or_none
from apps.ingestion import switching
from apps.ingestion.errors import NoSuchModel
from apps.ingestion.models import ModelSwitch
from apps.ingestion.tasks import ring, switch_model
from apps.libraries.models import Chunk
from apps.users.access import require_system_admin
from apps.users.requests import PersonRequest

HISTORY = 10
SECONDS_PER_CHUNK = 0.12  # of a small model on two cores, where no change was measured yet


@login_required
@require_GET
def page(request: PersonRequest) -> HttpResponse:
    """Show which model serves, which others could, and how a change goes on."""
    require_system_admin(request.user)
    return _page(request)


def _page(request: PersonRequest, error: AppError | None = None) -> HttpResponse:
    models = list(ready_models(AIModel.Kind.EMBEDDING))
    chunks = Chunk.objects.count()
    past = list(ModelSwitch.objects.exclude(state=ModelSwitch.State.RUNNING).select_related("old", "new")[:HISTORY])
    context = {
        "serving": next((each for each in models if each.is_default), None),
        "others": [each for each in models if not each.is_default],
        "section": "embedding",
        "switch": switching.running(),
        "past": past,
        "chunks": chunks,
        "minutes": max(1, round(chunks * _pace(past) / 60)),
        "error": error,
    }
    return render(request, "ingestion/switch.html", context, status=error.status if error else 200)


def _pace(past: list[ModelSwitch]) -> float:
    """Return the seconds that one passage took in the last change."""
    measured = [each.seconds / each.done for each in past if each.done and each.seconds]
    return measured[0] if measured else SECONDS_PER_CHUNK


@login_required
@require_POST
def start(request: PersonRequest) -> HttpResponse:
    """Begin a change."""
    require_system_admin(request.user)
    model = AIModel.objects.filter(name=request.POST.get("model", "")).first()
    try:
        if model is None:
            raise NoSuchModel(model=_("This model"))
        switching.start(user=request.user, new=model)
    except AppError as error:
        return _page(request, error)
    ring(switch_model)
    return redirect("ingestion:switch")


@login_required
@require_POST
def cancel(request: PersonRequest) -> HttpResponse:
    """Give the change under way up."""
    require_system_admin(request.user)
    asked = uuid_or_none(request.POST.get("switch", ""))
    switch = ModelSwitch.objects.filter(pk=asked).first() if asked else None
    if switch is None:
        raise NotFound
    switching.cancel(user=request.user, switch=switch)
    return redirect("ingestion:switch")
