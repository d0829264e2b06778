"""Every page, in both sizes, themes and languages: no console error, no sideways scrolling, no barrier for axe."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from kb_project.env import BASE_DIR
from tests.e2e.conftest import Visitor

AXE = (BASE_DIR / "tests" / "vendor" / "axe.min.js").read_text(encoding="utf-8")
FIND_BARRIERS = """axe.run(document, {resultTypes: ["violations"], preload: false}).then(result => result.violations
    .filter(each => ["serious", "critical"].includes(each.impact))
    .map(each => `${each.id}: ${each.nodes.map(node => node.html.slice(0, 160)).slice(0, 3).join(" | ")}`))"""
LOOKS = [
    pytest.param("en", "light", (1440, 900), id="en-light-desktop"),
    pytest.param("en", "dark", (390, 844), id="en-dark-phone"),
    pytest.param("zh-hans", "dark", (1440, 900), id="zh-dark-desktop"),
    pytest.param("zh-hans", "light", (390, 844), id="zh-light-phone"),
]
LANGUAGE_TAGS = {"en": "en", "zh-hans": "zh-Hans"}
Visit = Callable[..., Visitor]


def barriers(page: Page) -> list[str]:
    """Return what axe finds; evaluate is not bound by the page's policy."""
    page.evaluate(AXE)
    found: list[str] = page.evaluate(FIND_BARRIERS)
    return found


def faults(page: Page, language: str) -> list[str]:
    """Return what is wrong with how the page looks and reads."""
    page.wait_for_load_state("networkidle")
    found = [f"{page.url} {barrier}" for barrier in barriers(page)]
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        found.append(f"{page.url} scrolls sideways")
    tag = page.evaluate("document.documentElement.lang")
    if tag != LANGUAGE_TAGS[language]:
        found.append(f"{page.url} says that it is in {tag!r}")
    return found


def addresses(page: Page) -> list[str]:
    """Return the addresses of the product's pages, found by following its links."""
    page.goto("/libraries/")
    library = page.locator("main a.card-link").first.get_attribute("href") or ""
    page.goto(library)
    document = page.locator("main a[href*='/documents/']").first.get_attribute("href") or ""
    team = page.locator("#person-menu a[href^='/teams/']").first.get_attribute("href") or ""
    return [
        "/",
        "/libraries/",
        library,
        f"{library}settings/",
        document,
        "/accounts/",
        "/teams/",
        team,
        "/accounts/password/change/",
    ]


@pytest.mark.parametrize(("language", "theme", "size"), LOOKS)
def test_it_shows_every_page_without_a_fault(visit: Visit, language: str, theme: str, size: tuple[int, int]) -> None:
    page = visit(language=language, theme=theme, size=size).sign_in()
    found = []
    for address in addresses(page):
        page.goto(address)
        found += faults(page, language)
    assert found == []


@pytest.mark.parametrize(("language", "theme", "size"), LOOKS)
def test_it_greets_strangers_without_a_fault(visit: Visit, language: str, theme: str, size: tuple[int, int]) -> None:
    visitor = visit(language=language, theme=theme, size=size)
    visitor.allowed.append("404")  # the browser itself reports the status of the last page
    page = visitor.open("/accounts/login/")
    found = []
    for address in ("/accounts/login/", "/accounts/password/reset/", "/accounts/signup/", "/there-is-nothing-here/"):
        page.goto(address)
        found += faults(page, language)
    assert found == []


def test_it_is_usable_by_the_keyboard(visit: Visit) -> None:
    page = visit().sign_in()
    page.goto("/libraries/")
    page.keyboard.press("Control+k")
    page.keyboard.type("guide")
    page.locator("#jump-list [aria-selected=true]").wait_for()
    page.keyboard.press("Enter")
    page.wait_for_url("**/libraries/*-*/")
    page.keyboard.press("?")
    assert page.locator("#shortcuts").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#shortcuts").is_visible()


def test_it_keeps_the_chosen_theme_on_the_next_page(visit: Visit) -> None:
    page = visit().sign_in()
    page.locator("[data-menu=person-menu]").click()
    with page.expect_response("**/accounts/theme/"):
        page.locator("kb-theme [data-value=dark]").click()
    page.goto("/libraries/")
    assert page.locator("html").get_attribute("data-theme") == "dark"
    assert page.evaluate("getComputedStyle(document.body).colorScheme") == "dark"


def test_it_opens_the_rail_on_a_phone(visit: Visit) -> None:
    page = visit(size=(390, 844)).sign_in()
    page.locator(".bottom-bar [data-rail-open]").click()
    assert page.locator("#rail").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#rail").is_visible()
