"""Every part of the studio's form, each with a real picture of the demonstration model or a real refusal."""

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.e2e import adapters
from tests.e2e.conftest import Site, Visitor

Visit = Callable[..., Visitor]
DRAWN_MS = 120_000
CIRCLE = "a large red circle on white background"
NEWEST = "#runs .run >> nth=0"


@pytest.fixture(scope="module", autouse=True)
def _filled(site: Site) -> Iterator[None]:
    site.manage("shell", "-v", "0", "-c", "from tests.e2e.adapters import fill; fill()")
    yield
    site.manage("shell", "-v", "0", "-c", "from tests.e2e.adapters import clear; clear()")


def enter(visit: Visit, *allowed: str, **window: object) -> Page:
    """Open the studio as the administrator, every setting as at first and every part unfolded."""
    visitor = visit(**window)
    visitor.allowed.extend(allowed)
    page = visitor.sign_in()
    page.goto("/images/")
    page.locator("kb-order[data-ready]").wait_for(state="attached")
    page.locator("[data-reset]").click()
    page.locator(".toast-close").click()
    page.evaluate("document.querySelectorAll('#order details').forEach(each => { each.open = true; })")
    page.locator("#order-steps").fill("4")
    page.locator("#order-seed").fill("7")
    return page


def draw(page: Page, prompt: str = CIRCLE, count: int = 1) -> Locator:
    """Order by the keyboard and return the newest order, all of whose pictures are there."""
    runs = page.locator("#runs .run").count()
    if page.locator("#order-prompt").is_visible():
        page.locator("#order-prompt").fill(prompt)
    page.keyboard.press("Control+Enter")
    expect(page.locator("#runs .run")).to_have_count(runs + 1)
    newest = page.locator(NEWEST)
    expect(newest.locator("[data-open-picture]")).to_have_count(count, timeout=DRAWN_MS)
    expect(newest).not_to_have_attribute("data-live", "")
    return newest


def pixels(page: Page, number: int = 0) -> np.ndarray[Any, Any]:
    """Return a picture of the newest order, in full."""
    opened = page.locator(NEWEST).locator("[data-open-picture]").nth(number).get_attribute("data-open-picture")
    answer = page.request.get(f"{opened}download/png/")
    assert answer.ok, answer.status
    return np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB"), np.int16)


def as_source(page: Page, path: Path) -> None:
    """Choose a file as the source."""
    page.locator("[data-source-file]").set_input_files(str(path))
    expect(page.locator("[data-source-set]")).to_be_visible()


def way(page: Page, kind: str) -> None:
    """Choose what is done with the source."""
    page.locator(f".way:has([value={kind}])").click()


def painted(page: Page) -> float:
    """Return which part of a picture of 64 by 64 is painted in the mask."""
    alpha = "document.querySelector('kb-mask').pen.getImageData(0, 0, 64, 64).data.filter((_, at) => at % 4 === 3)"
    return float(page.evaluate(f"{alpha}.filter(each => each > 127).length")) / 64**2


@pytest.fixture
def square(tmp_path: Path) -> Path:
    """Return a file of a blue square on white, 64 by 64."""
    made = np.full((64, 64, 3), 255, np.uint8)
    made[16:48, 16:48] = (30, 60, 220)
    Image.fromarray(made).save(tmp_path / "square.png")
    return tmp_path / "square.png"


def test_it_adds_weighs_and_removes_an_adapter(visit: Visit) -> None:
    page = enter(visit)
    draw(page)
    plain = pixels(page)
    page.locator("[data-add-row=loras]").select_option(adapters.LORA)
    weight = page.locator("[data-rows=loras] [data-key=weight]")
    page.locator("[data-rows=loras] .range").fill("1.5")
    expect(weight).to_have_value("1.5")

    draw(page)

    assert np.abs(pixels(page) - plain).mean() > 2
    page.locator("[data-rows=loras] [data-row-remove]").click()
    draw(page)
    assert np.array_equal(pixels(page), plain)


