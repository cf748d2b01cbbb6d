"""What the user sees: results, errors, tables; as text or as JSON.

Rules: results go to stdout and nothing else does; on a terminal nothing that came from the store
can move the cursor. It decides no exit status and asks nobody. rich is loaded when something is
coloured, since it would keep the prompt waiting.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from kvrmi.access.links import named
from kvrmi.access.showing import plain
from kvrmi.cluster.status import partly
from kvrmi.columns import width, wrapped
from kvrmi.errors import InvalidRequest

from .grammar.literal import typed
from .tables import columns_of, table
from .values import COLUMNS, cut

__all__ = ["Printer", "encoded", "escaped", "value_fields"]

_ADVICE = {
    "INVALID": "nothing was done",
    "NO_QUORUM": "nothing was done; STATUS shows which replicas are up",
    "ABORTED": "nothing was done; try again",
    "UNSUPPORTED": "nothing was done",
    "UNAVAILABLE": "nothing was done",
}
_COLUMNS = (
    "id", "state", "role", "ballot", "applied", "chosen", "revision", "keys", "digest", "pid",
    "address",
)  # fmt: skip
_SPARE = ("chosen", "revision", "address", "digest", "keys", "applied", "ballot", "pid", "role")
"""What a narrow terminal does without, the first first."""
CLIENTS = 10
"""So many clients are named below the table."""
_WORTH_A_COLOUR = {
    "up": "green",
    "leader": "bold green",
    "down": "red",
    "not answering": "red",
    "held": "yellow",
    "starting": "yellow",
    "recovering": "yellow",
}


class Printer:
    """Prints to `out` and `err`, every line at once, so that pipes see it in time."""

    def __init__(
        self, *, as_json: bool, out: TextIO | None = None, err: TextIO | None = None
    ) -> None:
        """Use stdout and stderr by default; rich tables only where `out` is a terminal."""
        self.as_json = as_json
        self._out = out or sys.stdout
        self._given = err

    @property
    def _err(self) -> TextIO:
        """Return stderr as it is now: a bar that shows progress takes its place meanwhile."""
        return self._given or sys.stderr

    @property
    def terminal(self) -> bool:
        """Whether results go to a terminal."""
        return self._out.isatty()

    @property
    def columns(self) -> int:
        """Columns of the terminal, or what takes its place."""
        return columns_of(self._out)

    def result(self, lines: Sequence[str], fields: Mapping[str, object], aside: str = "") -> None:
        """Print one result: `fields` as a JSON object, or lines, and `aside` after the last."""
        if self.as_json:
            self.line(json.dumps({"ok": True, **fields}, default=plain))
            return
        last = len(lines) - 1 if aside else len(lines)
        for line in lines[:last]:
            self.line(line)
        for line in lines[last:]:
            beside = width(line) % self.columns + width(aside) <= self.columns
            print(line, end="" if beside else "\n", file=self._out)
            self.aside(aside if beside else aside.strip())

    def aside(self, text: str) -> None:
        """Print what matters less than the result, dim, and end the line."""
        from rich.console import Console
        from rich.text import Text

        Console(file=self._out, highlight=False).print(Text(text, "dim"), soft_wrap=True)

    def clear(self) -> None:
        """Clear the screen, if it is one."""
        from rich.console import Console

        if not self.as_json:
            Console(file=self._out).clear()

    def raw(self, data: bytes) -> None:
        """Print bytes as they are and nothing else; on a terminal the line is ended.

        Raises InvalidRequest for bytes that a terminal would obey.
        """
        if self.terminal:
            text = data.decode("utf-8", "replace")
            if not all(char.isprintable() or char in "\n\t" for char in text):
                why = "the value holds bytes that a terminal would obey; > writes it into a file"
                raise InvalidRequest(why)
            self.line(text.removesuffix("\n"))
        else:
            self._out.flush()
            self._out.buffer.write(data)
            self._out.buffer.flush()

    def done(self, text: str, fields: Mapping[str, object]) -> None:
        """Print what an order did: `fields` as a JSON object, or a sentence."""
        if self.as_json:
            self.result((), fields)
        else:
            self._paragraph(text)

    def note(self, text: str, aside: str = "") -> None:
        """Show a person what the exit status shows a script; nothing in JSON."""
        if not self.as_json:
            self._complain(escaped(text), (aside, "dim"))

    def error(self, code: str, text: str, *, advised: bool = True) -> None:
        """Print one line: what happened, what was done or not, and what to do.

        advised: what the code means is added, such as that nothing was done.
        """
        if self.as_json:
            self.line(json.dumps({"ok": False, "code": code, "error": text}))
            return
        known = _ADVICE.get(code, "").split("; ") if advised else []
        advice = [part for part in known if not _said(part, text)]
        if code == "INTERRUPTED" and self._err.isatty():
            self._err.write("\r")  # over the ^C that the terminal has shown there
        self._complain((f"{code}: ", "bold red"), escaped("; ".join([text, *advice])))

    def _complain(self, *parts: str | tuple[str, str]) -> None:
        """Print a line on stderr: broken at words on a terminal, one line for a program.

        parts: texts, or texts with their style.
        """
        from rich.console import Console
        from rich.text import Text

        console = Console(file=self._err, width=columns_of(self._err), highlight=False)
        with console.capture() as written:
            console.print(Text.assemble(*parts), soft_wrap=not self._err.isatty())
        print(written.get(), end="", file=self._err, flush=True)  # above a bar, if there is one

    def status(self, status: Mapping[str, Any]) -> None:
        """Print the cluster's status: an object, or a table and what it has no column for."""
        if self.as_json:
            self.line(json.dumps(status))
            return
        head = ("cluster", "engine", "leader", "successor", "quorum", "health")
        self._paragraph("  ".join(f"{name} {_cell(status[name])}" for name in head))
        rows = [[_cell(_short(entry, name)) for name in _COLUMNS] for entry in status["replicas"]]
        table(self._out, _COLUMNS, rows, spare=_SPARE, colours=_WORTH_A_COLOUR)
        some = partly(status["replicas"], len(status["replicas"]))
        for remark in [*[some] * bool(some), *_remarks(status["replicas"])]:
            self._paragraph(remark)

    def _paragraph(self, text: str) -> None:
        """Print a sentence: one line for a program, broken at words on a terminal."""
        terminal = self._out.isatty()
        self.line(wrapped(escaped(text), columns_of(self._out)) if terminal else text)

    def fitted(self, lines: Sequence[str]) -> list[str]:
        """Break lines at words where a terminal would break them anywhere."""
        if not self.terminal:
            return list(lines)
        broken = (wrapped(line, self.columns, "", "    ") for line in lines)
        return [part for each in broken for part in each.splitlines() or [""]]

    def line(self, text: str) -> None:
        """Print a line as it is."""
        print(text, file=self._out, flush=True)

    def shown(self, value: object, columns: int | None = COLUMNS) -> str:
        """Write a value: on a terminal as it is typed, cut at so many columns (None: uncut).

        Elsewhere text is raw, and bytes b"..".
        """
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, (str, bytes)):
            return str(value)
        if self.terminal:
            return typed(value) if columns is None else cut(value, columns)
        return value if isinstance(value, str) else typed(value)


