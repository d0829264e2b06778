"""Every page, in both sizes, themes and languages: no console error, no sideways scrolling, no barrier for axe."""

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

from tests.e2e.conftest import Visitor
from tests.e2e.looks import Look, every_look
from tests.e2e.shelf import Shelf

Visit = Callable[..., Visitor]
PREVIEW_MS = 60_000


def addresses(page: Page) -> dict[str, str]:
    """Return the addresses of the product's general pages, found by following its links."""
    page.goto("/libraries/")
    library = page.locator("main a.card-link").first.get_attribute("href") or ""
    team = page.locator("#person-menu a[href^='/teams/']").first.get_attribute("href") or ""
    return {
        "home": "/",
        "libraries": "/libraries/",
        "settings": f"{library}settings/",
        "account": "/accounts/",
        "teams": "/teams/",
        "team": team,
        "password": "/accounts/password/change/",
    }


def enter(visit: Visit, look: Look) -> Page:
    """Begin to look as the administrator."""
    look.found = []
    return visit(language=look.language, theme=look.theme, size=look.size).sign_in()


def vote_down(answer: Locator) -> None:
    """Open the form that asks what is wrong with an answer."""
    bad = answer.locator(".feedback > button").nth(1)
    if bad.get_attribute("aria-pressed") == "true":  # since the look before
        bad.click()
        expect(bad).to_have_attribute("aria-pressed", "false")
    bad.click()
    answer.locator(".feedback-why").wait_for()


@every_look
def test_it_shows_every_general_page_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    for name, address in addresses(page).items():
        page.goto(address)
        look.at(page, name)
    assert look.report == ""


@every_look
def test_it_shows_the_documents_of_a_library_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(shelf.library)
    look.at(page, "documents")
    page.locator("#document-rows [data-menu]").first.click()
    look.at(page, "documents-menu", ".menu:popover-open")
    page.keyboard.press("Escape")
    page.locator("[data-menu^=facet-]").first.click()
    look.at(page, "documents-facet", ".menu:popover-open")
    page.goto(f"{shelf.library}?folder=%E5%88%B6%E5%BA%A6")
    look.at(page, "documents-folder", "#documents")
    page.locator("[data-menu=saved-views]").click()
    page.locator("[data-dialog=save-view]").click()
    look.at(page, "documents-save-view", "dialog[open]")
    page.goto(f"{shelf.library}?q=nothing-is-called-this")
    look.at(page, "documents-none")
    assert look.report == ""


@every_look
def test_it_shows_what_is_done_with_documents_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(f"{shelf.library}?tag=%E5%90%88%E5%90%8C")
    page.locator("#document-rows [data-check] input").first.check()
    expect(page.locator(".selection-bar")).to_be_visible()
    look.at(page, "selection", ".selection-bar")
    for action in ("tag", "move"):
        page.locator(f".selection-bar [data-bulk-form={action}]").click()
        page.locator("#bulk-dialog[open] form").wait_for()
        look.at(page, f"selection-{action}", "dialog[open]")
        page.keyboard.press("Escape")
    for action in ("fields", "validity", "untag"):
        page.locator("[data-menu=selection-menu]").click()
        page.locator(f"#selection-menu [data-bulk-form={action}]").click()
        page.locator("#bulk-dialog[open] form").wait_for()
        look.at(page, f"selection-{action}", "dialog[open]")
        page.keyboard.press("Escape")
    page.goto(shelf.library)
    page.locator("#document-rows [data-menu]").first.click()
    page.locator(".menu:popover-open [hx-get*=properties]").click()
    page.locator("#drawer .properties").wait_for()
    look.at(page, "properties", "#drawer")
    assert look.report == ""


@every_look
def test_it_shows_the_upkeep_of_a_library_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    pages = {"trash": "trash/", "fields": "fields/", "storage": "storage/"}
    for name, address in pages.items():
        page.goto(f"{shelf.library}{address}")
        look.at(page, name)
    page.goto(f"{shelf.library}trash/")
    page.locator("[data-dialog=empty-trash]").click()
    look.at(page, "trash-empty", "dialog[open]")
    page.goto("/libraries/reviews/")
    look.at(page, "reviews")
    page.goto(f"{shelf.documents['rules']}versions/")
    look.at(page, "versions")
    page.locator("[data-dialog=replace]").click()
    look.at(page, "versions-replace", "dialog[open]")
    page.keyboard.press("Escape")
    page.goto(f"{shelf.documents['rules']}versions/compare/")
    look.at(page, "compare")
    assert look.report == ""