def test_it_puts_a_learnt_word_into_the_prompt(visit: Visit) -> None:
    page = enter(visit)

    page.locator(f"[data-word={adapters.WORD}]").click()

    expect(page.locator("#order-prompt")).to_have_value(adapters.WORD)
    draw(page, f"{CIRCLE} {adapters.WORD}")


def test_it_shows_the_edges_that_are_followed_and_draws_along_them(visit: Visit, square: Path) -> None:
    page = enter(visit)
    draw(page)
    plain = pixels(page)
    page.locator("[data-enable=control]").check()
    panel = page.locator("[data-group=control]")

    panel.locator("input[type=file]").set_input_files(str(square))

    shown = panel.locator("kb-edges img")
    expect(shown).to_be_visible()
    before = shown.get_attribute("src") or ""
    panel.locator("[name='control.low']").fill("20")
    expect(shown).to_have_attribute("src", re.compile("low=20&"))
    assert shown.get_attribute("src") != before
    draw(page)
    assert np.abs(pixels(page) - plain).mean() > 2


def test_it_follows_the_look_of_a_picture(visit: Visit, square: Path) -> None:
    page = enter(visit)
    draw(page)
    plain = pixels(page)
    page.locator("[data-enable=image_prompt]").check()
    panel = page.locator("[data-group=image_prompt]")
    panel.locator("input[type=file]").set_input_files(str(square))
    expect(panel.locator("[data-slot-image]")).to_be_visible()
    panel.locator("[name='image_prompt.scale']").fill("1")

    draw(page)

    assert np.abs(pixels(page) - plain).mean() > 1
    page.locator("[data-enable=image_prompt]").uncheck()
    draw(page)
    assert np.array_equal(pixels(page), plain)


def test_it_draws_over_extends_and_enlarges_a_picture(visit: Visit, square: Path) -> None:
    page = enter(visit)
    as_source(page, square)
    page.locator("[name=strength]").fill("0.4")
    draw(page, "a blue square on white background")
    assert pixels(page).shape == (64, 64, 3)

    way(page, "outpaint")
    page.locator("[name='outpaint.2']").fill("32")
    expect(page.locator("[data-cost]")).to_contain_text("96 × 64")
    draw(page, "a blue square on white background")
    assert pixels(page).shape == (64, 96, 3)

    way(page, "upscale")
    expect(page.locator("#order-prompt")).to_be_hidden()
    page.locator("[name=upscale]").fill("3")
    expect(page.locator("[data-cost]")).to_contain_text("192 × 192")
    expect(page.locator("#order [type=submit]")).to_have_text(re.compile("Enlarge"))
    draw(page)
    assert pixels(page).shape == (192, 192, 3)
    page.locator("[name=upscaler]").select_option(adapters.UPSCALER)
    plain = pixels(page)
    draw(page)
    assert np.abs(pixels(page) - plain).mean() > 1


def test_it_paints_a_mask_by_touch_and_draws_that_part_alone(visit: Visit, square: Path) -> None:
    page = enter(visit)
    as_source(page, square)
    way(page, "inpaint")
    dialog = page.locator("#mask-dialog[open]")
    dialog.wait_for()
    page.locator("[data-mask-use]").click()
    expect(page.locator(".toast", has_text="Nothing is painted")).to_be_visible()
    canvas = page.locator("kb-mask canvas")
    box = canvas.bounding_box()
    assert box is not None
    finger = page.context.new_cdp_session(page)
    for kind, x in (("touchStart", 0.05), ("touchMove", 0.12), ("touchMove", 0.2)):
        at = {"x": box["x"] + x * box["width"], "y": box["y"] + box["height"] / 2}
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [at]})
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    page.locator("[data-mask-use]").click()

    expect(page.locator("[data-mask-image]")).to_be_visible()
    expect(page.locator("[data-enable=hires]")).to_be_hidden()
    page.locator("[name=mask_blur]").fill("0")
    draw(page, "a large red circle on black background")
    source = np.asarray(Image.open(square).convert("RGB"), np.int16)
    change = np.abs(pixels(page) - source).mean(axis=2)
    assert change[:, 40:].max() <= 1
    assert change[30:34, 2:16].max() > 30


