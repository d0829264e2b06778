"""Reading as a new user meets it: any file, its pages, its passages, its versions, its order, and the web."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e import papers
from tests.e2e.conftest import Visitor
from tests.e2e.steps import (
    READ_MS,
    act_on_passage,
    add_read,
    ask_in,
    drop,
    make_library,
    open_document,
    row_of,
)
from tests.e2e.website import Website
from tests.e2e.website import page as web_page

Visit = Callable[..., Visitor]
SCAN_PAGES = ["good", "empty", "good"]


@pytest.fixture
def page(visit: Visit) -> Page:
    """Sign in."""
    return visit().sign_in()


def test_it_reads_whatever_is_dropped_and_cites_the_page_of_a_scan(page: Page, tmp_path: Path) -> None:
    make_library(page, "Any file")
    scan = papers.scan(tmp_path)
    add_read(page, papers.contract(tmp_path), papers.rates(tmp_path), scan, papers.parcel(tmp_path))
    for part in ("march.md", "april.md"):  # of the archive
        expect(row_of(page, part).locator("[data-status=ready]")).to_be_visible(timeout=READ_MS)

    open_document(page, scan.name)
    pages = page.locator(".strip-pages [data-quality]")
    assert [each.get_attribute("data-quality") for each in pages.all()] == SCAN_PAGES
    expect(pages.last).to_contain_text("%")

    answer = ask_in(page, "Any file", "Where does the spare key lie?")
    expect(answer.locator(".answer-text")).to_contain_text("blue vase")
    answer.locator(".answer-text [data-cite]").first.click()
    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text(scan.name)
    expect(drawer.locator(".pdf-page[data-page='3'] .pdf-mark:not([data-faint])").first).to_be_visible()


def test_it_opens_an_encrypted_file_by_its_password(page: Page, tmp_path: Path) -> None:
    make_library(page, "Locked")
    file = papers.locked(tmp_path, password="sesame-7")
    drop(page, file)
    row = row_of(page, file.name)
    row.get_by_role("button", name="Give the password").click(timeout=READ_MS)
    page.locator("#unlock-password").fill("sesame-8")
    page.locator("#drawer button[type=submit]").click()
    expect(row).to_contain_text("did not open with this password", timeout=READ_MS)

    row.get_by_role("button", name="Give the password").click()
    page.locator("#unlock-password").fill("sesame-7")
    page.locator("#drawer button[type=submit]").click()

    expect(row.locator("[data-status=ready]")).to_be_visible(timeout=READ_MS)
    open_document(page, file.name)
    expect(page.locator("kb-pdf canvas").first).to_be_visible()


def test_it_finds_what_a_person_writes_into_a_passage(page: Page, tmp_path: Path) -> None:
    make_library(page, "Edited")
    file = papers.contract(tmp_path)
    add_read(page, file)
    open_document(page, file.name)
    act_on_passage(page, 1, "edit")
    field = page.locator(".chunk-form .chunk-field")
    field.fill(f"{field.input_value()}\nThe cat of the landlord is called Minka.")
    page.locator(".chunk-form #chunk-keywords").fill("pets")
    page.locator(".chunk-form button[type=submit]").click()
    expect(page.locator(".chunk .chunk-flag", has_text="edited")).to_be_visible()
    expect(page.locator(".chunk [data-kind=pending]")).to_have_count(0, timeout=READ_MS)

    answer = ask_in(page, "Edited", "What is the cat of the landlord called?")

    expect(answer.locator(".answer-text")).to_contain_text("Minka")


def test_it_splits_a_passage_and_takes_it_back(page: Page, tmp_path: Path) -> None:
    make_library(page, "Split")
    file = papers.contract(tmp_path)
    add_read(page, file)
    open_document(page, file.name)
    cards = page.locator(".chunk")
    before, text = cards.count(), cards.first.locator(".chunk-text").inner_text()
    act_on_passage(page, 1, "edit")
    field = page.locator(".chunk-form .chunk-field")
    middle = field.input_value().index("Either party")
    field.evaluate("(each, at) => each.setSelectionRange(at, at)", middle)
    page.locator(".chunk-form [data-split]").click()
    expect(cards).to_have_count(before + 1)
    expect(cards.nth(1)).to_contain_text("Either party may end the lease")

    page.locator(".toast .toast-undo").click()

    expect(cards).to_have_count(before)
    expect(cards.first.locator(".chunk-text")).to_have_text(text, use_inner_text=True)
    act_on_passage(page, 1, "history")
    expect(page.locator("#drawer .chunk-history")).to_contain_text("Split")


def test_it_replaces_a_document_and_tells_old_answers(page: Page, tmp_path: Path) -> None:
    make_library(page, "Versions")
    file = papers.contract(tmp_path, days=30)
    add_read(page, file)
    open_document(page, file.name)
    document = page.url
    answer = ask_in(page, "Versions", "With how many days of notice may either party end the lease in writing?")
    expect(answer.locator(".answer-text")).to_contain_text("30 days")
    page.wait_for_url(re.compile(r"/chat/"))
    chat = page.url

    page.goto(f"{document.split('?')[0]}versions/")
    page.locator("[data-dialog=replace]").click()
    page.locator("#replace-file").set_input_files(papers.contract(tmp_path, days=60))
    page.locator("#replace-note").fill("Two months from now on")
    page.locator("#replace button[type=submit]").click()
    newest = page.locator(".versions tbody tr").first
    expect(newest).to_contain_text("Two months from now on")
    expect(newest.locator("[data-status=ready]")).to_be_visible(timeout=READ_MS)
    newest.locator("[data-menu]").click()
    page.get_by_role("link", name="Compare with version 1").click()
    expect(page.locator(".change del")).to_have_text("30")
    expect(page.locator(".change ins")).to_have_text("60")

    page.goto(chat)
    expect(page.locator(".source .source-changed")).to_be_visible()
    page.locator(".answer-text [data-cite]").first.click()
    expect(page.locator("#drawer .note")).to_contain_text("The source has changed")
    page.get_by_role("link", name="See what changed").click()
    expect(page.locator(".change ins")).to_have_text("60")


def test_it_keeps_documents_in_order(page: Page, tmp_path: Path) -> None:
    make_library(page, "In order")
    library = page.url
    notes = [papers.note(tmp_path, name) for name in ("bees", "trees", "seas")]
    add_read(page, *notes)
    for name in ("bees.md", "trees.md"):
        row_of(page, name).locator("[data-check] input").check()
    page.locator(".selection-bar [data-bulk-form=tag]").click()
    page.locator("#bulk-tags").fill("land")
    page.locator("#bulk-dialog button[type=submit]").click()
    expect(page.locator("#document-rows .tag", has_text="land")).to_have_count(2)

    page.locator("[data-menu^=facet-]", has_text="Tag").click()
    page.locator(".menu:popover-open a", has_text="land").click()
    rows = page.locator("#document-rows tr")
    expect(rows).to_have_count(2)
    page.locator("[data-check-page]").check()
    page.locator(".selection-bar").get_by_role("button", name="Delete").click()
    expect(rows).to_have_count(0)

    page.goto(library)
    expect(rows).to_have_count(1)
    page.get_by_role("link", name="Trash").click()
    gone = page.locator("table.documents tbody tr")
    expect(gone).to_have_count(2)
    gone.filter(has_text="bees.md").get_by_role("button", name="Restore").click()
    expect(gone).to_have_count(1)
    page.goto(library)
    expect(rows).to_have_count(2)
    expect(row_of(page, "bees.md").locator(".tag")).to_have_text("land")


def test_it_waits_while_reading_is_paused(page: Page, tmp_path: Path) -> None:
    make_library(page, "Paused")
    library = page.url
    page.goto(f"{library}jobs/")
    page.locator("#pause").click()
    expect(page.locator("#resume")).to_be_visible()
    page.goto(library)
    drop(page, papers.note(tmp_path, "later"))
    expect(row_of(page, "later.md").locator("[data-status=queued]")).to_be_visible(timeout=READ_MS)

    page.goto(f"{library}jobs/")
    page.locator("#resume").click()

    expect(page.locator(".jobs-table [data-status=ready], .jobs-table [data-status=done]")).to_be_visible(
        timeout=READ_MS
    )
    page.locator("[id^=log-]").first.click()
    expect(page.locator("#drawer .job-sheet")).to_contain_text("later.md")


def test_it_cuts_documents_by_another_rule_after_a_preview(page: Page, tmp_path: Path) -> None:
    make_library(page, "Rules")
    library = page.url
    file = papers.questions(tmp_path)
    add_read(page, file)
    page.goto(f"{library}chunking/")
    expect(page.locator(".cuts .cut")).to_have_count(1, timeout=READ_MS)
    page.locator("[name=strategy][value=qa]").check(force=True)
    expect(page.locator(".cuts .cut")).to_have_count(3, timeout=READ_MS)
    expect(page.locator(".cut-questions").first).to_contain_text("Who waters the plants?")
    page.locator("[data-dialog=save-rule]").click()
    page.locator("#save-rule button[type=submit]").click()
    expect(page.locator("#standing .note")).to_have_count(0, timeout=READ_MS)

    page.goto(library)
    expect(row_of(page, file.name).locator("[data-of=passages]")).to_have_text("3", timeout=READ_MS)
    open_document(page, file.name)
    expect(page.locator(".chunk-extras").first).to_contain_text("Who waters the plants?")


def test_it_reads_a_site_and_makes_changed_pages_versions(page: Page, website: Website) -> None:
    make_library(page, "Site")
    library = page.url
    page.goto(f"{library}web/")
    page.locator("[data-dialog=new-source]").first.click()
    page.locator("dialog[open] [name=kind][value=site]").check(force=True)
    page.locator("dialog[open] [name=urls]").fill(f"{website.url}/guide/")
    page.locator("dialog[open] button[type=submit]").click()
    rows = page.locator(".web-pages tbody tr")
    roses = rows.filter(has_text="roses.html")
    expect(rows.filter(has_text="private")).to_contain_text("robots.txt", timeout=READ_MS)
    expect(roses.locator("[data-status=ready]")).to_have_text("New", timeout=READ_MS)
    source = page.url

    website.pages["/guide/roses.html"] = web_page("玫瑰", "Roses are cut back in the first week of March.")
    page.get_by_role("button", name="Visit now").click()

    expect(roses.locator("[data-status=ready]")).to_have_text("Changed", timeout=READ_MS)
    roses.get_by_role("link").click()
    expect(page.locator(".chunk-text").first).to_contain_text("March", timeout=READ_MS)
    page.locator("[data-menu=document-menu]").click()
    page.locator("#document-menu a[href*=versions]").click()
    expect(page.locator(".versions tbody tr")).to_have_count(2)
    page.goto(source)
    expect(rows).to_have_count(3)
