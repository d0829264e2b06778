"""Tells the audit log what allauth and django-axes signal about factors and locked accounts."""

from typing import Any

from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from axes.signals import user_locked_out

from apps.users.models import User
from apps.users.signals import tell


def on_added(*, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Tell of a new second factor, or of the recovery codes that came with the first."""
    tell("factor.added", actor=user, target=user, detail={"kind": authenticator.type})


def on_removed(*, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Tell of one that its person removed."""
    tell("factor.removed", actor=user, target=user, detail={"kind": authenticator.type})


def on_reset(*, user: User, **_: Any) -> None:
    """Tell of new recovery codes."""
    tell("factor.codes-made", actor=user, target=user)


def on_failed(*, user: User, authenticator: Authenticator, **_: Any) -> None:
    """Tell of a wrong code behind a right password."""
    tell("factor.failed", actor=None, target=user, detail={"kind": authenticator.type})


def on_locked_out(*, username: str, **_: Any) -> None:
    """Tell of an account that must wait, if there is one with this address."""
    user = User.objects.filter(email__iexact=username).first()
    if user is not None:
        tell("user.locked-out", actor=None, target=user)


def connect() -> None:
    """Listen; called once when the apps are ready."""
    signals.authenticator_added.connect(on_added, dispatch_uid="users.factor-added")
    signals.authenticator_removed.connect(on_removed, dispatch_uid="users.factor-removed")
    signals.authenticator_reset.connect(on_reset, dispatch_uid="users.factor-codes")
    signals.authentication_failed.connect(on_failed, dispatch_uid="users.factor-failed")
    user_locked_out.connect(on_locked_out, dispatch_uid="users.locked-out")
