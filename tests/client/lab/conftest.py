"""A lab of its own: the program as users start it, the address that it prints, and its page."""

from __future__ import annotations

import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ROOT = Path(__file__).parents[3]
DEADLINE = 60
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Lab(NamedTuple):
    """One that runs."""

    process: subprocess.Popen[str]
    address: str

    @property
    def token(self) -> str:
        return self.address.partition("token=")[2]

    @property
    def host(self) -> str:
        return self.address.split("/")[2]


@contextmanager
def running(*words: str, config: Path | None = None) -> Iterator[Lab]:
    where = [] if config is None else ["--config", str(config)]
    command = [sys.executable, "-m", "client", *where, "lab", "--no-browser", *words]
    with subprocess.Popen(
        command, cwd=ROOT, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            assert process.stdout is not None
            assert select.select([process.stdout], [], [], DEADLINE)[0], "it printed no address"
            yield Lab(process, process.stdout.readline().split()[-1])
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(DEADLINE)


@pytest.fixture(scope="module")
def lab() -> Iterator[Lab]:
    with running("--scenario", "duelling_proposers") as one:
        yield one


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, lab: Lab) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda line: wrong.append(line.text) if line.type == "error" else None)
    page.goto(lab.address)
    page.wait_for_selector(".cards .card")
    yield page
    context.close()
    assert [line for line in wrong if "400 (Bad Request)" not in line] == []


def play(page: Page, run: str, awaited: str = ".cards .card") -> None:
    """Open a run as its address does."""
    lab = page.url.partition("#")[0]
    page.goto("about:blank")
    page.goto(f"{lab}#{run}")
    page.wait_for_selector(awaited)


def shown(page: Page) -> tuple[str, str, str, str]:
    ids = ("#sentence", ".cards", "#log", ".diagram")
    sentence, cards, log, diagram = (page.inner_html(one) for one in ids)
    return sentence, cards, log, diagram


def told(page: Page) -> tuple[str, str, str]:
    """Return what is in words: a saved page has no button by which to act."""
    cards = page.inner_text("main .cards").replace("⚡", "").split()
    return page.inner_text("#sentence"), " ".join(cards), page.inner_text("#log")


def eventually(page: Page, holds: Callable[[], bool]) -> None:
    """Wait for it in the test: the page's policy forbids what playwright would run there."""
    by = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < by, "it never came"
        page.wait_for_timeout(100)


def step(page: Page) -> int:
    return int(page.input_value("#scrubber"))