@every_look
def test_it_shows_how_documents_are_cut_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(f"{shelf.library}chunking/")
    expect(page.locator(".cuts .cut").first).to_be_visible(timeout=PREVIEW_MS)
    look.at(page, "chunking")
    page.locator("[name=strategy][value=parent_child]").check(force=True)
    expect(page.locator(".cuts .cut-section").first).to_be_visible(timeout=PREVIEW_MS)
    look.at(page, "chunking-sections", ".cuts")
    page.locator("[data-dialog=save-rule]").click()
    look.at(page, "chunking-save", "dialog[open]")
    assert look.report == ""


@every_look
def test_it_shows_documents_of_each_kind_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    for name in ("rules", "scan", "picture", "sheet", "text", "parcel", "broken"):
        page.goto(shelf.documents[name])
        if name in {"rules", "scan"}:
            page.locator("kb-pdf canvas").first.wait_for()
        look.at(page, f"document-{name}")
    assert look.report == ""


@every_look
def test_it_shows_what_is_done_with_a_document_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(shelf.documents["rules"])
    if look.size[0] < 600:
        page.locator("[data-show-pane=chunks]").click()
    page.locator(".chunk").first.click()
    look.at(page, "passage", ".chunk")
    page.locator(".chunk [data-menu=chunk-menu]").first.click()
    look.at(page, "passage-menu", ".menu:popover-open")
    page.locator("#chunk-menu [data-act=history]").click()
    page.locator("#drawer .chunk-history").wait_for()
    look.at(page, "passage-history", "#drawer")
    page.keyboard.press("Escape")
    page.locator(".chunk [data-menu=chunk-menu]").first.click()
    page.locator("#chunk-menu [data-act=edit]").click()
    page.locator(".chunk-form").wait_for()
    look.at(page, "passage-edit", ".chunk-form")
    page.locator(".chunk-form [data-cancel]").click()
    page.locator("[hx-get$='/facts/']").first.click()
    page.locator("#drawer .facts-body").wait_for()
    look.at(page, "facts", "#drawer")
    page.keyboard.press("Escape")
    page.goto(shelf.documents["scan"])
    page.locator("[data-dialog=reread]").click()
    look.at(page, "reread", "dialog[open]")
    assert look.report == ""


@every_look
def test_it_shows_jobs_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(f"{shelf.library}jobs/")
    look.at(page, "jobs")
    page.goto(f"{shelf.library}jobs/?state=failed")
    look.at(page, "jobs-failed", "#jobs")
    page.locator("[id^=log-]").first.click()
    page.locator("#drawer .job-sheet").wait_for()
    look.at(page, "log", "#drawer")
    page.keyboard.press("Escape")
    page.locator("#bell-button:visible, #bell-bar:visible").first.click()
    page.locator("#bell-list").wait_for()
    look.at(page, "bell", ".menu:popover-open")
    assert look.report == ""


@every_look
def test_it_shows_web_sources_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(f"{shelf.library}web/")
    look.at(page, "web")
    page.locator("[data-dialog=new-source]").first.click()
    page.locator("dialog[open] [name=kind][value=site]").check(force=True)
    look.at(page, "web-new", "dialog[open]")
    page.goto(shelf.source)
    look.at(page, "web-source")
    assert look.report == ""


@every_look
def test_it_shows_answers_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(shelf.asked["talk"])
    look.at(page, "talk")
    page.locator(".searched summary").first.click()
    look.at(page, "talk-correct", ".searched")
    for menu in ("composer-help", "composer-way"):
        page.locator(f"[data-menu={menu}]").click()
        look.at(page, f"talk-{menu}", ".menu:popover-open")
        page.keyboard.press("Escape")
    first, last = page.locator("kb-answer").first, page.locator("kb-answer").last
    vote_down(first)
    look.at(page, "talk-why", ".feedback")
    first.locator("[data-menu^=more-]").click()
    look.at(page, "talk-more", ".menu:popover-open")
    page.locator(".menu:popover-open [hx-get*=trace]").click()
    page.locator("#drawer .trace-stage").first.wait_for()
    page.locator("#drawer .trace-stage details").evaluate_all("all => all.forEach(each => each.open = true)")
    look.at(page, "trace", "#drawer")
    page.keyboard.press("Escape")
    first.locator("[data-menu^=more-]").click()
    page.locator(".menu:popover-open [hx-get*=keep]").click()
    page.locator("#drawer #curated-question").wait_for()
    look.at(page, "talk-keep", "#drawer")
    page.keyboard.press("Escape")
    last.locator(".source").first.click()
    page.locator("#drawer .source-text").wait_for()
    look.at(page, "talk-curated", "#drawer")
    assert look.report == ""


