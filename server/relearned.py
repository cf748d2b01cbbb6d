"""A storage that is begun anew when it is damaged, since other replicas hold what is in it too.

Rules: what is damaged is put aside under a name of its own and said once; the newest copies are
kept. It is begun anew a few times in the life of a process: a disk that goes on damaging what it
is given ends the process. It touches no other file.
It knows nothing of what is stored.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from kvrmi.roles.breaking import Renewals
from kvrmi.storage.interface import Corrupt, Key, Record, Snapshot, Storage, StorageFailed, Tables
from kvrmi.storage.sqlite import SqliteStorage, erase, put_aside

__all__ = ["COPIES", "Relearned"]

_log = logging.getLogger("kvrmi.server.relearned")

T = TypeVar("T")

COPIES = 3
"""Damaged copies that are kept, the newest."""


class Relearned:
    """A Storage over one file; one thread at a time, as any storage."""

    def __init__(self, path: Path, tables: Tables) -> None:
        """Open the file at `path`, or an empty one in the place of a damaged one.

        Raises StorageFailed.
        """
        self.notes: tuple[str, ...] = ()
        """One line for each time that it was begun anew."""
        self._path = path
        self._tables = tables
        self._renewals = Renewals()
        self._storage: SqliteStorage | None = None
        try:
            self._storage = SqliteStorage(path, tables)
        except Corrupt as error:
            self._begin_anew(error)

    def load(self, read: Callable[[Storage], T]) -> T:
        """Give what `read` makes of it: of an empty one, if it finds that the rows are damaged.

        Raises StorageFailed.
        """
        while True:
            try:
                storage = self._usable()
                made = read(storage)
                storage.check()  # what `read` left out: later it could not be begun anew
                return made
            except Corrupt as error:
                self._begin_anew(error)

    def write(self, records: Sequence[Record]) -> None:
        """Make records durable. Raises StorageFailed."""
        self._usable().write(records)

    def read(self, table: str, key: Key) -> bytes | None:
        """Value under `key`, or None. Raises Corrupt, StorageFailed."""
        return self._usable().read(table, key)

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        """Pairs in ascending key order, after `after` exclusive. Raises as `read`."""
        return self._usable().scan(table, after)

    def every(self, table: str) -> Iterator[tuple[Key, bytes]]:
        """All pairs, in any order. Raises as `read`."""
        return self._usable().every(table)

    def snapshot(self) -> Snapshot:
        """Open a snapshot of what is durable now. Raises as `read`."""
        return self._usable().snapshot()

    def close(self) -> None:
        """Close cleanly; harmless twice."""
        if self._storage is not None:
            self._storage.close()

    def astray(self) -> str | None:
        """Say which of its files was deleted or replaced from outside. Raises OSError."""
        storage = self._storage
        return None if storage is None else storage.astray()

    def _usable(self) -> SqliteStorage:
        if self._storage is None:
            raise StorageFailed(f"{self._path.name} could not be begun anew")
        return self._storage

    def _begin_anew(self, why: Corrupt) -> None:
        name = self._path.name
        self.close()
        self._storage = None
        self._renewals.begin(name, why)
        number = max(self._copies(), default=0) + 1
        copy = f"{name}.damaged-{number}"
        try:
            put_aside(self._path, copy)
            self._forget_copies(number - COPIES)
            self._storage = SqliteStorage(self._path, self._tables)
        except (OSError, Corrupt) as error:
            raise StorageFailed(
                f"{name} is damaged ({why}); no new one can be made: {error}"
            ) from why
        note = (
            f"{name} was damaged ({why}): put aside as {copy}; "
            "the replica learns the data again from the others"
        )
        _log.error("%s", note)
        self.notes += (note,)

    def _copies(self) -> list[int]:
        """Numbers of the damaged copies that lie beside it."""
        pattern = re.compile(re.escape(self._path.name) + r"\.damaged-(\d+)")
        found = (pattern.fullmatch(path.name) for path in self._path.parent.iterdir())
        return [int(match[1]) for match in found if match]

    def _forget_copies(self, upto: int) -> None:
        for number in self._copies():
            if number <= upto:
                erase(self._path.with_name(f"{self._path.name}.damaged-{number}"))
