"""Signing in: what is counted against guessing, how an account is unlocked, and what an admin may reset."""

from typing import Any

from allauth.account.internal.flows.login import get_authentication_records
from allauth.account.internal.flows.reauthentication import get_reauthentication_flows
from allauth.core.exceptions import ReauthenticationRequired
from allauth.mfa.models import Authenticator
from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone

from apps.users.models import User
from apps.users.sessions import end_all
from apps.users.signals import happened


def typed_address(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return the address that somebody tries to sign in with: known or not, it is counted alike."""
    given = (credentials or {}).get("email") or (credentials or {}).get("username") or request.POST.get("login") or ""
    return str(given).replace("\x00", "").strip().lower()[:255]


def locked_out(
    request: HttpRequest, _response: HttpResponse | None, _credentials: dict[str, Any] | None
) -> HttpResponse:
    """Return the page for whoever must wait; it is the same for accounts that do not exist."""
    minutes = settings.ENV.lockout_minutes
    response = render(request, "account/locked.html", {"minutes": minutes}, status=429)
    response.headers["Retry-After"] = str(minutes * 60)
    return response


def is_locked(user: User) -> bool:
    """Return whether sign-ins to the account wait somewhere; one query."""
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    attempts = AccessAttempt.objects.filter(username=user.email.lower(), attempt_time__gte=since)
    return bool(attempts.filter(failures_since_start__gte=settings.AXES_FAILURE_LIMIT).exists())


@transaction.atomic
def unlock(*, user: User, actor: User) -> None:
    """Let the account be tried again at once; called by an administrator's page."""
    reset(username=user.email.lower())
    happened.send(User, action="user.unlocked", actor=actor, team=None, target=user, detail={})


@transaction.atomic
def reset_second_factors(*, user: User, actor: User) -> None:
    """Take all second factors and recovery codes from a person who lost them; their sessions end too."""
    Authenticator.objects.filter(user_id=user.pk).delete()
    happened.send(User, action="user.factors-reset", actor=actor, team=None, target=user, detail={})
    end_all(user=user, actor=actor)


def proved_lately(request: HttpRequest) -> bool:
    """Return whether the person proved who they are within the last quarter of an hour, at sign-in or since.

    Who has neither password nor second factor here, but comes by single sign-on alone, has nothing to prove it with.
    """
    now = timezone.now().timestamp()
    records = get_authentication_records(request, request.user)
    if any(now - record.get("at", 0) < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT for record in records):
        return True
    return isinstance(request.user, User) and not get_reauthentication_flows(request.user)


def require_proof(request: HttpRequest) -> None:
    """Send the person to prove who they are again, unless they did lately; raises ReauthenticationRequired.

    allauth's middleware leads there and back, and repeats a form that was sent.
    """
    if not proved_lately(request):
        raise ReauthenticationRequired
