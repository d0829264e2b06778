"""Single sign-on against a real provider from npm on loopback: who comes in, what groups mean, what nobody fetches."""

import fcntl
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.http import HttpResponse
from django.test import Client, override_settings
from pydantic import SecretStr

from apps.users.addresses import is_proven
from apps.users.models import Group, GroupMapping, GroupMember, Membership, Role, Team, User
from tests.settings_override import env
from tests.users.oidc_sink import Sink

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]
HOST = "http://testserver"
BACK = f"{HOST}/accounts/sign-on/sso/back/"
START = "/accounts/sign-on/sso/"
PACKAGE = "oidc-provider@9.13.3"
MODULES = Path(__file__).resolve().parents[2] / "var" / "oidc"
Claims = dict[str, dict[str, object]]


@pytest.fixture(scope="module")
def modules() -> Path:
    """Return where the provider's package is; it is installed once, below var/."""
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        pytest.skip("node and npm are not installed: no real OpenID Connect provider to try")
    MODULES.mkdir(parents=True, exist_ok=True)
    installed = MODULES / "installed"  # npm makes a package's folder seconds before the package can be loaded
    with (MODULES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of several workers one installs, the others wait for it
        if not installed.exists() or installed.read_text() != PACKAGE:
            done = subprocess.run(
                [npm, "install", "--no-audit", "--no-fund", "--no-save", PACKAGE],
                cwd=MODULES, capture_output=True, timeout=240, check=False,
            )  # fmt: skip
            if done.returncode:
                pytest.skip("oidc-provider cannot be installed: no package registry answers")
            installed.write_text(PACKAGE)
    return MODULES


@pytest.fixture
def sink() -> Iterator[Sink]:
    """Record whatever asks a local address that a claim names."""
    with Sink() as sink:
        yield sink


@pytest.fixture
def claims(tmp_path: Path, sink: Sink) -> Callable[[Claims], None]:
    """Return what sets the claims of the provider's people; at first Mia is a known engineer."""
    path = tmp_path / "claims.json"

    def write(people: Claims) -> None:
        path.write_text(json.dumps(people))

    write({"mia": mia(picture=sink.address, groups=["engineers"])})
    return write


def mia(**more: object) -> dict[str, object]:
    return {"email": "mia@corp.test", "email_verified": True, "name": "Mia Wong"} | more


@pytest.fixture
def provider(modules: Path, claims: Callable[[Claims], None], tmp_path: Path) -> Iterator[str]:
    """Run the provider; return its issuer. It fails with the provider's own words when that ends by itself."""
    environment = {
        "CLAIMS": str(tmp_path / "claims.json"), "REDIRECT": BACK, "MODULES": str(modules),
        "PATH": "/usr/bin:/bin:/usr/local/bin", "NODE_NO_WARNINGS": "1",
    }  # fmt: skip
    command = [shutil.which("node") or "node", str(Path(__file__).with_name("oidc_server.mjs"))]
    said = tmp_path / "provider.log"
    with (
        said.open("w") as errors,
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=errors, text=True) as process,
    ):
        assert process.stdout is not None
        issuer = next((line.strip() for line in process.stdout if line.startswith("http://")), "")
        assert issuer, said.read_text()
        known = env(
            oidc_issuer=issuer, oidc_client_id="zhiku", oidc_client_secret=SecretStr("a-secret-of-the-test"),
            oidc_hosts=urlsplit(issuer).netloc, oidc_scopes="openid profile email groups",
        )  # fmt: skip
        try:
            with known, override_settings(PUBLIC_URL=HOST):
                yield issuer
            assert process.poll() is None, said.read_text()
        finally:
            process.terminate()


def sign_on(login: str, browser: Client | None = None) -> tuple[Client, HttpResponse]:
    """Walk through the provider's pages as a person does; return their browser and what our site answered last."""
    browser = browser or Client()
    response = browser.post(START)
    assert response.status_code == 302, response.content
    place = response.headers["Location"]
    with httpx.Client(follow_redirects=False) as outside:
        for _step in range(20):
            if place.startswith(HOST):
                parts = urlsplit(place)
                return browser, browser.get(f"{parts.path}?{parts.query}")
            page = outside.get(place)
            if page.is_redirect:
                place = urljoin(place, page.headers["location"])
                continue
            form = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
            form |= {"login": login, "password": "any"} if 'name="login"' in page.text else {}
            action = re.search(r'action="([^"]+)"', page.text)
            assert action, page.text
            page = outside.post(urljoin(place, action[1]), data=form)
            place = urljoin(place, page.headers["location"])
    raise AssertionError("the provider never sent the browser back")


