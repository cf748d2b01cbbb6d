"""The view on a terminal: draws the picture twice a second, takes keys, gives orders.

Rule: the thread that draws waits for keys alone, so neither a replica nor an order delays it.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from queue import Empty, SimpleQueue

from rich.console import Console
from rich.text import Text

from kvrmi.cluster.status import NOBODY
from kvrmi.columns import wrapped

from ..admin import Admin
from ..options import Options
from ..render import escaped
from .drawing import drawn
from .happenings import Happening
from .keys import HELP, KEYS, Agreed, Keys, Leave, Meant, Order
from .orders import Asks, Orders, Outcome
from .terminal import Closed, Terminal
from .watched import Watched

__all__ = ["run"]

REDRAW = 0.5
"""Seconds between two pictures while no key is pressed."""
SAID = 4
"""Lines below the picture for what was asked, or done, at most."""


def run(watched: Watched, options: Options) -> str:
    """Show the picture until the user leaves; an order that is still being carried out, or ""."""
    shown = _Interactive(watched, options)
    with contextlib.suppress(KeyboardInterrupt, Closed), Terminal(Console()) as terminal:
        shown.run(terminal)
    return shown.orders.running


class _Interactive:
    """One look at the cluster, from the first picture to q."""

    def __init__(self, watched: Watched, options: Options) -> None:
        self._watched = watched
        self._keys = Keys(lambda: watched.view.ids, lambda: watched.view.roles)
        self._outcomes: SimpleQueue[Outcome] = SimpleQueue()
        self._asked = ""
        """The order that is asked about."""
        self.orders = Orders(lambda: _admin(options), self._outcomes.put)

    def run(self, terminal: Terminal) -> None:
        """Draw, wait for keys, draw again. Raises Closed, and KeyboardInterrupt at Ctrl-C."""
        due = 0.0
        while True:
            now = time.monotonic()
            self._take_outcomes()
            self._draw(terminal)
            due = max(due, now) + REDRAW if now >= due else due
            for key in terminal.keys(due - time.monotonic()):
                if self._did(self._keys.press(key)):
                    return

    def _draw(self, terminal: Terminal) -> None:
        picture = self._watched.picture()
        gone = picture.trouble or picture.health == NOBODY
        shown = drawn(
            picture,
            terminal.columns,
            terminal.lines,
            selected=self._keys.selected,
            aside=HELP if self._keys.help else (),
            foot=self._foot(terminal.columns, "looking again and again" if gone else ""),
        )
        terminal.show(shown)

    def _foot(self, columns: int, otherwise: str) -> list[Text]:
        runs = self.orders.running
        said = self._keys.say or (f"{runs} .." if runs else otherwise)
        style = "bold" if self._keys.asking else ""
        lines = wrapped(escaped(said), max(columns, 20)).splitlines()[:SAID]
        return [*(Text(line, style) for line in lines or [""]), Text(KEYS, "dim")]

    def _did(self, meant: Meant) -> bool:
        """Do what keys meant; True to leave."""
        if isinstance(meant, Order):
            self._give(meant.line)
        elif isinstance(meant, Agreed):
            line, self._asked = self._asked, ""
            if meant.yes:
                self._give(line, agreed=True)
            else:
                self._keys.say = f"{line}: nothing was done"
        return isinstance(meant, Leave)

    def _take_outcomes(self) -> None:
        with contextlib.suppress(Empty):
            while not self._keys.asking:  # one question after the other
                self._take(self._outcomes.get_nowait())

    def _take(self, outcome: Outcome) -> None:
        if isinstance(outcome, Asks):
            self._asked = outcome.line
            self._keys.ask(f"{outcome.lost}: nothing can be written then. Go on? y/N")
            return
        self._keys.say = f"{outcome.line}: {outcome.text}"
        if not outcome.ok:
            self._note(self._keys.say, urgent=True)

    def _give(self, line: str, *, agreed: bool = False) -> None:
        self._note(f"> {line}{' --force' * agreed}")
        self.orders.give(line, agreed=agreed)

    def _note(self, text: str, *, urgent: bool = False) -> None:
        self._watched.view.happenings.add(Happening(time.time(), text, urgent))


@contextlib.contextmanager
def _admin(options: Options) -> Iterator[Admin]:
    with options.connect() as store:
        yield Admin(store, options.config, options.named)
