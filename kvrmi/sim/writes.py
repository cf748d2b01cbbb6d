"""What a simulated replica's disks do for its roles: records before messages, and slow reads.

Rules: each role's disk is written in the order of its steps. A role whose disk is not written
behind handles nothing while it writes, and no role does while it reads; requests that come
meanwhile wait, for as long as the server's wait and no longer; a failed write ends the process. The
server does the same in rolewrites.py and disks.py. It does not know what records mean.
"""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from ..roles.breaking import FENCE_SECONDS, PATIENCE_SECONDS
from ..roles.contract import NOTHING, Effects
from ..storage.interface import Clear, StorageFailed
from .call import Call
from .disk import SimDisk
from .leaving import leave

if TYPE_CHECKING:
    from .replica import Replica

__all__ = ["Writes"]

SNAPSHOT_SECONDS = 3.0
"""Most seconds that a disk written behind may take for a whole new state."""


class Writes:
    """What one process has under way at its disks, by the role that it is for."""

    def __init__(self, replica: Replica) -> None:
        """Write to the replica's disks, as their roles are declared."""
        self._replica = replica
        self._writers: dict[str, _Through | _Behind] = {}
        for kind in replica.world.declared.kinds:
            if kind.disk is not None:
                make = _Behind if kind.disk.behind else _Through
                self._writers[kind.name] = make(replica, kind.name, replica.disks[kind.name])
        self._reading: dict[str, tuple[Effects, Call | None]] = {}
        self._waiting: dict[str, deque[Call]] = {
            role: deque() for role in replica.world.declared.roles
        }

    def busy(self, role: str) -> bool:
        """Return whether the role waits for its disk, and handles nothing meanwhile."""
        writer = self._writers.get(role)
        return role in self._reading or (writer is not None and writer.busy)

    def reads(self, role: str) -> bool:
        """Return whether a step of the role still reads, so that nobody can ask it anything."""
        return role in self._reading

    def wait(self, role: str, call: Call) -> None:
        """Have a request wait until the role is free, or has been busy for too long."""
        self._waiting[role].append(call)
        self._replica.after(role, PATIENCE_SECONDS, partial(self._give_up, role, call))

    def _give_up(self, role: str, call: Call) -> None:
        if call in self._waiting[role]:
            self._waiting[role].remove(call)
            self._replica.world.network.break_off(call, "its role was busy for too long")

    def waiting(self, role: str) -> deque[Call]:
        """Give the requests that came while the role was busy."""
        return self._waiting[role]

    def hang(self, role: str) -> bool:
        """Return whether a former incarnation's write lasts so long that none can follow yet."""
        writer = self._writers.get(role)
        return writer is not None and writer.ends > self._replica.world.now + FENCE_SECONDS

    @property
    def ends(self) -> float:
        """When the last write that was begun is over, by the world's time."""
        return max((writer.ends for writer in self._writers.values()), default=0.0)

    def fence(self, role: str) -> str:
        """Forget what a role had under way; what was being written may be on the disk or not."""
        self._reading.pop(role, None)
        while self._waiting[role]:
            call = self._waiting[role].popleft()
            self._replica.world.tracing.fate(call.id, "lost", "its role went down")
        if role in self._writers:
            self._replica.disks[role].read_seconds()  # of a step that came to nothing
        return self._writers[role].fence() if role in self._writers else ""

    def stall(self, role: str, seconds: float) -> None:
        """Have the role do nothing but read for so long, unless it is down or does so already."""
        if role in self._replica.roles and role not in self._reading:
            self._begin_read(role, seconds, NOTHING, None)

    def carry_out(self, role: str, effects: Effects, call: Call | None) -> None:
        """Have a step's messages leave once it has read, and its records are durable."""
        seconds = self._replica.disks[role].read_seconds() if role in self._writers else 0.0
        if seconds:
            self._begin_read(role, seconds, effects, call)
        elif effects.records:
            self._writers[role].write(effects, call)
        else:
            leave(self._replica, role, effects, call)

    def _begin_read(self, role: str, seconds: float, effects: Effects, call: Call | None) -> None:
        self._reading[role] = (effects, call)
        self._replica.after(role, seconds, partial(self._read, role))

    def _read(self, role: str) -> None:
        self.carry_out(role, *self._reading.pop(role))
        self._replica.pump()


class _Through:
    """A disk whose role waits for it."""

    def __init__(self, replica: Replica, role: str, disk: SimDisk) -> None:
        self.ends = 0.0
        """When the write under way is over, by the world's time."""
        self._replica = replica
        self._role = role
        self._disk = disk
        self._writing: tuple[Effects, Call | None] | None = None

    @property
    def busy(self) -> bool:
        return self._writing is not None

    def fence(self) -> str:
        self._writing = None
        return self._disk.crash()

    def write(self, effects: Effects, call: Call | None) -> None:
        replica = self._replica
        try:
            seconds = self._disk.begin(effects.records)
        except StorageFailed as error:
            replica.end(str(error))
            return
        self._writing = (effects, call)
        self.ends = replica.world.now + seconds
        if not replica.world.host.syncs_first:
            leave(replica, self._role, effects, call)
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
            leave(replica, self._role, effects, call)
        replica.pump()


class _Behind:
    """A disk that is written behind its role's steps."""

    busy = False

    def __init__(self, replica: Replica, role: str, disk: SimDisk) -> None:
        self.ends = 0.0
        """When the write under way is over, by the world's time."""
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
        self.ends = replica.world.now + seconds
        replica.after(self._role, seconds, self._written)

    def _written(self) -> None:
        replica = self._replica
        try:
            self._disk.sync()
        except StorageFailed as error:
            replica.end(str(error))
            return
        effects, call = self._queue.popleft()
        leave(replica, self._role, effects, call)
        if self._queue:
            self._write_next()
        replica.pump()
