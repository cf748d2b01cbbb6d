"""How the machine's state looks on a disk and in a snapshot, and what a row's hash covers.

Rules: every record begins with a format version; a record that cannot be read is Corrupt, never
guessed at. It converts and does not decide.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgpack

from ..operations.commands import Voter
from ..operations.interface import Value
from ..storage.interface import Corrupt, Key, Packed, Put, PutAll, View

__all__ = [
    "ROWS",
    "State",
    "pack_row",
    "pack_rows",
    "pack_state",
    "pack_voters",
    "row_hash",
    "stored_state",
    "stored_voters",
    "unpack_row",
]

ROWS = "rows"
_TABLE = "machine"
_STATE, _VOTERS = "state", "voters"
_FORMAT = 1
_TEXT = b"\x01s"
_BYTES = b"\x01b"


class State(NamedTuple):
    """What is stored beside the rows, and must agree with them."""

    revision: int
    digest: str
    keys: int


def row_hash(key: str, value: Value) -> int:
    """SHA-256 over type, length of the key, key, value, as a number: digests are their sum."""
    name = key.encode()
    kind, data = (b"s", value.encode()) if isinstance(value, str) else (b"b", value)
    whole = hashlib.sha256(b"%c%b%b" % (kind, len(name).to_bytes(4, "big"), name))
    whole.update(data)
    return int.from_bytes(whole.digest(), "big")


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


def pack_state(state: State) -> Put:
    """Make the record that says what the rows must add up to."""
    fields = (_FORMAT, state.revision, bytes.fromhex(state.digest), state.keys)
    return Put(_TABLE, _STATE, bytes(msgpack.packb(fields)))


def pack_voters(voters: Sequence[Voter]) -> Put:
    """Make the record of all voters."""
    return Put(_TABLE, _VOTERS, bytes(msgpack.packb((_FORMAT, tuple(voters)))))


def stored_state(view: View) -> State:
    """Read the state's record; an unwritten one is that of no rows. Raises Corrupt."""
    data = view.read(_TABLE, _STATE)
    if data is None:
        return State(0, "0" * 64, 0)
    try:
        form, revision, digest, keys = msgpack.unpackb(data)
        if form != _FORMAT:
            raise ValueError(f"format {form}")
        return State(revision, digest.hex(), keys)
    except (ValueError, TypeError, AttributeError) as error:
        raise Corrupt("the stored state is malformed") from error


def stored_voters(view: View) -> tuple[Voter, ...]:
    """Read the voters' record; an unwritten one is empty. Raises Corrupt."""
    data = view.read(_TABLE, _VOTERS)
    if data is None:
        return ()
    try:
        form, voters = msgpack.unpackb(data)
        if form != _FORMAT:
            raise ValueError(f"format {form}")
        return tuple(Voter(*voter) for voter in voters)
    except (ValueError, TypeError) as error:
        raise Corrupt("the stored voters are malformed") from error