def test_it_lets_somebody_new_in(provider: str) -> None:
    browser, response = sign_on("mia")

    assert response.status_code == 302
    user = User.objects.get(email="mia@corp.test")
    assert (user.name, user.has_usable_password(), user.is_staff) == ("Mia Wong", False, False)
    assert is_proven(user)
    assert browser.get("/accounts/").status_code == 200
    assert SocialAccount.objects.get(user=user).uid == "mia"


def test_case_63_it_never_fetches_a_picture(provider: str, sink: Sink) -> None:
    sign_on("mia")

    assert sink.seen == []


def test_it_follows_the_groups_of_the_provider(provider: str, claims: Callable[[Claims], None], t1: Team) -> None:
    group = Group.objects.create(team=t1, name="Builders")
    GroupMapping.objects.create(claim="engineers", team=t1, role=Role.EDITOR, group=group)
    GroupMapping.objects.create(claim="leads", team=t1, role=Role.ADMIN)

    sign_on("mia")
    member = Membership.objects.get(team=t1, user__email="mia@corp.test")
    assert (member.role, member.is_synced) == (Role.EDITOR, True)
    assert GroupMember.objects.filter(group=group, membership=member, is_synced=True).exists()

    claims({"mia": mia(groups=["engineers", "leads"])})
    sign_on("mia")
    member.refresh_from_db()
    assert member.role == Role.ADMIN

    claims({"mia": mia(groups=["guests"])})
    sign_on("mia")
    assert not Membership.objects.filter(team=t1, user__email="mia@corp.test").exists()
    assert not GroupMember.objects.filter(group=group).exists()


def test_it_takes_back_nothing_that_a_person_gave(provider: str, claims: Callable[[Claims], None], t1: Team) -> None:
    GroupMapping.objects.create(claim="engineers", team=t1, role=Role.ADMIN)
    sign_on("mia")
    user = User.objects.get(email="mia@corp.test")
    Membership.objects.filter(user=user).update(is_synced=False, role=Role.VIEWER)

    sign_on("mia")
    claims({"mia": mia(groups=[])})
    sign_on("mia")

    assert Membership.objects.get(user=user, team=t1).role == Role.VIEWER


def test_it_opens_the_account_of_a_proven_address_alone(
    provider: str, claims: Callable[[Claims], None], alice: User
) -> None:
    claims({"eve": mia(email=alice.email, email_verified=False), "al": mia(email=alice.email.upper())})

    browser, refused = sign_on("eve")
    assert refused.status_code == 403
    assert browser.get("/accounts/").status_code == 302

    browser, _response = sign_on("al")
    assert browser.get("/accounts/").status_code == 200
    assert SocialAccount.objects.get().user == alice
    assert User.objects.filter(email__iexact=alice.email).count() == 1


def test_it_makes_no_accounts_where_the_operator_does_not_want_it(provider: str) -> None:
    with env(oidc_signup=False):
        _browser, response = sign_on("mia")

    assert response.status_code == 200  # the page that says so
    assert not User.objects.filter(email="mia@corp.test").exists()


def test_it_keeps_a_suspended_person_out(provider: str) -> None:
    sign_on("mia")
    User.objects.filter(email="mia@corp.test").update(is_active=False)

    browser, _response = sign_on("mia")

    assert browser.get("/accounts/").status_code == 302


@pytest.mark.parametrize("hosts", ["", "127.0.0.1:1"])
def test_case_62_it_asks_no_private_provider_that_nobody_named(provider: str, hosts: str) -> None:
    with env(oidc_hosts=hosts):
        response = Client().post(START)

    assert response.status_code == 403


def test_it_believes_no_state_of_somebody_else(provider: str) -> None:
    _browser, response = sign_on("mia", Client())
    assert response.status_code == 302

    forged = Client().get("/accounts/sign-on/sso/back/", {"code": "x", "state": "y"})

    assert forged.status_code == 403


def test_it_is_not_there_without_a_provider() -> None:
    assert Client().post(START).status_code == 404
