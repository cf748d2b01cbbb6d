"""How a run goes, while it goes: lines, or on a terminal the live view with the faults in it.

Rule: it shows what it is given and what it sees; nothing waits for it.
"""

from __future__ import annotations

import time
from collections import deque
from math import inf
from threading import Event
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from kvrmi.checker.history import FAIL, OK, UNKNOWN

from ..live.drawing import drawn
from ..live.happenings import Happening
from ..live.watched import Watched
from ..options import Options
from .run import Progress

__all__ = ["Lines", "Screen"]

_HOW_TO_END = "Ctrl-C ends it: what was failed is brought back, then the history is checked"

_AT_ONCE = "another Ctrl-C ends it without"


class Lines:
    """A line for each fault, and a live one below where that can be seen."""

    def __init__(self, console: Console) -> None:
        """Print to this console."""
        self._console = console
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None
        self._began = time.monotonic()

    def __enter__(self) -> Self:
        """Begin."""
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End; the lines stay."""
        if self._live is not None:
            self._live.stop()

    def report(self, text: str) -> None:
        """Print a line with the seconds since the beginning."""
        seconds = time.monotonic() - self._began
        self._console.print(Text(f"{seconds:7.1f} s  {text}"), soft_wrap=True)

    phase = report

    def progress(self, progress: Progress) -> None:
        """Show how far it is, where that can be seen."""
        if self._live is not None:
            text = f"{_bar(progress)}  {progress.kills} kills  {_outcomes(progress)}"
            self._live.update(Text(text))


class Screen:
    """The live view of the cluster, and below it how far the run is; on a terminal."""

    def __init__(self, console: Console, options: Options, title: str, stopped: Event) -> None:
        """`title` says which run it is; `stopped` is set once it was asked to end."""
        self._watched = Watched(options)
        self._console = console
        self._title = title
        self._stopped = stopped
        self._said: deque[Happening] = deque()
        self._phase = ""
        self._progress: Progress | None = None
        self._live = Live(
            console=console,
            screen=True,
            get_renderable=self._picture,
            refresh_per_second=2,
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self) -> Self:
        """Begin to look, and take the screen."""
        self._watched.__enter__()
        self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Give the screen back."""
        self._live.stop()
        self._watched.__exit__(kind, error, traceback)

    def report(self, text: str) -> None:
        """Show it among what happens."""
        self._said.append(Happening(time.time(), f"> {text}", urgent=True))

    def phase(self, text: str) -> None:
        """Show it in place of how to end."""
        self._phase = text
        self.report(text)

    def progress(self, progress: Progress) -> None:
        """Show how far it is."""
        self._progress = progress

    def _picture(self) -> Group:
        """Draw it all; called by the thread that draws."""
        while self._said:
            self._watched.view.happenings.add(self._said.popleft())
        size = self._console.size
        picture = self._watched.picture()
        return Group(*drawn(picture, size.width, size.height - 1, foot=self._foot(size.width)))

    def _foot(self, width: int) -> list[Text]:
        progress = self._progress
        if progress is None:
            return [Text(self._title, "bold"), Text(self._phase or "the clients begin")]
        far = _far(progress)
        head = Text(f"{self._title}: {progress.faults} faults, {progress.kills} kills", "bold")
        head.append(far.rjust(max(width - head.cell_len, len(far) + 2)), "dim")
        over = self._phase or self._stopped.is_set()
        due = "" if over else f"   next fault in {progress.due:.1f} s"
        ending = f"{self._phase or 'it ends'}; {_AT_ONCE}" if over else _HOW_TO_END
        return [head, Text(f"clients: {_outcomes(progress)}{due}"), Text(ending, "dim")]


def _bar(progress: Progress) -> str:
    if progress.of == inf:
        return _clock(progress.seconds)
    done = min(progress.seconds / progress.of, 1.0)
    return f"[{('#' * round(30 * done)).ljust(30, '.')}] {100 * done:3.0f} %"


def _outcomes(progress: Progress) -> str:
    return "  ".join(f"{progress.outcomes.get(name, 0)} {name}" for name in (OK, FAIL, UNKNOWN))


def _far(progress: Progress) -> str:
    if progress.of == inf:
        return _clock(progress.seconds)
    return f"{_clock(progress.seconds)} of {_clock(progress.of)}"


def _clock(seconds: float) -> str:
    return f"{int(seconds) // 60}:{int(seconds) % 60:02}"
