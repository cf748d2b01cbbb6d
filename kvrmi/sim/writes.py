"""Makes the records of a simulated replica durable, and only then lets a step's messages leave.

Rules: an acceptor handles nothing while it writes, and requests that come meanwhile wait; a learner
is written behind its steps, in their order; a failed write ends the process. The server does the
same in disks.py. It does not know what records mean.
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
"""Most seconds that a learner's disk may take for a whole snapshot."""


class Writes:
    """What one process is writing, and what waits for that."""

    def __init__(self, replica: Replica, votes: SimDisk, state: SimDisk) -> None:
        """`votes` is the acceptor's disk, `state` the learner's."""
        self.votes = votes
        self.state = state
        self.waiting: deque[Call] = deque()
        """Requests that came while the acceptor was writing."""
        self._replica = replica
        self._voting: tuple[Effects, Call | None] | None = None
        self._behind: deque[Effects] = deque()

    @property
    def busy(self) -> bool:
        """The acceptor is writing."""
        return self._voting is not None

    def fence(self, name: str) -> str:
        """Forget what a role had under way; what was being written may be on the disk or not."""
        if name == "acceptor":
            self._voting = None
            self.waiting.clear()
            return self.votes.crash()
        if name == "learner":
            self._behind.clear()
            return self.state.crash()
        return ""

    def write(self, name: str, effects: Effects, call: Call | None) -> None:
        """Write the records of a step; its messages leave when that is done."""
        if name == "learner":
            self._behind.append(effects)
            if len(self._behind) == 1:
                self._write_behind()
        else:
            self._write_vote(name, effects, call)

    def _write_vote(self, name: str, effects: Effects, call: Call | None) -> None:
        replica = self._replica
        try:
            seconds = self.votes.begin(effects.records)
        except StorageFailed as error:
            replica.end(str(error))
            return
        self._voting = (effects, call)
        if not replica.world.parts.syncs_first:
            replica.leave(name, effects, call)
        replica.after(name, seconds, self._voted)

    def _voted(self) -> None:
        if self._voting is None:
            return
        (effects, call), self._voting = self._voting, None
        replica = self._replica
        try:
            self.votes.sync()
        except StorageFailed as error:
            replica.end(str(error))
            return
        if replica.world.parts.syncs_first:
            replica.leave("acceptor", effects, call)
        replica.pump()

    def _write_behind(self) -> None:
        replica, records = self._replica, self._behind[0].records
        try:
            seconds = self.state.begin(records)
        except StorageFailed as error:
            replica.end(str(error))
            return
        if isinstance(records[0], Clear):
            seconds = replica.draws.between(0, SNAPSHOT_SECONDS)
        replica.after("learner", seconds, self._written_behind)

    def _written_behind(self) -> None:
        replica = self._replica
        try:
            self.state.sync()
        except StorageFailed as error:
            replica.end(str(error))
            return
        replica.leave("learner", self._behind.popleft(), None)
        if self._behind:
            self._write_behind()
        replica.pump()
