"""What a role may ask of a disk: small typed tables, written by lists of records.

Rules: `write` is all or nothing and durable when it returns; an error from it is final, the
storage must not be used again (after a failed sync nobody knows what the disk holds).
Operations are data, so the same list works on memory, SQLite and the simulator's disk.
It knows nothing of ballots or keys: tables map an int or a str to bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Annotated, Any, NamedTuple, Protocol, TypeAlias

from msgspec import Meta

__all__ = [
    "Clear",
    "Corrupt",
    "Key",
    "Number",
    "Packed",
    "Put",
    "PutAll",
    "Readable",
    "Record",
    "Remove",
    "Snapshot",
    "Storage",
    "StorageFailed",
    "Tables",
    "Trim",
]

Key: TypeAlias = int | str
Number = Annotated[int, Meta(ge=-1, le=(1 << 63) - 1)]
"""A slot, round or counter, -1 for none: what 64 bits store. Whoever reads it checks the bounds."""
Tables: TypeAlias = Mapping[str, type[int] | type[str]]
"""Table name -> type of its keys."""


class StorageFailed(Exception):
    """A write or a sync failed; what is on the disk is unknown, the process must end."""


class Corrupt(Exception):
    """A record's checksum does not match: the disk lost something it had confirmed."""


class Put(NamedTuple):
    """Store `value` under `key`, replacing what was there."""

    table: str
    key: Key
    value: bytes


class Packed:
    """Pairs that are made of `items` one by one, every time that they are gone through."""

    def __init__(self, items: Iterable[Any], pack: Callable[[Any], tuple[Key, bytes]]) -> None:
        """Hold on to `items`, which must not change any more."""
        self._items = items
        self._pack = pack

    def __iter__(self) -> Iterator[tuple[Key, bytes]]:
        """Make them."""
        return map(self._pack, self._items)


class PutAll(NamedTuple):
    """Store every pair as Put does; so many that they should never be in memory all at once.

    A storage takes them one by one while it writes, long after the record was made: `Packed`
    costs no more until then than the items it is made of.
    """

    table: str
    pairs: Iterable[tuple[Key, bytes]]


class Remove(NamedTuple):
    """Forget `key`; harmless when absent."""

    table: str
    key: Key


class Trim(NamedTuple):
    """Forget every key up to and including `upto` of a table with int keys."""

    table: str
    upto: int


class Clear(NamedTuple):
    """Forget the whole table."""

    table: str


Record: TypeAlias = Put | PutAll | Remove | Trim | Clear


class Readable(Protocol):
    """Tables that can be read: a disk as it is by now, or as it was at one moment."""

    def read(self, table: str, key: Key) -> bytes | None:
        """Value under `key`, or None. Raises Corrupt."""
        ...

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        """Pairs in ascending key order (str by code point), after `after` exclusive."""
        ...

    def every(self, table: str) -> Iterator[tuple[Key, bytes]]:
        """All pairs in the order that is cheapest: for who needs all of them, to begin with."""
        ...


class Snapshot(Readable, Protocol):
    """A disk as it was at one moment, as long as this is open; close it."""

    def close(self) -> None:
        """Let go of it; harmless twice."""
        ...


class Storage(Readable, Protocol):
    """Tables on a disk, used by one thread at a time (snapshots: by any one thread each)."""

    def write(self, records: Sequence[Record]) -> None:
        """Apply all records in order, atomically; durable on return. Raises StorageFailed."""
        ...

    def snapshot(self) -> Snapshot:
        """Open a snapshot of what is durable now; later writes do not show in it."""
        ...

    def close(self) -> None:
        """Close cleanly; harmless twice."""
        ...
