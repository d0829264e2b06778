"""The page on which a team's admin sees its models and chooses its defaults."""

from uuid import UUID

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET, require_POST

from apps.catalog import managing
from apps.catalog.access import team_default, usable_models
from apps.catalog.models import AIModel
from apps.core.errors import Invalid, NotFound
from apps.users.access import access_team
from apps.users.models import Role
from apps.users.requests import PersonRequest

KINDS = (AIModel.Kind.CHAT,)


@login_required
@require_GET
def team(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Show what the team may use, and its default of each kind."""
    access = access_team(request.user, team_id, at_least=Role.ADMIN)
    defaults = {model.kind: model for model in AIModel.objects.filter(is_default=True)}
    kinds = []
    for kind in AIModel.Kind:
        models = list(usable_models(kind, team_id=team_id))
        own = team_default(kind, team_id=team_id) if kind in KINDS else None
        if models:
            kinds.append(
                {
                    "kind": kind.value,
                    "label": kind.label,
                    "models": models,
                    "own": own,
                    "default": defaults.get(kind),
                    "is_chosen_here": kind in KINDS,
                }
            )
    context = {"this_team": access.team, "is_admin": True, "section": "models", "kinds": kinds}
    return render(request, "catalog/team.html", context)


@login_required
@require_POST
def choose(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Choose the team's default of a kind; an empty choice follows the installation's."""
    access = access_team(request.user, team_id, at_least=Role.ADMIN)
    kind, asked = request.POST.get("kind", ""), request.POST.get("model", "")
    if kind not in KINDS:
        raise Invalid
    model = None
    if asked:
        model = usable_models(kind, team_id=team_id).filter(pk=_uuid(asked)).first()
        if model is None:
            raise NotFound
    managing.set_team_default(user=request.user, team=access.team, kind=kind, model=model)
    return redirect("catalog:team", team_id)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None
