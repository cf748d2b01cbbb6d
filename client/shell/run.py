"""Runs commands: those of the command line, of a pipe, or typed at a prompt.

Rules: every command ends in an exit status and at most one line of error; a failed one does not
keep the next from running. It knows the store only as what connect() returned.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, cast

from kvrmi.cli import INTERRUPTED
from kvrmi.errors import KVError
from kvrmi.session import Store

from .. import backup
from ..admin import Admin
from ..grammar.commands import COMMANDS, NOTES, Command, explained, parse, unknown
from ..grammar.lexer import Usage, Word, split
from ..grammar.literal import typed
from ..health import await_serving, code_of
from ..render import Printer, encoded
from .files import filled
from .interrupt import known, undisturbed
from .notes import Notes

__all__ = ["EXIT_STATUS", "Leave", "Shell"]

log = logging.getLogger("kvrmi.client")

NOT_FOUND = 1
EXIT_STATUS = {
    "INVALID": 2,
    "NO_QUORUM": 3,
    "UNKNOWN_OUTCOME": 4,
    "ABORTED": 5,
    "UNSUPPORTED": 5,
    "UNAVAILABLE": 6,
}


class _Shown(NamedTuple):
    """How a result reads: lines for stdout, a note for stderr, the exit status."""

    lines: Sequence[object]
    note: str = ""
    status: int = 0


class Leave(Exception):
    """The user asked to leave."""


class Shell:
    """Runs one command after another against a store."""

    def __init__(self, store: Store, admin: Admin, printer: Printer, notes: Notes) -> None:
        """`admin` carries out what is no operation of the store; `notes` observes the store."""
        self._store = store
        self._admin = admin
        self._printer = printer
        self.notes = notes

    def run(self, words: Sequence[Word]) -> int:
        """Run one command; returns its exit status. Raises Leave for EXIT."""
        started = time.monotonic()
        self.notes.begin()
        command = None
        try:
            command = parse(words)
            status = self._carry_out(command)
        except KVError as error:
            status = self._failed(error)
        except KeyboardInterrupt:
            with undisturbed():
                self._printer.error("INTERRUPTED", known(command, self.notes.sent))
            status = INTERRUPTED
        took = (time.monotonic() - started) * 1000
        named = " ".join(typed(word.text)[:100] for word in words[:2])
        log.info("%s status=%d ms=%.1f", named, status, took)
        return status

    def run_lines(self, lines: Iterable[str]) -> int:
        """Run a command a line, going on after errors; returns the first failure's status."""
        first = 0
        for line in lines:
            try:
                status = self.run_line(line)
            except Leave:
                break
            first = first or status
            if status == INTERRUPTED:
                break
        return first

    def run_line(self, line: str) -> int:
        """Run a typed line; an empty one does nothing. Raises Leave for EXIT."""
        try:
            words = split(line)
        except Usage as error:
            return self._failed(error)
        return self.run(words) if words else 0

    def _failed(self, error: KVError) -> int:
        self._printer.error(error.code, str(error))
        log.warning("%s: %s", error.code, error)
        return EXIT_STATUS[error.code]

    def _carry_out(self, command: Command) -> int:
        if command.kind == "store":
            return self._ask(command)
        if command.kind == "admin":
            text, fields = self._admin.order(command.name, command.args)
            self._printer.done(text, {"op": command.name, **fields})
            return 0
        if command.name == "scan":
            return self._scan(*command.args)
        if command.name == "status":
            return self._status()
        if command.name == "health":
            done = await_serving(self._admin.status, cast(float, command.args[0]))
            self._printer.done(done.text, done.fields)
            return 0
        if command.name in ("export", "import"):
            return self._back_up(command.name, Path(str(command.args[0])).expanduser())
        if command.name == "help":
            return show_help(self._printer, *command.args)
        raise Leave

    def _status(self) -> int:
        status = self._admin.status()
        self._printer.status(status)
        return EXIT_STATUS.get(code_of(status), 0)

    def _ask(self, command: Command) -> int:
        command = command._replace(args=filled(command.args))
        answer = self._store.call(command.name, *command.args)
        value = answer["value"]
        fields = {"op": command.name, **_about(command), **_value(command.name, value)}
        fields |= {"revision": answer["revision"], "replica": answer["replica"]}
        if answer["stale"]:
            fields["stale"] = True
        shown = _shown(command, answer)
        self._printer.result(shown.lines, fields)
        if shown.note:
            self._printer.note(shown.note)
        return shown.status

    def _scan(self, prefix: Any, start: Any, limit: Any) -> int:
        found: list[list[object]] = []
        for key, value in islice(self._store.scan(prefix, start=start), limit):
            if self._printer.as_json:
                found.append([key, encoded(value)])
            else:
                self._printer.line(f"{self._printer.shown(key)}\t{self._printer.shown(value)}")
        self._printer.result((), {"op": "scan", "prefix": prefix, "value": found})
        return 0

    def _back_up(self, name: str, path: Path) -> int:
        """Export into a file or import from it."""
        if name == "export":
            summary = backup.export(self._store, path)
            revision = summary.revision
        else:
            summary, revision = backup.import_(self._store, path)
        text = f"OK {name}ed {summary.keys} keys, digest {summary.digest[:12]}, revision {revision}"
        fields = {"op": name, "file": str(path), **summary._asdict(), "revision": revision}
        self._printer.result([text], fields)
        if name == "export" and summary.first_revision != revision:
            first = summary.first_revision
            self._printer.note(f"the store changed meanwhile: pages are of revisions {first} on")
        return 0


def show_help(printer: Printer, name: object = None) -> int:
    """Explain all commands, or one; needs no store. Raises Usage for what is no command."""
    if name is None:
        printer.pairs(explained(COMMANDS.values()))
        printer.text(NOTES)
        return 0
    form = COMMANDS.get(str(name).upper())
    if form is None:
        raise Usage(unknown(str(name)))
    printer.pairs(explained([form]))
    return 0


def _about(command: Command) -> dict[str, object]:
    """Return what a result is about: the key or the keys."""
    if command.name == "put_many":
        pairs = command.args[0]
        return {"keys": [key for key, _ in pairs]} if isinstance(pairs, list) else {}
    if command.name == "get_many":
        return {"keys": command.args[0]}
    return {"key": command.args[0]} if command.args else {}


def _value(name: str, value: object) -> dict[str, object]:
    """Make the fields of a value; a put has none but the revision."""
    if name in ("put", "put_many"):
        return {}
    if isinstance(value, bytes):
        coded: Any = encoded(value)
        return {"value": coded["data"], "encoding": coded["encoding"]}
    return {"value": encoded(value)}


def _shown(command: Command, answer: dict[str, Any]) -> _Shown:
    """Put an answer into words."""
    name, value, about = command.name, answer["value"], command.args[0] if command.args else ""
    if name == "get_many":
        status = NOT_FOUND if None in value else 0
        return _Shown(["(not found)" if item is None else item for item in value], status=status)
    if name == "contains":
        return _Shown([value], status=0 if value else NOT_FOUND)
    if name in ("get", "delete") and (value is None or value is False):
        return _Shown((), f"not found: {about}", NOT_FOUND)
    if name == "cas" and not value:
        return _Shown((), f"not swapped: {about}", NOT_FOUND)
    if name in ("get", "size"):
        return _Shown([value])
    return _Shown([f"OK revision {answer['revision']}"])
