"""What faults in a row have in common: who leads, whom to cut off, and a moment to wait for.

Rules: as in faults.py, each has draws of its own and may be left out; none of them is more than
could happen by chance, they only make the rare more frequent. Those that watch for a moment give up
when it does not come.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ...cluster.quorum import majority
from ...paxos.acceptor import Acceptor
from ...paxos.ballot import NO_BALLOT, Ballot
from ...paxos.messages import CampaignNow, PreVote, PreVoted
from ...paxos.proposer import Proposer
from .monitor import monitor

if TYPE_CHECKING:
    from ..draws import Draws
    from ..replica import Replica
    from ..world import World

__all__ = ["LOOKS", "LOOK_EVERY", "POLL_EVERY", "Adversary", "Over"]

Over: TypeAlias = Callable[[], bool]
"""Returns whether faults have ended."""

LOOK_EVERY = 0.02
"""Mean seconds between looks for a new leader."""
LOOKS = 150
POLL_EVERY = 0.001
"""Seconds between looks whether leases are over."""


class Adversary:
    """Faults in a row, under way; `leader` is who leads, or anybody if nobody does."""

    def __init__(self, world: World, draws: Draws, over: Over) -> None:
        """Begin with whoever leads now."""
        self.world = world
        self.draws = draws
        self.over = over
        self.quorum = majority(len(world.ids))
        proposers = ((r, r.role(Proposer)) for r in world.replicas.values())
        leaders = [replica for replica, proposer in proposers if proposer and proposer.leading]
        self.leads = bool(leaders)
        self.leader = draws.choice(leaders or list(world.replicas.values()))

    @property
    def others(self) -> list[Replica]:
        """All but the leader."""
        return [other for other in self.world.replicas.values() if other is not self.leader]

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Do something later, unless faults have ended by then."""
        self.world.after(seconds, lambda: None if self.over() else action())

    def separate(self, one: Replica, other: Replica) -> None:
        """Cut a link both ways."""
        self.world.network.cuts |= {(one.me, other.me), (other.me, one.me)}

    def cut_off(self) -> None:
        """Cut all links of the leader."""
        for other in self.others:
            self.separate(self.leader, other)

    def mend(self) -> None:
        """End all cuts."""
        self.world.network.cuts.clear()

    def campaign(self, replica: Replica) -> None:
        """Make a proposer campaign, whoever leads."""
        replica.deliver("proposer", CampaignNow(NO_BALLOT))

    def once_led(self, action: Callable[[], None], every: float = LOOK_EVERY) -> None:
        """Do something once there is a new leader, who is then `leader`; looks so often."""
        elections = monitor(self.world).elections
        known = len(elections)

        def look(tries: int) -> None:
            if len(elections) > known:
                self.leader = self.world.replicas[elections[-1][1].replica]
                action()
            elif tries:
                self.after(self.draws.soon(every), partial(look, tries - 1))

        look(LOOKS)

    def seize(
        self, rivals: Sequence[Replica], seconds: float, then: Callable[[], None] = lambda: None
    ) -> None:
        """Have one of `rivals` campaign once a quorum without the leader would promise.

        `then` is done as soon as it campaigns, or once the time is over.
        """
        free = [other for other in self.others if _would_promise(other)]
        able = [rival for rival in rivals if rival in free]
        if able and len(free) >= self.quorum:
            self.campaign(self.draws.choice(able))
            then()
        elif seconds > 0:
            self.after(POLL_EVERY, partial(self.seize, rivals, seconds - POLL_EVERY, then))
        else:
            then()


def _would_promise(replica: Replica) -> bool:
    """Ask as a candidate does; a pre-vote changes nothing."""
    acceptor = replica.role(Acceptor)
    if acceptor is None or replica.paused:
        return False
    ballot = Ballot(acceptor.state.promised.round + 1, replica.me)
    effects = acceptor.receive(replica.clock(), replica.address("proposer"), PreVote(ballot))
    return any(isinstance(e.message, PreVoted) and e.message.granted for e in effects.messages)
