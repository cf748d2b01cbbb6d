"""Faults in a row around a phase 1 that is open while who votes changes.

Rules: those of adversary.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ...paxos.learner import Learner
from ...paxos.messages import Heartbeat, Prepare, Promise, Refused, Restore
from ...roles.contract import Address, Message
from .adversary import Adversary, Over
from .losses import may_lose

if TYPE_CHECKING:
    from ..draws import Draws
    from ..replica import Replica
    from ..world import World

__all__ = ["ADVERSARIES"]

LOOK_EVERY = 0.01
SILENCE = 2.0
"""Seconds until who led may lead again."""
LOOKS = 40
"""A phase 1 is given up after half a second."""


class _Renewal:
    """A candidate has the promises of its own acceptor and of `lost`, whose disk goes and comes.

    `other` leads at a lower ballot meanwhile; the candidate's Prepare to `third` is late.
    """

    def __init__(self, adversary: Adversary, far: list[Replica]) -> None:
        self.adversary = adversary
        self.lost, self.third, one, another = far
        self.other, self.candidate = sorted((one, another), key=lambda replica: replica.me)
        self.late: list[Callable[[], None]] = []
        self.gone = False

    def begin(self) -> None:
        """Have both campaign, and let the candidate's messages reach one alone."""
        self.adversary.world.network.catch = self._catch
        self.adversary.campaign(self.other)

    def _catch(
        self, sender: Address, to: Address, message: Message, arrive: Callable[[], None]
    ) -> str:
        way = (sender.replica, to.replica)
        bound = (self.candidate.me, self.lost.me)
        match message:
            case Prepare() if sender.replica == self.candidate.me and to.replica != self.lost.me:
                if to.replica == self.third.me:
                    self.late.append(arrive)
                    return "held"
                return "lost"
            case Promise(more=0) if way == bound[::-1]:
                self.adversary.after(LOOK_EVERY, self._lose)
            case Prepare() if sender.replica == self.other.me and self.gone:
                return "lost"  # it has learned of the new epoch, and would be first
            case Heartbeat() if way == (self.other.me, self.third.me):
                return "lost"  # it grants no lease, and so is free to promise
            case Refused() if sender.replica in bound and to.replica == self.other.me:
                return "lost"
        return ""

    def _lose(self) -> None:
        self.gone = True
        self.lost.lose_disk(all_of_them=False)
        self.lost.start()
        self._look(LOOKS)

    def _look(self, tries: int) -> None:
        """Hurry the lost one; once the candidate has learned of its new epoch, end the wait."""
        self.lost.nudge("acceptor")
        self.candidate.deliver("learner", Restore(self.other.me))
        learner = self.candidate.role(Learner)
        voters = learner.state.voters if learner is not None else ()
        if not tries or any(voter.disk == self.lost.disk_id for voter in voters):
            self.adversary.world.network.catch = lambda *_: ""
            for arrive in self.late:
                arrive()
        else:
            self.adversary.after(LOOK_EVERY, partial(self._look, tries - 1))


def _renew(world: World, draws: Draws, over: Over) -> None:
    """Leave a phase 1 open while one that promised loses its disk and is voted in anew."""
    adversary = Adversary(world, draws, over)
    far = draws.sample(adversary.others, len(adversary.others))
    if len(far) < 4 or not may_lose(world, far[0]):
        return
    world.network.calm()
    adversary.leader.fail("proposer")  # its acceptor lives on, and renews no grant
    adversary.after(SILENCE, partial(adversary.leader.restart, "proposer"))
    renewal = _Renewal(adversary, far)
    adversary.seize([renewal.candidate], 2 * world.timing.lease, renewal.begin)


ADVERSARIES: dict[str, Callable[[World, Draws, Over], None]] = {"renew": _renew}
"""By the names that profiles use."""
