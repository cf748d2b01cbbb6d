"""Durable tables in one SQLite file: write-ahead log, a sync at every write, checksummed records.

Rules: an error while writing is final (after a failed sync nobody knows what the disk holds);
what is read is checked, and a file that was not closed cleanly is copied and verified before it
is used, because what the kernel still shows of it need not be on the disk.
It knows no meaning of a table. Opening, verifying and sealing the file is sqlitefile.py's.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias

from .durable import astray
from .interface import Clear, Key, Put, PutAll, Record, Remove, StorageFailed, Tables, Trim
from .sqlitefile import (
    SQL_ERRORS,
    Statements,
    connect,
    erase,
    failure,
    log_of,
    prepare,
    put_aside,
    seal,
    statements,
    use,
)

__all__ = ["Reader", "SqliteSnapshot", "SqliteStorage", "erase", "put_aside"]

_CLOSE_SECONDS = 5.0

_Row: TypeAlias = tuple[Any, ...]
"""What one execution of a statement is given."""


class Reader:
    """Reads checked records through one connection."""

    def __init__(self, connection: sqlite3.Connection, tables: dict[str, Statements]) -> None:
        """Begin the transaction; raises Corrupt or StorageFailed."""
        self._connection = connection
        self._tables = tables

    def read(self, table: str, key: Key) -> bytes | None:
        """Value under `key`, or None; raises Corrupt or StorageFailed."""
        sql = self._tables[table]
        try:
            rows = self._connection.execute(sql.read, (sql.name(key),)).fetchall()
        except SQL_ERRORS as error:
            raise failure(error) from error
        return next((value for _, value in sql.whole(rows)), None)

    def scan(self, table: str, after: Key | None) -> Iterator[tuple[Key, bytes]]:
        """Pairs in ascending key order; raises Corrupt or StorageFailed on the way."""
        sql = self._tables[table]
        if after is None:
            return self._rows(sql, sql.scan)
        return self._rows(sql, sql.scan_after, sql.name(after))

    def every(self, table: str) -> Iterator[tuple[Key, bytes]]:
        """All pairs, as they lie in the file; raises Corrupt or StorageFailed on the way."""
        sql = self._tables[table]
        return self._rows(sql, sql.every)

    def _rows(
        self, sql: Statements, select: str, *values: int | bytes
    ) -> Iterator[tuple[Key, bytes]]:
        try:
            yield from sql.whole(self._connection.execute(select, values))
        except SQL_ERRORS as error:
            raise failure(error) from error


class SqliteSnapshot:
    """A read transaction on a connection of its own."""

    def __init__(self, path: Path, tables: dict[str, Statements]) -> None:
        """Begin the transaction; raises Corrupt or StorageFailed."""
        self._connection = connect(path)
        self._reader = Reader(self._connection, tables)
        try:
            self._connection.execute("PRAGMA query_only = ON")
            self._connection.execute("BEGIN")
            # The transaction begins with the first read, not with BEGIN.
            self._connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()
        except SQL_ERRORS as error:
            self._connection.close()
            raise failure(error) from error

    def read(self, table: str, key: Key) -> bytes | None:
        """Value under `key`, or None; raises Corrupt or StorageFailed."""
        return self._reader.read(table, key)

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        """Pairs in ascending key order, after `after` exclusive; raises as `read`."""
        return self._reader.scan(table, after)

    def every(self, table: str) -> Iterator[tuple[Key, bytes]]:
        """All pairs, as they lie in the file; raises as `read`."""
        return self._reader.every(table)

    def close(self) -> None:
        """End the transaction; harmless twice."""
        self._connection.close()


class SqliteStorage:
    """Tables in the file at `path`; a missing file is an empty storage.

    `tables` must name every table that the file has, and may name new ones.
    Opening takes time in proportion to the file: its checksum after a clean stop, a copy after an
    unclean one. Raises Corrupt when the file is damaged, StorageFailed when it cannot be used. A
    record that is damaged after an unclean stop may be found by the first use instead, before
    anything is written. One process and one thread at a time.
    """

    def __init__(self, path: Path | str, tables: Tables) -> None:
        """Verify the file, or create it, and open it."""
        self._path = Path(path)
        self._tables = {table: statements(table, kind) for table, kind in tables.items()}
        self._broken: str | None = None
        self._ending = False
        self._writing = threading.Lock()
        """Held while the connection writes or is closed."""
        self._unchecked = prepare(self._path, self._tables)
        """Tables of a file that was not closed cleanly, until all their records were read once."""
        self._connection = use(self._path, self._tables)
        self._opened = {self._path: os.stat(self._path)}
        """What the names of its files led to when they were first seen."""
        self._reader = Reader(self._connection, self._tables)

    def write(self, records: Sequence[Record]) -> None:
        """Apply all records in order, atomically; durable on return.

        Raises ValueError, with nothing done, for a record that does not fit its table; raises
        StorageFailed for everything else, after which every call does.
        """
        self._check_usable()
        steps = self._steps(records)
        if steps:
            with self._writing:
                self._check_usable()
                self._carry_out(steps)

    def _carry_out(self, steps: list[tuple[str, Iterable[_Row]]]) -> None:
        execute, many = self._connection.execute, self._connection.executemany
        try:
            execute("BEGIN IMMEDIATE")
            for sql, rows in steps:
                if isinstance(rows, list) and len(rows) == 1:
                    execute(sql, rows[0])
                else:
                    many(sql, rows)
            execute("COMMIT")
        except (*SQL_ERRORS, OSError) as error:
            self._broken = f"a write failed: {error}"
            raise StorageFailed(self._broken) from error
        except Exception:
            self._undo()  # pairs that are first made here may turn out unfit
            raise

    def _undo(self) -> None:
        try:
            self._connection.execute("ROLLBACK")
        except SQL_ERRORS as error:
            self._broken = f"a write could not be undone: {error}"
            raise StorageFailed(self._broken) from error

    def _steps(self, records: Sequence[Record]) -> list[tuple[str, Iterable[_Row]]]:
        """Turn records into statements, one for a run of records of the same table and kind."""
        steps: list[tuple[str, Iterable[_Row]]] = []
        run: list[_Row] = []
        last = ""
        for record in records:
            table = self._table(record)
            if isinstance(record, PutAll):
                steps.append((table.put, self._rows(table, record)))
                last = ""
                continue
            sql, row = self._step(table, record)
            if sql != last:
                run, last = [], sql
                steps.append((sql, run))
            run.append(row)
        return steps

    def _rows(self, table: Statements, many: PutAll) -> Iterator[_Row]:
        for key, value in many.pairs:
            if self._ending:
                raise StorageFailed("the storage was closed before all was written")
            yield table.row(key, value)

    def _table(self, record: Record) -> Statements:
        table = self._tables.get(record.table)
        if table is None:
            raise ValueError(f"there is no table {record.table!r}")
        return table

    def _step(self, sql: Statements, record: Put | Remove | Trim | Clear) -> tuple[str, _Row]:
        if type(record) is Put:
            return sql.put, sql.row(record.key, record.value)
        if type(record) is Remove:
            return sql.remove, (sql.name(record.key),)
        if type(record) is Trim:
            if sql.kind is not int:
                raise ValueError(f"table {record.table!r} cannot be trimmed")
            return sql.trim, (sql.name(record.upto),)
        return sql.clear, ()

    def read(self, table: str, key: Key) -> bytes | None:
        """Value under `key`, or None; raises Corrupt or StorageFailed."""
        self._check_usable()
        return self._reader.read(table, key)

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        """Pairs in ascending key order, after `after` exclusive; raises as `read`.

        Be done with it before the next write.
        """
        self._check_usable()
        return self._reader.scan(table, after)

    def every(self, table: str) -> Iterator[tuple[Key, bytes]]:
        """All pairs, as they lie in the file; for the rest as `scan`."""
        self._check_open()
        yield from self._reader.every(table)
        self._unchecked.discard(table)

    def snapshot(self) -> SqliteSnapshot:
        """Open what is durable now to be read; meanwhile the write-ahead log only grows."""
        self._check_usable()
        return SqliteSnapshot(self._path, self._tables)

    def astray(self) -> str | None:
        """Say which of its files was deleted or replaced from outside; None while none was.

        For one thread of any kind that may wait for the disk. Raises OSError.
        """
        if log_of(self._path) not in self._opened:
            with suppress(FileNotFoundError):  # it appears with the first write
                self._opened[log_of(self._path)] = os.stat(log_of(self._path))
        looks = (astray(path, opened) for path, opened in [*self._opened.items()])
        lost = next(filter(None, looks), None)
        return lost if self._broken is None else None  # closing takes the log away

    def close(self) -> None:
        """Close, cleanly unless a write failed or a snapshot is still open; harmless twice.

        Any thread may close it. A write of many pairs that another thread is at changes nothing
        and raises StorageFailed there; any other is waited for, some seconds.
        """
        self._ending = True
        if not self._writing.acquire(timeout=_CLOSE_SECONDS):
            return  # the disk hangs; unsealed, the file is verified when it is opened again
        try:
            if self._broken is None:
                self._broken = "the storage is closed"
                # If it fails the file stays unsealed, and the next opening copies it.
                with suppress(*SQL_ERRORS, OSError):
                    if not self._unchecked:  # a seal would stand for what nobody has looked at
                        seal(self._connection, self._path)
            self._connection.close()
        finally:
            self._writing.release()

    def check(self) -> None:
        """Read what nobody has read yet of a file that was not closed cleanly.

        Raises Corrupt, StorageFailed. Whatever else is done with such a file checks it first, but
        for `every`: whoever begins with that reads all records once, not twice.
        """
        for table in sorted(self._unchecked):
            deque(self.every(table), maxlen=0)

    def _check_usable(self) -> None:
        self._check_open()
        if self._unchecked:
            self.check()

    def _check_open(self) -> None:
        if self._broken is not None:
            raise StorageFailed(self._broken)
