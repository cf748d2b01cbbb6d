"""Blocks of the log, operations, keys and values as lines for people: one way to write them.

Rules: what came from the store is written so that a terminal obeys none of it, and shortened. It
asks nobody, and prints nothing.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..columns import padded, width

__all__ = ["HASH", "anchored", "block_table", "operation", "plain", "quoted", "shortened"]

HASH = 12
"""Hexadecimal digits of a hash in a line."""
_OPERATIONS = 3
"""Operations of a block in a line."""
_CLIENT = 12
"""Characters of the id of a client without a name."""
_VALUE = 200
"""Characters or bytes of a value in a line."""
_COLUMNS: Mapping[str, Callable[[Mapping[str, Any]], str]] = {
    "slot": lambda block: str(block["slot"]),
    "ballot": lambda block: ".".join(map(str, block["ballot"] or "-")),
    "state": lambda block: str(block["state"]),
    "by": lambda block: ",".join(map(str, block["acceptors"])) or "-",
    "revision": lambda block: str(block["revision"]),
    "previous": lambda block: (block["previous"] or "?")[:HASH],
    "hash": lambda block: (block["hash"] or "?")[:HASH],
    "operations": lambda block: "; ".join(_operations(block)) or "no-op",
}


def anchored(anchor: Mapping[str, Any]) -> str:
    """Write what went before the first block."""
    return f"anchor: slot {anchor['slot']}, hash {anchor['hash'][:HASH]}"


def block_table(found: Sequence[Mapping[str, Any]], *columns: str) -> Iterator[str]:
    """Write blocks, one a line below their columns: slot, ballot, state, by, revision, ..."""
    rows = [columns, *(tuple(_COLUMNS[name](block) for name in columns) for block in found)]
    widths = [max(width(row[at]) for row in rows) for at in range(len(columns) - 1)]
    for row in rows:
        cells = [padded(cell, wide) for cell, wide in zip(row, widths, strict=False)]
        yield "  ".join([*cells, row[-1]]).rstrip()


def _operations(block: Mapping[str, Any]) -> Iterator[str]:
    yield from map(operation, block["commands"][:_OPERATIONS])
    more = block["count"] - min(len(block["commands"]), _OPERATIONS)
    yield from [f"and {more} more"] * (more > 0)


def operation(one: Mapping[str, Any]) -> str:
    """Write a command or a question in a few words: what is asked, and by whom if that is known."""
    words = [one["op"], *(_argument(arg) for arg in one["args"] if arg is not None)]
    return " ".join([*words, *_by(one["id"])])


def _argument(argument: Any) -> str:
    if isinstance(argument, list | tuple):
        return f"[{' '.join(map(_argument, argument))}]"
    return shortened(argument) if isinstance(argument, str | bytes) else str(argument)


def _by(id: Sequence[Any]) -> list[str]:
    """Name the client and its sequence, or the replica that a client without a session asked."""
    if len(id) == 3:
        return [f"by replica {id[0]}"]
    named, _, rest = str(id[0]).rpartition(":") if id else ("", "", "")
    return [f"by {_safe(named or rest[:_CLIENT])}/{id[1]}"] if id else []


def quoted(text: str) -> str:
    """Write a text in quotes."""
    return '"' + _safe(text.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def plain(value: object) -> dict[str, str]:
    """Make JSON of what has no form there: bytes become an object with base64 data."""
    if isinstance(value, bytes):
        return {"data": base64.b64encode(value).decode(), "encoding": "base64"}
    raise TypeError(f"{type(value).__name__} has no form in JSON")


def shortened(value: str | bytes) -> str:
    """Write a value, its beginning if it is long."""
    shown = value[:_VALUE]
    size = f" .. ({len(value)} long)" if len(value) > _VALUE else ""
    return (quoted(shown) if isinstance(shown, str) else _bytes(shown)) + size


def _bytes(value: bytes) -> str:
    """Write bytes as they can be typed."""
    return 'b"' + "".join(map(_byte, value)) + '"'


def _byte(one: int) -> str:
    if chr(one) in '\\"':
        return f"\\{chr(one)}"
    return chr(one) if 32 <= one < 127 else f"\\x{one:02x}"


def _safe(text: str) -> str:
    """Write what a terminal might obey as an escape."""
    if text.isprintable():
        return text
    return "".join(
        one if one.isprintable() else one.encode("unicode_escape").decode() for one in text
    )
