"""The lab's live page in a real browser: a cluster that is failed and healed by clicks."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client.lab.live import own
from client.options import parse
from tests.client.lab.conftest import DEADLINE, running

from .cluster import LiveCluster, given_by
from .cluster import running as running_of

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.live

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
NODES = 1200
"""Elements of the page, whatever happens."""
FRAMES, FRAME_MS = 30, 60
"""Pictures that are timed, and milliseconds for one at the median: generous, for a busy machine."""
STREAM = {"content-type": "text/event-stream"}
TIMED = """
  window.spent = [];
  const ask = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (draw) => ask((time) => {
    const begun = performance.now();
    draw(time);
    window.spent.push(performance.now() - begun);
  });
"""


@pytest.fixture(scope="module")
def opened(shared: LiveCluster) -> Iterator[Page]:
    """One lab and one page for all these tests: they begin with a healthy cluster."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium")
    with running(config=shared.config) as lab, api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        page = browser.new_context(viewport={"width": 1280, "height": 800}).new_page()
        wrong: list[str] = []
        page.set_default_timeout(1000 * DEADLINE)
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.goto(lab.address)
        page.wait_for_selector("article.card")
        yield page
        browser.close()
    assert wrong == []


@pytest.fixture
def page(live: LiveCluster, opened: Page) -> Page:
    eventually(opened, lambda: opened.locator(".lamp.on").count() == 3 * len(live.cluster.ids))
    return opened


def eventually(page: Page, holds: Callable[[], bool]) -> None:
    by = time.monotonic() + DEADLINE
    while not holds():
        assert time.monotonic() < by, page.inner_text("body")
        page.wait_for_timeout(100)


def card(page: Page, replica: int) -> Locator:
    return page.locator("article.card").nth(replica - 1)


def test_links_and_roles_fail_and_come_back_by_clicks(live: LiveCluster, page: Page) -> None:
    one, two = live.followers()[:2]
    page.get_by_label(f"link {one}-{two}; press to cut").dispatch_event("click")
    page.wait_for_selector(f"[aria-label='link {one}-{two}: cut; press to heal']")
    eventually(page, lambda: f"cut: {one}-{two}" in page.inner_text("#happened"))
    page.get_by_label(f"link {one}-{two}: cut").dispatch_event("click")
    page.wait_for_selector(f"[aria-label='link {one}-{two}; press to cut']")
    card(page, one).get_by_role("button", name="acceptor").click()
    card(page, one).locator(".lamp.off").wait_for()
    card(page, one).get_by_role("button", name="acceptor").click()
    eventually(page, lambda: card(page, one).locator(".lamp.on").count() == 3)


def test_the_leader_is_killed_by_a_click_and_writes_resume(live: LiveCluster, page: Page) -> None:
    page.locator("#clients").fill("4")
    eventually(page, lambda: acknowledged(page) > 20)
    leader = given_by(live.leader, "a leader")
    card(page, leader).locator(".who").click()
    page.get_by_role("button", name="kill -9").click()
    card(page, leader).get_by_text("killed on purpose").wait_for()
    before = acknowledged(page)
    eventually(page, lambda: acknowledged(page) > before + 20)
    eventually(page, lambda: page.locator("rect.gap").count() > 0)
    page.get_by_title("How it came to lead").first.click()
    page.get_by_text("asks all to promise ballot").first.wait_for()
    page.keyboard.press("v")
    page.get_by_text("proposed it at ballot").wait_for()
    card(page, leader).locator(".who").click()
    page.get_by_role("button", name="start", exact=True).click()
    eventually(page, lambda: card(page, leader).locator(".lamp.on").count() == 3)
    page.locator("#clients").fill("0")
    eventually(page, lambda: "None" in page.inner_text("#came"))


def acknowledged(page: Page) -> int:
    found = re.search(r"([\d,]+) acknowledged", page.inner_text("#came"))
    return int(found[1].replace(",", "")) if found else 0


def test_a_disk_that_hangs_is_on_the_lamp_and_let_go_on_the_same_spot(
    live: LiveCluster, page: Page
) -> None:
    one = live.followers()[0]
    card(page, one).locator(".who").click()
    page.get_by_role("button", name="hang its disk").click()
    card(page, one).locator(".lamp.hung").first.wait_for()
    eventually(page, lambda: f"replica {one}: its disk hangs" in page.inner_text("#happened"))
    page.get_by_role("button", name="let its disk go on").click()
    eventually(page, lambda: card(page, one).locator(".lamp.hung").count() == 0)
    page.keyboard.press("Escape")


