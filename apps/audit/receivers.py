"""Turns what apps below this one tell, and what Django and allauth signal, into audit events."""

from typing import Any

from allauth.account.signals import password_changed, password_reset
from django.contrib.auth.signals import user_logged_in, user_logged_out, user_login_failed
from django.db import models

from apps.audit.services import record
from apps.users.models import Team, User
from apps.users.signals import happened


def on_happened(
    *, action: str, actor: User | None, team: Team | None, target: models.Model | None, detail: dict[str, str], **_: Any
) -> None:
    """Record a change to people or teams."""
    record(action, actor=actor, team=team, target=target, detail=detail)


def on_signed_in(*, user: User, **_: Any) -> None:
    """Record a sign-in."""
    record("user.signed-in", actor=user, team=None, target=user)


def on_signed_out(*, user: User | None, **_: Any) -> None:
    """Record a sign-out."""
    if user is not None:
        record("user.signed-out", actor=user, team=None, target=user)


def on_failed(*, credentials: dict[str, Any], **_: Any) -> None:
    """Record a refused sign-in: whose account it was for, never what was typed, which may be a password."""
    user = User.objects.filter(email__iexact=str(credentials.get("email") or "").replace("\x00", "")).first()
    record("user.sign-in-failed", actor=None, team=None, target=user, detail={"is_known": user is not None})


def on_password_changed(*, user: User, **_: Any) -> None:
    """Record a changed password."""
    record("user.password-changed", actor=user, team=None, target=user)


def on_password_reset(*, user: User, **_: Any) -> None:
    """Record a password set through the mail."""
    record("user.password-reset", actor=user, team=None, target=user)


def connect() -> None:
    """Listen; called once when the apps are ready."""
    happened.connect(on_happened, dispatch_uid="audit.happened")
    user_logged_in.connect(on_signed_in, dispatch_uid="audit.signed-in")
    user_logged_out.connect(on_signed_out, dispatch_uid="audit.signed-out")
    user_login_failed.connect(on_failed, dispatch_uid="audit.failed")
    password_changed.connect(on_password_changed, dispatch_uid="audit.password-changed")
    password_reset.connect(on_password_reset, dispatch_uid="audit.password-reset")
