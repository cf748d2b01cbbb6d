"""What slots are filled with, in words: a line for the page, which cannot read commands itself.

Rule: it only looks on. It knows that some messages have a `value`, a batch of commands, and some
`transactions`, a command each, and no message by name.
"""

from __future__ import annotations

from base64 import b64encode

from kvrmi.operations.commands import summary
from kvrmi.sim.seen import Left, Seen
from kvrmi.state.log import unpack_batch

__all__ = ["Values"]

SHOWN = 3
"""Commands of a batch that are named."""


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
    """Name it and its key; its id is for logs."""
    return summary([command]).removeprefix(": ").rpartition(" id=")[0]
