"""Inviting people into a team, and accepting."""

from datetime import timedelta
from uuid import UUID

from allauth.account.internal.flows.login import record_authentication
from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from apps.core import mail
from apps.users import invitations, sessions
from apps.users.access import TeamAccess, access_team
from apps.users.errors import AddressTaken
from apps.users.forms import InvitationForm, JoinForm
from apps.users.middleware import TEAM_KEY
from apps.users.models import Invitation, Role, User
from apps.users.permissions import Action
from apps.users.requests import PersonRequest
from apps.users.team_page import team_page

BACKEND = "allauth.account.auth_backends.AuthenticationBackend"
PAGE = 50
KEPT = timedelta(days=90)  # for which closed invitations are listed


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def invite(request: PersonRequest, team_id: UUID) -> HttpResponse:
    """List the invitations; make new ones, by mail or as links that are shown this one time."""
    access = access_team(request.user, team_id, may=Action.INVITE)
    if request.method != "POST":
        return _page(request, access)
    form = InvitationForm(request.POST, highest=access.role)
    if not form.is_valid():
        return _page(request, access, form=form)
    if form.cleaned_data["emails"] and mail.is_configured():
        return _mail(request, access, form)
    return _links(request, access, form)


def _mail(request: PersonRequest, access: TeamAccess, form: InvitationForm) -> HttpResponse:
    given = form.cleaned_data
    made = invitations.invite_by_mail(
        user=request.user,
        access=access,
        role=Role(given["role"]),
        emails=given["emails"],
        language=translation.get_language() or settings.LANGUAGE_CODE,
        days=given["days"],
    )
    text = ngettext("%(n)s invitation is on its way.", "%(n)s invitations are on their way.", len(made))
    messages.success(request, text % {"n": len(made)})
    return redirect("users:invitations", access.team.pk)


def _links(request: PersonRequest, access: TeamAccess, form: InvitationForm) -> HttpResponse:
    """Make a link for each address, or one for whoever has it."""
    given = form.cleaned_data
    links = []
    for email in given["emails"] or [""]:
        _made, token = invitations.invite(
            user=request.user, access=access, role=Role(given["role"]), email=email, days=given["days"]
        )
        links.append((email, settings.PUBLIC_URL + reverse("users:invitation", args=[token])))
    response = _page(request, access, links=links)
    response.headers["Cache-Control"] = "no-store"
    return response


def _page(
    request: PersonRequest,
    access: TeamAccess,
    *,
    form: InvitationForm | None = None,
    links: list[tuple[str, str]] | None = None,
) -> HttpResponse:
    rows = Invitation.objects.filter(team=access.team, created_at__gt=timezone.now() - KEPT)
    rows = rows.select_related("created_by", "accepted_by").order_by("-created_at")
    return team_page(
        request,
        access,
        "invitations",
        "users/invitations.html",
        status=400 if form and form.errors else 200,
        page=Paginator(rows, PAGE).get_page(request.GET.get("page", "1")),
        form=form or InvitationForm(highest=access.role),
        links=links or [],
        has_mail=mail.is_configured(),
        mails_left=invitations.mails_left(access.team),
    )


@login_required
@require_POST
def revoke(request: PersonRequest, team_id: UUID, invitation_id: UUID) -> HttpResponse:
    """Make a link useless."""
    access = access_team(request.user, team_id, may=Action.INVITE)
    invitations.revoke_invitation(user=request.user, access=access, invitation_id=invitation_id)
    return redirect("users:invitations", team_id)


@login_required
@require_POST
def resend(request: PersonRequest, team_id: UUID, invitation_id: UUID) -> HttpResponse:
    """Send an invitation again, with a new link."""
    access = access_team(request.user, team_id, may=Action.INVITE)
    language = translation.get_language() or settings.LANGUAGE_CODE
    sent = invitations.resend(user=request.user, access=access, invitation_id=invitation_id, language=language)
    messages.success(request, _("A new link is on its way to %(email)s.") % {"email": sent.email})
    return redirect("users:invitations", team_id)


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Show an invitation; accept it as the signed-in person, or by creating an account."""
    found = invitations.find_invitation(token)
    if isinstance(request.user, User):
        if request.method == "POST":
            membership = invitations.accept_invitation(user=request.user, token=token)
            request.session[TEAM_KEY] = str(membership.team_id)
            return redirect("/")
        return _no_store(render(request, "users/invitation.html", {"invitation": found}))
    form = JoinForm(request.POST if request.method == "POST" else None, bound_email=found.email)
    if request.method == "POST" and form.is_valid() and _join(request, token, form):
        return redirect("/")
    context = {"invitation": found, "form": form}
    return _no_store(render(request, "users/invitation.html", context, status=400 if form.errors else 200))


def _join(request: HttpRequest, token: str, form: JoinForm) -> bool:
    given = form.cleaned_data
    try:
        user = invitations.join_with_new_account(
            token=token, email=given["email"], name=given["name"], password=given["password"]
        )
    except AddressTaken as error:
        form.add_error("email", error.sentence())
        return False
    login(request, user, backend=BACKEND)
    sessions.follow(request)
    record_authentication(request, user, method="password")  # they typed it just now: nothing asks for it again soon
    return True


def _no_store(response: HttpResponse) -> HttpResponse:
    response.headers["Cache-Control"] = "no-store"
    response.headers["Referrer-Policy"] = "no-referrer"  # the address is a secret
    return response
