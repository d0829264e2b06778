"""The image studio of the installation: its rules, its teams, its queue, its models."""

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from apps.console.images import model_lines, team_lines
from apps.images import checking, policies
from apps.images.policy_forms import PolicyForm
from apps.images.views.team import marked, tried
from apps.users.access import require_system_admin
from apps.users.requests import PersonRequest


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def images(request: PersonRequest) -> HttpResponse:
    """Show how the studio is, and set the rules that hold for every team."""
    require_system_admin(request.user)
    form = PolicyForm(request.POST if request.method == "POST" else None, instance=policies.policy_of(None))
    if request.method == "POST" and form.is_valid():
        policies.set_policy(user=request.user, access=None, said=form.cleaned_data)
        messages.success(request, _("The rules hold for every team from now on."))
        return redirect("console:images")
    context = {
        "section": "images",
        "form": form,
        "has_checker": checking.is_available(),
        "teams": team_lines(),
        "models": model_lines(),
    }
    return render(request, "console/images.html", context, status=422 if form.errors else 200)


@login_required
@require_POST
def try_words(request: PersonRequest) -> HttpResponse:
    """Say whether the words of the form, not kept yet, refuse a prompt."""
    require_system_admin(request.user)
    return tried(request, in_team=False)


@login_required
@require_safe
def mark(request: PersonRequest) -> HttpResponse:
    """Show how the words of the form look on a picture."""
    require_system_admin(request.user)
    return marked(request, _("The team's name"))
