"""Makes one replica's roles from its disks, as often as they are taken up; the server has the same.

Rule: replicas are made of the same parts, unless a fault gave one of them other times.
It decides nothing about when.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..config import Timing
from ..paxos.acceptor import Acceptor
from ..paxos.learner import Learner
from ..paxos.proposer import Proposer
from ..roles.contract import Role
from ..storage.interface import Corrupt

if TYPE_CHECKING:
    from .replica import Replica

__all__ = ["Makers"]


class Makers:
    """One method a role; each call makes a new object."""

    def __init__(self, replica: Replica) -> None:
        """Make roles for `replica`, whose folder was formatted at the founding."""
        self.parts = replica.world.parts
        self._replica = replica
        self._founding = True

    @property
    def odd(self) -> bool:
        """True while the replica has other times than everybody."""
        return self.parts is not self._replica.world.parts

    def retime(self, timing: Timing | None) -> None:
        """Give its roles other times, from the next that is made on; None: everybody's."""
        parts = self._replica.world.parts
        self.parts = parts if timing is None else parts.with_times(timing)

    def make(self, name: str) -> Role:
        """Make a role that is not the front. Raises Corrupt."""
        if name == "acceptor":
            return self._acceptor()
        return self._learner() if name == "learner" else self._proposer()

    def _acceptor(self) -> Acceptor:
        one = self._replica
        rejoin = self.parts.rejoin(one.me, one.world.ids, one.votes, one.disk_id)
        founding, self._founding = self._founding, False
        return self.parts.acceptor(one.me, one.votes, one.clock(), founding=founding, rejoin=rejoin)

    def _learner(self) -> Learner:
        """Whatever a damaged disk held can be learned again."""
        one = self._replica
        ids, keep = one.world.ids, one.world.keep
        try:
            return self.parts.learner(one.me, ids, one.state, keep)
        except Corrupt as error:
            one.world.trace(one.me, "learner", f"begins anew: {error}")
            one.state.wipe()
            return self.parts.learner(one.me, ids, one.state, keep)

    def _proposer(self) -> Proposer:
        one, world = self._replica, self._replica.world
        rng = world.dice("proposer", one.me, one.starts, one.incarnation["proposer"]).stream()
        return self.parts.proposer(one.me, world.ids, one.clock(), rng)
