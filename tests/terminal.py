"""A real pseudo-terminal with a screen: types keys at a program and reads what a person would see.

It answers the program's questions about the cursor, as a terminal does; a line editor that gets
no answer leaves out half of what it shows. Every wait has a deadline and reports the whole screen.
"""

from __future__ import annotations

import os
import re
import signal
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Self

import pexpect
import pyte

__all__ = ["Terminal"]

TIMEOUT = 60.0
"""Seconds; a busy machine needs some, a quiet one none."""


class _Screen(pyte.HistoryScreen):
    """A screen whose answers go to the program."""

    child: pexpect.spawn

    def write_process_input(self, data: str) -> None:
        self.child.send(data)


class Terminal:
    """A program on a terminal of `columns` by `lines`."""

    def __init__(
        self,
        *argv: str,
        environment: Mapping[str, str] | None = None,
        columns: int = 80,
        lines: int = 24,
    ) -> None:
        """Start it; as a context manager it is ended too."""
        paths = {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": "xterm-256color"}
        self.child = pexpect.spawn(
            argv[0],
            list(argv[1:]),
            env={**os.environ, **paths, **(environment or {})},
            dimensions=(lines, columns),
            encoding="utf-8",
            codec_errors="replace",
            echo=False,
            preexec_fn=_as_from_a_shell,
        )
        self.child.delaybeforesend = None
        self._screen = _Screen(columns, lines, history=5000, ratio=0.5)
        self._screen.child = self.child
        self._stream = pyte.Stream(self._screen)

    @classmethod
    def python(
        cls, *argv: str, environment: Mapping[str, str] | None = None, columns: int = 80
    ) -> Terminal:
        """Run the same Python with `argv`."""
        return cls(sys.executable, *argv, environment=environment, columns=columns)

    def keys(self, keys: str) -> None:
        """Send keys; "\\r" is Enter."""
        self.child.send(keys)

    def resize(self, columns: int, lines: int = 24) -> None:
        """Change the window's size on both sides."""
        self._screen.resize(lines, columns)
        self.child.setwinsize(lines, columns)

    def hang_up(self, within: float = TIMEOUT) -> int:
        """Close the terminal, as somebody closes its window; the program's exit status."""
        self.child.ptyproc.fileobj.close()
        deadline = time.monotonic() + within
        while self.child.isalive():
            assert time.monotonic() < deadline, f"it goes on without a terminal:\n{self.screen}"
            time.sleep(0.02)
        return self._status()

    def forget(self) -> None:
        """Forget what has left the screen at the top."""
        self._screen.history.top.clear()

    def lines(self) -> Sequence[str]:
        """Return what was seen, what has left at the top included."""
        above = [self._text(line) for line in self._screen.history.top]
        return [*above, *(line.rstrip() for line in self._screen.display)]

    @property
    def screen(self) -> str:
        """Everything that was seen so far, a line each."""
        return "\n".join(self.lines()).rstrip()

    @property
    def bold(self) -> str:
        """What is shown in bold now, without what has left at the top."""
        rows = [self._screen.buffer[row] for row in range(self._screen.lines)]
        columns = range(self._screen.columns)
        return "".join(row[at].data for row in rows for at in columns if row[at].bold)

    @property
    def cursor_is_seen(self) -> bool:
        """Whether the program shows its cursor."""
        return not self._screen.cursor.hidden

    @property
    def as_usual(self) -> bool:
        """Whether the terminal is as it was: it edits lines itself, and the cursor is seen."""
        lines = termios.tcgetattr(self.child.fileno())[3] & termios.ICANON
        return bool(lines) and self.cursor_is_seen

    def see(self, pattern: str, within: float = TIMEOUT) -> re.Match[str]:
        """Wait until a regular expression is found in what is seen; "^" and "$" mean lines."""
        deadline = time.monotonic() + within
        while (found := re.search(pattern, self.screen, re.MULTILINE)) is None:
            assert self._read(deadline), f"{pattern!r} is not seen:\n{self.screen}"
        return found

    def see_no_more(self, pattern: str, within: float = TIMEOUT) -> None:
        """Wait until a regular expression is not found any more."""
        deadline = time.monotonic() + within
        while re.search(pattern, self.screen, re.MULTILINE):
            assert self._read(deadline), f"{pattern!r} is still seen:\n{self.screen}"

    def end(self, within: float = TIMEOUT) -> int:
        """Wait until the program has ended; its exit status, negative for a signal."""
        deadline = time.monotonic() + within
        while self._read(deadline):
            pass
        assert time.monotonic() < deadline, f"it has not ended:\n{self.screen}"
        self.child.wait()
        return self._status()

    def __enter__(self) -> Self:
        """Use as a context manager; the program is killed at the end."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the program and close the terminal."""
        self.child.close(force=True)

    def _status(self) -> int:
        status = self.child.exitstatus
        return -self.child.signalstatus if status is None else int(status)

    def _read(self, deadline: float) -> bool:
        """Take in what the program prints next; False at its end, or when the time is over."""
        left = max(deadline - time.monotonic(), 0)
        try:
            self._stream.feed(self.child.read_nonblocking(65536, left))
        except (pexpect.EOF, pexpect.TIMEOUT):
            return False
        return True

    def _text(self, line: Mapping[int, pyte.screens.Char]) -> str:
        return "".join(line[column].data for column in range(self._screen.columns)).rstrip()


def _as_from_a_shell() -> None:
    """Let the keys that end a program do so, also where the tests run in the background."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
