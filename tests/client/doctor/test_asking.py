"""Questions that hang or fail cost a deadline, and clocks are measured as they run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from client.doctor import clocks
from client.doctor.asking import ask
from kvrmi.errors import ConnectionFailed


@pytest.fixture
def hang() -> Iterator[threading.Event]:
    over = threading.Event()
    yield over
    over.set()


def test_what_hangs_or_fails_is_missing_and_the_rest_is_there(hang: threading.Event) -> None:
    def fail() -> None:
        raise ConnectionFailed("nobody there\nat all")

    began = time.monotonic()
    answers = ask({("a", 1): lambda: "yes", ("a", 2): hang.wait, ("b", 0): fail}, 0.3)
    assert time.monotonic() - began < 10
    assert answers.of("a") == {1: "yes"}
    assert answers.lacking("a") == {2: "no answer in time"}
    assert answers.lacking("b") == {0: "nobody there"}
    assert answers.one("b", "none") == "none"


def test_a_clock_that_runs_fast_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clocks, "SECONDS", 0.2)

    def read() -> list[float]:
        return [time.time() + 100, 5 + time.monotonic() * 1.5]

    measured = clocks.measure(read)
    assert abs(measured.rate - 0.5) <= 1.5 * measured.rate_unsure + 1e-9
    assert abs(measured.ahead - 100) <= measured.ahead_unsure + 1e-3
    assert len(measured.trips) == 20
