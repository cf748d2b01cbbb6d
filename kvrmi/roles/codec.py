"""Messages between replicas as bytes, and back.

Rules: every message begins with a format version; what `decode` lets through has exactly the types
that its class declares, so that no role ever meets a stranger's mistake; anything else is
Malformed and nothing but Malformed. The checks are made from the declared classes themselves: the
two cannot drift apart. It knows no message by name.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn, TypeAlias, get_args, get_origin, get_type_hints

import msgpack

from .contract import Address, Message
from .declaration import Declaration

__all__ = ["MESSAGE_BYTES", "Codec", "Malformed"]

MESSAGE_BYTES = 4 << 20
"""Longest message; peers' connections carry no more."""

_HEAD = 4
_LEAST, _BEYOND = -1, 1 << 63
"""Numbers are slots, rounds and counters: storable as 64 bits, -1 for none."""

_Check: TypeAlias = Callable[[Any], Any]
"""Gives a field back as its declared type, or raises Malformed."""


class Malformed(ValueError):
    """Bytes that are no message of this format."""


class _Kind(NamedTuple):
    make: Callable[[Sequence[Any]], Any]
    checks: tuple[_Check, ...]
    length: int


class Codec:
    """The wire form of one declaration's messages; safe to use from any thread."""

    def __init__(self, declared: Declaration) -> None:
        """Make every check once."""
        self._format = declared.format
        self._roles = frozenset(declared.roles)
        self._numbers = {kind: number for number, kind in enumerate(declared.messages, 1)}
        self._kinds = {number: _kind(kind) for kind, number in self._numbers.items()}

    def encode(self, sender: Address, message: Message) -> bytes:
        """Encode a message that has a wire form; raises ValueError for a local one."""
        number = self._numbers.get(type(message))
        if number is None:
            raise ValueError(f"{type(message).__name__} does not leave its replica")
        data: bytes = msgpack.packb((self._format, number, *sender, *message))
        return data

    def decode(self, data: bytes) -> tuple[Address, Message]:
        """Decode a message, every field of it checked; raises Malformed."""
        if len(data) > MESSAGE_BYTES:
            raise Malformed(f"a message of {len(data)} bytes")
        try:
            fields = msgpack.unpackb(data, use_list=False, object_hook=_foreign, ext_hook=_foreign)
        except (ValueError, TypeError) as error:
            raise Malformed("no message") from error
        if type(fields) is not tuple or len(fields) < _HEAD or fields[0] != self._format:
            raise Malformed("a message of an unknown format")
        kind = self._kinds.get(fields[1]) if type(fields[1]) is int else None
        if kind is None or len(fields) != kind.length:
            raise Malformed("a message of an unknown kind")
        replica, role = fields[2], fields[3]
        if type(replica) is not int or replica < 0 or type(role) is not str:
            raise Malformed("a message from nowhere")
        if role not in self._roles:
            raise Malformed("a message of an unknown role")
        body = [check(field) for check, field in zip(kind.checks, fields[_HEAD:], strict=True)]
        return Address(replica, role), kind.make(body)


def _kind(kind: type[Any]) -> _Kind:
    return _Kind(kind._make, _fields(kind), _HEAD + len(kind._fields))


def _foreign(*_: object) -> NoReturn:
    """Refuse what no message holds at its first place: many of them would take much memory."""
    raise Malformed("a map, or a type of msgpack's extensions")


def _int(field: Any) -> int:
    if type(field) is int and _LEAST <= field < _BEYOND:
        return field
    raise Malformed("not a number of 63 bits")


def _float(field: Any) -> float:
    if type(field) is float and math.isfinite(field):
        return field
    raise Malformed("not a finite float")


def _exactly(kind: type[Any]) -> _Check:
    def check(field: Any) -> Any:
        if type(field) is kind:
            return field
        raise Malformed(f"not {kind.__name__}")

    return check


def _scalar(field: Any) -> object:
    if field is None or type(field) in (bool, str, bytes):
        return field
    return _int(field)


def _result(field: Any) -> object:
    """Check the value of an Answer: a scalar, a list of them, or a list of such lists."""
    if type(field) is not tuple:
        return _scalar(field)
    return [
        [_scalar(part) for part in item] if type(item) is tuple else _scalar(item) for item in field
    ]


def _some(check: _Check) -> _Check:
    """Check a tuple of any length."""

    def check_all(field: Any) -> tuple[Any, ...]:
        if type(field) is tuple:
            return tuple([check(item) for item in field])
        raise Malformed("not an array")

    return check_all


def _each(checks: tuple[_Check, ...], make: Callable[[Sequence[Any]], Any]) -> _Check:
    """Check a tuple of known fields, and make of it what was declared."""
    length = len(checks)

    def check_each(field: Any) -> Any:
        if type(field) is tuple and len(field) == length:
            return make([check(item) for check, item in zip(checks, field, strict=True)])
        raise Malformed(f"not an array of {length}")

    return check_each


def _checker(declared: Any) -> _Check:
    """Make the check of a declared type."""
    simple = _SIMPLE.get(declared)
    if simple is not None:
        return simple
    if get_origin(declared) is tuple:
        parts = get_args(declared)
        if parts[1:] == (...,):
            return _some(_checker(parts[0]))
        return _each(tuple(map(_checker, parts)), tuple)
    return _each(_fields(declared), declared._make)


def _fields(kind: type[Any]) -> tuple[_Check, ...]:
    hints = get_type_hints(kind)
    return tuple(_checker(hints[name]) for name in kind._fields)


_SIMPLE: dict[Any, _Check] = {
    int: _int,
    float: _float,
    bool: _exactly(bool),
    str: _exactly(str),
    bytes: _exactly(bytes),
    object: _result,
}
