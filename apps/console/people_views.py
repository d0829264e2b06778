"""Accounts: the list, and what an administrator does to one of them."""

import secrets
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
from apps.core.errors import AppError
from apps.core.text import typed
from apps.users import accounts, sessions, signin
from apps.users.access import require_system_admin
from apps.users.mfa import has_second_factor
from apps.users.models import Membership
from apps.users.requests import PersonRequest
from apps.users.services import create_user

PASSWORD_BYTES = 12


class AccountForm(forms.Form):
    """A new account."""

    email = forms.EmailField(label=gettext_lazy("E-mail"), max_length=254)
    name = forms.CharField(label=gettext_lazy("Name"), max_length=100, required=False)


@login_required
@require_GET
def people(request: PersonRequest) -> HttpResponse:
    """List the accounts of the installation."""
    return _people(request)


def _people(
    request: PersonRequest, form: AccountForm | None = None, made: tuple[str, str] | None = None
) -> HttpResponse:
    require_system_admin(request.user)
    query = request.GET.dict()
    context = {
        "section": "users",
        "page": lists.people(query),
        "states": lists.USER_STATES,
        "query": query,
        "form": form or AccountForm(),
        "made": made,
    }
    response = render(request, "console/people.html", context, status=422 if form and form.errors else 200)
    if made:
        response.headers["Cache-Control"] = "no-store"
    return response


@login_required
@require_POST
def create(request: PersonRequest) -> HttpResponse:
    """Create an account with a password that is shown once; the person changes it."""
    require_system_admin(request.user)
    signin.require_proof(request)
    form = AccountForm(request.POST)
    if not form.is_valid():
        return _people(request, form)
    password = secrets.token_urlsafe(PASSWORD_BYTES)
    try:
        user = create_user(
            email=form.cleaned_data["email"], password=password, name=form.cleaned_data["name"], actor=request.user
        )
    except AppError as error:
        form.add_error("email", error.sentence())
        return _people(request, form)
    return _people(request, made=(user.email, password))


@login_required
@require_GET
def person(request: PersonRequest, user_id: UUID) -> HttpResponse:
    """Show one account: state, teams, sessions, second factor."""
    require_system_admin(request.user)
    found = accounts.account_of(user_id)
    context = {
        "section": "users",
        "person": found,
        "memberships": Membership.objects.filter(user=found).select_related("team").order_by("team__name"),
        "devices": sessions.devices(found, None),
        "has_second_factor": has_second_factor(found),
        "is_locked": signin.is_locked(found),
        "is_self": found.pk == request.user.pk,
    }
    return render(request, "console/person.html", context)


@login_required
@require_POST
def suspend(request: PersonRequest, user_id: UUID) -> HttpResponse:
    """Let the person in no more."""
    require_system_admin(request.user)
    accounts.suspend(actor=request.user, user_id=user_id, reason=typed(request.POST.get("reason", ""), 300))
    messages.success(request, _("The account is suspended. Sessions and keys ended."))
    return redirect("console:person", user_id)


@login_required
@require_POST
def resume(request: PersonRequest, user_id: UUID) -> HttpResponse:
    """Let the person in again."""
    require_system_admin(request.user)
    accounts.resume(actor=request.user, user_id=user_id)
    messages.success(request, _("The account is open again."))
    return redirect("console:person", user_id)


@login_required
@require_POST
def sign_out(request: PersonRequest, user_id: UUID) -> HttpResponse:
    """End all sessions of the person."""
    require_system_admin(request.user)
    sessions.end_all(user=accounts.account_of(user_id), actor=request.user)
    messages.success(request, _("All sessions ended."))
    return redirect("console:person", user_id)


@login_required
@require_POST
def unlock(request: PersonRequest, user_id: UUID) -> HttpResponse:
    """Forget the failed sign-ins of the person."""
    require_system_admin(request.user)
    signin.unlock(user=accounts.account_of(user_id), actor=request.user)
    messages.success(request, _("The person can sign in again."))
    return redirect("console:person", user_id)


@login_required
@require_POST
def reset_mfa(request: PersonRequest, user_id: UUID) -> HttpResponse:
    """Take away the second factors of somebody who lost theirs."""
    require_system_admin(request.user)
    signin.require_proof(request)
    signin.reset_second_factors(user=accounts.account_of(user_id), actor=request.user)
    messages.success(request, _("The second factors are removed. The person sets up new ones at the next sign-in."))
    return redirect("console:person", user_id)


@login_required
@require_POST
def admin(request: PersonRequest, user_id: UUID) -> HttpResponse:
    """Make the person an administrator, or no longer one."""
    require_system_admin(request.user)
    signin.require_proof(request)
    is_admin = request.POST.get("admin") == "yes"
    accounts.make_admin(actor=request.user, user_id=user_id, is_admin=is_admin)
    messages.success(request, _("Saved."))
    return redirect("console:person", user_id)
