"""The live view without a terminal: its exit status says what it saw."""

from __future__ import annotations

import json
from typing import Any

import pytest

from client.live import plain
from client.live.view import View

from .entries import entry
from .test_view import picture, seen


class Watched:
    """What was seen, and no more."""

    def __init__(self, view: View) -> None:
        self._view = view

    def picture(self) -> Any:
        return picture(self._view)


@pytest.mark.parametrize(
    ("view", "status"),
    [
        (seen(*((1.0, entry(id)) for id in range(1, 6))), 0),
        (seen((1.0, entry(1)), (1.0, entry(2))), 3),
        (View(), 6),
    ],
)
def test_the_status_is_that_of_the_last_line(
    view: View, status: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plain, "FOUND", 0.0)
    monkeypatch.setattr(plain, "LOOKS", 0.0)
    watched: Any = Watched(view)
    assert plain.json_lines(watched, 1) == status
    assert "health" in json.loads(capsys.readouterr().out)
    assert plain.once(watched) == status
