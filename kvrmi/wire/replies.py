"""Replies of RESP2: written by a gateway, read by a client.

Rules: an error is one line, whatever its text holds; a reader takes bytes in any pieces and keeps
nothing beyond the limits. It knows no command and does no I/O.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

__all__ = [
    "NOTHING",
    "OK",
    "Failure",
    "Replies",
    "Reply",
    "ReplyError",
    "Simple",
    "array",
    "bulk",
    "error",
    "integer",
    "simple",
]

OK = b"+OK\r\n"
NOTHING = b"$-1\r\n"

_END = b"\r\n"
_LINE_BYTES = 1 << 16
_BULK_BYTES = 64 << 20
_ITEMS = 1 << 20
_DEPTH = 8


class Simple(NamedTuple):
    """A word of the server, as OK."""

    text: str


class Failure(NamedTuple):
    """An error of the server; `text` is all of its line."""

    text: str


class ReplyError(ValueError):
    """These bytes are no reply."""


Reply: TypeAlias = "Simple | Failure | int | bytes | list[Reply] | None"


# --- written --------------------------------------------------------------------------------------


def simple(text: str) -> bytes:
    """Write a word."""
    return b"+%s\r\n" % _line(text)


def error(text: str) -> bytes:
    """Write an error."""
    return b"-ERR %s\r\n" % _line(text)


def integer(number: int) -> bytes:
    """Write a number; True is 1."""
    return b":%d\r\n" % number


def bulk(value: str | bytes | None) -> bytes:
    """Write a value, or that there is none."""
    if value is None:
        return NOTHING
    data = value.encode() if isinstance(value, str) else value
    return b"$%d\r\n%s\r\n" % (len(data), data)


def array(replies: Sequence[bytes]) -> bytes:
    """Write a list of what is written already."""
    return b"*%d\r\n%s" % (len(replies), b"".join(replies))


def _line(text: str) -> bytes:
    return " ".join(text.splitlines()).encode(errors="backslashreplace")


# --- read -----------------------------------------------------------------------------------------


class Replies:
    """The replies of one stream."""

    def __init__(self) -> None:
        """Begin with nothing received."""
        self._data = bytearray()
        self._at = 0

    def feed(self, data: bytes) -> None:
        """Take bytes as they came."""
        self._data += data

    def take(self) -> tuple[Reply] | None:
        """Return the next whole reply, in a tuple, None while there is none. Raises ReplyError."""
        self._at = 0
        try:
            reply = self._one(_DEPTH)
        except _Unfinished:
            return None
        del self._data[: self._at]
        return (reply,)

    def _one(self, depth: int) -> Reply:
        line = self._line()
        sign, rest = line[:1], line[1:]
        if sign == b"+":
            return Simple(rest.decode(errors="replace"))
        if sign == b"-":
            return Failure(rest.decode(errors="replace"))
        if sign == b":":
            return _number(rest)
        if sign == b"$":
            return self._bulk(_number(rest))
        if sign == b"*" and depth:
            return self._list(_number(rest), depth)
        raise ReplyError("the server does not speak RESP2")

    def _line(self) -> bytes:
        end = self._data.find(_END, self._at)
        if end < 0:
            if len(self._data) - self._at > _LINE_BYTES:
                raise ReplyError("the server does not speak RESP2")
            raise _Unfinished
        line = bytes(self._data[self._at : end])
        self._at = end + len(_END)
        return line

    def _bulk(self, size: int) -> bytes | None:
        if size < 0:
            return None
        if size > _BULK_BYTES:
            raise ReplyError(f"the server announced a value of {size} bytes")
        end = self._at + size
        if len(self._data) < end + len(_END):
            raise _Unfinished
        value = bytes(self._data[self._at : end])
        self._at = end + len(_END)
        return value

    def _list(self, count: int, depth: int) -> list[Reply] | None:
        if count < 0:
            return None
        if count > _ITEMS:
            raise ReplyError(f"the server announced a list of {count} items")
        return [self._one(depth - 1) for _ in range(count)]


class _Unfinished(Exception):
    """The rest has not come yet."""


def _number(digits: bytes) -> int:
    if not digits.removeprefix(b"-").isdigit() or len(digits) > 20:
        raise ReplyError("the server does not speak RESP2")
    return int(digits)
