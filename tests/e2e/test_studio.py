"""The image studio with the real demonstration model, in a browser, from sign-in."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Download, Page, expect

from tests.e2e.conftest import Site, Visitor
from tests.e2e.looks import Look, every_look

Visit = Callable[..., Visitor]
DRAWN_MS = 120_000  # the first one waits for the model to be loaded
EXAMPLE = "a large red circle on white background"


def enter(visit: Visit, **window: object) -> Page:
    """Open the studio as the administrator."""
    page = visit(**window).sign_in()
    begin_anew(page)
    return page


def begin_anew(page: Page) -> None:
    """Open the studio with every setting as at first: the form is kept as it was left."""
    page.goto("/images/")
    page.locator("kb-order[data-ready]").wait_for(state="attached")
    page.locator("[data-reset]").click()
    page.locator(".toast-close").first.click()


def draw(page: Page, prompt: str, count: int = 1) -> None:
    """Order pictures by the keyboard and wait for all of them."""
    runs = page.locator("#runs .run").count()
    page.locator("#order-prompt").fill(prompt)
    page.locator("#order-count").fill(str(count))
    page.locator("#order-prompt").press("Control+Enter")
    expect(page.locator("#runs .run")).to_have_count(runs + 1)
    drawn(page, count)


def drawn(page: Page, count: int) -> None:
    """Wait until the newest order has all its pictures."""
    newest = page.locator("#runs .run").first
    expect(newest.locator("[data-open-picture]")).to_have_count(count, timeout=DRAWN_MS)
    expect(newest).not_to_have_attribute("data-live", "")


def open_newest(page: Page) -> None:
    """Open the newest picture large."""
    page.locator("#runs [data-open-picture]").first.click()
    page.locator("#viewer[open] kb-viewer").wait_for()


def saved(download: Download, folder: Path) -> Path:
    """Keep a downloaded file."""
    path = folder / download.suggested_filename
    download.save_as(path)
    return path


NEWCOMER = """
from apps.users.models import Role, Team
from apps.users.services import add_member, create_user
person = create_user(email="nadia@example.org", password="quiet-Harbour-2026", name="Nadia")
add_member(team=Team.objects.get(name="Zhiku"), user=person, role=Role.EDITOR)
"""


def test_it_draws_a_newcomers_first_picture_in_three_clicks_from_sign_in(visit: Visit, site: Site) -> None:
    site.manage("shell", "-v", "0", "-c", NEWCOMER)
    page = visit().sign_in("nadia@example.org", "quiet-Harbour-2026")

    page.locator("#rail a[href='/images/']").click()
    page.locator("[data-example]").first.click()

    drawn(page, 1)
    expect(page.locator("#order-prompt")).to_have_value(EXAMPLE)
    expect(page.locator(".thumb")).to_have_count(1)


def test_it_draws_again_with_the_settings_of_a_picture(visit: Visit) -> None:
    page = enter(visit)
    draw(page, "a small yellow triangle on black background", count=2)
    page.locator("#order-prompt").fill("something else")
    page.locator("#order-steps").fill("3")

    open_newest(page)
    page.locator("[data-act=recall]").click()

    expect(page.locator("#order-prompt")).to_have_value("a small yellow triangle on black background")
    expect(page.locator("#order-steps")).to_have_value("20")
    seed = page.locator("#order-seed").input_value()
    assert seed
    open_newest(page)
    page.locator("[data-act=again]").click()
    drawn(page, 1)
    open_newest(page)
    expect(page.locator(".card-facts")).to_contain_text(seed)


def test_it_goes_through_pictures_by_the_arrow_keys(visit: Visit) -> None:
    page = enter(visit)
    draw(page, EXAMPLE, count=2)
    open_newest(page)
    first = page.locator("kb-viewer").get_attribute("data-picture") or ""

    page.keyboard.press("ArrowRight")

    expect(page.locator("kb-viewer")).not_to_have_attribute("data-picture", first)
    page.keyboard.press("ArrowLeft")
    expect(page.locator("kb-viewer")).to_have_attribute("data-picture", first)
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).not_to_have_attribute("open", "")


def test_it_sorts_pictures_on_boards(visit: Visit) -> None:
    page = enter(visit)
    draw(page, EXAMPLE)
    page.locator("[data-menu=board-menu]").click()
    page.locator("[data-dialog=new-board]").click()
    page.locator("#new-board-name").fill("Circles")
    page.locator("#new-board button[type=submit]").click()
    board = page.locator("#gallery-board")
    expect(board.locator("option:checked")).to_have_text(re.compile("Circles"))
    expect(page.locator(".gallery-none")).to_be_visible()

    board.select_option("")
    page.locator(".thumb-check input").first.check(force=True)
    page.locator("[data-menu=move-menu]").click()
    page.locator("#move-menu button", has_text="Circles").click()
    expect(page.locator(".toast", has_text="moved")).to_be_visible()
    board.select_option(label="Circles (1)")

    expect(page.locator(".thumb")).to_have_count(1)


def test_it_deletes_with_undo(visit: Visit) -> None:
    page = enter(visit)
    draw(page, EXAMPLE)
    before = page.locator(".thumb").count()
    open_newest(page)

    page.locator("kb-viewer [data-delete]").click()

    expect(page.locator(".thumb")).to_have_count(before - 1)
    page.locator(".toast-undo").click()
    expect(page.locator(".thumb")).to_have_count(before)


def test_it_offers_the_settings_of_a_dropped_picture(visit: Visit, tmp_path: Path) -> None:
    page = enter(visit)
    draw(page, "a (red:1.3) square on white background")
    open_newest(page)
    page.locator("[data-menu=viewer-download]").click()
    with page.expect_download() as download:
        page.locator("#viewer-download a").first.click()
    path = saved(download.value, tmp_path)
    begin_anew(page)
    page.locator("#order-steps").fill("7")

    page.locator("[data-source-file]").set_input_files(str(path))

    page.locator("#found-settings[open]").wait_for()
    expect(page.locator("#found-settings tbody")).to_contain_text("a (red:1.3) square")
    page.locator("[data-found-apply]").click()
    expect(page.locator("#order-prompt")).to_have_value("a (red:1.3) square on white background")
    expect(page.locator("#order-steps")).to_have_value("20")


def test_it_repaints_a_part_and_compares_with_the_source(visit: Visit) -> None:
    page = enter(visit)
    draw(page, EXAMPLE)
    open_newest(page)
    page.locator("[data-act=inpaint]").click()
    page.locator("#mask-dialog[open]").wait_for()
    page.locator("[data-tool=box]").click()
    canvas = page.locator("kb-mask canvas").bounding_box()
    assert canvas is not None
    page.mouse.move(canvas["x"] + canvas["width"] * 0.45, canvas["y"] + canvas["height"] * 0.2)
    page.mouse.down()
    page.mouse.move(canvas["x"] + canvas["width"] * 0.55, canvas["y"] + canvas["height"] * 0.8, steps=4)
    page.mouse.up()
    page.locator("[data-mask-use]").click()
    expect(page.locator("[data-mask-image]")).to_be_visible()

    draw(page, "a large blue circle on white background")

    open_newest(page)
    page.locator("[data-act=compare]").click()
    expect(page.locator(".compare")).to_be_visible()


def test_it_stops_an_order_and_keeps_what_is_drawn(visit: Visit) -> None:
    page = enter(visit)
    page.locator("#order-prompt").fill(EXAMPLE)
    page.locator("#order-count").fill("8")
    page.locator("#order-steps").fill("100")
    page.locator("#order-prompt").press("Control+Enter")
    newest = page.locator("#runs .run").first

    newest.locator("[hx-post$='/cancel/']").click()

    expect(newest).not_to_have_attribute("data-live", "", timeout=DRAWN_MS)
    expect(newest).to_have_attribute("data-state", re.compile("cancelled|done"))


def test_it_says_in_words_what_cannot_be_drawn(visit: Visit) -> None:
    visitor = visit()
    visitor.allowed.append("422")
    page = visitor.sign_in()
    begin_anew(page)
    page.locator("#order-prompt").fill(EXAMPLE)
    page.locator("[name=width]").fill("65")

    page.locator("#order-prompt").press("Control+Enter")

    expect(page.locator("[data-problem]")).to_contain_text("multiple of 8")


def test_it_weighs_words_by_the_keyboard(visit: Visit) -> None:
    page = enter(visit)
    prompt = page.locator("#order-prompt")
    prompt.fill("a red circle")
    prompt.evaluate("field => field.setSelectionRange(3, 3)")

    prompt.press("Control+ArrowUp")
    prompt.press("Control+ArrowUp")

    expect(prompt).to_have_value("a (red:1.2) circle")
    expect(page.locator(".prompt-ink .ink-more").first).to_have_text("red")


@pytest.mark.parametrize("part", ["pictures", "gallery"])
def test_it_shows_one_part_at_a_time_on_a_phone(visit: Visit, part: str) -> None:
    page = enter(visit, size=(390, 844))

    page.locator(f"[data-show={part}]").click()

    expect(page.locator(f".studio-{part}")).to_be_visible()
    expect(page.locator(".studio-settings")).to_be_hidden()


@every_look
def test_it_shows_the_studio_without_a_fault(visit: Visit, look: Look) -> None:
    look.found = []
    page = enter(visit, language=look.language, theme=look.theme, size=look.size)
    is_phone = look.size[0] < 600
    look.at(page, "studio")
    page.locator("[data-menu=prompt-help]").click()
    look.at(page, "studio-help", ".menu:popover-open")
    page.keyboard.press("Escape")
    page.evaluate("document.querySelectorAll('kb-studio details').forEach(each => { each.open = true; })")
    page.locator("[data-enable=hires]").check()
    page.locator("[data-add-axis]").click()
    look.at(page, "studio-open")
    if is_phone:
        page.locator("[data-show=pictures]").click()
        look.at(page, "studio-pictures")
    open_newest(page)
    look.at(page, "studio-picture", "#viewer")
    page.locator("[data-act=inpaint]").click()
    page.locator("#mask-dialog[open]").wait_for()
    look.at(page, "studio-mask", "#mask-dialog")
    page.keyboard.press("Escape")
    if is_phone:
        page.locator("[data-show=gallery]").click()
    look.at(page, "studio-gallery")
    page.locator("[data-menu=board-menu]").click()
    page.locator("[data-dialog=new-board]").click()
    look.at(page, "studio-board", "dialog[open]")
    assert look.report == ""
