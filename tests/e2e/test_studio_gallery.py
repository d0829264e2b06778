"""Orders, pictures and the gallery in a browser: the queue, grids, one picture, many of them, boards of two people."""

import base64
import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, PngImagePlugin
from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Site, Visitor
from tests.e2e.looks import Look, every_look
from tests.images.grammar.test_comfyui import COMFY
from tests.images.grammar.test_pictured import INVOKE

Visit = Callable[..., Visitor]
DRAWN_MS = 120_000
PASSWORD = "quiet-Harbour-2026"
GRETA, NORA, OTTO, VERA = (f"{name}@example.org" for name in ("greta", "nora", "otto", "vera"))
SESSIONS: dict[str, list[Any]] = {}  # cookies by mail: signing in takes a while
A1111 = "a (blue:1.2) circle\nNegative prompt: 模糊\nSteps: 9, Sampler: Euler a, CFG scale: 4, Seed: 77, Size: 64x64"
GRID = [{"kind": "prompt_sr", "values": "red, blue, green"}, {"kind": "steps", "values": "4, 8"}]


@pytest.fixture(scope="module", autouse=True)
def _people(site: Site) -> None:
    """Let there be people with pictures."""
    site.manage("shell", "-v", "0", "-c", f"from tests.e2e.gallery import fill; fill({PASSWORD!r})")
    SESSIONS.clear()


def enter(visit: Visit, email: str = GRETA, *allowed: str, **window: object) -> Page:
    """Open the studio as one of these people."""
    visitor = visit(**window)
    visitor.allowed.extend(allowed)
    visitor.context.grant_permissions(["clipboard-read", "clipboard-write"])
    if email in SESSIONS:
        visitor.context.add_cookies(SESSIONS[email])
        page = visitor.open("/images/")
    else:
        page = visitor.sign_in(email, PASSWORD)
        SESSIONS[email] = [each for each in visitor.context.cookies() if each["name"] != "kb_language"]
        page.goto("/images/")
    page.locator("kb-order[data-ready]").wait_for(state="attached")
    return page


def draw(page: Page, **order: object) -> Locator:
    """Place an order as the page's own parts do, and return its block."""
    before = page.locator("#runs .run").count()
    wanted = {"prompt": "a red circle", "width": 64, "height": 64, "steps": 4, "guidance": 3} | order
    page.evaluate("order => document.body.dispatchEvent(new CustomEvent('kb:draw', {detail: {order}}))", wanted)
    expect(page.locator("#runs .run")).to_have_count(before + 1)
    return page.locator("#runs .run").first


def drawn(run: Locator, count: int) -> None:
    """Wait until an order has all its pictures."""
    expect(run.locator("[data-open-picture]")).to_have_count(count, timeout=DRAWN_MS)
    expect(run).not_to_have_attribute("data-live", "")


def open_first(page: Page, where: str = "#gallery-items") -> Locator:
    """Open the first picture large."""
    page.locator(f"{where} [data-open-picture]").first.click()
    viewer = page.locator("#viewer[open] kb-viewer")
    viewer.wait_for()
    return viewer


def choose(page: Page, *numbers: int) -> None:
    """Select pictures of the gallery; from the first of two numbers to the second by Shift."""
    boxes = page.locator(".thumb-check input")
    boxes.nth(numbers[0]).check(force=True)
    if len(numbers) > 1:
        boxes.nth(numbers[1]).click(modifiers=["Shift"], force=True)


def make_board(page: Page, name: str, *, is_shared: bool = False) -> None:
    page.locator("[data-menu=board-menu]").click()
    page.locator("[data-dialog=new-board]").click()
    page.locator("#new-board-name").fill(name)
    page.locator("#new-board [name=is_shared]").set_checked(is_shared)
    page.locator("#new-board button[type=submit]").click()
    expect(page.locator("#gallery-board option:checked")).to_contain_text(name)


def show(page: Page, board: str) -> None:
    page.locator("#gallery-board").select_option(board)
    expect(page.locator(".htmx-request")).to_have_count(0)


