"""The lab's live page in a real browser: a cluster that is failed and healed by clicks."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import pytest

from tests.client.lab.conftest import DEADLINE, running

from .cluster import LiveCluster

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.live

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


@pytest.fixture
def page(live: LiveCluster) -> Iterator[Page]:
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    with running(config=live.config) as lab, api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_page(viewport={"width": 1280, "height": 720})
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(lab.address)
        page.wait_for_selector("article.card")
        yield page
        browser.close()
    assert wrong == []


def eventually(page: Page, holds: Callable[[], bool]) -> None:
    by = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < by, page.inner_text("body")
        page.wait_for_timeout(20)


def test_links_and_roles_fail_and_come_back_by_clicks(live: LiveCluster, page: Page) -> None:
    one, two = live.followers()[:2]
    page.get_by_label(f"link {one}-{two}; press to cut").dispatch_event("click")
    page.wait_for_selector(f"[aria-label='link {one}-{two}: cut; press to heal']")
    eventually(page, lambda: f"cut: {one}-{two}" in page.inner_text("#happened"))
    page.get_by_label(f"link {one}-{two}: cut").dispatch_event("click")
    page.wait_for_selector(f"[aria-label='link {one}-{two}; press to cut']")
    card = page.locator("article.card").nth(one - 1)
    card.get_by_role("button", name="acceptor").click()
    card.locator(".lamp.off").wait_for()
    card.get_by_role("button", name="acceptor").click()
    eventually(page, lambda: card.locator(".lamp.on").count() == 3)
