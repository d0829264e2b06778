"""What administrators of the installation do to accounts: suspend, resume, make others administrators."""

from uuid import UUID

from django.db import transaction

from apps.core.errors import NotFound
from apps.users.errors import LastAdministrator, NotOneself
from apps.users.models import User
from apps.users.services import sign_out_everywhere
from apps.users.signals import tell


def account_of(user_id: UUID) -> User:
    """Return a person's account, for administrators. Raises NotFound."""
    person = User.objects.filter(pk=user_id).first()
    if person is None:
        raise NotFound
    return person


def _locked(actor: User, user_id: UUID) -> User:
    """Return the account, locked together with those of all administrators, so that two cannot end each other."""
    if actor.pk == user_id:
        raise NotOneself
    list(User.objects.select_for_update(no_key=True).filter(is_superuser=True).order_by("pk").values_list("pk"))
    person = User.objects.select_for_update(no_key=True).filter(pk=user_id).first()
    if person is None:
        raise NotFound
    return person


def _require_another_admin(person: User) -> None:
    others = User.objects.filter(is_superuser=True, is_active=True).exclude(pk=person.pk)
    if person.is_superuser and not others.exists():
        raise LastAdministrator


@transaction.atomic
def suspend(*, actor: User, user_id: UUID, reason: str) -> User:
    """Let a person into nothing until they are resumed; sessions, sockets and keys end at once.

    Raises NotFound, NotOneself, LastAdministrator. Repeating it changes nothing.
    """
    person = _locked(actor, user_id)
    _require_another_admin(person)
    if person.is_active:
        person.is_active = False
        person.save(update_fields=["is_active"])
        sign_out_everywhere(user=person)
        tell("user.suspended", actor=actor, target=person, detail={"email": person.email, "reason": reason[:300]})
    return person


@transaction.atomic
def resume(*, actor: User, user_id: UUID) -> User:
    """Let a suspended person in again. Raises NotFound, NotOneself."""
    person = _locked(actor, user_id)
    if not person.is_active:
        person.is_active = True
        person.save(update_fields=["is_active"])
        tell("user.resumed", actor=actor, target=person, detail={"email": person.email})
    return person


@transaction.atomic
def make_admin(*, actor: User, user_id: UUID, is_admin: bool) -> User:
    """Make a person an administrator of the installation, or no longer one.

    Raises NotFound, NotOneself, LastAdministrator.
    """
    person = _locked(actor, user_id)
    if not is_admin:
        _require_another_admin(person)
    if person.is_superuser != is_admin:
        person.is_superuser = person.is_staff = is_admin
        person.save(update_fields=["is_superuser", "is_staff"])
        action = "user.made-admin" if is_admin else "user.no-admin"
        tell(action, actor=actor, target=person, detail={"email": person.email})
    return person