def drag(page: Page, thumb: Locator, target: str) -> None:
    """Drag a picture of the gallery by the mouse."""
    start = thumb.bounding_box()
    assert start is not None
    page.mouse.move(start["x"] + 30, start["y"] + 30)
    page.mouse.down()
    page.mouse.move(start["x"] + 40, start["y"] + 45, steps=3)
    page.locator(".gallery-drop").wait_for()
    end = page.locator(target).first.bounding_box()
    assert end is not None
    for by in (20, 24):
        page.mouse.move(end["x"] + by, end["y"] + 10, steps=5)
    expect(page.locator("[data-over]")).to_have_count(1)
    page.mouse.up()


def test_it_stops_and_clears_all_orders(visit: Visit) -> None:
    page = enter(visit)
    for seed in (1, 2, 3):
        draw(page, count=8, steps=100, seed=seed)
    expect(page.locator("[data-queue]")).to_contain_text("waiting")

    page.locator(".queue-stop").click()

    expect(page.locator(".run[data-live]")).to_have_count(0, timeout=DRAWN_MS)
    expect(page.locator(".run[data-state=cancelled]")).to_have_count(3)
    expect(page.locator(".queue-stop")).to_be_hidden()
    page.locator(".queue-clear").click()
    expect(page.locator(".run")).to_have_count(0)
    expect(page.locator(".first")).to_be_visible()
    page.locator(".toast-undo").click()
    expect(page.locator(".run")).to_have_count(3)
    page.locator(".queue-clear").click()


def test_it_shows_a_grid_as_a_table_and_as_one_picture(visit: Visit, tmp_path: Path) -> None:
    page = enter(visit)
    run = draw(page, axes=GRID, seed=5)
    drawn(run, 6)

    expect(run.locator("thead th")).to_have_text(["Steps ↓ · Word of the prompt →", "red", "blue", "green"])
    expect(run.locator("tbody th")).to_have_text(["4", "8"])
    with page.expect_download() as download:
        run.locator("a[href$='/grid/']").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    with Image.open(path) as image:
        assert image.width > 3 * 160
        assert image.height > 2 * 160
    viewer = open_first(page, "#runs")
    viewer.locator("[data-delete]").click()
    expect(run.locator(".cell-gone")).to_have_text("In the trash")
    page.locator(".toast-undo").click()
    expect(run.locator("[data-open-picture]")).to_have_count(6)


def test_it_does_with_one_picture_what_its_card_offers(visit: Visit, tmp_path: Path) -> None:
    page = enter(visit)
    make_board(page, "Circles")
    show(page, "")
    viewer = open_first(page)

    viewer.locator("[data-star]").click()
    expect(page.locator(".thumb").first).to_have_attribute("data-starred", "")
    viewer.locator("#viewer-board").select_option(label="Circles")
    expect(page.locator("#gallery-board")).to_contain_text("Circles (1)")
    for form, magic in (("JPEG", b"\xff\xd8"), ("WebP", b"RIFF")):
        viewer.locator("[data-menu=viewer-download]").click()
        with page.expect_download() as download:
            viewer.locator("#viewer-download a", has_text=form).click()
        download.value.save_as(tmp_path / form)
        assert (tmp_path / form).read_bytes().startswith(magic)
    viewer.locator("[data-menu=viewer-copy]").click()
    viewer.locator("#viewer-copy button", has_text="settings as text").click()
    expect(page.locator(".toast", has_text="Copied")).to_be_visible()
    assert "Sampler: DPM++ 2M" in page.evaluate("navigator.clipboard.readText()")


def test_it_compares_two_pictures_by_mouse_and_keys(visit: Visit) -> None:
    page = enter(visit)
    open_first(page).locator("[data-act=compare]").click()
    page.locator("#gallery-items [data-open-picture]").nth(3).click()
    compare = page.locator(".compare")
    expect(compare).to_be_visible()
    box = compare.bounding_box()
    assert box is not None
    assert box["width"] > 300

    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 50)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.2, box["y"] + 50, steps=4)
    page.mouse.up()

    expect(compare).to_have_attribute("style", re.compile(r"--cut: (1\d|2\d)\b"))
    before = compare.get_attribute("style")
    page.keyboard.press("ArrowRight")
    expect(compare).not_to_have_attribute("style", before or "")
    page.keyboard.press("Escape")
    expect(page.locator("#viewer")).not_to_have_attribute("open", "")