@every_look
def test_it_shows_what_editors_answer_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(f"{shelf.library}answers/")
    look.at(page, "answers")
    page.locator(".answers-question").first.click()
    page.locator("#drawer #curated-question").wait_for()
    page.locator("#drawer .curated-preview summary").click()
    page.locator("#drawer .curated-preview .prose *").first.wait_for()
    look.at(page, "answers-edit", "#drawer")
    for state in ("open", "closed"):
        page.goto(f"{shelf.library}gaps/?state={state}")
        look.at(page, f"gaps-{state}")
    page.goto(shelf.asked["gap"])
    look.at(page, "gap")
    assert look.report == ""


@every_look
def test_it_shows_the_search_test_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(f"{shelf.library}test/?question=%E8%BF%9D%E7%BA%A6%E9%87%91")
    look.at(page, "test")
    page.locator("#test-form button[type=submit]").click()
    page.locator(".test-card").first.wait_for(timeout=PREVIEW_MS)
    page.locator(".test-times summary").click()
    look.at(page, "test-found")
    page.locator(".test-times summary").click()
    page.locator("[data-dialog=add-to-set]").click()
    look.at(page, "test-add", "dialog[open]")
    page.keyboard.press("Escape")
    page.locator("details.test-part").evaluate_all("all => all.forEach(each => each.open = true)")
    page.locator("[name=compare]").check(force=True)
    page.locator("[name=side-shown][value=b]").check(force=True)
    page.locator("[name=b-legs][value=lexical]").check(force=True)
    page.locator("#test-form button[type=submit]").click()
    page.locator(".test-columns[data-two]").wait_for(timeout=PREVIEW_MS)
    look.at(page, "test-compared")
    for act in ("changes", "measure"):
        page.locator(f".test-side[data-side=b] [hx-post$='{act}/']").click()
        page.locator("#settings-dialog[open] h2").wait_for()
        look.at(page, f"test-{act}", "dialog[open]")
        page.locator("#settings-dialog [data-dialog-close]").click()
    page.goto(f"{shelf.library}search/")
    look.at(page, "search-settings")
    assert look.report == ""


@every_look
def test_it_shows_question_sets_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(f"{shelf.library}sets/")
    look.at(page, "sets")
    page.locator("[data-dialog=new-set]").first.click()
    look.at(page, "sets-new", "dialog[open]")
    page.goto(shelf.asked["set"])
    look.at(page, "set")
    page.locator("[data-dialog=run-set]").click()
    page.locator("[data-shows=run-settings]").check(force=True)
    look.at(page, "set-run", "dialog[open]")
    page.keyboard.press("Escape")
    page.locator("[data-dialog=draft-set]").click()
    look.at(page, "set-draft", "dialog[open]")
    page.keyboard.press("Escape")
    for dialog in ("change-set", "delete-set"):
        page.locator("[data-menu=set-menu]").click()
        page.locator(f"#set-menu [data-dialog={dialog}]").click()
        look.at(page, dialog, "dialog[open]")
        page.keyboard.press("Escape")
    page.locator(".set-tools button").first.click()
    page.locator(".question-edit").wait_for()
    look.at(page, "set-question", ".question-edit")
    for name in ("import/", "chats/?from=mine", "chats/?from=asked"):
        page.goto(f"{shelf.asked['set']}{name}")
        look.at(page, f"set-{name.replace('/', '').replace('?', '-')}")
    assert look.report == ""


@every_look
def test_it_shows_what_was_measured_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(f"{shelf.asked['set']}runs/")
    look.at(page, "runs")
    page.goto(shelf.asked["run"])
    look.at(page, "run")
    page.locator(".result-open").first.click()
    page.locator("#drawer .drawer-body").wait_for()
    look.at(page, "run-result", "#drawer")
    page.goto(shelf.asked["compare"])
    look.at(page, "runs-compared")
    assert look.report == ""


@every_look
def test_it_shows_words_and_models_without_a_fault(visit: Visit, shelf: Shelf, look: Look) -> None:
    page = enter(visit, look)
    page.goto(f"{shelf.library}words/")
    look.at(page, "words")
    page.locator(".words-draft [hx-post*=compare]").click()
    page.locator(".words-rows").wait_for(timeout=PREVIEW_MS)
    look.at(page, "words-report", ".words-report")
    page.goto("/system/embedding/")
    look.at(page, "embedding")
    assert look.report == ""


@every_look
def test_it_greets_strangers_without_a_fault(visit: Visit, look: Look) -> None:
    look.found = []
    visitor = visit(language=look.language, theme=look.theme, size=look.size)
    visitor.allowed.append("404")  # the browser itself reports the status of the last page
    page = visitor.open("/accounts/login/")
    for address in ("/accounts/login/", "/accounts/password/reset/", "/accounts/signup/", "/there-is-nothing-here/"):
        page.goto(address)
        look.at(page, f"stranger-{address.strip('/').split('/')[-1]}")
    assert look.report == ""


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
