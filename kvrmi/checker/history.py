"""What clients asked, when, and what they were answered: the record that all checks work on.

The file is JSON lines. The first is `{"format": "kvrmi-history", "version": 1}`, each other one an
operation: `{"client": "ana", "op": "put", "args": ["k", "v"], "call": 1.5, "return": 1.6,
"outcome": "ok", "value": null, "revision": 7, "replica": 2}`.

Rules: `call` is read before the request is sent and `return` after the answer came, from one
monotonic clock, in seconds; an operation is ok, fail (certainly never took effect) or unknown (may
take effect at any time after the call, or never; `return` is then null). A client has one operation
open at a time; after an unknown it goes on under a new name, unless a retry got the answer.
A value is a string, null, or bytes as `{"base64": "AAE="}`; pairs are lists of two. `value`,
`revision` and `replica` may be missing; fields not named here are ignored.
It knows neither how a history came about nor what is right.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple, TextIO

from ..operations.interface import LOCAL

__all__ = ["FAIL", "OK", "UNKNOWN", "BadHistory", "Operation", "read", "write_header", "write_line"]

OK = "ok"
FAIL = "fail"
UNKNOWN = "unknown"

_HEADER = {"format": "kvrmi-history", "version": 1}


class BadHistory(ValueError):
    """A line of a history is not what the format says; the message names the line."""


class Operation(NamedTuple):
    """One operation of one client.

    `op` and `args` are those of the remote object (`put`, `get`, `delete`, `contains`, `cas`,
    `put_many`, `get_many`, `scan`, `size`), without request ids; a local read is a get of a key and
    "local"; pairs and lists are tuples, so it is hashable.
    `returned` is infinite when the outcome is unknown. `value` is the answer: of get a value or
    None, of get_many a tuple of them, of scan a tuple of pairs, of size a count, of delete,
    contains and cas a bool, of put and put_many None (their revision is the field).
    `revision` and `replica` are None where they are not known.
    """

    client: str
    op: str
    args: tuple[Any, ...]
    call: float
    returned: float
    outcome: str
    value: Any = None
    revision: int | None = None
    replica: int | None = None


def read(lines: Iterable[str]) -> Iterator[Operation]:
    """Give the operations of a history, line by line.

    Raises BadHistory, which names the line, where one is not what the format says.
    """
    number = 0
    for number, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            if number > 1:
                yield _operation(entry)
            elif entry != _HEADER:
                raise ValueError("not the header of a history of version 1")
        except (ValueError, RecursionError) as error:
            raise BadHistory(f"line {number}: {_reason(error)}") from None
    if not number:
        raise BadHistory("line 1: no header")


def write_header(stream: TextIO) -> None:
    """Write the first line of a history."""
    stream.write(json.dumps(_HEADER) + "\n")


def write_line(stream: TextIO, operation: Operation) -> None:
    """Write one operation as one line."""
    entry = {
        "client": operation.client,
        "op": operation.op,
        "args": [_written(arg) for arg in operation.args],
        "call": operation.call,
        "return": operation.returned if math.isfinite(operation.returned) else None,
        "outcome": operation.outcome,
        "value": _written(operation.value),
        "revision": operation.revision,
        "replica": operation.replica,
    }
    stream.write(json.dumps(entry) + "\n")


def _reason(error: Exception) -> str:
    """Say it in few words, whatever the line holds."""
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg}"
    return str(error)[:200]


def _written(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"base64": base64.b64encode(value).decode("ascii")}
    if isinstance(value, tuple | list):
        return [_written(item) for item in value]
    return value


def _operation(entry: Any) -> Operation:
    if not isinstance(entry, dict):
        raise ValueError("not an object")
    op, outcome = _text(entry, "op"), _text(entry, "outcome")
    if op not in _SHAPES:
        raise ValueError(f"unknown op {op!r}")
    if outcome not in (OK, FAIL, UNKNOWN):
        raise ValueError(f"unknown outcome {outcome!r}")
    take, answer = _SHAPES[op]
    raw = entry.get("args")
    if not isinstance(raw, list):
        raise ValueError("args is not a list")
    args = take(raw)
    call, returned = _times(entry, outcome)
    value = entry.get("value")
    if outcome != OK and value is not None:
        raise ValueError(f"a value, though the outcome is {outcome}")
    reported = answer(value, args) if outcome == OK else None
    client, counts = _text(entry, "client"), (_count(entry, "revision"), _count(entry, "replica"))
    return Operation(client, op, args, call, returned, outcome, reported, *counts)


def _text(entry: dict[str, Any], field: str) -> str:
    text = entry.get(field)
    if not isinstance(text, str):
        raise ValueError(f"{field} is not a string")
    return text


def _count(entry: dict[str, Any], field: str) -> int | None:
    count = entry.get(field)
    if count is not None and (type(count) is not int or count < 0):
        raise ValueError(f"{field} is not a count")
    return count


def _times(entry: dict[str, Any], outcome: str) -> tuple[float, float]:
    call = _time(entry.get("call"), "call")
    if outcome == UNKNOWN:
        if entry.get("return") is not None:
            raise ValueError("a return, though the outcome is unknown")
        return call, math.inf
    returned = _time(entry.get("return"), "return")
    if returned < call:
        raise ValueError("return before call")
    return call, returned


def _time(seconds: Any, field: str) -> float:
    # A bool is an int in Python; an int may be beyond any float.
    if type(seconds) in (int, float) and abs(seconds) < 1e300:
        return float(seconds)
    raise ValueError(f"{field} is not a time")


def _key(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError("a key is not a string")
    return raw


def _maybe(raw: Any) -> str | bytes | None:
    """Read a value, or None where there is none."""
    if raw is None or isinstance(raw, str):
        return raw
    if isinstance(raw, dict) and list(raw) == ["base64"] and isinstance(raw["base64"], str):
        return base64.b64decode(raw["base64"], validate=True)
    raise ValueError("a value is neither a string nor base64")


def _value(raw: Any) -> str | bytes:
    value = _maybe(raw)
    if value is None:
        raise ValueError("a value is null")
    return value


def _list(raw: Any, length: int | None = None) -> list[Any]:
    if not isinstance(raw, list) or (length is not None and len(raw) != length):
        raise ValueError("not a list" + (f" of {length}" if length is not None else ""))
    return raw


def _one(raw: list[Any]) -> tuple[Any, ...]:
    (key,) = _list(raw, 1)
    return (_key(key),)


def _get(raw: list[Any]) -> tuple[Any, ...]:
    if raw[1:] == [LOCAL]:
        return _key(raw[0]), LOCAL
    return _one(raw)


def _scan(raw: list[Any]) -> tuple[Any, ...]:
    prefix, start, limit = _list(raw, 3)
    if type(limit) is not int or limit < 1:
        raise ValueError("the limit of a scan is no count")
    return _key(prefix), None if start is None else _key(start), limit


def _no_args(raw: list[Any]) -> tuple[Any, ...]:
    return tuple(_list(raw, 0))


def _put(raw: list[Any]) -> tuple[Any, ...]:
    key, value = _list(raw, 2)
    return _key(key), _value(value)


def _cas(raw: list[Any]) -> tuple[Any, ...]:
    key, expected, value = _list(raw, 3)
    return _key(key), _maybe(expected), _value(value)


def _put_many(raw: list[Any]) -> tuple[Any, ...]:
    (pairs,) = _list(raw, 1)
    return (tuple(_put(_list(pair, 2)) for pair in _list(pairs)),)


def _get_many(raw: list[Any]) -> tuple[Any, ...]:
    (keys,) = _list(raw, 1)
    return (tuple(map(_key, _list(keys))),)


def _nothing(value: Any, args: tuple[Any, ...]) -> None:
    if value is not None:
        raise ValueError("a put has no value; its revision is a field")


def _found(value: Any, args: tuple[Any, ...]) -> str | bytes | None:
    return _maybe(value)


def _bool(value: Any, args: tuple[Any, ...]) -> bool:
    if not isinstance(value, bool):
        raise ValueError("the value is neither true nor false")
    return value


def _many(value: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(map(_maybe, _list(value, len(args[0]))))


def _pairs(value: Any, args: tuple[Any, ...]) -> tuple[Any, ...]:
    return tuple(_put(_list(pair, 2)) for pair in _list(value))


def _how_many(value: Any, args: tuple[Any, ...]) -> int:
    if type(value) is not int or value < 0:
        raise ValueError("the value is no count")
    return value


_Take = Callable[[list[Any]], tuple[Any, ...]]
_Answer = Callable[[Any, tuple[Any, ...]], Any]

_SHAPES: dict[str, tuple[_Take, _Answer]] = {
    "put": (_put, _nothing),
    "get": (_get, _found),
    "delete": (_one, _bool),
    "contains": (_one, _bool),
    "cas": (_cas, _bool),
    "put_many": (_put_many, _nothing),
    "get_many": (_get_many, _many),
    "scan": (_scan, _pairs),
    "size": (_no_args, _how_many),
}
"""op -> how its arguments and its answer are read."""