def test_on_a_phone_the_panel_stands_below_the_picture_and_closes(
    live: LiveCluster, page: Page
) -> None:
    before = page.viewport_size
    page.set_viewport_size({"width": 390, "height": 844})
    card(page, live.followers()[0]).locator(".who").click()
    eventually(page, lambda: top(page.locator("#panel")) > top(page.locator("#stage")))
    cards = page.locator("article.card").all()
    assert all(top(one) >= 0 and bottom(one) <= top(page.locator("#panel")) for one in cards)
    assert bottom(page.locator("#panel")) <= 844
    page.get_by_role("button", name="close").click()
    page.get_by_text("Fail something").wait_for()
    assert before is not None
    page.set_viewport_size(before)


def top(element: Locator) -> float:
    box = element.bounding_box()
    assert box is not None
    return box["y"]


def bottom(element: Locator) -> float:
    box = element.bounding_box()
    assert box is not None
    return box["y"] + box["height"]


def test_what_loses_the_quorum_is_asked_and_undone(live: LiveCluster, page: Page) -> None:
    two, one, last = live.followers()[-3:]
    for victim in (one, last):
        card(page, victim).get_by_role("button", name="acceptor").click()
        card(page, victim).locator(".lamp.off").wait_for()
    card(page, two).locator(".who").click()
    page.get_by_role("button", name="pause").click()
    page.get_by_text("would lose the majority").wait_for()
    page.locator("#agree").click()
    page.get_by_role("button", name="resume").wait_for()
    eventually(page, lambda: "no quorum" in page.inner_text("#health"))
    page.locator("#undo").click()
    eventually(page, lambda: page.inner_text("#health").startswith("serving"))
    live.settle()


def test_who_has_no_cluster_gets_one_that_ends_with_the_lab(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(own, "_runs", lambda options: False)
    monkeypatch.setattr(own, "REPLICAS", 1)
    with own.clustered(parse([])) as (options, said):
        assert options.config is not None
        assert options.config in said
        with options.connect() as store:
            assert store.status()["health"] == "serving"
    assert not Path(options.config).exists()
    assert running_of(Path(options.config)) == []


def test_ten_thousand_events_a_second_are_cheap_to_draw(opened: Page) -> None:
    page = opened.context.new_page()
    page.add_init_script(TIMED)
    page.route("**/live/stream", lambda route: route.fulfill(body=flood(), headers=STREAM))
    page.goto(opened.url)
    page.wait_for_selector("article.card")
    eventually(page, lambda: int(page.evaluate("spent.length")) > FRAMES)
    spent = page.evaluate("spent")
    assert page.evaluate("document.querySelectorAll('*').length") <= NODES
    assert sorted(spent)[len(spent) // 2] <= FRAME_MS, spent
    assert page.locator("aside img").count() == 0, "text of a frame is text"
    page.close()


def flood() -> str:
    """Make five seconds of frames, as one that is behind would get them: all at once."""
    return "".join(f"data: {json.dumps(frame(number))}\n\n" for number in range(100))


def frame(number: int) -> dict[str, object]:
    at, slot = number / 20, 250 * number
    kinds = ("accept", "accepted", "forward to", "campaign")
    events = [
        {
            "event": kinds[n % 4],
            "at": at,
            "replica": 1 + n % 5,
            "peer": 1 + n // 5 % 5,
            "ballot": "3.1",
        }
        for n in range(500)
    ]
    up = {"state": "up", "incarnation": 1}
    roles = {name: up for name in ("proposer", "acceptor", "learner")}
    replicas = [
        {"id": id, "state": "up", "answers": True, "roles": roles, "cuts": [], "ballot": "3.1"}
        for id in range(1, 6)
    ]
    accepted = [[slot - back, [3, 1]] for back in range(40)]
    acceptor = {"promised": [3, 1], "grant": 0.5, "hold": 0.0, "accepted": accepted}
    learner = {"chosen": slot, "applied": slot - 3}
    moments = {id: {"at": at, "acceptor": acceptor, "learner": learner} for id in range(1, 6)}
    picture = {
        "replicas": replicas,
        "health": "serving",
        "leader": 1,
        "up": 5,
        "needs": 3,
        "time": at,
    }
    news = {"at": at, "text": "<img src=x>", "urgent": False, "mark": "1"}
    columns = [[at // 0.5 * 0.5, 5000, 4000, 0.01]]
    return {
        "kind": "batch",
        "at": at,
        "picture": picture,
        "columns": columns,
        "happened": [news],
        "gaps": [[at - 1, at, True]],
        "load": {},
        "events": events,
        "dropped": 0,
        "moments": moments,
    }
