"""Stories, the prompt assistant and a team's rules for pictures, with the real models: used, and in every look."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import Site, Visitor
from tests.e2e.looks import Look, every_look
from tests.e2e.shelf import Shelf

Visit = Callable[..., Visitor]
WRITE_MS = 150_000
DRAW_MS = 120_000
WRITE = """
from apps.catalog.models import AIModel
from apps.catalog.services import spec_of
from apps.images.assistant.writing import Ask, Use, write
from apps.runtimes import registry
model = registry.chat_model(spec_of(AIModel.objects.get(name="gemma-3-270m")))
print(write(model, Ask("一只戴眼镜的猫头鹰"), Use()).prompt)
"""


@pytest.fixture(scope="module")
def story(site: Site, shelf: Shelf) -> str:
    """Return the address of a story that the installation's models told and drew."""
    told = site.manage("shell", "-v", "0", "-c", "from tests.e2e.tales import tell; tell('采购合同.md')")
    return told.strip().splitlines()[-1]


def enter(visit: Visit, look: Look) -> Page:
    """Begin to look as the administrator."""
    look.found = []
    return visit(language=look.language, theme=look.theme, size=look.size).sign_in()


@every_look
def test_it_shows_stories_without_a_fault(visit: Visit, story: str, look: Look) -> None:
    page = enter(visit, look)
    page.goto("/images/stories/")
    look.at(page, "stories")
    page.goto(story)
    expect(page.locator(".scene img").first).to_be_visible()
    page.locator(".story-fold > summary").first.click()
    page.locator(".scene-words summary").first.click()
    look.at(page, "story")
    page.goto(f"{story}print/")
    look.at(page, "story-print")
    assert look.report == ""


@every_look
def test_it_shows_the_prompt_assistant_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto("/images/")
    page.locator("[data-assistant]").first.click()
    page.locator("#assistant-theme").fill("一个大红圆，白色背景")  # says all that the demonstration model has to know
    page.locator("#assistant .settings-fold summary").click()
    page.locator("#assistant button[type=submit]").click()
    page.locator("[data-assistant-use]").wait_for(timeout=WRITE_MS)
    look.at(page, "assistant", "dialog[open]")
    page.locator("[data-assistant-use]").click()
    expect(page.locator("#order [name=prompt]")).to_have_value("a large red circle on white background")
    assert look.report == ""


@every_look
def test_it_shows_the_rules_of_pictures_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto("/libraries/")
    team = page.locator("#person-menu a[href^='/teams/']").first.get_attribute("href") or ""
    for name, address in (("team-rules", f"{team}images/"), ("rules", "/system/images/")):
        page.goto(address)
        page.locator(".mark-preview img").wait_for()
        page.locator("#id_blocked_words").fill("裸体")
        page.locator("#trial-prompt").fill("一个裸 體")
        page.locator("#trial-result [data-status=failed]").wait_for()
        look.at(page, name)
    page.goto(f"{team}images/")
    for dialog in ("style-new", "words-new"):
        page.locator(f"[data-dialog={dialog}]").click()
        look.at(page, dialog, "dialog[open]")
        page.keyboard.press("Escape")
    assert look.report == ""


def test_it_lets_a_person_change_a_story(visit: Visit, story: str) -> None:
    page = visit().sign_in()
    page.goto(story)
    scene = page.locator(".scene").first
    before = scene.locator("img").get_attribute("src") or ""
    prompt = scene.locator("[name=prompt]")
    prompt.fill("a large blue square on white background")
    scene.locator(".scene-state button").click()
    expect(scene.locator("[name=seen]")).to_have_count(1)
    prompt.press_sequentially(", really")  # typed while it is drawn
    expect(scene.locator("[name=seen]")).to_have_count(0, timeout=DRAW_MS)
    assert scene.locator("img").get_attribute("src") != before
    expect(prompt).to_have_value("a large blue square on white background, really")
    prompt.blur()
    count = page.locator(".scene").count()
    page.locator(".scene-acts [data-kind=danger]").first.click()
    expect(page.locator(".scene")).to_have_count(count - 1)
    page.locator(".toast-undo").click()
    expect(page.locator(".scene")).to_have_count(count)
    expect(page.locator(".scene [name=prompt]").first).to_have_value("a large blue square on white background, really")
    page.goto(f"{story}print/")
    with page.expect_download() as saved:
        page.locator("a[href$='/save/epub/']").click()
    assert saved.value.suggested_filename == "采购合同.epub"


def test_the_packaged_model_writes_about_what_a_chinese_theme_says(site: Site) -> None:
    written = site.manage("shell", "-v", "0", "-c", WRITE)
    assert "owl" in written.lower().splitlines()[-1]
