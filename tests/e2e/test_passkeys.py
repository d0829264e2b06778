"""A passkey in a real browser: made, used alone, used as second factor, and gone."""

import re

from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import Site

EMAIL, PASSWORD = "rosa@example.test", "correct horse battery"
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def typed(page: Page, base: str) -> None:
    page.goto(f"{base}/accounts/login/")
    page.locator("input[name=login]").fill(EMAIL)
    page.locator("input[name=password]").fill(PASSWORD)
    page.locator("form:has(input[name=password]) button[type=submit]").click()


def signed_out(page: Page, base: str) -> None:
    page.goto(f"{base}/accounts/logout/")
    page.locator("main button[type=submit]").click()
    page.wait_for_load_state()


def test_it_signs_in_by_a_passkey(site: Site, browser: Browser) -> None:
    site.manage("create_user", EMAIL, "--name", "Rosa", "--team", "Zhiku", "--password", PASSWORD)
    base = site.url.replace("127.0.0.1", "localhost")  # browsers make no passkeys for an address of numbers
    context = browser.new_context()
    page = context.new_page()
    device = context.new_cdp_session(page)
    device.send("WebAuthn.enable")
    device.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    typed(page, base)
    page.goto(f"{base}/accounts/factors/passkeys/add/")
    page.locator("kb-passkey button[type=button]").click()
    page.wait_for_url("**/factors/codes/")
    expect(page.locator(".codes li")).to_have_count(10)

    signed_out(page, base)
    page.goto(f"{base}/accounts/login/")
    page.locator("kb-passkey button").click()
    page.wait_for_url(f"{base}/")

    signed_out(page, base)
    typed(page, base)
    page.wait_for_url("**/authenticate/")
    page.goto(f"{base}/")  # the password alone opens nothing
    expect(page).to_have_url(re.compile("/accounts/factors/authenticate/"))
    page.locator("kb-passkey button").click()
    page.wait_for_url(f"{base}/")

    page.goto(f"{base}/accounts/security/")
    page.locator("a[href*='/passkeys/'][href$='/remove/']").click()
    page.locator("main form button[type=submit]").click()
    expect(page.locator("main")).to_contain_text("The passkey is removed.")
    context.close()
