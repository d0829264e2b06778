"""What changing a default model touches, shown before it is done: chats, teams and what else uses the default."""

from dataclasses import dataclass
from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from apps.catalog import managing
from apps.catalog.models import AIModel, TeamDefault
from apps.chat.models import Conversation, Message
from apps.core.errors import AppError, NotFound
from apps.libraries.models import Library
from apps.users.access import require_system_admin
from apps.users.models import Team
from apps.users.requests import PersonRequest


@dataclass(frozen=True, slots=True)
class Touched:
    """How many things follow the default, and how many have a choice of their own."""

    conversations: int
    own_conversations: int
    waiting: int
    teams: int
    own_teams: int
    libraries: int


def touched(kind: str) -> Touched:
    """Count what a change of the default of a kind touches; six counting queries."""
    is_chat = kind == AIModel.Kind.CHAT
    conversations = Conversation.objects.filter(deleted_at=None) if is_chat else Conversation.objects.none()
    own = TeamDefault.objects.filter(kind=kind)
    following = Team.objects.filter(deletion_at=None).exclude(pk__in=own.values("team"))
    return Touched(
        conversations=conversations.filter(model=None, team__in=following).count(),
        own_conversations=conversations.exclude(model=None).count(),
        waiting=Message.objects.filter(state=Message.State.PENDING, model=None).count() if is_chat else 0,
        teams=following.count(),
        own_teams=own.count(),
        libraries=Library.objects.filter(team__in=following).count(),
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def model_default(request: PersonRequest, model_id: UUID) -> HttpResponse:
    """Show what follows the default of this kind, and make the model the default."""
    require_system_admin(request.user)
    model = AIModel.objects.filter(pk=model_id).exclude(kind=AIModel.Kind.EMBEDDING).first()
    if model is None:
        raise NotFound
    error: AppError | None = None
    if request.method == "POST":
        try:
            managing.make_default(user=request.user, model=model)
        except AppError as refused:
            error = refused
        else:
            return redirect("catalog:model", model.pk)
    context = {
        "section": "models",
        "model": model,
        "current": AIModel.objects.filter(kind=model.kind, is_default=True).first(),
        "touched": touched(model.kind),
        "error": error,
        "is_service": model.source == AIModel.Source.ENDPOINT,
    }
    return render(request, "console/model_default.html", context, status=error.status if error else 200)