def test_it_undoes_and_inverts_what_is_painted(visit: Visit, square: Path) -> None:
    page = enter(visit)
    as_source(page, square)
    way(page, "inpaint")
    page.locator("#mask-dialog[open]").wait_for()
    page.locator("[data-tool=box]").click()
    box = page.locator("kb-mask canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"], box["y"])
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"], steps=3)
    page.mouse.up()
    assert painted(page) == pytest.approx(0.5, abs=0.03)

    page.locator("[data-mask-invert]").click()
    assert painted(page) == pytest.approx(0.5, abs=0.03)
    page.locator("[data-mask-empty]").click()
    assert painted(page) == 0
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+z")

    assert painted(page) == 0
    page.locator("[data-feather]").fill("50")
    assert "blur" in page.locator("kb-mask canvas").evaluate("canvas => canvas.style.filter")


def test_it_draws_a_second_pass_larger(visit: Visit) -> None:
    page = enter(visit)
    page.locator("#order-prompt").fill(CIRCLE)
    page.locator("[data-enable=hires]").check()
    page.locator("[name='hires.scale']").fill("1.5")
    page.locator("[name='hires.upscaler']").select_option("lanczos")
    expect(page.locator("[data-cost]")).to_contain_text("96 × 96")

    draw(page)

    assert pixels(page).shape == (96, 96, 3)
    page.locator("[name='hires.upscaler']").select_option(adapters.UPSCALER)
    lanczos = pixels(page)
    draw(page)
    assert np.abs(pixels(page) - lanczos).mean() > 1


def test_it_varies_a_seed_and_keeps_or_changes_it(visit: Visit) -> None:
    page = enter(visit)
    draw(page)
    plain = pixels(page)
    page.locator("[name=variation_strength]").fill("0.5")
    page.locator("[name=variation_seed]").fill("9")
    draw(page)
    assert np.abs(pixels(page) - plain).mean() > 1

    seed = page.locator("#order-seed")
    page.locator("[data-seed-lock]").click()
    expect(seed).to_have_value("")
    page.locator("[data-seed-lock]").click()
    expect(seed).to_have_value("7")
    page.locator("[data-seed-shuffle]").click()
    expect(seed).not_to_have_value("7")
    expect(page.locator("[data-seed-lock]")).to_have_attribute("aria-pressed", "true")


def test_it_builds_a_grid_of_words_and_weights(visit: Visit) -> None:
    page = enter(visit)
    page.locator("#order-prompt").fill(CIRCLE)
    page.locator("[data-add-row=loras]").select_option(adapters.LORA)
    for number, (kind, values) in enumerate((("prompt_sr", "red, blue"), ("lora_weight", "0, 1.5"))):
        page.locator("[data-add-axis]").click()
        row = page.locator("[data-rows=axes] [data-row]").nth(number)
        row.locator("[data-key=kind]").select_option(kind)
        row.locator("[data-key=values]").fill(values)
    expect(page.locator("[data-axis-count]").first).to_have_text("2 values")
    expect(page.locator("[data-cost]")).to_contain_text("4 pictures")

    newest = draw(page, count=4)

    expect(newest).to_contain_text("blue")
    red, blue, red_with = pixels(page, 0), pixels(page, 1), pixels(page, 2)
    assert np.abs(red - blue).mean() > 2
    assert np.abs(red - red_with).mean() > 2


def test_it_chooses_values_of_an_axis_by_name(visit: Visit) -> None:
    page = enter(visit)
    page.locator("[data-add-axis]").click()
    page.locator("[data-rows=axes] [data-key=kind]").select_option("sampler")

    for label in ("Euler a", "DDIM"):
        page.locator("[data-axis-choices]").select_option(label)

    expect(page.locator("[data-rows=axes] [data-key=values]")).to_have_value("Euler a, DDIM")


