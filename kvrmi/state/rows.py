"""How a row of the key-value store looks on a disk and in a snapshot, and what its hash covers.

Rules: every row begins with a format version; one that cannot be read is Corrupt, never guessed at.
It converts and does not decide.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping

from ..operations.interface import Value
from ..storage.interface import Corrupt, Key, Packed, PutAll

__all__ = [
    "ROWS",
    "pack_row",
    "pack_rows",
    "row_hash",
    "stored_hash",
    "unpack_row",
]

ROWS = "rows"
_TEXT = b"\x01s"
_BYTES = b"\x01b"
_BEFORE = struct.Struct(">cI").pack
"""Type and length, before the key in what is hashed."""


def row_hash(key: str, value: Value) -> int:
    """SHA-256 over type, length of the key, key, value, as a number: digests are their sum."""
    return stored_hash(key, pack_row(value))


def stored_hash(key: str, data: bytes) -> int:
    """Compute `row_hash` of a row as it is stored, whatever its format."""
    name = key.encode()
    row = _BEFORE(data[1:2], len(name)) + name + data[2:]
    return int.from_bytes(hashlib.sha256(row).digest(), "big")


def pack_row(value: Value) -> bytes:
    """Format version, type, and the value's bytes."""
    return _TEXT + value.encode() if isinstance(value, str) else _BYTES + value


def pack_rows(rows: Mapping[str, Value]) -> PutAll:
    """Make the record of all these rows; they are packed as it is written. Leave `rows` alone."""
    return PutAll(ROWS, Packed(rows.items(), _pack_pair))


def _pack_pair(pair: tuple[str, Value]) -> tuple[Key, bytes]:
    key, value = pair
    return key, pack_row(value)


def unpack_row(key: str, data: bytes) -> Value:
    """Read a row back as the type it was; raises Corrupt."""
    if data[:2] == _BYTES:
        return data[2:]
    if data[:2] != _TEXT:
        raise Corrupt(f"the row {key!r} has an unknown format")
    try:
        return data[2:].decode()
    except UnicodeDecodeError as error:
        raise Corrupt(f"the row {key!r} is no text") from error
