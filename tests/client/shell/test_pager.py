"""Long answers on a real terminal, a screen at a time."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from tests.client.fake import Cluster
from tests.terminal import Terminal

SHOW = """
import sys
from client.shell.pager import paged
lines = [f"line {n} {'x' * int(sys.argv[2])}" for n in range(1, int(sys.argv[1]) + 1)]
print("whole" if paged(lines, print) else "stopped", flush=True)
"""


WATCHED = """
import sys, termios
from client.shell import pager
edits = []
def watched(text, **more):
    if "q: stop" in text:
        edits.append(bool(termios.tcgetattr(0)[3] & termios.ICANON))
    print(text, **more)
pager.print = watched
pager.paged(map(str, range(60)), print)
print(f"the terminal edited lines: {edits}", flush=True)
"""


def test_a_key_is_waited_for_before_it_is_asked_for() -> None:
    """Else one that is typed at once is shown, behind the question, and stays there."""
    with Terminal.python("-c", WATCHED) as terminal:
        terminal.see("^-- 23 shown")
        terminal.keys("q")
        terminal.see(r"^the terminal edited lines: \[False\]$")


def show(count: int, length: int = 0) -> Terminal:
    paths = os.pathsep.join(sys.path)
    return Terminal(
        sys.executable, "-c", SHOW, str(count), str(length), environment={"PYTHONPATH": paths}
    )


def test_what_fits_does_not_wait() -> None:
    with show(23) as terminal:
        terminal.see("^whole$")
        assert terminal.end() == 0


def test_a_screen_at_a_time() -> None:
    with show(60) as terminal:
        terminal.see("^-- 23 shown; Enter: more, a: all, q: stop --$")
        terminal.keys("\r")
        terminal.see("^-- 46 shown")
        terminal.see_no_more("^-- 23 shown")
        terminal.keys(" ")
        terminal.see("^line 60")
        terminal.see("^whole$")


@pytest.mark.parametrize("key", ["q", "\x03", "\x04", "\x1b"])
def test_stops(key: str) -> None:
    with show(60) as terminal:
        terminal.see("^-- 23 shown")
        terminal.keys(key)
        terminal.see("^-- 23 shown, more follow --\nstopped$")
        assert "line 24" not in terminal.screen
        assert terminal.end() == 0


def test_all_at_once() -> None:
    with show(90) as terminal:
        terminal.see("^-- 23 shown")
        terminal.keys("a")
        terminal.see("^whole$")
        assert "-- 46 shown" not in terminal.screen


def test_long_lines_take_the_rows_that_they_take() -> None:
    with show(60, 100) as terminal:
        terminal.see("^-- 11 shown")
        assert "line 1 " in terminal.screen


def test_a_narrow_window() -> None:
    with show(60) as terminal:
        terminal.see("^-- 23 shown")
        terminal.resize(30, 10)
        terminal.keys("\r")
        terminal.see(r"^32: Enter, a, q\?$")
        terminal.resize(40, 10)
        terminal.keys("\r")
        terminal.see("^-- 41: Enter more, a all, q stop --$")
        terminal.see_no_more("^32: ")


def test_the_client_shows_long_answers_so(cluster: Cluster, tmp_path: Path) -> None:
    cluster.contents.rows |= {f"key{number:02}": "v" for number in range(60)}
    name, _, where = cluster.addresses[0].partition("@")
    argv = ("-m", "client", "--object", name, "--address", where)
    with Terminal.python(*argv, environment={"XDG_STATE_HOME": str(tmp_path)}) as terminal:
        terminal.see("^kvrmi>$")
        terminal.keys("SCAN\r")
        terminal.see("^-- 23 shown; Enter: more, a: all, q: stop --$")
        terminal.keys("\r")
        terminal.see("^-- 46 shown")
        terminal.keys("q")
        terminal.see("^kvrmi>$")
        terminal.keys("KEYS key5\r")
        terminal.see(r"^10 keys  \(")
        terminal.keys("GET key01\r")
        terminal.see(r"^v  \([0-9.]+ ms\)$")
        assert "key46" not in terminal.screen
