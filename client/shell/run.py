"""Runs commands: those of the command line, of a pipe, or typed at a prompt.

Rules: every command ends in an exit status and at most one line of error; a failed one does not
keep the next from running. It knows no command.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence

from kvrmi.access.store import Store
from kvrmi.cli import INTERRUPTED
from kvrmi.errors import KVError

from ..admin import Admin
from ..grammar.commands import Command, parse
from ..grammar.lexer import Usage, Word, split
from ..grammar.literal import typed
from ..render import Printer
from .answers import EXIT_STATUS
from .blocks import gathered
from .carry import Carrier, Leave
from .interrupt import explained, known, undisturbed
from .notes import Notes

__all__ = ["EXIT_STATUS", "Leave", "Shell"]

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
        self._where = ""
        self._carrier = Carrier(store, admin, printer, person=person and not printer.as_json)

    def run(self, words: Sequence[Word]) -> int:
        """Run one command; returns its exit status. Raises Leave for EXIT."""
        began = time.monotonic()
        self.notes.begin()
        command = None
        try:
            command = parse(words)
            status = self._carrier.carry_out(command)
        except KVError as error:
            status = self._failed(error, command)
        except KeyboardInterrupt:
            with undisturbed():
                self._printer.error("INTERRUPTED", known(command, self.notes.sent))
            status = INTERRUPTED
        finally:
            self.notes.end()
        took = (time.monotonic() - began) * 1000
        named = " ".join(typed(word.text)[:100] for word in words[:2])
        log.info("%s status=%d ms=%.1f", named, status, took)
        return status

    def run_lines(self, lines: Iterable[str], *, numbered: bool = False) -> int:
        """Run the commands of lines, going on after errors; returns the first failure's status.

        numbered: errors name the line in which the command begins, for those who look for it in
        a file.
        """
        first = 0
        try:
            for number, command in gathered(lines):
                self._where = f"line {number}: " if numbered else ""
                status = self.run_line(command)
                first = first or status
                if status == INTERRUPTED:
                    break
        except Leave:
            pass
        except Usage as error:  # of lines that never end
            self._where = ""
            first = first or self._failed(error)
        return first

    def run_line(self, line: str) -> int:
        """Run a typed command; an empty one does nothing. Raises Leave for EXIT."""
        try:
            words = split(line)
        except Usage as error:
            return self._failed(error)
        return self.run(words) if words else 0

    def _failed(self, error: KVError, command: Command | None = None) -> int:
        self._printer.error(error.code, f"{self._where}{explained(error, command)}")
        log.warning("%s: %s", error.code, error)
        return EXIT_STATUS[error.code]
