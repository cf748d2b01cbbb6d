"""What goes wrong around leaders, logs and lost disks: faults that know the protocol.

Rules: those of ../faults.py; at most as many disks are lost at a time as the rules allow (enough
others to copy from and to choose the VOTER command).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ...paxos.ballot import NO_BALLOT
from ...paxos.messages import CampaignNow, Restore, Transfer
from ...paxos.proposer import Proposer
from .. import faults
from ..disk import READ_SECONDS
from ..faults import Fault, Strike, take_up
from . import adversaries_learned, adversaries_leases, adversaries_voters
from .adversary import Over
from .losses import may_lose

if TYPE_CHECKING:
    from ..draws import Draws
    from ..replica import Replica
    from ..world import World

__all__ = ["FAULTS"]


def _leader(strike: Strike) -> Replica:
    """Choose one that leads or believes so; anybody if nobody does."""
    proposers = ((r, r.role(Proposer)) for r in strike.world.replicas.values())
    leaders = [replica for replica, proposer in proposers if proposer and proposer.leading]
    return strike.draws.choice(leaders) if leaders else strike.any()


def _crash_leader(strike: Strike) -> None:
    strike.kill(_leader(strike))


def _fail_leaders_role(strike: Strike) -> None:
    leader = _leader(strike)
    strike.fail(leader, strike.draws.choice(leader.fallible))


def _fail_learner(strike: Strike) -> None:
    strike.fail(strike.any(), "learner")


def _pause_leader(strike: Strike) -> None:
    strike.stop(_leader(strike))


def _hang_leaders_disk(strike: Strike) -> None:
    """Its peers still hear it: only its own acceptor is silent, or its learner, if that reads."""
    leader = _leader(strike)
    for disk in leader.disks.values():
        disk.hang()
        strike.later(disk.well)
    if strike.draws.chance(0.5):
        leader.writes.stall("learner", strike.draws.between(0.5, READ_SECONDS))


def _isolate_leader(strike: Strike) -> None:
    strike.isolate(_leader(strike))


# --- leadership -----------------------------------------------------------------------------------


def _transfer(strike: Strike) -> None:
    """Somebody asks whoever leads to hand over."""
    successor = strike.draws.choice(strike.world.ids)
    for replica in strike.world.replicas.values():
        replica.deliver("proposer", Transfer(successor))


def _provoke(strike: Strike) -> None:
    _campaign(strike.any())


def _campaign(replica: Replica) -> None:
    """Make a proposer campaign though nobody asked for that; it must not matter to safety."""
    replica.deliver("proposer", CampaignNow(NO_BALLOT))


def _depose(strike: Strike) -> None:
    """Cut the leader off, restart acceptors that granted it its lease, provoke the others."""
    leader = _leader(strike)
    for other in strike.others(leader):
        strike.separate(leader, other)
        if other.up and not other.paused and strike.draws.chance(0.5):
            other.fail("acceptor")
            other.restart("acceptor")
        for _ in range(8):
            strike.world.after(strike.draws.number(), partial(_campaign, other))
    strike.later(strike.mend)


# --- disks and what they hold ---------------------------------------------------------------------


def _lose_disk(strike: Strike) -> None:
    """Lose a disk with the process that used it."""
    replica = strike.any()
    if may_lose(strike.world, replica):
        replica.lose_disk(all_of_them=strike.draws.chance(0.5))
        strike.later(replica.start)


def _flip_votes(strike: Strike) -> None:
    """Damage what an acceptor confirmed; somebody replaces the disk once it is refused."""
    replica = strike.any()
    if may_lose(strike.world, replica):
        replica.crash()
        what = replica.disks["acceptor"].flip()
        strike.world.trace("fault", f"a bit flips in r{replica.me}'s {what}")
        strike.later(partial(take_up, replica))


def _flip_state(strike: Strike) -> None:
    """Damage what a learner wrote, found at its next start or before; it learns that again."""
    replica = strike.any()
    runs_on = strike.draws.chance(0.5)
    if not may_lose(strike.world, replica, runs_on=runs_on):
        return
    if not runs_on:
        replica.crash()
    what = replica.disks["learner"].flip()
    strike.world.trace("fault", f"a bit flips in r{replica.me}'s {what}")
    if runs_on:
        strike.later(partial(strike.fail, replica, "learner"))
    else:
        strike.later(replica.start)


def _restore(strike: Strike) -> None:
    """Have a learner pull a snapshot, whether it lacks anything or not."""
    strike.any().deliver("learner", Restore(strike.draws.choice(strike.world.ids)))


def _adversary(adversary: Callable[[World, Draws, Over], None]) -> Fault:
    return lambda strike: adversary(strike.world, strike.draws, strike.over)


FAULTS: dict[str, Fault] = {
    **faults.FAULTS,
    "crash_leader": _crash_leader,
    "depose": _depose,
    "fail_leaders_role": _fail_leaders_role,
    "fail_learner": _fail_learner,
    "flip_state": _flip_state,
    "flip_votes": _flip_votes,
    "hang_leaders_disk": _hang_leaders_disk,
    "isolate_leader": _isolate_leader,
    "lose_disk": _lose_disk,
    "pause_leader": _pause_leader,
    "provoke": _provoke,
    "restore": _restore,
    "transfer": _transfer,
    **{name: _adversary(it) for name, it in adversaries_leases.ADVERSARIES.items()},
    **{name: _adversary(it) for name, it in adversaries_learned.ADVERSARIES.items()},
    **{name: _adversary(it) for name, it in adversaries_voters.ADVERSARIES.items()},
}
"""All faults that strike this protocol, by the names that profiles use."""
