"""People, rights and keys as they are used: join, share, end a right, sign in with a second factor, act by a key."""

import base64
import hashlib
import hmac
import json
import re
import struct
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Site, Visitor
from tests.e2e.steps import READ_MS, ask_in, drop, make_library

Visit = Callable[..., Visitor]
PASSWORD = "quiet-Harbour-2026"
FACT = "The vault of the quay office opens with the code 4711 and two keys."
QUESTION = "With which code does the vault of the quay office open?"


def team_address(page: Page) -> str:
    """Return the address of the administrator's team."""
    page.goto("/libraries/")
    return page.locator("#person-menu a[href^='/teams/']").first.get_attribute("href") or ""


def invited(page: Page, visit: Visit, email: str, role: str = "viewer") -> Page:
    """Invite by a link, join by it as a new person, and return their page."""
    page.goto(f"{team_address(page)}invitations/")
    page.locator("[data-dialog=invite-link]").first.click()
    page.locator("#invite-link select[name=role]").select_option(role)
    page.locator("#invite-link button[type=submit]").click()
    link = page.locator("kb-copy input").first.input_value()
    theirs = visit().open(link.replace(re.match(r"https?://[^/]+", link)[0], ""))  # type: ignore[index]
    theirs.locator("input[name=name]").fill(email.partition("@")[0].title())
    theirs.locator("input[name=email]").fill(email)
    theirs.locator("input[name=password]").fill(PASSWORD)
    theirs.locator("form.form button[type=submit]").click()
    theirs.locator("#rail").wait_for(state="attached")
    return theirs


def vault(page: Page) -> Locator:
    """Return the card of the library in the list of libraries."""
    return page.locator("main a.card-link", has_text="Vault")


