"""What the user sees: results, errors, tables; as text or as JSON.

Rules: results go to stdout and nothing else does; on a terminal nothing that came from the store
can move the cursor. It decides no exit status and asks nobody.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.text import Text

from .links import named
from .tables import columns_of, table, wrapped

__all__ = ["Printer", "encoded"]

_ADVICE = {
    "INVALID": "nothing was done",
    "NO_QUORUM": "nothing was done; STATUS shows which replicas are up",
    "UNKNOWN_OUTCOME": "GET the key to see whether it did",
    "ABORTED": "nothing was done; try again",
    "UNSUPPORTED": "nothing was done",
    "UNAVAILABLE": "nothing was done",
}
_COLUMNS = (
    "id", "state", "role", "ballot", "applied", "chosen", "revision", "keys", "digest", "pid",
    "address",
)  # fmt: skip
_SPARE = ("chosen", "revision", "address", "digest", "keys")
"""What a narrow terminal does without, the first first."""
CLIENTS = 10
"""So many clients are named below the table."""
_WORTH_A_COLOUR = {
    "up": "green",
    "leader": "bold green",
    "down": "red",
    "not answering": "red",
    "held": "yellow",
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
        self._err = err or sys.stderr

    def result(self, lines: Sequence[object], fields: Mapping[str, object]) -> None:
        """Print one result: `fields` as a JSON object, or `lines` of text."""
        if self.as_json:
            self.line(json.dumps({"ok": True, **fields}))
            return
        for line in lines:
            self.line(self.shown(line))

    def done(self, text: str, fields: Mapping[str, object]) -> None:
        """Print what an order did: `fields` as a JSON object, or a sentence."""
        if self.as_json:
            self.result((), fields)
        else:
            self._paragraph(text)

    def note(self, text: str) -> None:
        """Show a person what the exit status shows a script; nothing in JSON."""
        if not self.as_json:
            print(_escaped(text), file=self._err, flush=True)

    def error(self, code: str, text: str) -> None:
        """Print one line: what happened, what was done or not, and what to do."""
        if self.as_json:
            self.line(json.dumps({"ok": False, "code": code, "error": text}))
            return
        advice = [part for part in _ADVICE.get(code, "").split("; ") if not _said(part, text)]
        line = Text.assemble((f"{code}: ", "bold red"), _escaped("; ".join([text, *advice])))
        console = Console(file=self._err, width=columns_of(self._err), highlight=False)
        console.print(line, soft_wrap=not self._err.isatty())

    def status(self, status: Mapping[str, Any]) -> None:
        """Print the cluster's status: an object, or a table and what it has no column for."""
        if self.as_json:
            self.line(json.dumps(status))
            return
        head = ("cluster", "engine", "leader", "successor", "quorum", "health")
        self._paragraph("  ".join(f"{name} {_cell(status[name])}" for name in head))
        rows = [[_cell(_short(entry, name)) for name in _COLUMNS] for entry in status["replicas"]]
        table(self._out, _COLUMNS, rows, spare=_SPARE, colours=_WORTH_A_COLOUR)
        for remark in _remarks(status["replicas"]):
            self._paragraph(remark)

    def pairs(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Print words and what they mean, in two columns."""
        first = max(len(words) for words, _ in pairs) + 2
        for words, meaning in pairs:
            self.line(wrapped(meaning, columns_of(self._out), words.ljust(first), " " * first))

    def text(self, text: str) -> None:
        """Print a paragraph after an empty line."""
        self.line("\n" + wrapped(text, columns_of(self._out)))

    def _paragraph(self, text: str) -> None:
        """Print a sentence: one line for a program, broken at words on a terminal."""
        terminal = self._out.isatty()
        self.line(wrapped(_escaped(text), columns_of(self._out)) if terminal else text)

    def line(self, text: str) -> None:
        """Print a line as it is."""
        print(text, file=self._out, flush=True)

    def shown(self, value: object) -> str:
        """Write a value as text; on a terminal control characters become escapes."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, bytes):
            return _readable(value)
        text = str(value)
        return _escaped(text) if self._out.isatty() else text


def encoded(value: object) -> object:
    """Make a value fit for JSON: bytes become an object with base64 data."""
    if isinstance(value, bytes):
        return {"data": base64.b64encode(value).decode(), "encoding": "base64"}
    if isinstance(value, list):
        return [encoded(item) for item in value]
    return value


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
        found += [entry["reason"]] if entry.get("reason") else []
        found += entry.get("notes") or []
        found += [_restoring(entry["restoring"])] if entry.get("restoring") else []
        if found:
            yield f"replica {entry['id']}: {', '.join(found)}"
    cuts = {(a, b) for entry in entries for a, b in entry.get("cuts") or ()}
    if cuts:
        yield f"cut links: {named(cuts)}"
    yield from _clients(entries)


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


def _readable(data: bytes) -> str:
    """Write bytes as Python does, but UTF-8 text in them as what it means."""
    text = data.replace(b"\\", b"\\\\").replace(b"'", b"\\'").decode("utf-8", "backslashreplace")
    shown = (char if char.isprintable() else repr(char.encode())[2:-1] for char in text)
    return f"b'{''.join(shown)}'"


def _escaped(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
