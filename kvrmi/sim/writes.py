"""What a simulated replica's disks do for its roles: records before messages, and slow reads.

Rules: each role's disk is written in the order of its steps. A role whose disk is not written
behind handles nothing while it writes, and no role does while it reads; a failed write ends the
process. The server does the same in rolewrites.py and disks.py. It does not know what records mean.
"""

from __future__ import annotations

from collections import deque
from functools import partial

from ..roles.breaking import FENCE_SECONDS
from ..roles.contract import NOTHING, Effects
from ..storage.interface import Clear, StorageFailed
from .call import Call
from .disk import SimDisk
from .interface import Process

__all__ = ["Writes"]

SNAPSHOT_SECONDS = 3.0
"""Most seconds that a disk written behind may take for a whole new state."""


class Writes:
    """What one process has under way at its disks, by the role that it is for."""

    def __init__(self, process: Process) -> None:
        """Write to the process's disks, as their roles are declared."""
        self._process = process
        self._writers: dict[str, _Through | _Behind] = {}
        for kind in process.world.declared.kinds:
            if kind.disk is not None:
                make = _Behind if kind.disk.behind else _Through
                self._writers[kind.name] = make(process, kind.name, process.disks[kind.name])
        self._reading: dict[str, tuple[Effects, Call | None]] = {}

    def busy(self, role: str) -> bool:
        """Return whether the role waits for its disk, and handles nothing meanwhile."""
        writer = self._writers.get(role)
        return role in self._reading or (writer is not None and writer.busy)

    def reads(self, role: str) -> bool:
        """Return whether a step of the role still reads, so that nobody can ask it anything."""
        return role in self._reading

    def hang(self, role: str) -> bool:
        """Return whether a former incarnation's write lasts so long that none can follow yet."""
        writer = self._writers.get(role)
        return writer is not None and writer.ends > self._process.world.now + FENCE_SECONDS

    @property
    def ends(self) -> float:
        """When the last write that was begun is over, by the world's time."""
        return max((writer.ends for writer in self._writers.values()), default=0.0)

    def fence(self, role: str) -> str:
        """Forget what a role had under way; what was being written may be on the disk or not."""
        self._reading.pop(role, None)
        if role in self._writers:
            self._process.disks[role].read_seconds()  # of a step that came to nothing
        return self._writers[role].fence() if role in self._writers else ""

    def stall(self, role: str, seconds: float) -> None:
        """Have the role do nothing but read for so long, unless it is down or does so already."""
        if role in self._process.roles and role not in self._reading:
            self._begin_read(role, seconds, NOTHING, None)

    def carry_out(self, role: str, effects: Effects, call: Call | None) -> None:
        """Have a step's messages leave once it has read, and its records are durable."""
        seconds = self._process.disks[role].read_seconds() if role in self._writers else 0.0
        if seconds:
            self._begin_read(role, seconds, effects, call)
        elif effects.records:
            self._writers[role].write(effects, call)
        else:
            self._process.leave(role, effects, call)

    def _begin_read(self, role: str, seconds: float, effects: Effects, call: Call | None) -> None:
        self._reading[role] = (effects, call)
        self._process.after(role, seconds, partial(self._read, role))

    def _read(self, role: str) -> None:
        self.carry_out(role, *self._reading.pop(role))
        self._process.pump()


class _Through:
    """A disk whose role waits for it."""

    def __init__(self, process: Process, role: str, disk: SimDisk) -> None:
        self.ends = 0.0
        """When the write under way is over, by the world's time."""
        self._process = process
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
        process = self._process
        try:
            seconds = self._disk.begin(effects.records)
        except StorageFailed as error:
            process.end(str(error))
            return
        self._writing = (effects, call)
        self.ends = process.world.now + seconds
        if not process.world.host.syncs_first:
            process.leave(self._role, effects, call)
        process.after(self._role, seconds, self._written)

    def _written(self) -> None:
        if self._writing is None:
            return
        (effects, call), self._writing = self._writing, None
        process = self._process
        try:
            self._disk.sync()
        except StorageFailed as error:
            process.end(str(error))
            return
        if process.world.host.syncs_first:
            process.leave(self._role, effects, call)
        process.pump()


class _Behind:
    """A disk that is written behind its role's steps."""

    busy = False

    def __init__(self, process: Process, role: str, disk: SimDisk) -> None:
        self.ends = 0.0
        """When the write under way is over, by the world's time."""
        self._process = process
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
        process, records = self._process, self._queue[0][0].records
        try:
            seconds = self._disk.begin(records)
        except StorageFailed as error:
            process.end(str(error))
            return
        if isinstance(records[0], Clear):
            seconds = process.draws.between(0, SNAPSHOT_SECONDS)
        self.ends = process.world.now + seconds
        process.after(self._role, seconds, self._written)

    def _written(self) -> None:
        process = self._process
        try:
            self._disk.sync()
        except StorageFailed as error:
            process.end(str(error))
            return
        effects, call = self._queue.popleft()
        process.leave(self._role, effects, call)
        if self._queue:
            self._write_next()
        process.pump()
