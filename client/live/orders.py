"""Carries out orders that keys made, one after the other, while the picture goes on.

Rules: an order is a command's line, read by the same grammar and carried out by the same Admin as
at the prompt; what would lose the quorum is asked first. What came of it goes to `done`, in this
thread. It knows no keys and no screen.
"""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, TypeAlias

from kvrmi.errors import KVError

from ..admin import Admin
from ..grammar.commands import Command, parse
from ..grammar.lexer import split

__all__ = ["Asks", "Carried", "Orders", "Outcome", "carry_out"]


class Asks(NamedTuple):
    """An order would lose the quorum, so the user is asked; `lost` says what it would do."""

    line: str
    lost: str


class Carried(NamedTuple):
    """An order was carried out, or refused; `text` says what was done."""

    line: str
    text: str
    ok: bool


Outcome: TypeAlias = Asks | Carried


class Orders:
    """One thread that gives the orders."""

    def __init__(self, open_admin: Callable[[], Any], done: Callable[[Outcome], None]) -> None:
        """`open_admin` gives, as a context manager, an Admin with a connection of its own."""
        self._open = open_admin
        self._done = done
        self._lines: SimpleQueue[tuple[str, bool]] = SimpleQueue()
        self.running = ""
        """The line that is being carried out."""
        Thread(target=self._work, name="orders", daemon=True).start()

    def give(self, line: str, *, agreed: bool = False) -> None:
        """Have an order carried out; `agreed`: also if it loses the quorum."""
        self._lines.put((line, agreed))

    def _work(self) -> None:
        while True:
            line, agreed = self._lines.get()
            self.running = line
            try:
                with self._open() as admin:
                    outcome = carry_out(admin, line, agreed)
            except KVError as error:
                outcome = Carried(line, f"{error.code}: {error}", False)
            self.running = ""
            self._done(outcome)


def carry_out(admin: Admin, line: str, agreed: bool) -> Outcome:
    """Carry out an order, or find that it has to be asked about. Raises a KVError."""
    command: Command = parse(split(line))
    args = command.args
    if args and args[-1] is False:
        lost = None if agreed else admin.losing(command.name, args)
        if lost is not None:
            return Asks(line, lost)
        args = (*args[:-1], agreed)
    return Carried(line, admin.order(command.name, args).text, True)
