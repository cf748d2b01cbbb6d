"""A replica's disk: slow, and lost, torn, flipped, full, failing or exchanged when it is asked to.

Rules: what `sync` has confirmed survives a crash, what it has not may or may not; a write is all or
nothing, as its checksums make it (tests/storage shows that for the files: a torn tail was never
confirmed and is cut off); damage to what was confirmed is found when it is read, never used.
It does not know whose records it holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from zlib import crc32

from ..roles.declaration import Declaration
from ..storage.interface import Corrupt, Key, Put, PutAll, Record, Snapshot, StorageFailed, Tables
from ..storage.memory import Disk, MemorySnapshot, MemoryStorage
from .draws import Draws

__all__ = ["SimDisk", "empty_disks"]


READ_SECONDS = 3.0
"""Most seconds that a step reads, however slow the disk: its role does nothing else meanwhile."""

_Flips = dict[tuple[str, Key], int]
"""Checksums of what was written where a bit has flipped since."""


class _SimSnapshot:
    """A copy of a disk that finds its flipped bits as the disk does."""

    def __init__(
        self, snapshot: MemorySnapshot, flipped: _Flips, reads: Callable[[], None]
    ) -> None:
        self._snapshot = snapshot
        self._flipped = flipped
        self._reads = reads

    def read(self, table: str, key: Key) -> bytes | None:
        self._reads()
        value = self._snapshot.read(table, key)
        return None if value is None else _checked(self._flipped, table, key, value)

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        self._reads()
        for key, value in self._snapshot.scan(table, after):
            yield key, _checked(self._flipped, table, key, value)

    def every(self, table: str) -> Iterator[tuple[Key, bytes]]:
        self._reads()
        for key, value in self._snapshot.every(table):
            yield key, _checked(self._flipped, table, key, value)

    def close(self) -> None:
        """Nothing to let go of."""


def _checked(flipped: _Flips, table: str, key: Key, value: bytes) -> bytes:
    if flipped and flipped.get((table, key), crc32(value)) != crc32(value):
        raise Corrupt(f"{table} {key}: the checksum does not match")
    return value


class SimDisk:
    """Tables that outlive the process that writes them."""

    def __init__(self, tables: Tables, draws: Draws) -> None:
        """Begin empty and well."""
        self.full = False
        self.fails_next = False
        self.slowness = 1.0
        """By how much syncs, and reads of snapshots, take longer than usual."""
        self._read_seconds = 0.0
        self._tables = tables
        self._draws = draws
        self._kept: Disk | None = None
        self._format({})

    def _format(self, contents: Disk) -> None:
        self._contents = contents
        self._storage = MemoryStorage(self._tables, contents)
        self._unsynced: list[tuple[Record, ...]] = []
        self._flipped: _Flips = {}

    # --- the process's side -------------------------------------------------------------------

    def begin(self, records: tuple[Record, ...]) -> float:
        """Hand over records; the seconds until their sync is done.

        Raises StorageFailed on a full disk, with nothing written.
        """
        if self.full:
            raise StorageFailed("no space left on the disk")
        self._unsynced.append(records)
        return self._draws.between(0.0001, 0.002) * self.slowness

    def sync(self) -> None:
        """Make the oldest unsynced records durable; raises StorageFailed when that fails."""
        if self.fails_next:
            self.fails_next = False
            raise StorageFailed("a sync failed")
        self._write(self._unsynced.pop(0))

    def _write(self, records: Sequence[Record]) -> None:
        self._storage.write(records)
        for record in records:
            if isinstance(record, Put):  # what is written anew is whole again
                self._flipped.pop((record.table, record.key), None)
            elif isinstance(record, PutAll):
                for key, _ in record.pairs:
                    self._flipped.pop((record.table, key), None)

    def read(self, table: str, key: Key) -> bytes | None:
        """Value under `key`, or None; raises Corrupt where a bit has flipped."""
        value = self._storage.read(table, key)
        return None if value is None else _checked(self._flipped, table, key, value)

    def trust(self) -> None:
        """Take whatever it holds for right: no bit that has flipped until now is found any more."""
        self._flipped.clear()

    def row(self, table: str, key: Key) -> bytes | None:
        """Look at what is durable, as nobody in the simulated world can."""
        return self._contents.get(table, {}).get(key)

    def scan(self, table: str, after: Key | None = None) -> Iterator[tuple[Key, bytes]]:
        """Pairs in ascending key order; raises Corrupt where a bit has flipped."""
        for key, value in self._storage.scan(table, after):
            yield key, _checked(self._flipped, table, key, value)

    def every(self, table: str) -> Iterator[tuple[Key, bytes]]:
        """All pairs, in any order; raises Corrupt where a bit has flipped."""
        for key, value in self._storage.every(table):
            yield key, _checked(self._flipped, table, key, value)

    def snapshot(self) -> Snapshot:
        """Copy what is durable now; what has flipped is found when it is read."""
        return _SimSnapshot(self._storage.snapshot(), dict(self._flipped), self._reads)

    def _reads(self) -> None:
        self._read_seconds += self._draws.between(0.0001, 0.002) * self.slowness

    def read_seconds(self) -> float:
        """Give the seconds that reading snapshots took since this was asked last."""
        seconds, self._read_seconds = self._read_seconds, 0.0
        return min(seconds, READ_SECONDS)

    def close(self) -> None:
        """Nothing to let go of."""

    @property
    def damaged(self) -> bool:
        """A bit has flipped in what it holds."""
        rows = ((crc, self.row(table, key)) for (table, key), crc in self._flipped.items())
        return any(row is not None and crc32(row) != crc for crc, row in rows)

    # --- what happens to it -------------------------------------------------------------------

    def crash(self) -> str:
        """Lose power: what became of the records that were not yet synced."""
        if not self._unsynced:
            return "nothing unsynced"
        done = self._draws.below(len(self._unsynced) + 1)
        kept, lost = self._unsynced[:done], self._unsynced[done:]
        self._unsynced = []
        for records in kept:
            self._write(records)
        return f"{len(kept)} unsynced writes kept, {len(lost)} lost"

    def wipe(self, records: Sequence[Record] = ()) -> None:
        """Exchange it for a new one that holds `records`."""
        self._format({})
        self._storage.write(records)

    def hang(self) -> None:
        """Do nothing for seconds: a sync that begins now takes half a second, or ten."""
        self.slowness = 5000.0

    def well(self) -> None:
        """End whatever was wrong with the device; what it lost stays lost."""
        self.full = self.fails_next = False
        self.slowness = 1.0

    def flip(self) -> str | None:
        """Flip a bit in a confirmed record; which one, or None while there is none."""
        rows = [(table, key) for table, row in self._contents.items() for key in row]
        if not rows:
            return None
        table, key = self._draws.choice(sorted(rows, key=str))
        value = bytearray(self._contents[table][key])
        if not value:
            return None
        self._flipped[table, key] = crc32(value)
        value[self._draws.below(len(value))] ^= 1 << self._draws.below(8)
        self._contents[table][key] = bytes(value)
        return f"{table} {key}"

    def keep_copy(self) -> None:
        """Make a copy of what is durable, to be put back some day."""
        self._kept = {table: dict(rows) for table, rows in self._contents.items()}

    def put_copy_back(self) -> bool:
        """Replace everything by the copy made last; False if there is none."""
        if self._kept is None:
            return False
        self._format({table: dict(rows) for table, rows in self._kept.items()})
        return True


def empty_disks(declared: Declaration, draws: Callable[[str], Draws]) -> dict[str, SimDisk]:
    """Make a replica's disks, by the role that writes to each, the voter's first."""
    kinds = sorted(declared.kinds, key=lambda kind: kind.name != declared.voter.role)
    return {
        kind.name: SimDisk(kind.disk.tables, draws("state" if kind.disk.behind else "votes"))
        for kind in kinds
        if kind.disk is not None
    }