def one_time_code(secret: str) -> str:
    """Return the code of an authenticator app now (RFC 6238: SHA-1, 30 s, 6 digits)."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    place = digest[-1] & 15
    number = struct.unpack(">I", digest[place : place + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def called(site: Site, path: str, key: str, body: dict[str, object] | None = None) -> tuple[int, dict[str, object]]:
    """Call the API with a key; return the status and the JSON."""
    request = Request(  # noqa: S310  (our own loopback address)
        f"{site.url}/api/v1/{path}",
        data=json.dumps(body).encode() if body is not None else None,
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=60) as answer:  # noqa: S310
            return answer.status, json.loads(answer.read() or b"{}")
    except HTTPError as error:
        return error.code, json.loads(error.read() or b"{}")


def test_it_shares_a_library_with_one_person_and_ends_that_at_once(visit: Visit, tmp_path: Path) -> None:
    page = visit().sign_in()
    theirs = invited(page, visit, "nora@example.test")
    make_library(page, "Vault")
    address = page.url
    paper = tmp_path / "Vault.md"
    paper.write_text(f"# Vault\n\n{FACT}\n", encoding="utf-8")
    drop(page, paper)
    expect(page.locator("[data-status=ready]").first).to_be_visible(timeout=READ_MS)
    theirs.goto("/libraries/")
    expect(vault(theirs)).to_be_visible()

    page.goto(f"{address.split('?')[0]}sharing/")
    page.locator("#sharing button[value=restrict]").click()
    expect(page.locator("#sharing button[value=restrict]")).to_be_disabled()
    theirs.goto("/libraries/")
    expect(vault(theirs)).to_have_count(0)
    visitor_response = theirs.request.get(address)
    assert visitor_response.status == HTTPStatus.NOT_FOUND
    assert "4711" not in visitor_response.text()

    page.locator(".sharing-add input[name=to]").first.fill("nora@example.test")
    page.locator(".sharing-add button[data-kind=primary]").click()
    expect(page.locator(".sharing-list").first).to_contain_text("nora@example.test")
    answer = ask_in(theirs, "Vault", QUESTION)
    expect(answer.locator(".answer-text")).to_contain_text("4711")

    page.get_by_role("button", name=re.compile("Stop sharing with Nora")).click()
    expect(page.locator("section:has(#sharing-people)")).not_to_contain_text("nora@example.test")
    answer.locator(".answer-text [data-cite]").first.click()
    expect(theirs.locator("#drawer")).not_to_contain_text("two keys", timeout=10_000)
    theirs.goto("/libraries/")
    expect(vault(theirs)).to_have_count(0)


def test_it_signs_in_with_a_second_factor(visit: Visit) -> None:
    page = visit().sign_in()
    theirs = invited(page, visit, "omar@example.test")
    theirs.goto("/accounts/security/")
    theirs.locator("a[href$='/factors/app/on/']").click()
    if theirs.locator("input[name=password]").count():  # asked for the password again
        theirs.locator("input[name=password]").fill(PASSWORD)
        theirs.locator("form button[type=submit]").first.click()
    secret = theirs.locator("#totp-secret").input_value()
    theirs.locator("input[name=code]").fill(one_time_code(secret))
    theirs.locator("form button[type=submit]").first.click()
    theirs.wait_for_url(re.compile("/accounts/"))

    again = visit().open("/")
    again.locator("input[name=login]").fill("omar@example.test")
    again.locator("input[name=password]").fill(PASSWORD)
    again.locator("form:has(input[name=password]) button[type=submit]").click()
    code = again.locator("input[name=code]")
    code.wait_for()
    code.fill("000000")
    again.locator("form:has(input[name=code]) button[type=submit]").first.click()
    expect(again.locator("#rail")).to_have_count(0)
    wait_for_next_code()
    again.locator("input[name=code]").fill(one_time_code(secret))
    again.locator("form:has(input[name=code]) button[type=submit]").first.click()
    again.locator("#rail").wait_for(state="attached")


def wait_for_next_code() -> None:
    """Wait until the app shows another code: each counts once."""
    now = int(time.time()) // 30
    while int(time.time()) // 30 == now:
        time.sleep(0.5)


def test_it_acts_by_a_key_until_that_is_revoked(visit: Visit, site: Site) -> None:
    page = visit().sign_in()
    theirs = invited(page, visit, "pia@example.test")
    theirs.goto("/accounts/keys/")
    theirs.locator("[data-dialog=new-key]").first.click()
    theirs.locator("input[name=name]").fill("Reports")
    for scope in ("read", "search", "ask"):
        theirs.locator(f"input[name=scopes][value={scope}]").check()
    theirs.locator("form:has(input[name=name]) button[type=submit]").click()
    if theirs.locator("input[name=password]").count():
        pytest.fail("a new key asked for the password minutes after signing in")
    secret = theirs.locator("kb-copy input").first.input_value()
    theirs.reload()
    expect(theirs.locator("body")).not_to_contain_text(secret)

    status, me = called(site, "me", secret)
    assert status == HTTPStatus.OK
    assert "pia@example.test" in json.dumps(me)
    status, found = called(site, "search", secret, {"question": "annual leave"})
    assert status == HTTPStatus.OK
    assert found
    theirs.locator("[data-menu^=key-]").first.click()
    theirs.get_by_role("button", name=re.compile("Revoke")).first.click()
    if theirs.locator("dialog[open]").count():
        theirs.locator("dialog[open] button[type=submit]").click()
    expect(theirs.locator("main")).to_contain_text(re.compile("revoked", re.IGNORECASE))
    assert called(site, "me", secret)[0] == HTTPStatus.UNAUTHORIZED


def test_it_tells_what_happened_to_the_administrator(visit: Visit) -> None:
    page = visit().sign_in()
    invited(page, visit, "quin@example.test")
    page.goto("/system/audit/")
    expect(page.locator("#audit")).to_contain_text("Invitation accepted")
    page.locator("input[name=who]").fill("quin@example.test")
    page.keyboard.press("Enter")
    expect(page.locator("#audit")).to_contain_text("Account created")
    expect(page.locator("#audit")).not_to_contain_text("admin@localhost")
