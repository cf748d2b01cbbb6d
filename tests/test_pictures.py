"""The command that makes README's pictures: what it waits for, and what it keeps."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any, cast

import pytest

from .live.cluster import ROOT
from .pictures import LIVE, MOST_BYTES, RUN, SIZE, take, until


class Browser:
    """The page of a browser: its texts one after another, and what was done with it."""

    def __init__(self, *texts: str, picture: bytes = b"") -> None:
        self.done: list[str] = []
        self.keyboard = self
        self._texts = list(texts)
        self._picture = picture

    def inner_text(self, selector: str) -> str:
        return self._texts.pop(0) if len(self._texts) > 1 else self._texts[0]

    def press(self, key: str) -> None:
        self.done.append(key)

    def wait_for_timeout(self, milliseconds: float) -> None:
        self.done.append("waits")

    def screenshot(self, path: Path) -> None:
        path.write_bytes(self._picture)


def test_keys_are_pressed_until_the_page_says_it() -> None:
    page = Browser("slot 1", "slot 2", "slot 3")
    until(cast(Any, page), lambda text: text == "slot 3", "PageDown")
    assert page.done == ["PageDown", "waits"] * 2
    looked = Browser("slot 1", "slot 2")
    until(cast(Any, looked), lambda text: text == "slot 2")
    assert looked.done == ["waits"]


def test_a_page_that_never_says_it_is_an_error_with_its_text() -> None:
    with pytest.raises(TimeoutError, match="always this"):
        until(cast(Any, Browser("always this")), lambda text: text == "else")


def test_a_picture_that_is_too_large_is_refused(tmp_path: Path) -> None:
    take(cast(Any, Browser(picture=bytes(MOST_BYTES))), tmp_path / "small.png")
    with pytest.raises(ValueError, match=f"{MOST_BYTES + 1} bytes; {MOST_BYTES} at most"):
        take(cast(Any, Browser(picture=bytes(MOST_BYTES + 1))), tmp_path / "large.png")


@pytest.mark.parametrize("file", [LIVE, RUN])
def test_readme_shows_what_the_command_makes(file: Path) -> None:
    head = file.read_bytes()[:24]
    assert (head[:8], struct.unpack(">II", head[16:])) == (b"\x89PNG\r\n\x1a\n", SIZE)
    assert file.stat().st_size <= MOST_BYTES
    assert f"({file.relative_to(ROOT)})" in (ROOT / "README.md").read_text(encoding="utf-8")