def test_it_shows_what_a_style_fixes_and_gives_it_back(visit: Visit) -> None:
    page = enter(visit)
    box = page.locator(f"[name=styles][value='{adapters.LOCKED_STYLE}']")

    box.check(force=True)

    expect(page.locator("#order-steps")).to_be_disabled()
    expect(page.locator("#order-steps")).to_have_value("6")
    expect(page.locator(".lock-note").first).to_contain_text(adapters.LOCKED_STYLE)
    page.locator("[data-add-axis]").click()  # the first kind is steps
    expect(page.locator("[data-axis-count]")).to_contain_text(adapters.LOCKED_STYLE)
    page.locator("[data-rows=axes] [data-row-remove]").click()
    draw(page, "a red circle")
    assert pixels(page).shape == (64, 96, 3)
    box.uncheck(force=True)
    expect(page.locator("#order-steps")).to_have_value("4")
    expect(page.locator("[name=width]")).to_have_value("64")


def test_it_leads_to_the_setting_that_is_refused(visit: Visit) -> None:
    page = enter(visit, "422")
    page.locator("#order-prompt").fill(CIRCLE)
    page.locator("[data-add-row=loras]").select_option(adapters.LORA)
    weight = page.locator("[data-rows=loras] [data-key=weight]")
    weight.fill("9")
    page.evaluate("document.querySelectorAll('#order details').forEach(each => { each.open = false; })")

    page.locator("#order [type=submit]").click()

    expect(page.locator("[data-problem]")).to_contain_text("Weight of the adapter")
    expect(weight).to_be_focused()
    expect(weight).to_have_attribute("aria-invalid", "true")
    weight.fill("1")
    expect(weight).not_to_have_attribute("aria-invalid", "true")


def test_it_keeps_the_form_over_a_reload(visit: Visit, square: Path) -> None:
    page = enter(visit)
    as_source(page, square)
    page.locator("[data-add-row=loras]").select_option(adapters.LORA)
    with page.expect_response("**/estimate/"):
        page.locator("#order-prompt").fill("a green triangle")
    expect(page.locator("[data-cost]")).to_contain_text("1 picture")

    page.reload()

    expect(page.locator("#order-prompt")).to_have_value("a green triangle")
    expect(page.locator("#order-steps")).to_have_value("4")
    expect(page.locator("[data-rows=loras] [data-row]")).to_have_count(1)
    expect(page.locator("[data-source-image]")).to_have_attribute("src", re.compile("/small/"))
    page.locator("[data-reset]").click()
    expect(page.locator("#order-prompt")).to_have_value("")
    page.locator(".toast-undo").click()
    expect(page.locator("#order-prompt")).to_have_value("a green triangle")


def test_it_can_be_set_by_the_keyboard_alone(visit: Visit) -> None:
    page = enter(visit, "422")
    page.evaluate("document.querySelectorAll('#order details').forEach(each => { each.open = false; })")
    page.locator("#order-prompt").focus()
    met = []
    for _ in range(40):
        page.keyboard.press("Tab")
        met.append(page.evaluate("document.activeElement.name || document.activeElement.type"))
        if met[-1] == "submit" and page.evaluate("document.activeElement.form?.id") == "order":
            break

    assert met[-1] == "submit"
    assert [name for name in met if name in {"model", "width", "seed", "count", "steps", "guidance"}] == [
        "model", "width", "seed", "count", "steps", "guidance",
    ]  # fmt: skip
    page.keyboard.press("Control+Enter")
    expect(page.locator("[data-problem]")).to_be_visible()


def test_it_sets_everything_on_a_phone(visit: Visit, square: Path) -> None:
    page = enter(visit, size=(390, 844))
    as_source(page, square)
    for kind in ("outpaint", "upscale", "redraw"):
        way(page, kind)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.locator("[data-add-row=loras]").select_option(adapters.LORA)
    page.locator("[data-add-axis]").click()
    assert page.evaluate("document.querySelector('.settings-scroll').scrollWidth") <= 390

    draw(page)

    expect(page.locator(".studio-pictures")).to_be_visible()
