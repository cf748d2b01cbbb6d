"""Which free ports are drawn."""

from __future__ import annotations

import random
import socket
from contextlib import closing

import pytest

from kvrmi.cluster.checks import ConfigError
from server import ports
from server.ports import APART, VARIABLE, drawn_from, free_block

HOST = "127.0.0.1"


def test_ports_are_drawn_from_the_range_that_the_environment_gives(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for first, last in ((20_000, 20_299), (30_000, 30_299)):
        monkeypatch.setenv(VARIABLE, f"{first}-{last}")
        for _ in range(50):
            base = free_block(HOST, 17, random.Random())
            assert first <= base <= last - 16
    monkeypatch.delenv(VARIABLE)
    assert drawn_from() == range(ports.LOWEST, ports.HIGHEST + 1)


@pytest.mark.parametrize("text", ["", "1", "x-y", "80-90", "30000-20000", "60000-70000", "-5-9"])
def test_what_is_no_range_is_refused(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(VARIABLE, text)
    with pytest.raises(ConfigError, match=f"^{VARIABLE} is {text!r}: set it to two ports"):
        free_block(HOST, 1, random.Random())


def test_a_range_that_is_too_small_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "20000-20015")
    with pytest.raises(OSError, match="no 17 consecutive free ports from 20000 to 20015"):
        free_block(HOST, 17, random.Random())


def test_a_draw_keeps_away_from_who_listens_and_comes_nearer_where_it_must(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A gap among ports where somebody listens may be of a replica that is down just then."""
    with closing(socket.socket()) as server:
        middle = free_block(HOST, 4 * APART, random.Random()) + 2 * APART
        server.bind((HOST, middle))
        monkeypatch.setenv(VARIABLE, f"{middle - 2 * APART}-{middle + 2 * APART - 1}")
        drawn = {free_block(HOST, 1, random.Random(seed)) for seed in range(100)}
        assert all(abs(port - middle) > APART for port in drawn)
        monkeypatch.setenv(VARIABLE, f"{middle - 3}-{middle}")
        assert free_block(HOST, 3, random.Random()) == middle - 3
