"""The dare's bar in a real browser: moves typed, clicked and taken back, a bug planted or not."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from client.lab.scenarios.known import WON

from .conftest import eventually, play

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.live


def outcome(page: Page) -> str:
    return page.inner_text("#outcome")


def test_moves_are_typed_clicked_and_taken_back(page: Page) -> None:
    page.select_option("#what", label="break safety, if you can")
    eventually(page, lambda: outcome(page) == "No move yet.")
    assert not page.is_visible("#won")
    assert not page.is_visible("#apart")
    page.fill("#move", "put k v1 at 1")
    page.press("#move", "Enter")
    eventually(page, lambda: outcome(page) == "Safe: 1 move, 2 slots decided, each once.")
    page.get_by_label("What if replica 1 failed here?").click()
    page.get_by_text("kill its process").click()
    eventually(page, lambda: outcome(page).startswith("Safe: 2 moves, "))
    assert page.inner_text(".chip.now") == "kill 1"
    assert "down" in page.locator(".card h2").first.inner_text()
    page.fill("#move", "jump")
    page.get_by_text("do it").click()
    eventually(page, lambda: "no such step: jump; nothing was done" in page.inner_text("#problem"))
    assert outcome(page).startswith("Safe: 2 moves, ")
    page.locator(".chip", has_text="put k v1 at 1").click()
    eventually(page, lambda: page.inner_text(".chip.now") == "put k v1 at 1")
    assert outcome(page).startswith("Safe: 1 move, ")
    page.locator(".chip", has_text="kill 1").click()
    eventually(page, lambda: outcome(page).startswith("Safe: 2 moves, "))
    page.get_by_text("undo all failures, and end").click()
    eventually(page, lambda: outcome(page).startswith("Safety holds: 2 moves, "))
    assert outcome(page).endswith("all failures are undone, and all replicas have the same.")


def test_a_planted_bug_is_found_and_the_same_moves_without_it_stand_beside(page: Page) -> None:
    play(page, "dare=5")
    page.select_option("#planted", "quorum-of-two")
    eventually(page, lambda: page.is_visible("#won") and page.is_visible("#apart"))
    page.click("#won")
    assert page.input_value("#move").splitlines() == list(WON["quorum-of-two"])
    page.get_by_text("do it").click()
    eventually(page, lambda: outcome(page).startswith("SAFETY IS BROKEN after 4 moves, at "))
    said = re.search(r"at (\d\.\d{3} s: .* only replicas 1 and 2 have accepted.*)", outcome(page))
    assert said, outcome(page)
    assert page.inner_text("#sentence") == f"Safety broke at {said[1]}"
    assert page.locator(".card.blamed").count() == 1
    page.click("#apart")
    page.wait_for_selector(".stage + .stage .card")
    assert "Safety broke with the bug" in page.inner_text("#lead")
    assert "without the bug" in page.inner_text("#lead")
    eventually(page, lambda: "beside=" in page.url)
