"""The main job as a person does it: sign in, drop files, watch them being read, ask, follow a citation to the page."""

import os
import re
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e import papers
from tests.e2e.conftest import Site, Visitor, answers
from tests.e2e.steps import ANSWER_MS, READ_MS, ask, choose_mode, done, drop, make_library

Visit = Callable[..., Visitor]


@dataclass(frozen=True)
class Case:
    """A document and a question that one of its passages answers."""

    language: str
    theme: str
    paper: Callable[[Path], Path]
    question: str
    fact: str


ENGLISH = Case("en", "light", papers.handbook, "When does the parking garage close?", "22:30")
CHINESE = Case("zh-hans", "dark", papers.rules_zh, "入职满一年的员工有多少天年假？", "十二天")


@pytest.mark.parametrize("case", [pytest.param(ENGLISH, id="english"), pytest.param(CHINESE, id="chinese")])
def test_it_takes_a_new_user_from_upload_to_the_cited_passage(visit: Visit, tmp_path: Path, case: Case) -> None:
    page = visit(language=case.language, theme=case.theme).sign_in()
    make_library(page, f"Papers {case.language}", case.language)
    file = case.paper(tmp_path)

    drop(page, file)
    expect(page.locator("[data-status=ready]").first).to_be_visible(timeout=READ_MS)
    page.goto("/")
    ask(page, case.question)
    done(page)
    answer = page.locator("kb-answer").last
    expect(answer.locator(".answer-text")).to_contain_text(case.fact)
    answer.locator(".answer-text [data-cite]").first.click()

    drawer = page.locator("#drawer")
    expect(drawer).to_contain_text(file.name)
    expect(drawer.locator("kb-pdf canvas").first).to_be_visible()
    mark = drawer.locator(".pdf-mark:not([data-faint])").first
    expect(mark).to_be_visible()
    assert mark.bounding_box() is not None


def test_it_answers_an_example_within_three_clicks(visit: Visit) -> None:
    page = visit().sign_in()

    page.locator(".example").first.click()
    done(page)

    expect(page.locator("kb-answer .answer-text [data-cite]").first).to_be_visible()


def test_it_keeps_streaming_through_a_reload_and_a_second_tab(visit: Visit) -> None:
    visitor = visit()
    page = visitor.sign_in()
    choose_mode(page, "generate")
    ask(page, "Explain in detail how documents are added to a library and what their status means.")
    page.wait_for_selector("kb-answer", timeout=ANSWER_MS)
    page.wait_for_url(re.compile(r"/chat/"))

    page.reload()
    second = visitor.open(page.url)
    done(page)
    done(second)

    texts = [tab.locator("kb-answer .answer-text").last.inner_text() for tab in (page, second)]
    assert texts[0] == texts[1]
    page.reload()
    assert page.locator("kb-answer .answer-text").last.inner_text() == texts[0]


def test_it_stops_an_answer_and_keeps_its_text(visit: Visit) -> None:
    page = visit().sign_in()
    choose_mode(page, "generate")
    ask(page, "Tell me everything about libraries, documents, passages, citations, roles and limits.")
    page.wait_for_selector(
        "kb-answer[data-live] [data-tail]:not(:empty), kb-answer[data-state=done]", timeout=ANSWER_MS
    )

    page.keyboard.press("Escape")
    page.wait_for_selector("kb-answer:not([data-live])", timeout=ANSWER_MS)

    assert page.locator("kb-answer").last.get_attribute("data-state") in {"stopped", "done"}


def test_it_shows_a_stranger_nothing(visit: Visit, site: Site) -> None:
    page = visit().sign_in()
    page.locator(".example").first.click()
    done(page)
    page.wait_for_url(re.compile(r"/chat/"))
    private = page.url
    site.manage("create_team", "Strangers")
    site.manage("create_user", "bob@example.org", "--password", "a-long-Password-7", "--team", "Strangers")
    stranger = visit()
    stranger.allowed = ["404"]

    tab = stranger.sign_in("bob@example.org", "a-long-Password-7")
    answer = tab.goto(private)
    assert answer is not None

    assert answer.status == 404
    assert "citation" not in tab.content()


def test_it_survives_the_death_of_the_web_process(visit: Visit, site: Site) -> None:
    visitor = visit()
    visitor.allowed = ["WebSocket", "ERR_CONNECTION", "Failed to load resource", "htmx:"]
    page = visitor.sign_in()
    choose_mode(page, "generate")
    ask(page, "Explain in detail how teams and roles work and what an editor may do.")
    page.wait_for_selector("kb-answer", timeout=ANSWER_MS)
    page.wait_for_url(re.compile(r"/chat/"))

    os.kill(site.child("uvicorn"), signal.SIGKILL)
    deadline = time.monotonic() + 60
    while not answers(f"{site.url}/healthz") and time.monotonic() < deadline:
        time.sleep(0.2)
    done(page)

    text = page.locator("kb-answer .answer-text").last.inner_text()
    page.reload()
    assert page.locator("kb-answer .answer-text").last.inner_text() == text
