"""The terminal while the picture is on it: keys one by one, signals, all as it was afterwards.

Rules: at whatever end, and when the program is stopped with Ctrl-Z, the terminal's modes and its
screen are put back; a paste is no key. It knows no key's meaning and no picture.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from types import FrameType, TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

__all__ = ["Terminal", "keys_of"]

_PASTES_ON, _PASTES_OFF = "\x1b[?2004h", "\x1b[?2004l"
_PASTE = re.compile("\x1b\\[200~.*?(\x1b\\[201~|$)", re.DOTALL)
_KEY = re.compile("\x1b[\\[O]([A-Z])|\x1b[\\[O][0-9;]*[~A-Za-z]|\x1b|(.)", re.DOTALL)
_ARROWS = {"A": "up", "B": "down"}


class Closed(Exception):
    """The terminal has gone."""


class Terminal:
    """Standard input and output, both a terminal; use as a context manager."""

    def __init__(self, console: Console) -> None:
        """Change nothing yet."""
        self._console = console
        self._live: Live | None = None
        self._modes = termios.tcgetattr(sys.stdin)
        self._stop = False
        self._wake, self._woken = os.pipe()

    @property
    def columns(self) -> int:
        """Columns that the terminal has now."""
        return self._console.size.width

    @property
    def lines(self) -> int:
        """Lines that the terminal has now."""
        return self._console.size.height

    def __enter__(self) -> Self:
        """Take the screen, the keys and the signals."""
        os.set_blocking(self._woken, False)
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._woken, warn_on_full_buffer=False)
        for number in (signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, _end)
        signal.signal(signal.SIGTSTP, self._stopped)
        signal.signal(signal.SIGWINCH, lambda *_: None)  # it wakes the wait below
        self._take()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Put everything back."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        self._give_back()

    def show(self, lines: list[Text]) -> None:
        """Draw these lines, over what was there."""
        if self._live is not None:
            with self._or_closed():
                self._live.update(Group(*lines), refresh=True)

    def keys(self, seconds: float) -> list[str]:
        """Wait for keys, so long at most; none where only a signal came. Raises Closed."""
        if self._stop:
            self._pause()
            return []
        ready, _, _ = select.select([sys.stdin, self._wake], [], [], max(seconds, 0.0))
        if self._wake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake, 512)
        if sys.stdin not in ready:
            return []
        with self._or_closed():
            typed = os.read(sys.stdin.fileno(), 1 << 16)
        if not typed:
            raise Closed
        return list(keys_of(typed.decode("utf-8", "replace")))

    # --- its state --------------------------------------------------------------------------------

    def _take(self) -> None:
        tty.setcbreak(sys.stdin, termios.TCSADRAIN)
        self._write(_PASTES_ON)
        self._live = Live(
            console=self._console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def _give_back(self) -> None:
        live, self._live = self._live, None
        with contextlib.suppress(OSError, ValueError, termios.error):  # the terminal has gone
            if live is not None:
                live.stop()
            self._write(_PASTES_OFF)
        with contextlib.suppress(OSError, ValueError, termios.error):
            termios.tcsetattr(sys.stdin, termios.TCSADRAIN, self._modes)

    def _stopped(self, number: int, frame: FrameType | None) -> None:
        self._stop = True

    def _pause(self) -> None:
        """Stop as Ctrl-Z asks, with the terminal as it was; go on when somebody continues us."""
        self._stop = False
        self._give_back()
        signal.signal(signal.SIGTSTP, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGTSTP)
        signal.signal(signal.SIGTSTP, self._stopped)
        self._modes = termios.tcgetattr(sys.stdin)
        self._take()

    def _write(self, text: str) -> None:
        self._console.file.write(text)
        self._console.file.flush()

    @contextlib.contextmanager
    def _or_closed(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise Closed from error


def keys_of(typed: str) -> Iterator[str]:
    """Make out the keys in what a terminal sent: characters, "up", "down", "escape"; no pastes."""
    for found in _KEY.finditer(_PASTE.sub("", typed)):
        if found[2]:
            yield found[2]
        elif found[1] in _ARROWS:
            yield _ARROWS[found[1]]
        elif found[0] == "\x1b":
            yield "escape"


def _end(number: int, frame: FrameType | None) -> None:
    """End on a signal, through whatever puts the terminal in order."""
    sys.exit(128 + number)
