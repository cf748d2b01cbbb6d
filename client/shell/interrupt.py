"""What is known of a command that Ctrl-C or an error ended, and which command finds out the rest.

Rule: "nothing was done" only where that is certain: a read, or a write of which not one byte left.
It asks nobody.
"""

from __future__ import annotations

import contextlib
import signal
from collections.abc import Collection, Iterator
from typing import cast

from kvrmi.errors import KVError, UnknownOutcome
from kvrmi.operations.interface import WRITES

from ..grammar.commands import Command
from ..grammar.literal import typed

__all__ = ["explained", "known", "undisturbed"]

_SHOWN = 60
"""Characters of a key that a line repeats."""


def known(command: Command | None, sent: Collection[str]) -> str:
    """Report the outcome of a command; `sent` names who may have got a request of it."""
    if command is None:
        return "nothing was done"
    if command.kind == "admin":
        return "the order may or may not be carried out; STATUS shows the state of the replicas"
    if command.name == "import":
        return "some pairs may have been put; IMPORT the file again: it puts the same pairs"
    if command.kind == "each" and command.name in WRITES:
        return "some keys may have been deleted; CONTAINS of them shows which are left"
    if command.name == "delete_prefix":
        return f"some keys may have been deleted; {_keys(command)} shows which are left"
    if command.name not in WRITES:
        return "nothing was changed"
    if not sent:
        return "nothing was sent; nothing was done"
    return f"it was sent to {' and '.join(sent)} and may or may not take effect; {_get(command)}"


def explained(error: KVError, command: Command | None) -> str:
    """Write an error's text, with the command that settles it where a write is in doubt."""
    if command is None or command.name not in WRITES or not isinstance(error, UnknownOutcome):
        return str(error)
    if error.request is None:
        return f"{error}; {_get(command)}"
    client, sequence = error.request
    return f"{error}; {_get(command)}, OUTCOME {typed(client)} {sequence} what became of it"


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Ignore another Ctrl-C: impatient people press it twice, and still want to read the line."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _keys(command: Command) -> str:
    """Write the command that lists the keys of a DELETE --prefix."""
    text = typed(cast(str, command.args[0]))
    return f"KEYS {text}" if len(text) <= _SHOWN else "KEYS of its prefix"


def _get(command: Command) -> str:
    """Name the command that reads the first key of a write; all of its keys change together."""
    first = command.args[0]
    text = typed(first if isinstance(first, str) else cast("list[list[str]]", first)[0][0])
    named = f"GET {text}" if len(text) <= _SHOWN else "GET of its key"
    return f"{named} shows whether it does"
