"""What an operation answered, in words, in fields of JSON, and as an exit status.

It prints nothing and asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple, cast

from ..grammar.literal import typed
from ..grammar.making import Command
from ..render import encoded
from ..values import width

__all__ = ["EXIT_STATUS", "NOT_FOUND", "Shown", "columns", "fields", "key_columns", "met", "shown"]

NOT_FOUND = 1
"""Exit status of a key that is not there, or not as expected."""
EXIT_STATUS = {
    "INVALID": 2,
    "NO_QUORUM": 3,
    "UNKNOWN_OUTCOME": 4,
    "ABORTED": 5,
    "UNSUPPORTED": 5,
    "UNAVAILABLE": 6,
}
"""Of errors, by their code."""
_ABSENT = "(not found)"

_WIDEST_KEY = 32
"""Columns of keys beside their values."""

Write = Callable[[object], str]
"""Writes a value as where it goes wants it."""


class Shown(NamedTuple):
    """How a result reads: lines for stdout, a note for stderr, the exit status."""

    lines: Sequence[str]
    note: str = ""
    status: int = 0


def shown(command: Command, answer: dict[str, Any], write: Write, *, named: bool) -> Shown:
    """Put an answer into words; `named`: with the keys where there are several values."""
    name, value = command.name, answer["value"]
    about = typed(str(command.args[0])) if command.args else ""
    if name == "get_many":
        return _several(command, value, write, named)
    if name == "contains":
        return Shown([write(value)], status=0 if value else NOT_FOUND)
    if name in ("get", "delete") and (value is None or value is False):
        return Shown((), f"not found: {about}", NOT_FOUND)
    if name == "cas" and not value:
        return Shown((), f"not swapped: {about}", NOT_FOUND)
    if name in ("get", "size"):
        return Shown([write(value)])
    return Shown([f"OK revision {answer['revision']}"])


def columns(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Write keys and values in two columns; a very long key shifts its own line only."""
    first = key_columns([key for key, _ in pairs])
    return [f"{key}{' ' * (first - width(key))}  {value}" for key, value in pairs]


def key_columns(keys: Iterable[str]) -> int:
    """Columns of the keys beside their values: as many as they need, up to a bound."""
    return max((width(key) for key in keys if width(key) <= _WIDEST_KEY), default=0)


def met(wanted: int | None, replica: int, leader: int) -> str:
    """Say who answers now, where `wanted` was to be asked first, and who leads."""
    answers = f"replica {replica} answers"
    if wanted not in (None, replica):
        answers = f"replica {wanted} does not answer; replica {replica} does"
    if leader == replica:
        return f"{answers} and leads"
    return f"{answers}; replica {leader} leads" if leader else f"{answers}; no leader is known"


def fields(command: Command, answer: dict[str, Any]) -> dict[str, object]:
    """Make the fields of a result in JSON."""
    made = {"op": command.name, **_about(command), **_value(command.name, answer["value"])}
    made |= {"revision": answer["revision"], "replica": answer["replica"]}
    return made | ({"stale": True} if answer["stale"] else {})


def _several(command: Command, values: list[Any], write: Write, named: bool) -> Shown:
    """Show keys with their values, or a line a value and a note of the keys that are not there.

    Of those the line is empty, so that the lines stay in the order of the keys.
    """
    keys = [typed(key) for key in cast("list[str]", command.args[0])]
    absent = [key for key, value in zip(keys, values, strict=True) if value is None]
    texts = [(_ABSENT if named else "") if value is None else write(value) for value in values]
    status = NOT_FOUND if absent else 0
    if named:
        return Shown(columns(list(zip(keys, texts, strict=True))), status=status)
    return Shown(texts, f"not found: {', '.join(absent)}" if absent else "", status)


def _about(command: Command) -> dict[str, object]:
    """Return what a result is about: the key or the keys."""
    if command.name == "put_many":
        pairs = command.args[0]
        return {"keys": [key for key, _ in pairs]} if isinstance(pairs, list) else {}
    if command.name == "get_many":
        return {"keys": command.args[0]}
    return {"key": command.args[0]} if command.args else {}


def _value(name: str, value: object) -> dict[str, object]:
    """Make the fields of a value; a put has none but the revision."""
    if name in ("put", "put_many"):
        return {}
    if isinstance(value, bytes):
        coded: Any = encoded(value)
        return {"value": coded["data"], "encoding": coded["encoding"]}
    return {"value": encoded(value)}
