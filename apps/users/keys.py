"""API keys: what a secret looks like, how one is made, found and revoked."""

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import models, transaction
from django.utils import timezone

from apps.core.errors import NotFound
from apps.users.access import TeamAccess, acting_key
from apps.users.errors import KeyInvalid, KeyRefused
from apps.users.models import ApiKey, KeyScope, Membership, Role, User
from apps.users.signals import happened

BEGINNING = "zk_"
_ALPHABET = string.ascii_letters + string.digits
_PREFIX_CHARS, _SECRET_CHARS = 10, 40  # 59 bits to find it by, 238 bits that nobody guesses
_FORM = re.compile(rf"({BEGINNING}[A-Za-z0-9]{{{_PREFIX_CHARS}}})_[A-Za-z0-9]{{{_SECRET_CHARS}}}")
_NO_HASH = "0" * 64
SEEN_S = 60  # `last_used_at` is kept to the minute
MOST_KEYS = 50  # open ones, of one person in one team
# The least role that has anything of the scope; a viewer has something of all others:
LEAST_ROLES = {KeyScope.WRITE: Role.EDITOR, KeyScope.IMAGE_RULES: Role.ADMIN}


@dataclass(frozen=True, slots=True)
class KeyWish:
    """What somebody wants a new key to be."""

    name: str
    scopes: frozenset[KeyScope]
    library_ids: tuple[UUID, ...] | None = None  # None: all that the person may use
    expires_at: datetime | None = None
    is_shared: bool = False


def new_secret() -> tuple[str, str]:
    """Return the prefix and the whole secret of a key."""
    prefix = BEGINNING + _random(_PREFIX_CHARS)
    return prefix, f"{prefix}_{_random(_SECRET_CHARS)}"


def _random(length: int) -> str:
    return "".join(secrets.choice(_ALPHABET) for _ in range(length))


def hash_of(secret: str) -> str:
    """Return what is stored of a secret; 238 random bits need no slow hash."""
    return hashlib.sha256(secret.encode()).hexdigest()


@transaction.atomic
def create_key(*, user: User, access: TeamAccess, wish: KeyWish) -> tuple[ApiKey, str]:
    """Return a new key and its secret, which is kept nowhere else; raises KeyInvalid, or Forbidden for too much.

    `wish.library_ids` were checked by the caller's gate. A key is never made with a key.
    """
    if acting_key.get() is not None:
        raise NotFound
    _check(user, access, wish)
    prefix, secret = new_secret()
    key = ApiKey.objects.create(
        team=access.team,
        user=user,
        is_shared=wish.is_shared,
        name=wish.name,
        prefix=prefix,
        secret_hash=hash_of(secret),
        scopes=sorted(scope.value for scope in wish.scopes),
        library_ids=list(wish.library_ids) if wish.library_ids is not None else None,
        expires_at=wish.expires_at,
    )
    _tell("key.made", user, key)
    return key, secret


def _check(user: User, access: TeamAccess, wish: KeyWish) -> None:
    if wish.is_shared:
        access.require(Role.ADMIN)
    for scope in wish.scopes:
        access.require(LEAST_ROLES.get(scope, Role.VIEWER))
    if not wish.scopes:
        raise KeyInvalid(reason="scopes")
    if wish.expires_at is not None and wish.expires_at <= timezone.now():
        raise KeyInvalid(reason="expiry")
    if keys_of(user).filter(team=access.team, revoked_at=None).count() >= MOST_KEYS:
        raise KeyInvalid(reason="number")


def scopes_of(access: TeamAccess) -> list[KeyScope]:
    """Return what the person may let a key do in the team."""
    return [scope for scope in KeyScope if access.role.covers(LEAST_ROLES.get(scope, Role.VIEWER))]


def keys_of(user: User) -> models.QuerySet[ApiKey]:
    """Return the person's own keys in teams that they are a member of now."""
    mine = ApiKey.objects.filter(user=user, team__memberships__in=Membership.objects.live().filter(user=user))
    return mine.select_related("team", "user")


def keys_of_team(access: TeamAccess) -> models.QuerySet[ApiKey]:
    """Return all keys that act in the team, for its admins: whose they are and when they were used."""
    access.require(Role.ADMIN)
    return ApiKey.objects.filter(team=access.team).select_related("user", "team")


@transaction.atomic
def revoke_key(*, user: User, key: ApiKey) -> None:
    """Make a key useless from the commit on. Repeating it changes nothing."""
    if acting_key.get() is not None:
        raise NotFound
    if ApiKey.objects.filter(pk=key.pk, revoked_at=None).update(revoked_at=timezone.now()):
        _tell("key.revoked", user, key)


def _tell(action: str, user: User, key: ApiKey) -> None:
    detail = {"name": key.name, "prefix": key.prefix, "scopes": " ".join(key.scopes)}
    happened.send(ApiKey, action=action, actor=user, team=key.team, target=key, detail=detail)


def find_key(secret: str) -> ApiKey:
    """Return the key of a secret that works now, its person being an unsuspended member of its team.

    Raises KeyRefused, the same for every reason: one look-up by the prefix, one comparison in constant time.
    """
    form = _FORM.fullmatch(secret) if len(secret) < 2 * _SECRET_CHARS else None
    if form is None:
        raise KeyRefused
    key = _of_members().filter(prefix=form[1]).first()
    is_right = hmac.compare_digest(hash_of(secret), key.secret_hash if key else _NO_HASH)
    if key is None or not is_right or not key.is_open:
        raise KeyRefused
    return key


def key_still(key_id: UUID) -> ApiKey:
    """Return a key that works now, by its id: for what was signed in its name before. Raises NotFound."""
    key = _of_members().filter(pk=key_id).first()
    if key is None or not key.is_open:
        raise NotFound
    return key


def _of_members() -> models.QuerySet[ApiKey]:
    """Return the keys whose persons are members of their teams."""
    membership = Membership.objects.live().filter(user=models.OuterRef("user"), team=models.OuterRef("team"))
    return ApiKey.objects.select_related("user", "team").filter(models.Exists(membership))


def is_first_today(key: ApiKey) -> bool:
    """Return whether the key was not used before on this day (UTC)."""
    return key.last_used_at is None or key.last_used_at.date() < timezone.now().date()


def note_use(key: ApiKey) -> bool:
    """Keep when the key was used, to the minute; return whether this was its first use of the day."""
    now = timezone.now()
    if key.last_used_at is not None and now - key.last_used_at < timedelta(seconds=SEEN_S):
        return False
    is_first = is_first_today(key)
    seen = models.Q(last_used_at=None) | models.Q(last_used_at=key.last_used_at)
    changed = ApiKey.objects.filter(seen, pk=key.pk).update(last_used_at=now)
    return bool(changed) and is_first
