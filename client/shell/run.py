"""Runs commands: those of the command line, of a pipe, or typed at a prompt.

Rule: every command ends in an exit status and at most one line of error. It knows no command.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from functools import partial

from kvrmi.access.store import Store
from kvrmi.cli import INTERRUPTED
from kvrmi.errors import KVError

from ..admin import Admin
from ..exits import EXIT_STATUS
from ..grammar.commands import Command, parse
from ..grammar.lexer import Usage, Word, split
from ..grammar.literal import typed
from ..render import Printer
from .calls import Call, Calls
from .carry import Carrier, Leave
from .interrupt import explained, known, undisturbed
from .notes import Notes, Progress

__all__ = ["Leave", "Shell"]

log = logging.getLogger("kvrmi.client")


class Shell:
    """Runs one command after another against a store."""

    def __init__(
        self, store: Store, admin: Admin, printer: Printer, notes: Notes, *, person: bool = False
    ) -> None:
        """`admin` carries out what is no operation of the store; `notes` observes the store.

        person: somebody types the commands at a terminal.
        """
        self._printer = printer
        self.notes = notes
        open_calls = partial(Calls, store, notes)
        person = person and not printer.as_json
        self._carrier = Carrier(store, admin, printer, open_calls, person=person)

    def run(self, words: Sequence[Word], where: str = "") -> int:
        """Run one command, an error of which begins with `where`; returns its exit status.

        Raises Leave for EXIT.
        """
        began = time.monotonic()
        self.notes.begin()
        command = None
        try:
            command = parse(words)
            status = self._carrier.carry_out(command)
        except KVError as error:
            status = self.failed(error, command, where)
        except KeyboardInterrupt:
            status = self.interrupted(command, self.notes.running, where)
        finally:
            self.notes.end()
        _log(words, status, time.monotonic() - began)
        return status

    def run_line(self, line: str, where: str = "") -> int:
        """Run a typed command as `run`; an empty one does nothing."""
        try:
            words = split(line)
        except Usage as error:
            return self.failed(error, where=where)
        return self.run(words, where) if words else 0

    def show(self, words: Sequence[Word], command: Command, call: Call, where: str) -> int:
        """Show what a command was answered that asked beside others; returns its exit status."""
        try:
            status = self._carrier.show(command, call.result())
        except KVError as error:
            status = self.failed(error, command, where)
        _log(words, status, call.took)
        return status

    def failed(self, error: KVError, command: Command | None = None, where: str = "") -> int:
        """Report an error; returns the exit status."""
        self._printer.error(error.code, f"{where}{explained(error, command)}")
        log.warning("%s: %s", error.code, error)
        return EXIT_STATUS[error.code]

    def interrupted(self, command: Command | None, progress: Progress, where: str = "") -> int:
        """Report what is known of a command that Ctrl-C ended; returns the exit status."""
        return self.stopped(f"{where}{known(command, progress.sent)}")

    def stopped(self, text: str) -> int:
        """Report what Ctrl-C ended; returns the exit status."""
        with undisturbed():
            self._printer.error("INTERRUPTED", text)
        return INTERRUPTED


def _log(words: Sequence[Word], status: int, seconds: float) -> None:
    named = " ".join(typed(word.text)[:100] for word in words[:2])
    log.info("%s status=%d ms=%.1f", named, status, seconds * 1000)
