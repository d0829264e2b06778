"""The sessions of a person: where they are signed in, since when, and how to end that."""

import hashlib
import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.core.errors import NotFound
from apps.users.client_address import client_ip
from apps.users.models import User
from apps.users.signals import happened

MOST_LISTED = 100
# The first that fits names the browser or the system; many name others as well.
BROWSERS = (
    ("Edge", r"Edg(?:e|A|iOS)?/"), ("Opera", r"OPR/|Opera"), ("Samsung Internet", r"SamsungBrowser/"),
    ("Firefox", r"Firefox/|FxiOS/"), ("WeChat", r"MicroMessenger/"), ("Chrome", r"HeadlessChrome/|Chrome/|CriOS/"),
    ("Safari", r"Safari/"), ("curl", r"^curl/"), ("Python", r"^python|^Python"),
)  # fmt: skip
SYSTEMS = (
    ("Windows", r"Windows"), ("iPhone", r"iPhone"), ("iPad", r"iPad"), ("Android", r"Android"),
    ("HarmonyOS", r"HarmonyOS|OpenHarmony"), ("ChromeOS", r"CrOS"), ("macOS", r"Mac OS X|Macintosh"),
    ("Linux", r"Linux|X11"),
)  # fmt: skip
PHONES = {"iPhone", "iPad", "Android", "HarmonyOS"}


@dataclass(frozen=True, slots=True)
class Device:
    """One session as its person sees it."""

    pk: int
    name: str  # "Firefox on Linux"
    is_phone: bool
    place: str
    ip: str
    signed_in_at: datetime
    seen_at: datetime
    is_current: bool


def seen_name(session_key: str) -> str:
    """Return the name in the cache under which the last write is kept; never the key itself."""
    return f"seen:{hashlib.sha256(session_key.encode()).hexdigest()[:32]}"


def note_seen(user: User, session_key: str, request: HttpRequest) -> None:
    """Keep that the session was used now, from where and by what; one statement."""
    agent = request.headers.get("User-Agent", "")[:200]
    UserSession.objects.filter(user_id=user.pk, session_key=session_key).update(
        last_seen_at=timezone.now(), ip=client_ip(request) or F("ip"), user_agent=agent
    )


def devices(user: User, current_key: str | None) -> list[Device]:
    """Return where the person is signed in, this session first, then the latest; two queries."""
    rows = list(UserSession.objects.filter(user_id=user.pk).order_by("-last_seen_at")[:MOST_LISTED])
    keys = [row.session_key for row in rows]
    alive = set(
        Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now()).values_list("pk", flat=True)
    )
    found = [_device(row, current_key) for row in rows if row.session_key in alive]
    return sorted(found, key=lambda each: not each.is_current)


def _device(row: UserSession, current_key: str | None) -> Device:
    system = _named(SYSTEMS, row.user_agent)
    return Device(
        pk=row.pk,
        name=device_name(row.user_agent),
        is_phone=system in PHONES,
        place=place_of(row.ip),
        ip=row.ip,
        signed_in_at=row.created_at,
        seen_at=row.last_seen_at,
        is_current=row.session_key == current_key,
    )


def device_name(agent: str) -> str:
    """Return what a browser calls itself, in words."""
    browser, system = _named(BROWSERS, agent), _named(SYSTEMS, agent)
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("Unknown program")


def _named(names: Iterable[tuple[str, str]], agent: str) -> str:
    return next((name for name, form in names if re.search(form, agent)), "")


def place_of(ip: str) -> str:
    """Return where an address is as far as it says so itself; no map of the internet is here, and none is asked."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ""
    if address.is_loopback:
        return _("This machine")
    return _("Local network") if address.is_private or address.is_link_local else _("Internet")


@transaction.atomic
def end_session(*, user: User, pk: int) -> None:
    """End one session of the person; its sockets close within seconds. Raises NotFound for another's."""
    row = UserSession.objects.filter(pk=pk, user_id=user.pk).first()
    if row is None:
        raise NotFound
    row.end()
    happened.send(User, action="session.ended", actor=user, team=None, target=user, detail={"ip": row.ip})


def forget_others(*, user: User, current_key: str | None) -> None:
    """Delete the person's other sessions, beside the epoch that ends them anyway."""
    others = UserSession.objects.filter(user_id=user.pk).exclude(session_key=current_key or "")
    Session.objects.filter(session_key__in=others.values("session_key")).delete()
    others.delete()


def follow(request: HttpRequest) -> None:
    """List the session of this request under its key of now: a new password or epoch gives it another."""
    UserSession.objects.create_from_request(request)


@transaction.atomic
def end_all(*, user: User, actor: User) -> None:
    """End every session of a person: by the epoch, which also ends those that no list names."""
    User.objects.filter(pk=user.pk).update(session_epoch=F("session_epoch") + 1)
    user.refresh_from_db(fields=["session_epoch"])
    keys = UserSession.objects.filter(user_id=user.pk)
    Session.objects.filter(session_key__in=keys.values("session_key")).delete()
    keys.delete()
    happened.send(User, action="user.signed-out-everywhere", actor=actor, team=None, target=user, detail={})