def test_it_takes_a_picture_into_a_chat(visit: Visit) -> None:
    page = enter(visit)
    open_first(page).locator("a", has_text="Use in chat").click()

    page.locator("[data-composer]").press("Enter")

    picture = page.locator("main img[src*='/images/']").first
    expect(picture).to_be_visible(timeout=DRAWN_MS)
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") == 64


def test_it_finds_chooses_and_removes_among_many(visit: Visit, tmp_path: Path) -> None:
    page = enter(visit, NORA)
    thumbs = page.locator(".thumb")
    while page.locator(".gallery-more").count():  # each takes the place of the one before
        page.locator(".gallery-scroll").evaluate("list => list.scrollTo(0, list.scrollHeight)")
        page.wait_for_timeout(150)
    expect(thumbs).to_have_count(150)

    page.locator("#gallery-q").fill("猫 窗")
    expect(thumbs).to_have_count(50)
    choose(page, 1, 4)
    expect(page.locator("[data-selected]")).to_have_text("4 selected")
    with page.expect_download() as download:
        page.locator("[data-zip-selected]").click()
    download.value.save_as(tmp_path / "pictures.zip")
    with zipfile.ZipFile(tmp_path / "pictures.zip") as packed:
        assert len(packed.namelist()) == 4
    page.locator("#gallery-selection [value=delete]").click()
    expect(thumbs).to_have_count(46)

    page.locator("#gallery-q").fill("")
    expect(thumbs).to_have_count(60)
    show(page, "trash")
    expect(thumbs).to_have_count(4)
    choose(page, 0)
    page.locator("[data-dialog=remove-pictures]").click()
    page.locator("[data-remove-selected]").click()
    expect(thumbs).to_have_count(3)
    choose(page, 0, 2)
    page.locator("#gallery-selection [value=restore]").click()
    expect(page.locator(".gallery-none")).to_be_visible()
    show(page, "")
    expect(thumbs.first).to_be_visible()


def test_it_keeps_the_place_in_the_gallery_while_pictures_are_drawn(visit: Visit) -> None:
    page = enter(visit)
    page.locator(".gallery-more").scroll_into_view_if_needed()
    expect(page.locator(".thumb")).to_have_count(120)
    choose(page, 100)
    page.locator(".thumb").nth(100).scroll_into_view_if_needed()
    place = page.locator(".gallery-scroll").evaluate("list => list.scrollTop")

    drawn(draw(page, count=2), 2)

    expect(page.locator(".thumb").first).to_have_attribute("data-picture", re.compile(".+"))
    expect(page.locator(".thumb-check input:checked")).to_have_count(1)
    assert abs(page.locator(".gallery-scroll").evaluate("list => list.scrollTop") - place) < 200


def test_it_takes_dragged_pictures_onto_a_board_and_as_a_source(visit: Visit) -> None:
    page = enter(visit)
    make_board(page, "Dragged")
    show(page, "")
    choose(page, 0, 2)

    drag(page, page.locator(".thumb").nth(1), ".gallery-drop button:has-text('Dragged')")

    expect(page.locator("#gallery-board")).to_contain_text("Dragged (3)")
    expect(page.locator("#gallery-selection")).to_be_hidden()
    chosen = page.locator(".thumb").nth(4).get_attribute("data-picture") or ""
    drag(page, page.locator(".thumb").nth(4), ".studio-settings")
    expect(page.locator("[name=source]")).to_have_value(chosen)


