"""What goes wrong in the bag: crashes, failed roles, cuts, a bad network, lost disks.

Rule: at most as many acceptor disks are lost at a time as the rules allow (enough others to copy
from and to choose the VOTER command); all else may happen at any moment, and `heal` ends it all.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from kvrmi.paxos.acceptor import TABLES as ACCEPTOR_TABLES
from kvrmi.paxos.acceptor import State
from kvrmi.paxos.ballot import NO_BALLOT
from kvrmi.paxos.messages import CampaignNow, Restore, Transfer
from kvrmi.paxos.quorum import majority
from kvrmi.storage.memory import MemoryStorage

from .bag import ROLES
from .network import USUAL_LAG

if TYPE_CHECKING:
    from .bag import Bag, Node

__all__ = ["Faults"]


class Faults:
    """Draws a kind of misfortune now and then; how often differs from seed to seed."""

    def __init__(self, bag: Bag) -> None:
        self._bag = bag
        self._rng = bag.rng
        self._over = False
        self._pause = self._rng.choice((0.1, 0.3, 0.8))
        kinds = [
            self._crash, self._fail_role, self._cut, self._weather, self._transfer,
            self._restore, self._provoke, self._depose, self._depose,
        ]  # fmt: skip
        if len(bag.ids) > 2:
            kinds.append(self._wipe)
        self._kinds = self._rng.sample(kinds, self._rng.randint(2, len(kinds)))
        self._next()

    def heal(self) -> None:
        """Nothing goes wrong any more; everybody comes back."""
        self._over = True
        self._bag.network.calm()
        for node in self._bag.nodes.values():
            if not node.up:
                node.start()
            for role in ROLES:
                node.restart(role)

    def _next(self) -> None:
        self._bag.after(self._rng.expovariate(1 / self._pause), self._strike)

    def _strike(self) -> None:
        if not self._over:
            self._rng.choice(self._kinds)()
            self._next()

    def _later(self) -> float:
        return self._rng.choice((0.01, 0.1, 0.5, 1.0, 3.0)) * self._rng.random()

    def _node(self) -> Node:
        return self._bag.nodes[self._rng.choice(self._bag.ids)]

    def _crash(self, node: Node | None = None) -> None:
        node = node or self._node()
        if node.up:
            node.crash()
            self._bag.after(self._later(), lambda: None if node.up else node.start())

    def _fail_role(self) -> None:
        node, role = self._node(), self._rng.choice(ROLES)
        if role in node.roles:
            node.fail(role)
            self._bag.after(self._later(), lambda: node.restart(role))

    def _cut(self) -> None:
        """One direction, both, or everything around one replica."""
        cuts = self._bag.network.cuts
        one, kind = self._rng.choice(self._bag.ids), self._rng.randrange(4)
        others = [i for i in self._bag.ids if i != one]
        for other in others if kind == 3 else others[:1]:
            cuts.add((one, other))
            if kind:
                cuts.add((other, one))
        if self._rng.random() < 0.3:
            cuts.clear()
        self._bag.after(self._later(), cuts.clear)

    def _weather(self) -> None:
        network = self._bag.network
        network.loss = self._rng.choice((0.0, 0.02, 0.2, 0.4))
        network.lag = self._rng.choice((USUAL_LAG, USUAL_LAG, 0.02, 0.1))
        network.slow = self._rng.choice((0.0, 0.02, 0.1))
        network.twice = self._rng.choice((0.0, 0.1))

    def _transfer(self) -> None:
        for node in self._bag.nodes.values():
            wanted = Transfer(self._rng.choice(self._bag.ids))
            node.post(node.address("host"), "proposer", wanted)
            node.pump()

    def _restore(self) -> None:
        """Have a learner pull a snapshot, whether it lacks anything or not."""
        node = self._node()
        node.post(node.address("host"), "learner", Restore(self._rng.choice(self._bag.ids)))
        node.pump()

    def _provoke(self, node: Node | None = None) -> None:
        """Make a proposer campaign though nobody asked for that; it must not matter to safety."""
        node = node or self._node()
        node.post(node.address("host"), "proposer", CampaignNow(NO_BALLOT))
        node.pump()

    def _depose(self) -> None:
        """Cut the leader off, restart acceptors that granted it its lease, provoke the others."""
        leads = [n for n in self._bag.nodes.values() if n.proposer and n.proposer.leading]
        if not leads:
            return
        leader = self._rng.choice(leads)
        others = [node for node in self._bag.nodes.values() if node is not leader]
        cuts = self._bag.network.cuts
        for other in others:
            cuts |= {(leader.replica, other.replica), (other.replica, leader.replica)}
            if "acceptor" in other.roles and self._rng.random() < 0.5:
                other.fail("acceptor")
                other.restart("acceptor")
            for _ in range(8):
                self._bag.after(self._rng.random(), partial(self._provoke, other))
        self._bag.after(self._rng.random() * 1.5, cuts.clear)

    def _wipe(self) -> None:
        """Lose a disk with the process that used it."""
        allowed = len(self._bag.ids) - majority(len(self._bag.ids))
        lost = sum(1 for other in self._bag.nodes.values() if _recovering(other))
        node = self._node()
        if lost < allowed and not _recovering(node):
            node.crash()
            node.wipe(state_too=self._rng.random() < 0.5)
            self._bag.after(self._later(), lambda: None if node.up else node.start())


def _recovering(node: Node) -> bool:
    """As its disk says, whether it is up or not."""
    row = MemoryStorage(ACCEPTOR_TABLES, node.votes).read("acceptor", "state")
    return row is not None and State.unpack(row).stage != 0
