"""What a run looks like, one line an event; the same seed gives the same lines, byte for byte.

A line is `TIME WHO WHAT`: virtual seconds, then `r2.acceptor` for a role, `r2.process` for a whole
replica, `client` or `fault`; then `< r1.proposer Accept ballot=3.1 slot=7 ...` for a message that
it handles, `* campaign ballot=3.1 ...` for an event of its own, as a replica's log has it, or what
happened to it. Ballots are ROUND.REPLICA; bytes are `#` and a checksum.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol
from zlib import crc32

from ..roles.contract import Address, Envelope, Message

if TYPE_CHECKING:
    from .replica import Replica

__all__ = ["Onlooker", "Trace", "show"]

LIST_SHOWN = 3


class Onlooker(Protocol):
    """Sees what happens, and prints it in other words than a trace."""

    def happened(self, now: float, who: int | str, what: str, text: str) -> None:
        """See what World.trace reports."""
        ...

    def left(self, replica: Replica, name: str, messages: tuple[Envelope, ...]) -> None:
        """See the messages that leave role `name`, its records being durable."""
        ...


class Trace:
    """Writes lines, or nothing at all."""

    def __init__(self, write: Callable[[str], None] | None) -> None:
        """`write` takes a line without its end; None: nobody looks."""
        self._write = write

    @property
    def read(self) -> bool:
        """Whether anybody reads it."""
        return self._write is not None

    def happened(self, now: float, who: str, what: str) -> None:
        """Report what happened to somebody."""
        if self._write is not None:
            self._write(f"{now:10.6f} {who:<12} {what}")

    def handled(self, now: float, me: Address, sender: Address, message: Message) -> None:
        """Report that a role handles a message."""
        if self._write is not None:
            self.happened(now, name(me), f"< {name(sender)} {show(message)}")


def name(address: Address) -> str:
    """Name a role of a replica: r2.acceptor."""
    return f"r{address.replica}.{address.role}"


def show(value: object) -> str:
    """Describe a message or one of its fields, shortly."""
    if isinstance(value, tuple) and type(value).__str__ is not object.__str__:
        return str(value)  # it says itself how it is written
    if isinstance(value, bytes):
        return f"#{crc32(value) & 0xFFFF:04x}"
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, Message):
        return _fields(value, value.__struct_fields__)
    if isinstance(value, tuple):
        fields = getattr(value, "_fields", None)
        return _fields(value, fields) if fields else _items(value)
    return str(value)


def _fields(value: object, fields: tuple[str, ...]) -> str:
    shown = (f"{field}={show(getattr(value, field))}" for field in fields)
    return " ".join((type(value).__name__, *shown))


def _items(items: tuple[object, ...]) -> str:
    shown = ", ".join(show(item) for item in items[:LIST_SHOWN])
    more = f", {len(items) - LIST_SHOWN} more" if len(items) > LIST_SHOWN else ""
    return f"[{shown}{more}]"
