"""The storage twin without a disk: the same contract, for simulation, tests and what is in memory.

Rules: whatever the SQLite storage refuses, this one refuses; `disk` outlives the object, so that
a restart can be played by opening another one on it. It does not know what rows mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

from .interface import Clear, Key, Put, PutAll, Record, Remove, StorageFailed, Tables, Trim

__all__ = ["Disk", "MemorySnapshot", "MemoryStorage"]

Disk: TypeAlias = dict[str, dict[Key, bytes]]
"""Contents by table."""


class MemorySnapshot:
    """Contents of their own, that nobody changes."""

    def __init__(self, disk: Disk) -> None:
        """Own `disk` from now on."""
        self._disk = disk

    def read(self, table: str, key: Key) -> bytes | None:
        """Value under `key`, or None."""
        return self._disk[table].get(key)

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        """Pairs in ascending key order, after `after` exclusive."""
        return _scan(self._disk[table], after)

    def every(self, table: str) -> Iterator[tuple[Key, bytes]]:
        """All pairs, in any order."""
        return iter(list(self._disk[table].items()))

    def close(self) -> None:
        """Nothing to let go of."""


class MemoryStorage:
    """Tables in dictionaries; `disk` is filled with what is missing of `tables`."""

    def __init__(self, tables: Tables, disk: Disk | None = None) -> None:
        """Use `disk`, or one that is forgotten with the object."""
        self._tables = tables
        self._disk: Disk = {} if disk is None else disk
        for table in tables:
            self._disk.setdefault(table, {})
        self._closed = False

    def write(self, records: Sequence[Record]) -> None:
        """Apply all records in order; raises ValueError, with nothing done, for an unfit one."""
        self.check(records)
        self.carry_out(records)

    def check(self, records: Sequence[Record]) -> None:
        """Raise ValueError unless all records fit their tables."""
        self._check_open()
        for record in records:
            self._check(record)

    def carry_out(self, records: Sequence[Record]) -> None:
        """Apply records that were checked."""
        for record in records:
            _carry_out(self._disk[record.table], record)

    def read(self, table: str, key: Key) -> bytes | None:
        """Value under `key`, or None."""
        self._check_open()
        return self._disk[table].get(key)

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        """Pairs in ascending key order, after `after` exclusive."""
        self._check_open()
        return _scan(self._disk[table], after)

    def every(self, table: str) -> Iterator[tuple[Key, bytes]]:
        """All pairs, in any order."""
        self._check_open()
        return iter(list(self._disk[table].items()))

    def snapshot(self) -> MemorySnapshot:
        """Copy everything."""
        self._check_open()
        return MemorySnapshot({table: dict(rows) for table, rows in self._disk.items()})

    def close(self) -> None:
        """Refuse everything from now on; `disk` stays as it is."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise StorageFailed("the storage is closed")

    def _check(self, record: Record) -> None:
        kind = self._tables.get(record.table)
        if kind is None:
            raise ValueError(f"there is no table {record.table!r}")
        match record:
            case Put(_, key, value):
                fits = _is_key(key, kind) and type(value) is bytes
            case PutAll(_, pairs):
                fits = all(_is_key(key, kind) and type(value) is bytes for key, value in pairs)
            case Remove(_, key):
                fits = _is_key(key, kind)
            case Trim():
                fits = kind is int
            case _:
                fits = True
        if not fits:
            raise ValueError(f"{type(record).__name__} does not fit table {record.table!r}")


def _is_key(key: Key, kind: type[int] | type[str]) -> bool:
    if type(key) is not kind:
        return False
    if isinstance(key, int):
        return -(1 << 63) <= key < 1 << 63
    return key.isascii() or not any("\ud800" <= char <= "\udfff" for char in key)


def _carry_out(rows: dict[Key, bytes], record: Record) -> None:
    match record:
        case Put(_, key, value):
            rows[key] = value
        case PutAll(_, pairs):
            rows.update(pairs)
        case Remove(_, key):
            rows.pop(key, None)
        case Trim(_, upto):
            for old in [key for key in rows if isinstance(key, int) and key <= upto]:
                del rows[old]
        case Clear():
            rows.clear()


def _scan(rows: dict[Key, bytes], after: Key | None) -> Iterator[tuple[Key, bytes]]:
    # A table's keys are all of one type, so they compare; the list is made now, not lazily.
    keys = sorted(key for key in rows if after is None or key > after)  # type: ignore[operator]
    return iter([(key, rows[key]) for key in keys])
