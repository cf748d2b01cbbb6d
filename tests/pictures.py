"""The two pictures of the lab that the README shows, of what a browser draws today.

`python -m tests.pictures` makes both anew: a real cluster whose leader was killed a moment ago, and
the third lesson where the next leader's write is chosen. Rule: nothing is drawn or touched up by
hand.
"""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.client.lab.conftest import running
from tests.live.cluster import ROOT, LiveCluster, given_by

if TYPE_CHECKING:
    from playwright.sync_api import Page

FOLDER = ROOT / "client" / "lab" / "pictures"
LIVE, RUN = FOLDER / "live.png", FOLDER / "run.png"
MOST_BYTES = 200_000
"""Of a picture: a checkout carries it for ever."""
SIZE = 1100, 760
"""Pixels."""
CLIENTS = 16
WORK = 12_000
"""Milliseconds of writes before the leader is killed."""
BACK = 2_000
"""Milliseconds from the next leader to the picture: writes go on."""
SHOWN = "Slot 4 is chosen"


@contextmanager
def page_of(address: str) -> Iterator[Page]:
    """Open the page in a browser of its own."""
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium)
        width, height = SIZE
        page = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="light"
        ).new_page()
        page.goto(address)
        yield page
        browser.close()


def take(page: Page, file: Path) -> None:
    """Take the picture. Raises ValueError where it is too large to be kept."""
    page.screenshot(path=file)
    if file.stat().st_size > MOST_BYTES:
        raise ValueError(f"{file}: {file.stat().st_size} bytes; {MOST_BYTES} at most")


def until(page: Page, holds: Callable[[str], bool], key: str | None = None) -> None:
    """Wait until the text of the page is so, pressing a key between two looks."""
    for _ in range(600):
        if holds(page.inner_text("body")):
            return
        if key is not None:
            page.keyboard.press(key)
        page.wait_for_timeout(100)
    raise TimeoutError(page.inner_text("body"))


def failover(page: Page, cluster: LiveCluster) -> None:
    """Have clients write, kill the leader, wait for the next one and for writes."""
    page.wait_for_selector("article.card")
    page.locator("input[type=range]").first.fill(str(CLIENTS))
    page.wait_for_timeout(WORK)
    killed = given_by(cluster.leader, "somebody leads")
    with cluster.orders() as orders:
        orders.kill(killed)
    until(
        page, lambda text: re.search(rf"serving: replica (?!{killed}\b)\d leads", text) is not None
    )
    page.wait_for_timeout(BACK)


def live() -> None:
    """A cluster of its own, a failover in sight."""
    with tempfile.TemporaryDirectory() as folder:
        cluster = LiveCluster(Path(folder) / "data", "--ephemeral")
        try:
            cluster.start()
            cluster.enthrone()
            with running(config=cluster.config) as lab, page_of(lab.address) as page:
                failover(page, cluster)
                take(page, LIVE)
        finally:
            cluster.sweep()


def run() -> None:
    """The scenario of the third lesson, where the next leader's write is chosen."""
    with running("--scenario", "old_leader") as lab, page_of(lab.address) as page:
        page.wait_for_selector("svg")
        for _ in range(2):
            page.keyboard.press("f")
        until(page, lambda text: SHOWN in text, "PageDown")
        take(page, RUN)


if __name__ == "__main__":
    run()
    live()