def test_it_shares_a_board_and_takes_it_back(visit: Visit) -> None:
    page = enter(visit)
    make_board(page, "Posters 海报", is_shared=True)
    show(page, "")
    choose(page, 0, 2)
    page.locator("[data-menu=move-menu]").click()
    page.locator("#move-menu button", has_text="Posters").click()
    expect(page.locator("#gallery-board")).to_contain_text("(3)")

    otto = enter(visit, OTTO)
    show(otto, otto.locator("#gallery-board option", has_text="Posters").get_attribute("value") or "")
    expect(otto.locator(".thumb")).to_have_count(3)
    expect(otto.locator(".thumb-open").first).to_have_attribute("title", "林悦")
    choose(otto, 0)
    expect(otto.locator("#gallery-selection [value=delete]")).to_be_hidden()
    otto.locator("[data-menu=move-menu]").click()
    otto.locator("#move-menu button", has_text="Off this board").click()
    expect(otto.locator(".thumb")).to_have_count(2)

    vera = enter(visit, VERA, "404")
    show(vera, vera.locator("#gallery-board option", has_text="Posters").get_attribute("value") or "")
    expect(vera.locator(".thumb")).to_have_count(2)
    choose(vera, 0)
    expect(vera.locator("[data-menu=move-menu]")).to_be_hidden()
    viewer = open_first(vera)
    expect(viewer.locator("[data-delete]")).to_have_count(0)
    address = vera.locator("#gallery-items [data-open-picture]").first.get_attribute("data-open-picture") or ""

    show(page, page.locator("#gallery-board option", has_text="Posters").get_attribute("value") or "")
    page.locator("[data-menu=board-menu]").click()
    page.locator("#board-acts button", has_text="Keep it to myself").click()
    expect(page.locator(".toast", has_text="Only you")).to_be_visible()
    assert vera.goto(f"{address}full/").status == 404  # type: ignore[union-attr]
    expect(page.locator(".thumb")).to_have_count(2)


@pytest.mark.parametrize(
    ("texts", "prompt", "steps"),
    [
        pytest.param({"parameters": A1111}, "a (blue:1.2) circle", "9", id="a1111"),
        pytest.param({"invokeai_metadata": json.dumps(INVOKE)}, "一个女孩", "30", id="invokeai"),
        pytest.param({"prompt": json.dumps(COMFY)}, "美丽的风景", "25", id="comfyui"),
    ],
)
def test_it_takes_over_the_settings_of_a_picture_dropped_on_the_page(
    visit: Visit, texts: dict[str, str], prompt: str, steps: str
) -> None:
    page = enter(visit)
    info = PngImagePlugin.PngInfo()
    for key, text in texts.items():
        info.add_text(key, text)
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "teal").save(buffer, "PNG", pnginfo=info)

    page.evaluate(
        """data => {
            const bytes = Uint8Array.from(atob(data), letter => letter.charCodeAt(0));
            const dataTransfer = new DataTransfer();
            dataTransfer.items.add(new File([bytes], "picture.png", {type: "image/png"}));
            const place = document.querySelector(".studio-pictures");
            for (const type of ["dragenter", "dragover", "drop"])
                place.dispatchEvent(new DragEvent(type, {dataTransfer, bubbles: true}));
        }""",
        base64.b64encode(buffer.getvalue()).decode(),
    )

    dialog = page.locator("#found-settings[open]")
    expect(dialog.locator("tbody")).to_contain_text(prompt)
    dialog.locator("[data-found-apply]").click()
    expect(page.locator("#order-prompt")).to_have_value(re.compile(re.escape(prompt)))
    expect(page.locator("#order-steps")).to_have_value(steps)


@every_look
def test_it_shows_grids_comparisons_and_the_trash_without_a_fault(visit: Visit, look: Look) -> None:
    look.found = []
    page = enter(visit, language=look.language, theme=look.theme, size=look.size)
    is_phone = look.size[0] < 600
    if not page.locator(".sheet").count():
        drawn(draw(page, axes=GRID, seed=5), 6)
    if is_phone:
        page.locator("[data-show=pictures]").click()
    look.at(page, "gallery-grid")
    open_first(page, "#runs").locator("[data-act=compare]").click()
    page.locator("#runs [data-open-picture]").nth(1).click()
    page.locator(".compare").wait_for()
    look.at(page, "gallery-compare", "#viewer")
    page.keyboard.press("Escape")
    if is_phone:
        page.locator("[data-show=gallery]").click()
    choose(page, 0)
    look.at(page, "gallery-selection")
    page.locator("#gallery-selection [value=delete]").click()
    show(page, "trash")
    choose(page, 0)
    look.at(page, "gallery-trash")
    assert look.report == ""
