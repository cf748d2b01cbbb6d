"""The page in a real browser, headless: stepping, jumps, bugs, acting, files, bad traces."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client.lab import saved

from .conftest import eventually, play, shown, step, told

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

pytestmark = pytest.mark.live


def test_back_is_the_way_that_one_came(page: Page) -> None:
    seen = [shown(page)]
    for _ in range(12):
        page.keyboard.press("ArrowRight")
        seen.append(shown(page))
    assert len({sentence for sentence, *_ in seen}) > 8
    for _ in range(12):
        assert shown(page) == seen.pop()
        page.keyboard.press("ArrowLeft")
    assert shown(page) == seen.pop()


def test_keys_and_buttons_reach_the_same(page: Page) -> None:
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    learned = step(page)
    assert learned > 0
    page.keyboard.press("f")
    assert step(page) > learned
    page.get_by_label("to the beginning").click()
    assert step(page) == 0
    page.get_by_label("to what is learned next").click()
    assert step(page) == learned
    page.keyboard.press("End")
    assert page.inner_text("#sentence").startswith("Question: ")
    page.keyboard.press("PageDown")
    assert page.inner_text("#sentence").startswith("Answer: ")
    page.keyboard.press("End")
    assert str(step(page)) == page.get_attribute("#scrubber", "max")


def test_the_address_leads_back_to_the_step(page: Page) -> None:
    for _ in range(5):
        page.keyboard.press("PageDown")
    before, at = shown(page), step(page)
    eventually(page, lambda: f"step={at}&" in page.url)
    there = page.url
    assert "token" not in there
    page.keyboard.press("Home")
    play(page, there.partition("#")[2])
    assert shown(page) == before


def test_the_page_follows_an_address_that_is_changed(page: Page) -> None:
    run = "seed=11&profile=calm&steps=900"
    play(page, f"{run}&step=40")
    page.evaluate(f"location.hash = '#{run}&step=153&grain=2'")
    eventually(page, lambda: step(page) == 153)
    assert page.inner_text("#grain") == "learned"
    page.evaluate("location.hash = '#scenario=basic_round&step=51'")
    eventually(page, lambda: "basic_round" in page.inner_text("#run") and step(page) == 51)
    page.evaluate("location.hash = '#scenario=none'")
    eventually(page, lambda: "no scenario" in page.inner_text("#problem"))
    eventually(page, lambda: "scenario=basic_round&step=51" in page.url)


def test_while_a_run_is_made_the_page_says_so_and_keys_do_nothing(page: Page) -> None:
    asked: list[Route] = []
    page.route("**/run", lambda route: asked.append(route))
    play(page, "seed=11&profile=calm&steps=900", "#sentence >> text=The run is being made")
    assert page.inner_text("#sentence").startswith("The run is being made")
    assert not page.is_visible("#broke")
    for key in ("PageDown", "End", "s", "Shift+S", " "):
        page.keyboard.press(key)
    page.evaluate("location.hash = '#scenario=basic_round&step=51'")
    eventually(page, lambda: len(asked) == 2)
    for route in reversed(asked):
        route.continue_()
    eventually(page, lambda: "basic_round" in page.inner_text("#run") and step(page) == 51)
    assert page.inner_text("#play") == "play"


def test_it_plays_and_pauses(page: Page) -> None:
    at = step(page)
    page.keyboard.press("+")
    page.keyboard.press(" ")
    eventually(page, lambda: step(page) > at + 3)
    page.keyboard.press(" ")
    assert page.inner_text("#play") == "play"


def test_a_message_can_be_looked_at(page: Page) -> None:
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    page.locator(".diagram .message .mark").last.click(force=True)
    assert "Because of" in page.inner_text("#inspector")
    assert page.locator(".diagram .message.picked").count() == 1
    page.keyboard.press("Escape")
    assert page.locator(".diagram .message.picked").count() == 0


def test_a_slot_says_why_it_has_its_value(page: Page) -> None:
    page.keyboard.press("End")
    page.keyboard.press("s")
    assert "majority" in page.inner_text("#inspector")
    page.get_by_title("why it has this value").filter(has_text="2").first.click()
    assert "in both majorities" in page.inner_text("#inspector")
    page.keyboard.press("Escape")
    assert "both majorities" not in page.inner_text("#inspector")


def test_a_bug_opens_where_safety_broke(page: Page) -> None:
    play(page, "bug=accepts-below-promise&seed=0")
    assert "having promised 2.5" in page.inner_text("#sentence")
    assert "accept nothing below its promise" in page.inner_text("#why")
    voter = re.search(r"[Rr]eplica (\d) votes at", page.inner_text("#sentence"))
    assert voter, page.inner_text("#sentence")
    assert page.locator(".card.blamed h2").inner_text().startswith(voter[1])
    page.keyboard.press("Home")
    page.keyboard.press("b")
    assert "Safety broke" in page.inner_text("#sentence")


def test_a_run_that_does_not_exist_is_refused_in_a_sentence(page: Page) -> None:
    play(page, "scenario=no_such", awaited="#problem:not([hidden])")
    assert "no scenario" in page.inner_text("#problem")
    assert page.inner_text("#sentence") == ""


def test_text_of_a_trace_stays_text(page: Page) -> None:
    evil = "<img src=x onerror=document.title='evil'>"
    body = evil_trace(evil) + "{cut off"
    page.route("**/run", lambda route: route.fulfill(body=body))
    page.reload()
    page.wait_for_selector(".cards .card")
    assert "line 5: it is no JSON" in page.inner_text("#problem")
    page.keyboard.press("End")
    assert evil in page.inner_text("#sentence")
    assert page.locator("main img, header img, #words img").count() == 0
    assert page.title() == "kvrmi lab"


def test_a_leader_says_why_it_leads(page: Page) -> None:
    page.keyboard.press("End")
    page.keyboard.press("l")
    assert "Why replica 1 leads at 2.1" in page.inner_text("#inspector")
    assert "a majority" in page.inner_text("#inspector")
    assert page.locator("#inspector svg.quorums .band").count() >= 1
    eventually(page, lambda: "leader=1" in page.url)
    page.keyboard.press("Escape")
    assert "Why replica" not in page.inner_text("#inspector")


def test_acting_in_the_past_forks_the_run_and_keeps_the_old_one(page: Page) -> None:
    play(page, "seed=11&profile=calm&steps=900&step=400")
    as_it_was = shown(page)
    page.get_by_label("What if replica 2 failed here?").click()
    page.get_by_text("kill its process").click()
    page.wait_for_selector(".chip.now >> text=kill 2 at")
    assert page.inner_text("#sentence").startswith("Replica 2: killed")
    eventually(page, lambda: "acts=" in page.url)
    assert "down" in page.locator(".card h2").nth(1).inner_text()
    fork = shown(page)
    play(page, page.url.partition("#")[2])
    assert shown(page) == fork
    page.get_by_text("the run as it was", exact=True).click()
    page.wait_for_selector(".chip.now >> text=the run as it was")
    page.evaluate("document.getElementById('scrubber').value = 400")
    page.locator("#scrubber").dispatch_event("input")
    assert shown(page)[0] == as_it_was[0]
    page.get_by_text("kill 2 at").click()
    page.get_by_text("beside the run as it was").click()
    page.wait_for_selector(".stage + .stage .card")


def test_two_runs_stand_side_by_side_under_one_scrubber(page: Page) -> None:
    page.select_option("#what", label="a lease without a margin, and ours")
    page.wait_for_selector(".stage + .stage .card")
    assert "Safety broke" in page.inner_text("#sentence")
    assert "a margin earlier" in page.inner_text("#lead")
    assert page.locator(".stage .card.blamed").count() == 1
    eventually(page, lambda: "beside=" in page.url)
    before = page.locator(".cards").all_inner_texts()
    page.keyboard.press("Home")
    play(page, page.url.partition("#")[2], ".stage + .stage .card")
    assert page.locator(".cards").all_inner_texts() == before


def test_a_saved_file_plays_without_the_lab_and_without_a_network(
    page: Page, browser: Browser, tmp_path: Path
) -> None:
    play(page, "bug=accepts-below-promise")
    seen, file = told(page), tmp_path / "saved.html"
    with page.expect_download() as download:
        page.keyboard.press("Shift+S")
    download.value.save_as(file)
    alone = browser.new_context(viewport={"width": 1280, "height": 720}, offline=True).new_page()
    asked: list[str] = []
    alone.on("request", lambda request: asked.append(request.url))
    alone.goto(file.as_uri())
    alone.wait_for_selector("main .cards .card")
    eventually(alone, lambda: told(alone) == seen)
    alone.keyboard.press("PageUp")
    assert told(alone) != seen
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    alone.context.close()
    without = browser.new_context(java_script_enabled=False).new_page()
    without.goto(file.as_uri())
    assert without.locator("#still svg .life").count() == 5
    assert re.search(
        r"Safety broke at [\d.]+ s: replica \d votes at", without.inner_text("#still ol")
    )
    without.context.close()
    page.keyboard.press("Home")
    page.set_input_files("#file", file)
    eventually(page, lambda: told(page) == seen)


def test_a_file_that_is_no_trace_is_refused_in_a_sentence(page: Page, tmp_path: Path) -> None:
    file = tmp_path / "page.html"
    file.write_text("<!doctype html><script>document.title = 'evil'</script>")
    before = page.inner_text("#sentence")
    page.set_input_files("#file", file)
    eventually(page, lambda: "no saved page of the lab" in page.inner_text("#problem"))
    assert (page.inner_text("#sentence"), page.title()) == (before, "kvrmi lab")


def test_nothing_of_a_saved_trace_is_run(page: Page, browser: Browser, tmp_path: Path) -> None:
    evil = "</script><script>document.title = 'evil'</script><img src=x onerror=alert(1)>"
    file = tmp_path / "saved.html"
    file.write_text(saved.page(evil_trace(evil), title=evil, story=[evil], still=evil))
    alone = browser.new_context().new_page()
    alone.goto(file.as_uri())
    alone.wait_for_selector("main .cards .card")
    alone.keyboard.press("End")
    assert evil in alone.inner_text("#sentence")
    assert alone.title() == evil
    assert alone.locator("img").count() == 0
    alone.context.close()


def test_side_by_side_slots_and_messages_are_those_of_the_run_whose_step_it_is(page: Page) -> None:
    play(
        page, "scenario=basic_round&step=200&beside=scenario%3Dold_leader", ".stage + .stage .card"
    )
    seen: set[str] = set()
    for _ in range(60):
        if len(seen) == 2:
            break
        now = page.inner_text(".stage.now .heading")
        page.keyboard.press("s")
        assert page.inner_text("#inspector .heading") == now
        assert page.inner_text("#inspector").count("Slot ") >= 1
        page.keyboard.press("Escape")
        page.keyboard.press("m")
        if "Because of" in page.inner_text("#inspector"):
            assert page.inner_text("#inspector .heading") == now
            seen.add(now)
        page.keyboard.press("Escape")
        page.keyboard.press("ArrowLeft")
    assert len(seen) == 2


def test_in_two_phase_commit_s_and_l_speak_of_transactions(page: Page) -> None:
    page.select_option("#what", label="two-phase commit and Paxos: the one who decides stops")
    page.wait_for_selector(".stage + .stage .card")
    for _ in range(20):
        if re.search(r"Two-phase commit: .*T1\.11", page.inner_text("#sentence")):
            break
        page.keyboard.press("PageDown")
    page.keyboard.press("s")
    assert "Two-phase commit" in page.inner_text("#inspector .heading")
    assert "Transaction T1.11" in page.inner_text("#inspector")
    assert "only manager 1 may decide it" in page.inner_text("#inspector")
    page.keyboard.press("s")
    page.keyboard.press("l")
    assert "Two-phase commit" in page.inner_text("#inspector .heading")
    assert "Nobody leads in two-phase commit" in page.inner_text("#inspector")
    page.keyboard.press("Escape")
    play(page, "protocol=2pc&seed=6&profile=doubt&step=300")
    page.get_by_title("why it stands as it does").first.click()
    assert "Transaction T" in page.inner_text("#inspector")


def evil_trace(evil: str) -> str:
    lines = [
        {"kind": "run", "format": 1, "script": evil, "about": evil},
        {"kind": "began", "at": 1, "replicas": [1, 2], "roles": ["acceptor"]},
        {"kind": "happened", "at": 1, "who": 1, "what": evil, "text": evil},
        {"kind": "happened", "at": 1, "who": evil, "what": "", "text": evil},
    ]
    return "\n".join(map(json.dumps, lines)) + "\n"
