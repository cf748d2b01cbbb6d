"""What a gateway is asked for a command, and how its reply reads.

Rule: a command that a gateway has not is refused before anything is sent, with the protocol that
has it. It asks nobody and prints nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

from kvrmi.errors import KVError, Unsupported, from_code
from kvrmi.wire.replies import Failure, Reply, Simple

from ..exits import NOT_FOUND
from ..grammar.literal import typed
from ..grammar.making import Command
from ..render import encoded

__all__ = ["Answer", "asked", "failure", "shown"]

_CODES = ("INVALID", "NO_QUORUM", "UNKNOWN_OUTCOME", "ABORTED", "UNSUPPORTED", "UNAVAILABLE")


class Asked(NamedTuple):
    """A request: its words, and whether it may change something."""

    words: list[bytes]
    writes: bool


class Answer(NamedTuple):
    """How a reply reads: lines, a note for people, the value for JSON, the exit status."""

    lines: Sequence[str]
    value: object
    note: str = ""
    status: int = 0


def asked(command: Command, protocol: str) -> Asked:
    """Put a command into the words of a gateway. Raises Unsupported."""
    make = _WORDS.get(command.name) if command.kind == "store" else None
    made = make(*command.args) if make is not None else None
    if made is None or command.output != type(command.output)():
        known = ", ".join(sorted(map(_typed, _WORDS)))
        lacks = f"{_typed(command.name)} has no options" if make else f"there are {known} alone"
        raise Unsupported(f"over {protocol} {lacks}: use --protocol rpc; nothing was done")
    words, writes = made
    return Asked([word if isinstance(word, bytes) else word.encode() for word in words], writes)


def _typed(operation: str) -> str:
    return {"put_many": "MPUT", "get_many": "MGET"}.get(operation, operation.upper())


def failure(reply: Failure) -> KVError:
    """Make the error that a gateway reports."""
    code, _, text = reply.text.removeprefix("ERR ").partition(": ")
    return from_code(code, text) if code in _CODES else from_code("INVALID", reply.text)


def shown(command: Command, reply: Reply, write: Callable[[object], str]) -> Answer:
    """Put a reply into words."""
    if reply is None:
        return Answer((), None, f"not found: {_key(command)}", NOT_FOUND)
    if isinstance(reply, bytes):
        value = _text(reply)
        return Answer([write(value)], value)
    if isinstance(reply, Simple):
        return Answer(["OK"], True)
    return _READ[command.name](command, reply, write)


def _deleted(command: Command, reply: Any, write: Callable[[object], str]) -> Answer:
    if reply:
        return Answer(["OK"], True)
    return Answer((), False, f"not found: {_key(command)}", NOT_FOUND)


def _swapped(command: Command, reply: Any, write: Callable[[object], str]) -> Answer:
    if reply:
        return Answer(["OK"], True)
    return Answer((), False, f"not swapped: {_key(command)}", NOT_FOUND)


def _contained(command: Command, reply: Any, write: Callable[[object], str]) -> Answer:
    return Answer([write(bool(reply))], bool(reply), status=0 if reply else NOT_FOUND)


def _number(command: Command, reply: Any, write: Callable[[object], str]) -> Answer:
    return Answer([write(reply)], reply)


def _several(command: Command, reply: Any, write: Callable[[object], str]) -> Answer:
    keys = cast("list[str]", command.args[0])
    values = [None if one is None else _text(one) for one in reply]
    absent = [key for key, value in zip(keys, values, strict=True) if value is None]
    lines = ["" if value is None else write(value) for value in values]
    note = f"not found: {', '.join(map(typed, absent))}" if absent else ""
    return Answer(lines, [encoded(one) for one in values], note, NOT_FOUND if absent else 0)


def _key(command: Command) -> str:
    return typed(str(command.args[0]))


def _text(data: bytes) -> str | bytes:
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data


def _get(key: Any, *options: Any) -> Any:
    return (("GET", key), False) if options in ((), ("linearizable",)) else None


def _cas(key: Any, expected: Any, value: Any) -> Any:
    return (("SETNX", key, value) if expected is None else ("CAS", key, expected, value)), True


_WORDS: Mapping[str, Callable[..., Any]] = {
    "put": lambda key, value: (("PUT", key, value), True),
    "get": _get,
    "delete": lambda key: (("DELETE", key), True),
    "contains": lambda key: (("EXISTS", key), False),
    "size": lambda: (("DBSIZE",), False),
    "cas": _cas,
    "put_many": lambda pairs: (("MSET", *(one for pair in pairs for one in pair)), True),
    "get_many": lambda keys: (("MGET", *keys), False),
}
"""Operation -> words, and whether it writes; None: not with these arguments."""
_READ: Mapping[str, Callable[[Command, Any, Callable[[object], str]], Answer]] = {
    "delete": _deleted,
    "contains": _contained,
    "size": _number,
    "cas": _swapped,
    "get_many": _several,
}
