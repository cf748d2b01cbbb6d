"""Carries commands out: asks the store or the cluster, shows the answer, returns the exit status.

Rules: nothing that destroys many things is done without a question; what ends early says how far
it came. It knows the store only as what connect() returned, and nothing of lines and prompts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kvrmi import cli
from kvrmi.access.store import Store
from kvrmi.errors import InvalidRequest, KVError, NoQuorum

from ..admin import Admin
from ..exits import EXIT_STATUS, NOT_FOUND
from ..grammar import help
from ..grammar.commands import Command
from ..grammar.literal import typed
from ..health import await_serving, code_of
from ..render import Printer
from ..values import COLUMNS
from . import answers, each, files
from .calls import Calls
from .each import Done
from .interrupt import undisturbed
from .listing import Listing

if TYPE_CHECKING:
    from kvrmi.dump import Summary

__all__ = ["Carrier", "Leave", "show_help"]

_DONE = {"delete": "deleted", "contains": "looked for"}
"""What is done to keys, for the bar."""


class Leave(Exception):
    """The user asked to leave."""


class Carrier:
    """Carries out one command after another."""

    def __init__(
        self,
        store: Store,
        admin: Admin,
        printer: Printer,
        open_calls: Callable[[], Calls],
        *,
        person: bool,
    ) -> None:
        """`admin` carries out what is not an operation of the store.

        open_calls: asks the same store several things at the same time.
        person: somebody types the commands at a terminal, and sees how long each took, and long
        answers a screen at a time.
        """
        self._store = store
        self._admin = admin
        self._printer = printer
        self._open_calls = open_calls
        self._person = person
        self._began = 0.0
        self._of_each: dict[str, Callable[..., int]] = {
            "contains": self._contains_each,
            "delete": self._delete_each,
        }
        self._programs: dict[str, Callable[..., int]] = {
            "clear": self._clear,
            "delete_prefix": self._delete_prefix,
            "exit": self._leave,
            "export": self._export,
            "health": self._health,
            "help": self._help,
            "import": self._import,
            "metrics": self._metrics,
            "reconnect": self._reconnect,
            "status": self._status,
        }

    def carry_out(self, command: Command) -> int:
        """Carry out one command; returns its exit status. Raises a KVError, and Leave for EXIT."""
        self._began = time.monotonic()
        if command.kind == "store":
            if command.output.raw and self._printer.as_json:
                raise InvalidRequest("--raw prints no JSON; leave out --raw or --json")
            command = command._replace(args=files.filled(command.args))
            return self.show(command, self._store.call(command.name, *command.args))
        if command.kind == "each":
            return self._of_each[command.name](*command.args)
        if command.kind == "admin":
            command = self._agree_to(command)
            text, fields = self._admin.order(command.name, command.args)
            self._printer.done(text + self._took(), {"op": command.name, **fields})
            return 0
        if command.kind == "answer":
            report = self._admin.answer(command.name, command.args)
            self._result(self._printer.fitted(report.lines), report.fields)
            return report.status
        if command.name in ("keys", "scan"):
            return self._list(command)
        return self._programs[command.name](*command.args)

    def show(self, command: Command, answer: dict[str, Any]) -> int:
        """Show what the store answered; returns the exit status. Raises a KVError."""
        if answer["value"] is not None and (command.output.file or command.output.raw):
            return self._deliver(command, answer)
        columns = None if command.output.full else COLUMNS
        shown = answers.shown(
            command,
            answer,
            lambda value: self._printer.shown(value, columns),
            named=self._printer.terminal,
        )
        self._result(shown.lines, answers.fields(command, answer))
        if shown.note:
            self._printer.note(shown.note, self._took() if not shown.lines else "")
        return shown.status

    def _deliver(self, command: Command, answer: dict[str, Any]) -> int:
        """Bring a value as it is to stdout, or into a file."""
        data, file = files.raw(answer["value"]), command.output.file
        if not file:
            self._printer.raw(data)
            return 0
        files.write(file, data)
        fields = answers.fields(command, answer) | {"file": file, "bytes": len(data)}
        fields.pop("value")
        fields.pop("encoding", None)
        size = f"{len(data)} byte{'s' * (len(data) != 1)}"
        self._result([f"OK {size} written into {file}"], fields)
        return 0

    def _list(self, command: Command) -> int:
        """Show keys, or keys and values."""
        listing = Listing(self._store, self._printer, command)
        if self._printer.as_json:
            about = {"prefix": listing.like.prefix}
            about |= {"pattern": listing.like.pattern} if listing.like.pattern else {}
            self._result((), {"op": command.name, **about, "value": listing.values()})
            return 0
        if self._show(listing.lines()) and self._person:
            count = f"{listing.count} key{'' if listing.count == 1 else 's'}"
            self._printer.aside(count + took(listing.seconds))
        return 0

    def _delete_prefix(self, beginning: str, agreed: bool) -> int:
        if not agreed and self._printer.as_json:
            raise InvalidRequest("with --json nobody is asked: give --yes; nothing was deleted")
        if not agreed and not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise InvalidRequest("nobody can be asked here: give --yes; nothing was deleted")
        try:
            found = each.keys(self._store, beginning)
            agreed = agreed or not found or self._agrees(each.question(beginning, found))
        except KeyboardInterrupt:
            return self._interrupted("nothing was deleted")
        if found and agreed:
            return self._delete(beginning, found)
        self._result((), {"op": "delete", "prefix": beginning, "deleted": 0})
        if found:
            self._printer.note("nothing was deleted")  # no time: a person has thought about it
        else:
            missing = f"not found: any key with the prefix {typed(beginning)}"
            missing += ", which is taken as it is, * too" if "*" in beginning else ""
            self._printer.note(missing, self._took())
        return NOT_FOUND

    def _delete(self, beginning: str, found: Sequence[str]) -> int:
        """Delete these keys, and report how far that came."""
        self._began = time.monotonic()  # the person's time does not count
        done = self._each("delete", found)
        if done.ended is not None:
            return self._ended(done, done.deleted, f"KEYS {typed(beginning)} shows which are left")
        fields = {"op": "delete", "prefix": beginning, "deleted": done.there}
        self._result([f"OK {done.deleted}"], fields)
        return 0

    def _delete_each(self, keys: Sequence[str]) -> int:
        """Delete keys that were named."""
        done = self._each("delete", keys)
        if done.ended is not None:
            return self._ended(done, done.deleted, "CONTAINS of them shows which are left")
        absent = [typed(key) for key in done.absent]
        fields = {"op": "delete", "keys": list(done.answers), "deleted": done.there}
        self._result([f"OK {done.deleted}"], fields | {"absent": done.absent})
        if absent:
            self._printer.note(f"not found: {', '.join(absent)}")
        return NOT_FOUND if absent else 0

    def _contains_each(self, keys: Sequence[str]) -> int:
        """Report of each key whether it is there."""
        done = self._each("contains", keys)
        if done.ended is not None:
            return self._ended(done, "not all keys were looked for", "nothing was changed")
        found = [done.answers[key] for key in keys]
        lines = [self._printer.shown(there) for there in found]
        if self._printer.terminal:
            lines = answers.columns(list(zip(map(typed, keys), lines, strict=True)))
        self._result(lines, {"op": "contains", "keys": list(keys), "value": found})
        return NOT_FOUND if done.absent else 0

    def _each(self, name: str, keys: Sequence[str]) -> Done:
        from ..progress import progress  # for many keys only

        with self._open_calls() as calls, progress(_DONE[name], len(keys)) as advance:
            return each.each(calls, name, keys, advance)

    def _ended(self, done: Done, text: str, then: str) -> int:
        """Report what ended an operation on many keys."""
        if not isinstance(done.ended, KVError):
            return self._interrupted(f"{text}; {then}")
        code = done.ended.code
        self._printer.error(code, f"{text}: {done.ended}; {then}", advised=False)  # some were done
        return EXIT_STATUS[code]

    def _interrupted(self, text: str) -> int:
        with undisturbed():
            self._printer.error("INTERRUPTED", text)
        return cli.INTERRUPTED

    def _agree_to(self, command: Command) -> Command:
        """Ask before what would lose the quorum, unless it was forced. Raises NoQuorum."""
        if not command.args or command.args[-1] is not False:
            return command
        lost = self._admin.losing(command.name, command.args)
        if lost is None:
            return command
        if self._printer.as_json or not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise NoQuorum(f"{lost}; nothing was done; --force overrides this")
        if not self._agrees(f"{lost}: nothing can be written then. Go on? [y/N] "):
            raise NoQuorum(f"{lost}; nothing was done")
        return command._replace(args=(*command.args[:-1], True))

    def _agrees(self, question: str) -> bool:
        """Ask on stderr, whose lines break at words; only y and yes agree."""
        asked = "\n".join(map(cli.paragraph, question.splitlines()))
        print(f"{asked} ", end="", file=sys.stderr, flush=True)  # in one piece, before any key
        answer = ""
        try:
            answer = sys.stdin.readline()
        finally:
            if not answer.endswith("\n"):  # Ctrl-C or Ctrl-D leaves the line as it is
                print(file=sys.stderr, flush=True)
        return answer.strip().lower() in ("y", "yes")

    def _reconnect(self, replica: int | None) -> int:
        """Ask a replica first from now on, and see whether it answers; it reads its own state."""
        self._store.prefer(replica)
        answer = self._store.call("get", "reconnect", "local")
        if replica is None and answer["leader"] not in (0, answer["replica"]):
            answer = self._store.call("get", "reconnect", "local")  # the leader is known now
        fields = {"op": "reconnect", "replica": answer["replica"], "leader": answer["leader"]}
        self._result([answers.met(replica, answer["replica"], answer["leader"])], fields)
        return 0

    def _status(self) -> int:
        status = self._admin.status()
        self._printer.status(status)
        return EXIT_STATUS.get(code_of(status), 0)

    def _health(self, seconds: float) -> int:
        done = await_serving(self._admin.status, seconds)
        self._printer.done(done.text, done.fields)
        return 0

    def _metrics(self, replica: int | None = None) -> int:
        from .. import metrics  # for those who ask for it

        value = metrics.written(self._admin.status(), replica)
        if self._printer.as_json:
            self._result((), {"op": "metrics", "replica": replica, "value": value})
        else:
            self._show(value.splitlines())
        return 0

    def _export(self, named: str) -> int:
        from .. import backup  # for those who ask for it

        path = Path(named)
        summary = backup.export(self._store, path)
        self._backed_up("export", path, summary, summary.revision)
        if summary.first_revision != summary.revision:
            first = summary.first_revision
            self._printer.note(f"the store changed meanwhile: pages are of revisions {first} on")
        return 0

    def _import(self, named: str) -> int:
        from .. import backup  # for those who ask for it

        path = Path(named)
        try:
            imported = backup.import_(self._store, path)
        except backup.Interrupted as error:
            return self._interrupted(str(error))
        self._backed_up("import", path, *imported)
        return 0

    def _backed_up(self, name: str, path: Path, summary: Summary, revision: int) -> None:
        keys = f"{summary.keys} key{'s' * (summary.keys != 1)}"
        text = f"OK {name}ed {keys}, digest {summary.digest[:12]}, revision {revision}"
        fields = {"op": name, "file": str(path), **summary._asdict(), "revision": revision}
        self._result([text], fields)

    def _help(self, name: str | None = None) -> int:
        if not self._person:
            return show_help(self._printer, name)
        self._show(help.lines(name, self._printer.columns))
        return 0

    def _clear(self) -> int:
        self._printer.clear()
        return 0

    def _leave(self) -> int:
        raise Leave

    def _show(self, lines: Iterable[str]) -> bool:
        """Show lines, to a person a screen at a time; False if that was stopped."""
        if self._person:
            from .pager import paged  # for terminals only

            return paged(lines, self._printer.line)
        for line in lines:
            self._printer.line(line)
        return True

    def _result(self, lines: Sequence[str], fields: dict[str, object]) -> None:
        self._printer.result(lines, fields, self._took())

    def _took(self) -> str:
        """Say how long the command took, to a person."""
        return took(time.monotonic() - self._began) if self._person else ""


def show_help(printer: Printer, name: str | None = None) -> int:
    """Explain all commands, or one; needs no store. Raises Usage for what is no command."""
    lines = help.lines(name, printer.columns)
    printer.result(lines, {"op": "help", "value": "\n".join(lines)})
    return 0


def took(seconds: float) -> str:
    """Write how long something took, to stand after an answer."""
    return f"  ({seconds * 1000:.1f} ms)" if seconds < 1 else f"  ({seconds:.1f} s)"
