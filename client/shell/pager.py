"""Long answers, a screen at a time.

Rules: only what does not fit waits for a key; whoever stops gets the prompt at once, and no more
is asked of the cluster. It knows nothing of what it shows.
"""

from __future__ import annotations

import math
import os
import sys
import termios
import tty
from collections.abc import Callable, Iterable

from kvrmi.columns import width

__all__ = ["paged"]

_STOP = (b"q", b"Q", b"\x1b", b"\x04", b"")
"""Keys that stop: q, Escape, Ctrl-D; the end of the terminal."""
_ALL = (b"a", b"A")
_LINES, _COLUMNS = 24, 80
"""Of a terminal that does not say its size."""


def paged(lines: Iterable[str], show: Callable[[str], None]) -> bool:
    """Show lines on the terminal, waiting for a key after each screen; False if stopped.

    Rows are counted as the terminal wraps lines; its size is asked anew for each screen.
    """
    room: float = _room()
    for number, line in enumerate(lines):
        rows = _rows(line)
        if room < rows and number:
            key = _asked(number)
            if key in _STOP:
                show(f"-- {number} shown, more follow --")
                return False
            room = math.inf if key in _ALL else _room()
        show(line)
        room -= rows
    return True


def _room() -> int:
    """Rows to fill: one is for the question."""
    return max((_size().lines or _LINES) - 1, 2)


def _rows(line: str) -> int:
    columns = _size().columns or _COLUMNS
    return sum(max(-(-width(part) // columns), 1) for part in line.split("\n"))


def _size() -> os.terminal_size:
    return os.get_terminal_size(sys.stdout.fileno())


def _asked(shown: int) -> bytes:
    """Ask and wait for a key; Ctrl-C is q. What is asked is wiped out afterwards."""
    question = _question(shown, (_size().columns or _COLUMNS) - 1)
    try:
        key = _key(sys.stdin.fileno(), question)
    except KeyboardInterrupt:
        key = b"q"
    print(f"\r{' ' * len(question)}\r", end="", flush=True)  # a dumb terminal does it too
    return key


def _question(shown: int, columns: int) -> str:
    """Write the question as long as fits."""
    forms = (
        f"-- {shown} shown; Enter: more, a: all, q: stop --",
        f"-- {shown}: Enter more, a all, q stop --",
        f"{shown}: Enter, a, q?",
    )
    return next((form for form in forms if len(form) <= columns), forms[-1][:columns])


def _key(terminal: int, question: str) -> bytes:
    """Ask, and wait for one key, which is not shown; b"" when the terminal is closed."""
    try:
        before = termios.tcgetattr(terminal)
        try:
            tty.setcbreak(terminal, termios.TCSADRAIN)
            print(question, end="", flush=True)  # only now: a key typed at once is not shown
            return os.read(terminal, 32)
        finally:
            termios.tcsetattr(terminal, termios.TCSADRAIN, before)
    except (OSError, termios.error):
        return b""
