"""Makes the records of a simulated replica durable, and only then lets a step's messages leave.

Rules: each role's disk is written in the order of its steps. A role whose disk is not written
behind handles nothing while it writes, and requests that come meanwhile wait; a failed write ends
the process. The server does the same in disks.py. It does not know what records mean.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from ..roles.contract import Effects
from ..storage.interface import Clear, StorageFailed
from .disk import SimDisk
from .network import Call

if TYPE_CHECKING:
    from .replica import Replica

__all__ = ["Writes"]

SNAPSHOT_SECONDS = 3.0
"""Most seconds that a disk written behind may take for a whole new state."""


class Writes:
    """What one process is writing, by the role that it is for."""

    def __init__(self, replica: Replica) -> None:
        """Write to the replica's disks, as their roles are declared."""
        self._writers: dict[str, _Through | _Behind] = {}
        for kind in replica.world.declared.kinds:
            if kind.disk is not None:
                make = _Behind if kind.disk.behind else _Through
                self._writers[kind.name] = make(replica, kind.name, replica.disks[kind.name])

    def busy(self, role: str) -> bool:
        """Return whether the role waits for its disk, and handles nothing meanwhile."""
        writer = self._writers.get(role)
        return writer is not None and writer.busy

    def waiting(self, role: str) -> deque[Call]:
        """Give the requests that came while the role waited for its disk."""
        return self._writers[role].waiting if role in self._writers else deque()

    def fence(self, role: str) -> str:
        """Forget what a role had under way; what was being written may be on the disk or not."""
        return self._writers[role].fence() if role in self._writers else ""

    def write(self, role: str, effects: Effects, call: Call | None) -> None:
        """Write the records of a step; its messages leave when that is done."""
        self._writers[role].write(effects, call)


class _Through:
    """A disk whose role waits for it."""

    def __init__(self, replica: Replica, role: str, disk: SimDisk) -> None:
        self.waiting: deque[Call] = deque()
        self._replica = replica
        self._role = role
        self._disk = disk
        self._writing: tuple[Effects, Call | None] | None = None

    @property
    def busy(self) -> bool:
        return self._writing is not None

    def fence(self) -> str:
        self._writing = None
        self.waiting.clear()
        return self._disk.crash()

    def write(self, effects: Effects, call: Call | None) -> None:
        replica = self._replica
        try:
            seconds = self._disk.begin(effects.records)
        except StorageFailed as error:
            replica.end(str(error))
            return
        self._writing = (effects, call)
        if not replica.world.host.syncs_first:
            replica.leave(self._role, effects, call)
        replica.after(self._role, seconds, self._written)

    def _written(self) -> None:
        if self._writing is None:
            return
        (effects, call), self._writing = self._writing, None
        replica = self._replica
        try:
            self._disk.sync()
        except StorageFailed as error:
            replica.end(str(error))
            return
        if replica.world.host.syncs_first:
            replica.leave(self._role, effects, call)
        replica.pump()


class _Behind:
    """A disk that is written behind its role's steps."""

    busy = False

    def __init__(self, replica: Replica, role: str, disk: SimDisk) -> None:
        self.waiting: deque[Call] = deque()
        self._replica = replica
        self._role = role
        self._disk = disk
        self._queue: deque[tuple[Effects, Call | None]] = deque()

    def fence(self) -> str:
        self._queue.clear()
        return self._disk.crash()

    def write(self, effects: Effects, call: Call | None) -> None:
        self._queue.append((effects, call))
        if len(self._queue) == 1:
            self._write_next()

    def _write_next(self) -> None:
        replica, records = self._replica, self._queue[0][0].records
        try:
            seconds = self._disk.begin(records)
        except StorageFailed as error:
            replica.end(str(error))
            return
        if isinstance(records[0], Clear):
            seconds = replica.draws.between(0, SNAPSHOT_SECONDS)
        replica.after(self._role, seconds, self._written)

    def _written(self) -> None:
        replica = self._replica
        try:
            self._disk.sync()
        except StorageFailed as error:
            replica.end(str(error))
            return
        effects, call = self._queue.popleft()
        replica.leave(self._role, effects, call)
        if self._queue:
            self._write_next()
        replica.pump()
