"""The security page of one's own account: second factors, the address, sessions."""

import ipaddress
from typing import Any

from allauth.mfa.models import Authenticator
from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from apps.core import mail
from apps.users import addresses, services, sessions
from apps.users.mfa import FACTORS, grace_ends_at, is_staff_bound, needs_second_factor
from apps.users.models import User
from apps.users.requests import PersonRequest


@login_required
@require_safe
def security(request: PersonRequest) -> HttpResponse:
    """Show second factors, password, address and sessions."""
    context = _factors(request.user) | {
        "section": "security",
        "devices": sessions.devices(request.user, request.session.session_key),
        "can_use_passkeys": can_use_passkeys(request),
        "can_send_mail": mail.is_configured(),
        "is_address_proven": addresses.is_proven(request.user),
    }
    if not context["has_factor"]:
        is_needed = needs_second_factor(request.user, request.teams)
        context["is_needed"] = is_needed
        if not is_needed and is_staff_bound(request.user):
            context["grace_ends_at"] = grace_ends_at(request.user)
    return render(request, "users/security.html", context)


def _factors(user: User) -> dict[str, Any]:
    """Return the person's second factors; one query."""
    mine = list(Authenticator.objects.filter(user_id=user.pk).order_by("created_at"))
    of_kind = {kind: [one for one in mine if one.type == kind] for kind in Authenticator.Type}
    codes = of_kind[Authenticator.Type.RECOVERY_CODES]
    return {
        "totp": next(iter(of_kind[Authenticator.Type.TOTP]), None),
        "passkeys": of_kind[Authenticator.Type.WEBAUTHN],
        "has_factor": any(one.type in FACTORS for one in mine),
        "codes_left": len(codes[0].wrap().get_unused_codes()) if codes else 0,
    }


def can_use_passkeys(request: HttpRequest) -> bool:
    """Return whether browsers offer passkeys here: under a name with https, or at localhost."""
    host = request.get_host().rpartition(":")[0] or request.get_host()
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return request.is_secure()
    return False


@login_required
@require_POST
def end_session(request: PersonRequest, pk: int) -> HttpResponse:
    """Sign out one other session."""
    sessions.end_session(user=request.user, pk=pk)
    messages.success(request, _("That session is signed out."))
    return redirect("account_security")


@login_required
@require_POST
def sign_out_everywhere(request: PersonRequest) -> HttpResponse:
    """End all sessions of the person but this one."""
    services.sign_out_everywhere(user=request.user)
    sessions.forget_others(user=request.user, current_key=request.session.session_key)
    update_session_auth_hash(request, request.user)
    sessions.follow(request)
    messages.success(request, _("All other sessions are signed out."))
    return redirect("account_security")


@login_required
@require_POST
def prove_address(request: PersonRequest) -> HttpResponse:
    """Send a link to the person's own address."""
    if mail.is_configured() and not addresses.is_proven(request.user):
        addresses.send_link(request)
        messages.success(request, _("A link is on its way to %(email)s.") % {"email": request.user.email})
    return redirect("account_security")
