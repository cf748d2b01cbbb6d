"""Runs saved as scenarios in words, in a real browser: the text plays to the same steps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from client.lab.runs import Request, trace
from client.lab.scenarios.known import WON

from .conftest import eventually, play

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.live

BUG = "follower-read-called-linearizable"


def saved(page: Page, file: Path) -> str:
    with page.expect_download() as download:
        page.keyboard.press("x")
    assert download.value.suggested_filename.endswith(".txt")
    download.value.save_as(file)
    return file.read_text(encoding="utf-8")


def steps(request: Request) -> list[dict[str, object]]:
    """Return the lines of a run without the first, which says which run it is."""
    written: list[str] = []
    trace(request, written.append)
    return [json.loads(line) for line in written[1:]]


def test_a_fork_of_a_scenario_is_saved_and_opened_again(page: Page, tmp_path: Path) -> None:
    play(page, "scenario=old_leader&step=150")
    page.get_by_label("What if replica 3 failed here?").click()
    page.get_by_text("kill its process").click()
    page.wait_for_selector(".chip.now >> text=kill 3 at")
    page.get_by_label("What if replica 3 failed here?").click()
    page.get_by_text("start its process").click()
    page.wait_for_selector(".chip.now >> text=start 3 at")
    text = saved(page, tmp_path / "fork.txt")
    assert text.count("acts: ") == 1
    header = text.partition("replicas 3")[0].partition("acts: ")[2]
    named = tuple(act.strip() for act in header.split(","))
    assert [act.partition(" ")[2] for act in named] == ["kill 3", "start 3"]
    assert steps(Request(script=text)) == steps(Request(scenario="old_leader", acts=named))
    last = page.get_attribute("#scrubber", "max")
    play(page, "scenario=basic_round")
    page.set_input_files("#file", tmp_path / "fork.txt")
    eventually(page, lambda: "The old leader's late message" in page.inner_text("#run"))
    assert page.get_attribute("#scrubber", "max") == last
    assert page.inner_text("#sentence").startswith("By hand: replica 3 is killed")


def test_an_attempt_is_saved_and_opened_again(page: Page, tmp_path: Path) -> None:
    play(page, f"dare=5&bug={BUG}&moves={';'.join(WON[BUG])}")
    broke = page.inner_text("#sentence")
    text = saved(page, tmp_path / "attempt.txt")
    assert f"bug: {BUG}\nreplicas 5\nrun 1\n" in text
    play(page, "scenario=basic_round")
    page.set_input_files("#file", tmp_path / "attempt.txt")
    eventually(page, lambda: f"with the bug {BUG}" in page.inner_text("#run"))
    assert page.inner_text("#sentence") == broke
    assert broke.startswith("Safety broke at ")
    assert not page.is_visible("#problem")
    play(page, "dare=3&moves=kill+1;run+1;quit")
    healed = saved(page, tmp_path / "healed.txt")
    attempt = steps(Request(dare=3, moves=("kill 1", "run 1", "quit")))[:-1]
    played = steps(Request(script=healed))[:-1]
    assert [one for one in played if one.get("who") != "script"] == [
        one for one in attempt if one.get("who") != "script"
    ]


def test_a_run_that_is_drawn_from_a_seed_has_no_such_text(page: Page) -> None:
    assert page.is_visible("#text")
    play(page, "seed=11&profile=calm&steps=300")
    assert not page.is_visible("#text")
