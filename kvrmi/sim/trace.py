"""What a run looks like, one line an event; the same seed gives the same lines, byte for byte.

A line is `TIME WHO WHAT`: virtual seconds, then `r2.acceptor` for a role, `r2.process` for a whole
replica, `client` or `fault`; then `< r1.proposer Accept ballot=3.1 slot=7 ...` for a message that
it handles, `* campaign ballot=3.1 ...` for an event of its own, as a replica's log has it, or what
happened to it. Ballots are ROUND.REPLICA; bytes are `#` and a checksum. What never arrives leaves
no line: trace_json.py has all of it. It is made of records (seen.py) alone, and knows no protocol.
"""

from __future__ import annotations

from collections.abc import Callable
from zlib import crc32

from ..roles.contract import Address, Message
from .seen import Acted, Fate, Happened, Left, Mail, Seen

__all__ = ["Lines", "name", "show"]

LIST_SHOWN = 3
HANDLED = ("arrived", "repeated")


class Lines:
    """Writes a line for each record that has one; an Onlooker (seen.py)."""

    def __init__(self, write: Callable[[str], None]) -> None:
        """`write` takes a line without its end."""
        self._write = write
        self._sent: dict[int, tuple[Address, Mail]] = {}

    def __call__(self, seen: Seen) -> None:
        """Write what is seen."""
        if isinstance(seen, Left):
            self._sent |= {mail.id: (seen.who, mail) for mail in seen.mail}
        elif isinstance(seen, Fate) and seen.fate in HANDLED:
            sender, mail = self._sent[seen.id]
            self._line(seen.at, name(mail.to), f"< {name(sender)} {show(mail.message)}")
        elif isinstance(seen, Acted):
            self._line(seen.at, f"r{seen.replica}.{seen.event.role}", f"* {seen.event.text}")
        elif isinstance(seen, Happened):
            who = f"r{seen.who}.{seen.what}" if isinstance(seen.who, int) else seen.who
            self._line(seen.at, who, seen.text)

    def _line(self, at: float, who: str, what: str) -> None:
        self._write(f"{at:10.6f} {who:<12} {what}")


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
