"""What the user sees: results, errors, tables; as text or as JSON.

Rules: results go to stdout and nothing else does; on a terminal nothing that came from the store
can move the cursor. It decides no exit status and asks nobody.
"""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, TextIO

from rich.console import Console
from rich.table import Table
from rich.text import Text

__all__ = ["Printer", "encoded", "table"]

MIN_WIDTH = 60
"""A narrower terminal wraps the lines by itself."""
_ADVICE = {
    "INVALID": "nothing was done",
    "NO_QUORUM": "nothing was done; STATUS shows which replicas are up",
    "UNKNOWN_OUTCOME": "GET the key to see whether it did",
    "ABORTED": "nothing was done; try again",
    "UNSUPPORTED": "nothing was done",
    "UNAVAILABLE": "start the cluster, or name one with --config or --address",
}
_COLUMNS = ("id", "state", "role", "ballot", "applied", "chosen", "revision", "keys")
_WORTH_A_COLOUR = {"up": "green", "leader": "bold green", "down": "red", "held": "yellow"}


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

    def note(self, text: str) -> None:
        """Show a person what the exit status shows a script; nothing in JSON."""
        if not self.as_json:
            print(_escaped(text), file=self._err, flush=True)

    def error(self, code: str, text: str) -> None:
        """Print one line: what happened, what was done or not, and what to do."""
        if self.as_json:
            self.line(json.dumps({"ok": False, "code": code, "error": text}))
            return
        advice = [part for part in _ADVICE.get(code, "").split("; ") if part and part not in text]
        line = Text.assemble((f"{code}: ", "bold red"), _escaped("; ".join([text, *advice])))
        Console(file=self._err).print(line, soft_wrap=True, highlight=False)

    def status(self, status: Mapping[str, Any]) -> None:
        """Print the cluster's status: an object, a table, or aligned lines."""
        if self.as_json:
            self.line(json.dumps(status))
            return
        head = ("cluster", "engine", "leader", "successor", "quorum")
        self.line("  ".join(f"{name} {_cell(status[name])}" for name in head))
        rows = [
            [*(_cell(entry.get(name)) for name in _COLUMNS), *_details(entry)]
            for entry in status["replicas"]
        ]
        table(self._out, [*_COLUMNS, "digest", "roles", "pid", "address"], rows)

    @property
    def width(self) -> int:
        """Columns to fill: the terminal's, or 80 where there is none and COLUMNS is not set."""
        return columns_of(self._out)

    def pairs(self, pairs: Sequence[tuple[str, str]]) -> None:
        """Print words and what they mean, in two columns."""
        first = max(len(words) for words, _ in pairs) + 2
        for words, meaning in pairs:
            head, rest = words.ljust(first), " " * first
            wrapped = textwrap.fill(
                meaning, self.width, initial_indent=head, subsequent_indent=rest
            )
            self.line(wrapped)

    def text(self, text: str) -> None:
        """Print a paragraph after an empty line."""
        self.line("\n" + textwrap.fill(text, self.width))

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


def columns_of(out: TextIO) -> int:
    """Width of the terminal that `out` is; elsewhere that of COLUMNS, or 80."""
    with contextlib.suppress(OSError, ValueError):
        return max(MIN_WIDTH, os.get_terminal_size(out.fileno()).columns)
    return max(MIN_WIDTH, shutil.get_terminal_size().columns)


def table(out: TextIO, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under columns: drawn on a terminal, aligned plain text elsewhere."""
    if out.isatty():
        drawn = Table(*columns)
        for row in rows:
            drawn.add_row(*(Text(cell, _WORTH_A_COLOUR.get(cell, "")) for cell in row))
        Console(file=out).print(drawn)
        return
    lines = [list(columns), *(list(row) for row in rows)]
    widths = [max(len(cell) for cell in column) for column in zip(*lines, strict=True)]
    for line in lines:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        print("  ".join(cells).rstrip(), file=out, flush=True)


def encoded(value: object) -> object:
    """Make a value fit for JSON: bytes become an object with base64 data."""
    if isinstance(value, bytes):
        return {"data": base64.b64encode(value).decode(), "encoding": "base64"}
    if isinstance(value, list):
        return [encoded(item) for item in value]
    return value


def _details(entry: Mapping[str, Any]) -> list[str]:
    roles = entry.get("roles") or {}
    away = [f"{name} {role['state']}" for name, role in roles.items() if role["state"] != "up"]
    return [
        _cell((entry.get("digest") or "")[:8] or None),
        ", ".join(away) or ("all up" if roles else "-"),
        _cell(entry.get("pid")),
        _cell(entry.get("address")),
    ]


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
