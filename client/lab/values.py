"""What slots are filled with, in words: a line for the page, which cannot read commands itself.

Rule: it only looks on. It knows that some messages have a `value`, a batch of commands, and some
`transactions`, a command each, and no message by name.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Sequence

from kvrmi.operations.commands import decode_command
from kvrmi.operations.vocabulary import VOTER
from kvrmi.sim.seen import Left, Seen
from kvrmi.state.log import unpack_batch

__all__ = ["Values"]

SHOWN = 3
"""Commands of a batch, and keys of a command, that are named."""
MOST = 24
"""Characters of a key or of a value that are shown."""


_PLAIN = re.compile(r"[\w.:/-]+")


class Values:
    """Collects the values of a run; an Onlooker."""

    def __init__(self) -> None:
        """Begin with none."""
        self._seen: dict[bytes, str] = {}

    def __call__(self, seen: Seen) -> None:
        """Take the values of messages that leave."""
        if isinstance(seen, Left):
            for mail in seen.mail:
                value = getattr(mail.message, "value", None)
                if type(value) is bytes and value not in self._seen:
                    self._seen[value] = _words(value)
                for one in getattr(mail.message, "transactions", ()):
                    self._seen.setdefault(one.command, _command(one.command))
                for one in getattr(mail.message, "commands", ()):
                    self._seen.setdefault(one, _command(one))

    def line(self) -> dict[str, object]:
        """Return the record: each value, as the trace spells bytes, and its words."""
        words = {b64encode(value).decode(): said for value, said in self._seen.items()}
        return {"kind": "values", "words": words}


def _words(value: bytes) -> str:
    commands = unpack_batch(value)
    if not commands:
        return "no-op"
    named = [_command(command) for command in commands[:SHOWN]]
    more = len(commands) - SHOWN
    return ", ".join(named) + (f" and {more} more" if more > 0 else "")


def _command(command: bytes) -> str:
    """Name it, its key and its value: `put k = v1`; its id is for logs. Never raises."""
    try:
        name, _, args = decode_command(command)
    except (ValueError, LookupError):
        return "malformed"
    if name == VOTER.name:
        return f"replica {args[0]} votes again"
    if not args or type(args[0]) is tuple:
        return f"{name} {_several(args[0] if args else ())}"
    return f"{name} {_text(args[0])}{_change(args[1:])}"


def _change(values: Sequence[object]) -> str:
    """Show what it becomes: one value, or the one that is expected and the new one."""
    return f" = {' -> '.join(map(_text, values))}" if values else ""


def _several(items: Sequence[object]) -> str:
    """Show keys, or pairs of a key and its value."""
    shown = [
        f"{_text(one[0])} = {_text(one[1])}" if isinstance(one, tuple) else _text(one)
        for one in items[:SHOWN]
    ]
    more = len(items) - SHOWN
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def _text(value: object) -> str:
    """Show a key or a value: a plain word as it is, anything else as Python writes it."""
    text = str(value) if isinstance(value, str) and _PLAIN.fullmatch(value) else repr(value)
    return text if len(text) <= MOST else f"{text[:MOST]}.."
