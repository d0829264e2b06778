"""Teams and jobs of the installation: how big and in what state, never what is in them."""

from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_POST

from apps.console import lists
from apps.core.errors import NotFound
from apps.core.text import typed, uuid_or_none
from apps.ingestion import services as ingestion
from apps.ingestion.models import IngestionJob
from apps.users.access import require_system_admin
from apps.users.deletion import ask_for_deletion_as_admin
from apps.users.models import Team, User
from apps.users.requests import PersonRequest
from apps.users.services import create_team, resume_team, suspend_team


class NewTeamForm(forms.Form):
    """A new team and who owns it."""

    name = forms.CharField(label=gettext_lazy("Team name"), max_length=100)
    owner = forms.EmailField(label=gettext_lazy("Owner's e-mail"))

    def clean_owner(self) -> User:
        """Return the account of the address."""
        found = User.objects.filter(email__iexact=self.cleaned_data["owner"], is_active=True).first()
        if found is None:
            raise forms.ValidationError(_("Nobody has an account with this address. Create it under Users first."))
        return found


@login_required
@require_GET
def teams(request: PersonRequest) -> HttpResponse:
    """List the teams of the installation."""
    return _teams(request)


def _teams(request: PersonRequest, form: NewTeamForm | None = None) -> HttpResponse:
    require_system_admin(request.user)
    query = request.GET.dict()
    context = {
        "section": "teams",
        "page": lists.teams(query),
        "states": lists.TEAM_STATES,
        "query": query,
        "form": form or NewTeamForm(),
    }
    return render(request, "console/teams.html", context, status=422 if form else 200)


@login_required
@require_POST
def create(request: PersonRequest) -> HttpResponse:
    """Create a team for somebody."""
    require_system_admin(request.user)
    form = NewTeamForm(request.POST)
    if not form.is_valid():
        return _teams(request, form)
    create_team(name=form.cleaned_data["name"], owner=form.cleaned_data["owner"], actor=request.user)
    messages.success(request, _("The team is there."))
    return redirect("console:teams")


@login_required
@require_POST
def state(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Suspend a team or open it again."""
    require_system_admin(request.user)
    change = suspend_team if request.POST.get("state") == "suspended" else resume_team
    change(actor=request.user, team_id=team_id, reason=typed(request.POST.get("reason", ""), 300))
    messages.success(request, _("Saved."))
    return redirect("console:teams")


@login_required
@require_POST
def delete(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """Ask for a team's deletion, by its typed name."""
    require_system_admin(request.user)
    ask_for_deletion_as_admin(actor=request.user, team_id=team_id, typed_name=request.POST.get("typed_name", ""))
    messages.success(request, _("Nobody gets into the team any more. It is removed after some days."))
    return redirect("console:teams")


@login_required
@require_GET
def jobs(request: PersonRequest) -> HttpResponse:
    """List the jobs of all teams."""
    require_system_admin(request.user)
    query = request.GET.dict()
    context = {"section": "jobs", "page": lists.jobs(query), "query": query, "states": IngestionJob.State}
    team_id = uuid_or_none(query.get("team", ""))
    context["of_team"] = Team.objects.filter(pk=team_id).first() if team_id else None
    return render(request, "console/jobs.html", context)


@login_required
@require_POST
def job(request: PersonRequest, job_id: UUID) -> HttpResponse:
    """Try a failed job again, or cancel one that runs."""
    require_system_admin(request.user)
    found = IngestionJob.objects.select_related("document__library__team").filter(pk=job_id).first()
    if found is None:
        raise NotFound
    if request.POST.get("do") == "retry":
        ingestion.retry(user=request.user, document=found.document)
    else:
        ingestion.cancel(user=request.user, document=found.document)
    return redirect("console:jobs")
