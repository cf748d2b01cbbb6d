"""Durable tables in an append-only file: a write is one append and one sync, all is in memory.

Rules: an error while writing is final (after a failed sync nobody knows what the disk holds);
opening checks every write and puts a new file in the place of the old one, because what the kernel
still shows after a crash need not be on the disk. For tables that are small and written often.
It knows no meaning of a table. What lies in the file, and what damage is, appendfile.py knows.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgpack
from msgspec.msgpack import encode

from .appendfile import AppendFile, Found, read_back
from .interface import (
    Clear,
    Corrupt,
    Key,
    Put,
    PutAll,
    Record,
    Remove,
    StorageFailed,
    Tables,
    Trim,
)
from .memory import MemorySnapshot, MemoryStorage

__all__ = ["AppendStorage", "replayed"]

_CLOSE_SECONDS = 5.0
_LOOK_SECONDS = 0.2
_KINDS: Mapping[type[Record], int] = MappingProxyType(
    {Put: 1, PutAll: 2, Remove: 3, Trim: 4, Clear: 5}
)
"""What stands for a kind of record in the file; never changes."""
_RECORDS = {number: kind for kind, number in _KINDS.items()}


class AppendStorage:
    """Tables in the file at `path`; a missing file is an empty storage if it never was.

    `tables` must name every table that the file has, and may name new ones. Opening takes time in
    proportion to the file. Raises Corrupt when something that was confirmed is damaged or missing,
    StorageFailed when the file cannot be used. One process and one thread at a time.
    """

    def __init__(self, path: Path | str, tables: Tables) -> None:
        """Check the file, or begin one, and open it."""
        path = Path(path)
        found = read_back(path)
        self._rows = replayed(found, tables)
        self._tables = tables
        self._broken: str | None = None
        self._writing = threading.Lock()
        """Held while the file is written or closed."""
        try:
            self._file = AppendFile(path, found, self._everything())
        except OSError as error:
            raise StorageFailed(f"the file cannot be used: {error.strerror or error}") from error

    def write(self, records: Sequence[Record]) -> None:
        """Apply all records in order, atomically; durable on return.

        Raises ValueError, with nothing done, for a record that does not fit its table; raises
        StorageFailed for everything else, after which every call does.
        """
        self._check_usable()
        fit = [_at_hand(record) for record in records]
        self._rows.check(fit)
        if fit:
            with self._writing:
                self._check_usable()
                self._append(_packed(fit))
            self._rows.carry_out(fit)

    def _append(self, payload: bytes) -> None:
        try:
            self._file.append(payload, self._everything)
        except OSError as error:
            self._broken = f"a write failed: {error}"
            raise StorageFailed(self._broken) from error

    def _everything(self) -> bytes:
        """Pack all that is valid."""
        return _packed([PutAll(table, list(self._rows.scan(table))) for table in self._tables])

    def read(self, table: str, key: Key) -> bytes | None:
        """Value under `key`, or None."""
        self._check_usable()
        return self._rows.read(table, key)

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        """Pairs in ascending key order, after `after` exclusive."""
        self._check_usable()
        return self._rows.scan(table, after)

    def every(self, table: str) -> Iterator[tuple[Key, bytes]]:
        """All pairs, in any order."""
        self._check_usable()
        return self._rows.every(table)

    def snapshot(self) -> MemorySnapshot:
        """Copy everything."""
        self._check_usable()
        return self._rows.snapshot()

    def astray(self) -> str | None:
        """Say which of its files was deleted or replaced from outside; None if that is not known.

        For any thread that may wait for the disk a moment. Raises OSError.
        """
        if not self._writing.acquire(timeout=_LOOK_SECONDS):
            return None  # it writes, and a compaction takes another file; the next look comes soon
        try:
            return None if self._broken is not None else self._file.astray()
        finally:
            self._writing.release()

    def close(self) -> None:
        """Close, cleanly unless a write failed; harmless twice.

        Any thread may close it; a write of another thread's is waited for, some seconds.
        """
        if not self._writing.acquire(timeout=_CLOSE_SECONDS):
            self._file.abandon()
            return  # the disk hangs; what it has is found at the next opening
        try:
            clean = self._broken is None
            if self._broken != _CLOSED:
                self._broken = _CLOSED
                with suppress(OSError):
                    self._file.close(clean=clean)
        finally:
            self._writing.release()

    def _check_usable(self) -> None:
        if self._broken is not None:
            raise StorageFailed(self._broken)


_CLOSED = "the storage is closed"


def replayed(found: Found | None, tables: Tables) -> MemoryStorage:
    """Carry out all writes of a file in memory. Raises Corrupt for what nobody wrote."""
    rows = MemoryStorage(tables)
    for payload in [] if found is None else found.payloads:
        try:
            rows.write([_RECORDS[kind](*fields) for kind, *fields in msgpack.unpackb(payload)])
        except (ValueError, KeyError, TypeError, msgpack.UnpackException) as error:
            raise Corrupt(f"the file holds a write that nobody made: {error}") from error
    return rows


def _packed(records: Sequence[Record]) -> bytes:
    return encode([(_KINDS[type(record)], *record) for record in records])


def _at_hand(record: Any) -> Any:
    """Make the pairs of a PutAll, which may be made only once."""
    return PutAll(record.table, list(record.pairs)) if type(record) is PutAll else record
