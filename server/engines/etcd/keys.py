"""How keys, values and sessions stand in etcd: bytes under one prefix, in base64 for its JSON.

Rule: keys sort as their texts do; a value comes back as the type it was put. Nothing is asked here.
"""

from __future__ import annotations

import base64
from typing import Any

from kvrmi.operations.interface import Value

__all__ = ["Keys", "b64", "number", "packed", "plain", "unpacked"]

_TEXT, _BYTES = b"s", b"b"


def b64(data: bytes) -> str:
    """Write bytes as etcd's JSON has them."""
    return base64.b64encode(data).decode()


def plain(data: str) -> bytes:
    """Read them."""
    return base64.b64decode(data)


def packed(value: Value) -> str:
    """Write a value with its type."""
    return b64(_TEXT + value.encode() if isinstance(value, str) else _BYTES + value)


def unpacked(value: str) -> Value:
    """Read it."""
    data = plain(value)
    return data[1:].decode() if data[:1] == _TEXT else data[1:]


def number(found: Any, name: str) -> int:
    """Read a number of an answer: a text, and absent where it is 0."""
    return int(found.get(name, 0))


class Keys:
    """The names of one store's keys; several stores can share an etcd cluster."""

    def __init__(self, prefix: str) -> None:
        """Stand under `prefix`."""
        self._rows = f"{prefix}k/".encode()
        self._sessions = f"{prefix}s/".encode()

    def row(self, key: str) -> str:
        """Name a key."""
        return b64(self._rows + key.encode())

    def key(self, row: str) -> str:
        """Read it back."""
        return plain(row)[len(self._rows) :].decode()

    def range(self, prefix: str, start: str | None) -> dict[str, str]:
        """Name all keys that begin with `prefix`, after `start` exclusive."""
        first = self._rows + prefix.encode()
        end = first[:-1] + bytes((first[-1] + 1,))  # UTF-8 has no byte 255, and a prefix ends in /
        if start is not None:
            first = max(first, self._rows + start.encode() + b"\0")
        return {"key": b64(min(first, end)), "range_end": b64(end)}

    def session(self, client: str) -> str:
        """Name a client's session."""
        return b64(self._session(client))

    def request(self, client: str, sequence: int) -> str:
        """Name a request."""
        return b64(self._request(client, sequence))

    def requests_up_to(self, client: str, sequence: int) -> dict[str, str]:
        """Name the requests of a client up to one."""
        first, end = self._request(client, 0), self._request(client, sequence + 1)
        return {"key": b64(first), "range_end": b64(end)}

    def _session(self, client: str) -> bytes:
        name = client.encode()
        return self._sessions + bytes((len(name),)) + name  # no name is the beginning of another

    def _request(self, client: str, sequence: int) -> bytes:
        return self._session(client) + b"/" + sequence.to_bytes(8, "big")
