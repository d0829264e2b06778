"""The pages of the console, of a team and of one's account, found by following their tabs, in every look."""

import re
from collections.abc import Callable, Iterator

from playwright.sync_api import Page

from tests.e2e.conftest import Visitor
from tests.e2e.looks import Look, every_look
from tests.e2e.shelf import Shelf

Visit = Callable[..., Visitor]
FEWEST = {"system": 8, "team": 6, "account": 3}  # tabs that each area has at least: an empty crawl proves nothing


def enter(visit: Visit, look: Look) -> Page:
    """Begin to look as the administrator."""
    look.found = []
    return visit(language=look.language, theme=look.theme, size=look.size).sign_in()


def tabs(page: Page, address: str) -> list[str]:
    """Return the addresses of an area's tabs, the given one first."""
    page.goto(address)
    links = page.locator("main nav a").evaluate_all("all => all.map((each) => each.getAttribute('href'))")
    own = [link for link in links if link and link.startswith("/")]
    return list(dict.fromkeys([address, *own]))


def named(address: str) -> str:
    """Return what a picture of a page is called."""
    return re.sub(r"[0-9a-f-]{36}", "", address).strip("/").replace("//", "/").replace("/", "-") or "home"


def dialogs(page: Page) -> Iterator[str]:
    """Open each dialog that the head of the page offers, and close it again."""
    openers = page.locator(".page-actions [data-dialog]")
    for place in range(openers.count()):
        openers.nth(place).click()
        yield "dialog[open]"
        page.keyboard.press("Escape")


def walk(page: Page, look: Look, area: str, address: str) -> None:
    """Look at every tab of an area and at the dialogs of their heads."""
    found = tabs(page, address)
    assert len(found) >= FEWEST[area], found
    for each in found:
        page.goto(each)
        look.at(page, named(each))
        for place, dialog in enumerate(dialogs(page)):
            look.at(page, f"{named(each)}-dialog{place}", dialog)
    assert look.report == ""


@every_look
def test_it_shows_the_console_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    walk(enter(visit, look), look, "system", "/system/")


@every_look
def test_it_shows_a_team_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto("/libraries/")
    team = page.locator("#person-menu a[href^='/teams/']").first.get_attribute("href") or ""
    walk(page, look, "team", team)


@every_look
def test_it_shows_an_account_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    walk(enter(visit, look), look, "account", "/accounts/")


@every_look
def test_it_shows_who_may_see_a_library_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(f"{shelf.library}sharing/")
    look.at(page, "library-sharing")
    page.goto("/system/people/")
    page.locator("main td a").first.click()
    look.at(page, "person")
    assert look.report == ""
