"""Answers that hold, as people meet them: narrowed, corrected, compared, refused, mended, traced and measured."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e import harbour
from tests.e2e.conftest import Site, Visitor
from tests.e2e.harbour import LIBRARY, Harbour
from tests.e2e.steps import ANSWER_MS, READ_MS, ask, ask_in, choose_library, choose_mode, done, open_more

Visit = Callable[..., Visitor]
TEST_MS = 60_000


@pytest.fixture(scope="module")
def quay(site: Site) -> Harbour:
    """Fill the library about ferries."""
    return harbour.read(site.manage("shell", "-v", "0", "-c", "from tests.e2e.harbour import fill; fill()"))


@pytest.fixture
def page(visit: Visit, quay: Harbour) -> Page:
    """Sign in where the library is."""
    return visit().sign_in()


def ask_more(page: Page, question: str) -> Locator:
    """Ask the next question of a chat; returns the answer."""
    before = page.locator("kb-answer").count()
    ask(page, question)
    expect(page.locator("kb-answer")).to_have_count(before + 1)
    done(page)
    return page.locator("kb-answer").last


def names(answer: Locator) -> set[str]:
    """Return the documents that an answer cites."""
    return {each.inner_text() for each in answer.locator(".source .source-name").all()}


def gather(site: Site) -> None:
    """Do now what beat does every few minutes."""
    site.manage("shell", "-v", "0", "-c", "from tests.e2e.studies import gather; gather()")


def test_it_narrows_a_question_and_says_by_what(page: Page) -> None:
    page.goto("/")
    choose_library(page, LIBRARY)
    choose_mode(page, "quote")
    page.locator("[data-composer]").fill("In which yard was the ferry built? ")
    page.locator("[data-menu=composer-help]").click()
    page.locator("#composer-help button", has_text="in:").click()
    expect(page.locator("[data-composer]")).to_be_focused()
    page.keyboard.type("Meridian")
    page.keyboard.press("Enter")
    done(page)

    answer = page.locator("kb-answer").last
    expect(answer.locator(".narrowed code")).to_have_text("in:Meridian")
    expect(answer.locator(".answer-text")).to_contain_text("Orla yard")
    assert names(answer) == {"Meridian.md"}
    nothing = ask_more(page, "In which yard was the ferry built? tag:aeroplanes")
    expect(nothing).to_have_attribute("data-refusal", "")
    expect(nothing.locator(".narrowed")).to_contain_text("Ask without it")


def test_it_lets_a_rewritten_question_be_put_right(page: Page) -> None:
    ask_in(page, LIBRARY, "Who built the ferry Aurora?")
    answer = ask_more(page, "How many people does it carry?")
    expect(answer.locator(".searched q")).to_contain_text("Aurora")
    expect(answer.locator(".answer-text")).to_contain_text("40 people")

    answer.locator(".searched summary").click()
    answer.locator(".searched-form textarea").fill("How many people does the ferry Meridian carry?")
    answer.locator(".searched-form button").click()

    expect(answer.locator(".siblings")).to_contain_text("2/2", timeout=ANSWER_MS)
    expect(answer.locator(".searched summary")).to_contain_text("as you wrote it")
    expect(answer.locator(".answer-text")).to_contain_text("220 people")


def test_it_looks_for_each_of_the_things_compared(page: Page) -> None:
    answer = ask_in(page, LIBRARY, "What is the difference between the Aurora and the Meridian?")

    expect(answer.locator(".searched-parts .chip")).to_have_count(2)
    assert names(answer) >= {"Aurora.md", "Meridian.md"}


def test_it_refuses_what_the_sources_do_not_bear_out_where_it_is_strict(page: Page) -> None:
    page.goto("/")
    choose_library(page, LIBRARY)
    page.locator("[data-menu=composer-way]").click()
    page.locator("#composer-way input[name=strict]").check(force=True)
    page.keyboard.press("Escape")
    expect(page.locator("[data-label=strict]")).to_be_visible()
    ask(page, "Who is the captain of the Aurora, and how old is she?")
    done(page)

    expect(page.locator("kb-answer").last).to_have_attribute("data-refusal", "")
    assert not page.locator("kb-answer [data-support=unsupported]").count()
    page.reload()
    expect(page.locator("[data-label=strict]")).to_be_visible()


def vote_down(page: Page, question: str) -> None:
    """Ask, and say that the answer is bad, and why."""
    answer = ask_in(page, LIBRARY, question)
    answer.get_by_role("button", name="Bad answer").click()
    answer.locator(".feedback-reasons label").first.click()
    answer.locator(".feedback-why textarea").fill("It should say that dogs are welcome.")
    answer.locator(".feedback-why button[type=submit]").click()
    expect(answer.locator(".feedback-thanks")).to_be_visible()


def test_it_closes_a_gap_by_an_answer_that_the_next_asker_gets(page: Page, site: Site, quay: Harbour) -> None:
    question = "May dogs travel on the Aurora?"
    vote_down(page, question)
    gather(site)

    page.goto(f"{quay.library}gaps/")
    page.locator(".gaps-table a", has_text=question).click()
    expect(page.locator(".gap-list")).to_contain_text(re.compile("voted down|refused"))
    gap = page.url
    page.get_by_role("link", name="Write an answer").click()
    expect(page.locator("#curated-question")).to_have_value(question)
    page.locator("#curated-text").fill("Dogs travel free, but **on a lead**.")
    page.locator(".curated-form button[type=submit]").click()
    expect(page.locator(".answers-question")).to_contain_text(question)
    gather(site)  # the wording has its vector now
    page.goto(gap)
    page.get_by_role("button", name="Close and ask again").click()
    expect(page.locator("#gap .note")).to_contain_text("All of its questions are answered now", timeout=READ_MS)

    given = ask_in(page, LIBRARY, "Are dogs allowed to travel on the Aurora?")
    expect(given.locator(".given")).to_contain_text("Answer by")
    expect(given.locator(".answer-text")).to_contain_text("Dogs travel free")
    given.locator(".source").first.click()
    expect(page.locator("#drawer")).to_contain_text(question)
    page.keyboard.press("Escape")
    given.get_by_role("button", name="Search anyway").click()
    expect(given.locator(".siblings")).to_contain_text("2/2", timeout=ANSWER_MS)
    expect(given.locator(".given")).to_have_count(0)
    page.goto(f"{quay.library}answers/")
    expect(page.locator(".answers-table [data-label=Given]")).to_contain_text("1×")


def test_it_shows_its_asker_how_an_answer_was_made(page: Page) -> None:
    answer = ask_in(page, LIBRARY, "When was the ferry Meridian built?")
    open_more(page, answer, "How this answer was made")
    drawer = page.locator("#drawer")

    expect(drawer.locator(".trace-stage").first).to_be_visible()
    assert drawer.locator(".trace-stage").count() > len(("condense", "search", "support"))
    expect(drawer.locator(".trace-scroll .trace-table").first).to_contain_text("Meridian.md")
    drawer.locator(".trace-stage summary", has_text="Terms").first.click()
    expect(drawer.locator(".trace-terms").first).to_contain_text("meridian")


def test_it_tries_two_settings_and_keeps_one(page: Page, quay: Harbour) -> None:
    page.goto(f"{quay.library}test/")
    page.locator("#test-question").fill("What do tickets for the Aurora cost?")
    page.keyboard.press("Control+Enter")
    cards = page.locator(".test-card")
    expect(cards.first).to_contain_text("Aurora.md", timeout=TEST_MS)
    expect(cards.first.locator("mark").first).to_be_visible()
    cards.first.locator("[name=gold]").check(force=True)
    page.locator("[data-dialog=add-to-set]").click()
    page.locator("#add-set").select_option(label="Office matters")
    page.locator("#add-to-set button[type=submit]").click()
    expect(page.locator(".toast")).to_contain_text("Office matters")
    page.keyboard.press("Escape")

    page.locator("[name=compare]").check(force=True)
    page.locator("[name=side-shown][value=b]").check(force=True)
    page.locator("[name=b-legs][value=lexical]").check(force=True)
    page.locator("#test-form button[type=submit]").click()
    expect(page.locator(".test-columns[data-two] .test-column")).to_have_count(2, timeout=TEST_MS)
    expect(page.locator(".test-summary")).to_be_visible()
    page.locator(".test-side[data-side=b] [hx-post$='changes/']").click()
    expect(page.locator("#settings-dialog .changes-table tbody tr")).to_have_count(1)
    page.locator("#settings-dialog button[type=submit]").click()
    page.wait_for_url("**/search/**")

    page.get_by_role("button", name="Back to the defaults").click()
    expect(page.get_by_role("button", name="Back to the defaults")).to_have_count(0)
    page.goto(quay.questions)
    expect(page.locator(".questions")).to_contain_text("What do tickets for the Aurora cost?")


def start_run(page: Page, label: str, legs: str = "") -> None:
    """Run the set that is open by the search alone and wait for the end."""
    page.locator("[data-dialog=run-set]").click()
    page.locator("#run-label").fill(label)
    if legs:
        page.locator("[data-shows=run-settings]").check(force=True)
        page.locator(f"#run-settings [data-setting=legs] input[value={legs}]").check(force=True)
    page.locator("#run-set button[type=submit]").click()
    expect(page.locator("dl.figures")).to_be_visible(timeout=READ_MS)


def test_it_measures_a_question_set_and_what_a_setting_does_to_it(page: Page, quay: Harbour, tmp_path: Path) -> None:
    page.goto(f"{quay.library}sets/")
    page.locator("[data-dialog=new-set]").first.click()
    page.locator("#set-name").fill("Crossings")
    page.locator("#new-set button[type=submit]").click()
    page.get_by_role("link", name="Import", exact=True).click()
    crossings = page.url.removesuffix("import/")
    page.locator("#import-file").set_input_files(harbour.questions_csv(tmp_path))
    page.get_by_role("button", name="Check the file").click()
    expect(page.locator(".import-lines tbody tr")).to_have_count(1)
    expect(page.locator(".import-lines")).to_contain_text("Who winds the clock?")
    page.get_by_role("button", name="Import 5 questions").click()
    expect(page.locator("#set-count")).to_have_text("5")

    start_run(page, "As it is")
    expect(page.locator(".results .question")).to_have_count(5)
    page.locator(".result-open").first.click()
    expect(page.locator("#drawer")).to_contain_text("Aurora")
    page.goto(crossings)
    start_run(page, "Words alone", legs="lexical")

    page.goto(f"{crossings}runs/")
    for box in page.locator(".run-table [name=run]").all():
        box.check()
    page.locator("[data-needs-two]").click()
    page.wait_for_url("**/compare/**")
    expect(page.locator(".compare-head")).to_contain_text("As it is")
    expect(page.locator(".differences")).to_be_visible()
    page.locator(".chip[data-verdict=all]").click()
    expect(page.locator(".compared .question")).to_have_count(5)


def test_it_compares_words_before_it_applies_them(visit: Visit, quay: Harbour) -> None:
    visitor = visit()
    visitor.allowed.append("422")  # the browser itself reports the status of the page with a faulty line
    page = visitor.sign_in()
    page.goto(f"{quay.library}words/")
    page.locator("#words").fill("quay office")
    page.locator("#synonyms").fill("laptop = notebook computer = Klapprechner\nalone")
    page.locator(".words-form button[type=submit]").click()
    expect(page.locator("#synonyms")).to_have_attribute("aria-invalid", "true")
    page.locator("#synonyms").fill("laptop = notebook computer = Klapprechner")
    page.locator(".words-form button[type=submit]").click()
    expect(page.locator(".words-difference ins")).to_have_count(2)

    page.get_by_role("button", name="Compare").click()
    expect(page.locator(".words-rows")).to_contain_text("Who approves a laptop?", timeout=READ_MS)
    page.get_by_role("button", name="Apply").click()
    expect(page.get_by_role("button", name="Go back to the words before")).to_be_visible(timeout=READ_MS)

    answer = ask_in(page, LIBRARY, "Who approves a Klapprechner?")
    expect(answer.locator(".answer-text")).to_contain_text("head of the quay office")


def test_it_says_that_there_is_no_other_embedding_model(page: Page) -> None:
    page.goto("/system/embedding/")

    expect(page.locator("main")).to_contain_text("No other embedding model is in order")