def encoded(value: object) -> object:
    """Make a value fit for JSON: bytes become an object with base64 data."""
    if isinstance(value, bytes):
        return plain(value)
    if isinstance(value, list):
        return [encoded(item) for item in value]
    return value


def value_fields(value: object) -> dict[str, object]:
    """Make the fields of one value: bytes are their base64 data, and have a field that says so."""
    if isinstance(value, bytes):
        coded = plain(value)
        return {"value": coded["data"], "encoding": coded["encoding"]}
    return {"value": encoded(value)}


def _said(advice: str, text: str) -> bool:
    """Whether a text says so already, perhaps with a verb of its own: nothing was cut."""
    return advice in text or (advice == _ADVICE["INVALID"] and "nothing was " in text)


def _short(entry: Mapping[str, Any], name: str) -> object:
    value = entry.get(name)
    return value[:8] if name == "digest" and value else value


def _remarks(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say what is out of the ordinary: why a replica is down, which roles are, which links cut."""
    for entry in entries:
        roles = entry.get("roles") or {}
        found = [f"{role} {is_['state']}" for role, is_ in roles.items() if is_["state"] != "up"]
        found += [f"the {role}'s disk hangs" for role, is_ in roles.items() if is_.get("hangs")]
        found += [entry["reason"]] if entry.get("reason") else []
        found += [_restoring(entry["restoring"])] if entry.get("restoring") else []
        if found:
            yield f"replica {entry['id']}: {', '.join(found)}"
    for note, ids in _notes(entries).items():
        yield f"replica{'s' * (len(ids) > 1)} {', '.join(map(str, ids))}: {note}"
    cuts = {(a, b) for entry in entries for a, b in entry.get("cuts") or ()}
    if cuts:
        yield f"cut links: {named(cuts)}"
    yield from _clients(entries)


def _notes(entries: Sequence[Mapping[str, Any]]) -> dict[str, list[int]]:
    """Collect what replicas note, each text once, with all who note it."""
    noted: dict[str, list[int]] = {}
    for entry in entries:
        for note in entry.get("notes") or ():
            noted.setdefault(note, []).append(entry["id"])
    return noted


def _clients(entries: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Say which clients with a name are connected, and to which replicas."""
    at: dict[str, list[int]] = {}
    for entry in entries:
        for name in dict.fromkeys(client["name"] for client in entry.get("clients") or ()):
            at.setdefault(name, []).append(entry["id"])
    shown = [
        f"{name} (replica{'s' * (len(ids) > 1)} {', '.join(map(str, ids))})"
        for name, ids in sorted(at.items())
    ]
    if shown:
        more = [f"{len(shown) - CLIENTS} more"] * (len(shown) > CLIENTS)
        yield f"clients: {', '.join(shown[:CLIENTS] + more)}"


def _restoring(progress: Mapping[str, Any]) -> str:
    return f"restoring from replica {progress['peer']}, {progress['keys']} of {progress['of']} keys"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, (list, tuple)):
        return ".".join(str(part) for part in value)  # a ballot: round.replica
    return str(value)


def escaped(text: str) -> str:
    """Write what a terminal would obey as escapes."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
