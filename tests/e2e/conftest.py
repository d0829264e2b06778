"""A whole installation, started like `make run` starts it (real models, database, broker, workers), and a browser."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, sync_playwright

from kb_project.env import BASE_DIR
from tests.e2e import shelf as shelves
from tests.e2e.shelf import Shelf
from tests.e2e.website import Website, published

START_S = 300.0
ADMIN = "admin@localhost"
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the browser tests on one xdist worker: they share one installation."""
    for item in items:
        if "/e2e/" in str(item.path):
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.xdist_group("e2e"))


@dataclass
class Site:
    """A running installation."""

    url: str
    password: str
    process: subprocess.Popen[bytes]
    env: dict[str, str]
    cookies: list[Any] = field(default_factory=list)  # of the administrator's first session

    def manage(self, *arguments: str) -> str:
        """Run a management command of the installation and return what it prints."""
        done = subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=BASE_DIR,
            env=self.env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def child(self, needle: str) -> int:
        """Return the process id of the child whose command line has `needle`."""
        found = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", needle], capture_output=True, text=True, check=True
        )
        return int(found.stdout.split()[0])


def installation_env(var: Path, website: Website) -> dict[str, str]:
    """Return the environment of an installation with the real models (tests/settings.py names the fakes in ours)."""
    mine = {key: value for key, value in os.environ.items() if not key.endswith("_RUNTIME")}
    return mine | {
        "DJANGO_SETTINGS_MODULE": "kb_project.settings",
        "KB_VAR_DIR": str(var),
        "KB_INTERNAL_HOSTS": website.host,
    }


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="package")
def website() -> Iterator[Website]:
    """Publish a site on this machine that web sources may read."""
    with published() as neighbour:
        yield neighbour


@pytest.fixture(scope="package")
def site(website: Website) -> Iterator[Site]:
    """Start an empty installation, wait until the sample library is read, stop it at the end.

    Not below pytest's own folder: another run of pytest takes the rights of that away, and the database is another
    user's process.
    """
    var = Path(tempfile.mkdtemp(prefix="zhiku-e2e-"))
    var.chmod(0o755)
    (var / "models").symlink_to(BASE_DIR / "var" / "models")
    port = free_port()
    env = installation_env(var, website)
    log = var / "run.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "kb_project.supervisor"],
            cwd=BASE_DIR,
            env=env | {"KB_PORT": str(port)},
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    started = Site(f"http://127.0.0.1:{port}", "", process, env)
    try:
        started.password = wait_for_password(started, log)
        wait_for_samples(started)
        yield started
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(60)
        shutil.rmtree(var, ignore_errors=True)


@pytest.fixture(scope="package")
def shelf(site: Site, website: Website) -> Shelf:
    """Fill a library in which every page has something to show."""
    return shelves.read(
        site.manage("shell", "-v", "0", "-c", f"from tests.e2e.shelf import fill; fill({website.url!r})")
    )


def wait_for_password(site: Site, log: Path) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        found = re.search(r"with password\s+(\S+)", log.read_text(errors="replace"))
        if found:
            return found[1]
        assert site.process.poll() is None, log.read_text(errors="replace")[-3000:]
        time.sleep(0.3)
    raise AssertionError(log.read_text(errors="replace")[-3000:])


def wait_for_samples(site: Site) -> None:
    """Wait until every sample document is searchable."""
    wanted = len(list((BASE_DIR / "docs" / "sample").glob("*.pdf")))
    count = "from apps.libraries.models import Document; print(Document.objects.filter(status='ready').count())"
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if int(site.manage("shell", "-v", "0", "-c", count).split()[-1]) >= wanted:
            return
        time.sleep(1)
    raise AssertionError("the sample library was not read in time")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start Chromium. Its event loop runs in this thread, so it must be gone before other tests use Django's ORM."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


# What htmx logs of a request that a newer one of the same part took the place of (hx-sync), as it is meant to. One that
# failed is logged as htmx:sendError or htmx:responseError too.
REPLACED = ("htmx:afterRequest, ", "htmx:sendAbort, ")


class Visitor:
    """A person's browser. Any console error, page error or policy violation fails the test at its end."""

    def __init__(self, browser: Browser, site: Site, *, language: str, theme: str, size: tuple[int, int]) -> None:
        self.site = site
        self.problems: list[str] = []
        self.context: BrowserContext = browser.new_context(
            base_url=site.url,
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if theme == "dark" else "light",
            locale="zh-CN" if language == "zh-hans" else "en-GB",
        )
        self.context.add_cookies([{"name": "kb_language", "value": language, "url": site.url}])
        self.allowed: list[str] = [*REPLACED]

    def open(self, path: str = "/") -> Page:
        """Open a new tab."""
        page = self.context.new_page()
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.problems.append(f"page error: {error}"))
        page.goto(path)
        return page

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type == "error" and not any(part in message.text for part in self.allowed):
            self.problems.append(f"console: {message.text} ({message.location})")

    def sign_in(self, email: str = ADMIN, password: str | None = None) -> Page:
        """Sign in and return the page that opens; the administrator's session is kept for the next visitors."""
        is_admin = email == ADMIN
        if is_admin and self.site.cookies:
            self.context.add_cookies(self.site.cookies)
            return self.open("/")
        page = self.open("/")
        page.locator("input[name=login]").fill(email)
        page.locator("input[name=password]").fill(password or self.site.password)
        page.locator("form:has(input[name=password]) button[type=submit]").click()
        page.locator("#rail").wait_for(state="attached")
        if is_admin:
            self.site.cookies = [each for each in self.context.cookies() if each["name"] != "kb_language"]
        return page


@pytest.fixture
def visit(browser: Browser, site: Site) -> Iterator[type[Visitor]]:
    """Return a maker of visitors whose consoles must stay clean."""
    made: list[Visitor] = []

    def make(*, language: str = "en", theme: str = "light", size: tuple[int, int] = (1440, 900)) -> Visitor:
        visitor = Visitor(browser, site, language=language, theme=theme, size=size)
        made.append(visitor)
        return visitor

    yield make  # type: ignore[misc]
    problems = [problem for visitor in made for problem in visitor.problems]
    for visitor in made:
        visitor.context.close()
    assert not problems


def answers(url: str) -> bool:
    """Return whether somebody answers at this address."""
    try:
        with urlopen(url, timeout=2):  # noqa: S310  (our own loopback address)
            return True
    except (URLError, OSError):
        return False
