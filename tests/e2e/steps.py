"""What people do in the browser tests, step by step."""

import re
from pathlib import Path

from playwright.sync_api import Locator, Page, expect

READ_MS = 120_000
ANSWER_MS = 120_000
HEADING = {"en": "Libraries", "zh-hans": "知识库"}


def make_library(page: Page, name: str, language: str = "en") -> None:
    """Create a library and stay on its page."""
    page.goto("/libraries/")
    expect(page.get_by_role("heading", name=HEADING[language]).first).to_be_visible()
    page.locator("[data-dialog=new-library]").first.click()
    page.locator("dialog[open] input[name=name]").fill(name)
    page.locator("dialog[open] button[type=submit]").click()
    page.wait_for_url(re.compile(r"/libraries/[0-9a-f-]{36}/"))


def drop(page: Page, *files: Path) -> None:
    """Give files to the drop zone of the page."""
    page.locator("input[type=file]:not([webkitdirectory])").first.set_input_files([str(file) for file in files])


def ask(page: Page, question: str) -> None:
    """Send a question."""
    page.locator("[data-composer]").fill(question)
    page.keyboard.press("Enter")


def done(page: Page) -> None:
    """Wait until the last answer is complete."""
    page.wait_for_selector("kb-answer:last-of-type[data-state=done]", timeout=ANSWER_MS)


def choose_mode(page: Page, mode: str) -> None:
    """Let the composer answer like this."""
    page.locator("[data-menu=composer-way]").click()
    page.locator(f"#composer-way input[value={mode}]").check(force=True)
    page.keyboard.press("Escape")


def choose_library(page: Page, name: str) -> None:
    """Let the composer search in one library alone."""
    page.locator("[data-menu=composer-libraries]").click()
    page.locator("#composer-libraries label", has_text=name).locator("input").check(force=True)
    page.keyboard.press("Escape")


def ask_in(page: Page, library: str, question: str) -> Locator:
    """Ask one library for quotes in a new chat; returns the answer."""
    page.goto("/")
    choose_library(page, library)
    choose_mode(page, "quote")
    ask(page, question)
    done(page)
    return page.locator("kb-answer").last


def row_of(page: Page, name: str) -> Locator:
    """Return the row of a document in the list."""
    return page.locator("#document-rows tr").filter(has=page.locator(f"a[data-name][title='{name}']"))


def add_read(page: Page, *files: Path) -> None:
    """Add files to the library that is open and wait until each is ready."""
    drop(page, *files)
    for file in files:
        expect(row_of(page, file.name).locator("[data-status=ready]")).to_be_visible(timeout=READ_MS)


def open_document(page: Page, name: str) -> None:
    """Follow the link of a document in the list."""
    row_of(page, name).locator("a[data-name]").click()
    page.wait_for_url("**/libraries/documents/**")


def act_on_passage(page: Page, number: int, act: str) -> None:
    """Choose something in the menu of a passage, counted from 1."""
    page.locator(".chunk").nth(number - 1).locator("[data-menu=chunk-menu]").click()
    page.locator(f"#chunk-menu [data-act={act}]").click()


def open_more(page: Page, answer: Locator, name: str) -> None:
    """Choose something in the menu below an answer."""
    answer.locator("[data-menu^=more-]").click()
    page.locator(".menu:popover-open button", has_text=name).click()
