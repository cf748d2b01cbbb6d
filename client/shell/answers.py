"""What an operation answered, in words, in fields of JSON, and as an exit status.

It prints nothing and asks nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from kvrmi.columns import width
from kvrmi.operations.table import NUMBERED

from .. import past
from ..exits import NOT_FOUND
from ..grammar.literal import typed
from ..grammar.making import Command
from ..render import value_fields

__all__ = [
    "WORDS",
    "Shown",
    "columns",
    "fields",
    "key_columns",
    "met",
    "shown",
]

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
    return WORDS[command.name](command, answer, write, named)


def _done(command: Command, answer: dict[str, Any], write: Write, named: bool) -> Shown:
    return Shown([f"OK revision {answer['revision']}"])


def _value_itself(command: Command, answer: dict[str, Any], write: Write, named: bool) -> Shown:
    return Shown([write(answer["value"])])


def _found(command: Command, answer: dict[str, Any], write: Write, named: bool) -> Shown:
    if answer["value"] is None:
        return Shown((), f"not found: {_about_key(command)}", NOT_FOUND)
    return _value_itself(command, answer, write, named)


def _deleted(command: Command, answer: dict[str, Any], write: Write, named: bool) -> Shown:
    if not answer["value"]:
        return Shown((), f"not found: {_about_key(command)}", NOT_FOUND)
    return _done(command, answer, write, named)


def _swapped(command: Command, answer: dict[str, Any], write: Write, named: bool) -> Shown:
    if not answer["value"]:
        return Shown((), f"not swapped: {_about_key(command)}", NOT_FOUND)
    return _done(command, answer, write, named)


def _contained(command: Command, answer: dict[str, Any], write: Write, named: bool) -> Shown:
    return Shown([write(answer["value"])], status=0 if answer["value"] else NOT_FOUND)


def _about_key(command: Command) -> str:
    return typed(str(command.args[0]))


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


def _several(command: Command, answer: dict[str, Any], write: Write, named: bool) -> Shown:
    """Show keys with their values, or a line a value and a note of the keys that are not there.

    Of those the line is empty, so that the lines stay in the order of the keys.
    """
    values: list[Any] = answer["value"]
    keys = [typed(key) for key in cast("list[str]", command.args[0])]
    absent = [key for key, value in zip(keys, values, strict=True) if value is None]
    texts = [(_ABSENT if named else "") if value is None else write(value) for value in values]
    status = NOT_FOUND if absent else 0
    if named:
        return Shown(columns(list(zip(keys, texts, strict=True))), status=status)
    return Shown(texts, f"not found: {', '.join(absent)}" if absent else "", status)


def _found_at(command: Command, answer: dict[str, Any], write: Write, named: bool) -> Shown:
    if answer["value"] is None:
        return Shown((), f"not found: {_about_key(command)} at that revision", NOT_FOUND)
    return _value_itself(command, answer, write, named)


def _changes(command: Command, answer: dict[str, Any], write: Write, named: bool) -> Shown:
    """Show the changes, and how to see older ones; a key that never was has none."""
    *rows, last = answer["value"]
    ended = not last[2]
    oldest = [last] if not ended or last[0] or last[1] is not None else []
    lines = [past.row(row, write) for row in (*rows, *oldest)]
    if not rows and ended and last[1] is None:
        return Shown((), f"not found: a change of {_about_key(command)} that is kept", NOT_FOUND)
    older = f"older ones: HISTORY {_about_key(command)} --upto {last[0] - 1}"
    return Shown(lines, "" if ended else older)


def _became(command: Command, answer: dict[str, Any], write: Write, named: bool) -> Shown:
    client, sequence = cast("tuple[str, int]", command.args)
    text = past.outcome(client, sequence, answer["value"])
    return Shown([text], status=past.outcome_status(answer["value"][0]))


WORDS: Mapping[str, Callable[[Command, dict[str, Any], Write, bool], Shown]] = {
    "put": _done,
    "get": _found,
    "delete": _deleted,
    "contains": _contained,
    "size": _value_itself,
    "put_many": _done,
    "get_many": _several,
    "cas": _swapped,
    "get_at": _found_at,
    "history": _changes,
    "outcome": _became,
}
"""Operation -> how its answer reads; pages of a scan are listed by listing.py."""


def _about(command: Command) -> dict[str, object]:
    """Return what a result is about: the key or the keys."""
    if command.name == "put_many":
        pairs = command.args[0]
        return {"keys": [key for key, _ in pairs]} if isinstance(pairs, list) else {}
    if command.name == "get_many":
        return {"keys": command.args[0]}
    if command.name == "outcome":
        return {"client": command.args[0], "sequence": command.args[1]}
    if command.name == "get_at":
        return {"key": command.args[0], "at": command.args[1]}
    return {"key": command.args[0]} if command.args else {}


def _value(name: str, value: object) -> dict[str, object]:
    """Make the fields of a value; the revision is a field of its own."""
    if name in NUMBERED:
        return {}
    if name == "outcome":
        state, revision, answer = cast("list[object]", value)
        return {"value": state, "applied_at": revision, "answer": answer}
    return value_fields(value)
