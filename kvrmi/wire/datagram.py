"""A request in one datagram, and its answer: an id, a blank, then what goes over TCP too.

Rules: a datagram is one whole request or malformed; what looks like an answer is never answered, so
that no two servers keep each other busy; an answer begins with the id of its request.
It knows no command and does no I/O.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from .resp import ProtocolError, Requests, packed

__all__ = [
    "DATAGRAM_BYTES",
    "Datagram",
    "DatagramError",
    "answered",
    "head_of",
    "is_answer",
    "unpacked",
    "written",
]

DATAGRAM_BYTES = 65_507
"""What fits into a datagram of IPv4."""

_HEAD = re.compile(rb"(?:-|([!-,.-~][!-~]{0,63}) ([1-9][0-9]{0,17})) ")
_ANSWERS = (b"+", b"-", b":", b"$")


class DatagramError(ValueError):
    """Raised for a datagram that is no request."""


class Datagram(NamedTuple):
    """A request; `request` is the id that its retries have too, None without."""

    request: tuple[str, int] | None
    words: list[bytes]


def unpacked(data: bytes) -> Datagram:
    """Read a request. Raises DatagramError, also for an answer."""
    request, body = answered(data)
    if is_answer(data):
        raise DatagramError("it is an answer")
    return Datagram(request, _words(body))


def written(request: tuple[str, int] | None, words: list[bytes]) -> bytes:
    """Write a request."""
    head = "-" if request is None else f"{request[0]} {request[1]}"
    return b"%s %s" % (head.encode(), packed(words))


def answered(data: bytes) -> tuple[tuple[str, int] | None, bytes]:
    """Split a datagram into the id of its request and the rest. Raises DatagramError."""
    found = _HEAD.match(data)
    if found is None:
        raise DatagramError("it begins with no id: CLIENT SEQUENCE, or -")
    client, sequence = found.groups()
    return ((client.decode(), int(sequence)) if client else None), data[found.end() :]


def head_of(data: bytes) -> bytes:
    """Return the id of a datagram as it stands there, "-" where there is none."""
    found = _HEAD.match(data)
    return found[0][:-1] if found else b"-"


def is_answer(data: bytes) -> bool:
    """Whether it looks like what a server sends."""
    found = _HEAD.match(data)
    return found is not None and data.startswith(_ANSWERS, found.end())


def _words(body: bytes) -> list[bytes]:
    requests = Requests()
    requests.feed(body if body.endswith(b"\n") else body + b"\r\n")
    try:
        words = requests.take()
        rest = requests.unfinished
    except ProtocolError as error:
        raise DatagramError(str(error)) from None
    if words is None:
        raise DatagramError("it has no whole request")
    if rest:
        raise DatagramError("something follows the request")
    return words
