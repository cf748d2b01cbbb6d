"""The page in a real browser, on a projector, a laptop and a phone; what drawing it costs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .conftest import eventually, play, step

if TYPE_CHECKING:
    from playwright.sync_api import Page, ViewportSize

pytestmark = pytest.mark.live

NODES = 3000
"""Elements of the page, whatever the trace holds."""
FRAME_MS = 150
"""Milliseconds for one picture at the median: generous, for a slow and busy machine."""


def test_on_a_phone_a_panel_covers_neither_the_sentence_nor_the_buttons(page: Page) -> None:
    page.set_viewport_size(PHONE)
    for run, last in (("scenario=basic_round&step=120", ".stage"), (BESIDE, ".stage + .stage")):
        play(page, run, f"{last} .card")
        page.keyboard.press("s")
        page.wait_for_selector(".looking #inspector .quorums")
        assert page.evaluate(APART, ["#stages", "aside", "#words", "footer"])
        assert last == ".stage" or page.evaluate(APART, [".stage .diagram", last])
        before = step(page)
        page.get_by_label("one step forward").click()
        assert step(page) > before
        assert page.locator("#inspector .quorums").count() == 1


def test_on_a_phone_five_cards_show_whole_ballots_and_words(page: Page) -> None:
    page.set_viewport_size(PHONE)
    play(page, "scenario=minority_cut_off&step=254")
    assert page.locator(".card dd").count() == 15
    assert page.evaluate(CUT_OFF) == 0
    assert page.locator(".card").count() == 5
    for card in page.locator(".card").all():
        word, button = card.locator("small").bounding_box(), card.locator(".whatif").bounding_box()
        assert word
        assert button
        assert word["y"] + word["height"] <= button["y"]


def test_the_help_is_read_without_scrolling(page: Page) -> None:
    page.keyboard.press("?")
    keys = page.locator("#keys")
    assert "Page Down, Page Up" in keys.inner_text()
    assert keys.evaluate("it => it.scrollHeight <= it.clientHeight")
    box = keys.bounding_box()
    assert box
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 720


def test_why_is_hidden_until_the_class_has_thought(page: Page) -> None:
    play(page, "scenario=basic_round&step=75")
    tall = page.evaluate("getComputedStyle(document.getElementById('why')).fontSize")
    page.keyboard.press("w")
    assert page.evaluate("getComputedStyle(document.getElementById('why')).fontSize") == "0px"
    assert page.inner_text("#sentence")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("w")
    assert page.evaluate("getComputedStyle(document.getElementById('why')).fontSize") == tall


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [(1600, 900), (1280, 720), (412, 860)])
def test_it_fits(page: Page, theme: str, size: tuple[int, int]) -> None:
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.set_viewport_size({"width": size[0], "height": size[1]})
    page.keyboard.press("PageDown")
    wide = page.evaluate("document.documentElement.scrollWidth")
    assert wide <= size[0]
    eventually(page, lambda: page.evaluate(ASIDE) < 6)


def test_a_long_run_stays_cheap_to_draw(page: Page) -> None:
    play(page, "seed=9&profile=mixed")
    most, spent = 0, []
    for _ in range(20):
        page.keyboard.press("f")
        most = max(most, page.evaluate("document.querySelectorAll('*').length"))
        spent.append(page.evaluate(TIMED))
    assert most <= NODES
    assert sorted(spent)[10] <= FRAME_MS, spent


PHONE: ViewportSize = {"width": 390, "height": 844}
BESIDE = (
    "seed=3&profile=network&steps=900&step=700&beside=seed%3D4%26profile%3Dnetwork%26steps%3D900"
)
APART = """(names) => {
  const boxes = names.map((name) => document.querySelector(name).getBoundingClientRect());
  return boxes.every((box, at) => at === 0 || boxes[at - 1].bottom <= box.top + 1);
}"""
"""Whether elements stand below each other, in this order."""
CUT_OFF = """() => [...document.querySelectorAll(".card dd")].filter((one) => {
  const words = document.createRange(), card = one.closest(".card").getBoundingClientRect();
  words.selectNodeContents(one);
  return words.getBoundingClientRect().right > card.right;
}).length"""
"""How many facts of cards reach beyond their card."""
ASIDE = """() => {
  const box = (one) => one.getBoundingClientRect();
  const centre = (one) => box(one).left + box(one).width / 2;
  const card = document.querySelectorAll(".card")[1];
  return Math.abs(centre(card) - centre(document.querySelectorAll(".diagram .life")[1]));
}"""
"""Pixels between a card and its column."""
TIMED = """() => {
  const scrubber = document.getElementById("scrubber"), begun = performance.now();
  scrubber.dispatchEvent(new Event("input"));
  return performance.now() - begun;
}"""
