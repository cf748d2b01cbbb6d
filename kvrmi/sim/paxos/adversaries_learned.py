"""Faults in a row where who leads, who lags and who forgot do not go together.

Rules: those of adversary.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import combinations
from typing import TYPE_CHECKING

from ...paxos.acceptor import Acceptor
from ...paxos.messages import Accept, Forward, Restore
from ...roles.contract import Address, Message
from .adversary import LOOK_EVERY, LOOKS, POLL_EVERY, Adversary, Over
from .losses import may_lose

if TYPE_CHECKING:
    from ..draws import Draws
    from ..replica import Replica
    from ..world import World

__all__ = ["ADVERSARIES"]

SLOW_STATE = 1000.0
"""By how much learners' disks are slower than usual while a lost one rejoins."""
LATE = 0.1
"""Seconds by which a leader hears later than its learner."""


def _relapse(world: World, draws: Draws, over: Over) -> None:
    """Have a leader die with votes that nobody heard of; cut the power once there is another."""
    adversary = Adversary(world, draws, over)
    adversary.cut_off()
    adversary.after(draws.between(0.05, 0.3), partial(_die, adversary))


def _die(adversary: Adversary) -> None:
    adversary.leader.crash()
    adversary.after(LOOKS * LOOK_EVERY, adversary.leader.start)
    adversary.mend()
    adversary.once_led(
        lambda: adversary.after(adversary.draws.soon(0.03), partial(_power_cut, adversary))
    )


def _power_cut(adversary: Adversary) -> None:
    """Cut it; the new leader comes back last, so that others find out what it did."""
    adversary.leader.crash()
    adversary.after(2.0, adversary.leader.start)
    for replica in adversary.others:
        replica.crash()
        adversary.after(adversary.draws.soon(0.02), replica.start)


def _laggard(world: World, draws: Draws, over: Over) -> None:
    """Have one lead next that has missed what the leader announced for a while."""
    adversary = Adversary(world, draws, over)
    laggard = draws.choice(adversary.others or [adversary.leader])
    adversary.separate(adversary.leader, laggard)
    adversary.after(draws.between(0.1, 0.6), partial(_succeed, adversary, laggard))


def _succeed(adversary: Adversary, laggard: Replica) -> None:
    adversary.leader.crash()
    adversary.after(LOOKS * LOOK_EVERY, adversary.leader.start)
    adversary.mend()
    adversary.seize([laggard], 2 * adversary.world.timing.lease)


def _stall(world: World, draws: Draws, over: Over) -> None:
    """Stop a leader past its lease, and no longer; who asks it then has just missed a write."""
    adversary = Adversary(world, draws, over)
    if world.network.cuts:
        return  # it would end them
    world.network.calm()
    stopped = adversary.leader
    stopped.pause()
    world.after(2 * world.timing.lease, stopped.resume)
    outdate = partial(adversary.once_led, partial(_outdate, adversary, stopped), POLL_EVERY)
    adversary.seize(adversary.others, 2 * world.timing.lease, outdate)


def _outdate(adversary: Adversary, stopped: Replica) -> None:
    """Have another's write acknowledged, and then a read wait as the stopped one goes on."""
    world = adversary.world
    acknowledged = world.visit(adversary.leader, True)

    def look(tries: int) -> None:
        if acknowledged() or not tries:
            world.visit(stopped, False)
            stopped.resume()
        else:
            adversary.after(POLL_EVERY, partial(look, tries - 1))

    look(LOOKS)


def _relearn(world: World, draws: Draws, over: Over) -> None:
    """Have one lead that has missed how a lost disk became a voter again."""
    adversary = Adversary(world, draws, over)
    if len(adversary.others) < 2:
        return
    world.network.calm()
    laggard, lost, *_ = draws.sample(adversary.others, len(adversary.others))
    if not may_lose(world, lost):
        return
    for other in adversary.others:
        adversary.separate(laggard, other)
    adversary.separate(laggard, adversary.leader)
    for other in world.replicas.values():
        # So that none forgets a slot.
        other.disks["learner"].slowness = 1.0 if other is lost else SLOW_STATE
    lost.lose_disk(all_of_them=False)
    lost.start()
    adversary.after(LOOK_EVERY, partial(_await_voter, adversary, laggard, lost, LOOKS))


def _await_voter(adversary: Adversary, laggard: Replica, lost: Replica, tries: int) -> None:
    acceptor = lost.role(Acceptor)
    votes = acceptor is not None and not acceptor.recovering
    if not votes and tries:
        adversary.after(LOOK_EVERY, partial(_await_voter, adversary, laggard, lost, tries - 1))
        return
    for other in adversary.world.replicas.values():
        adversary.after(LOOKS * LOOK_EVERY, other.disks["learner"].well)
    _succeed(adversary, laggard)


def _overhear(world: World, draws: Draws, over: Over) -> None:
    """Leave a leader one follower; it learns what the others decide before it hears who leads."""
    adversary = Adversary(world, draws, over)
    if len(adversary.others) < adversary.quorum:
        return
    world.network.calm()
    near, *far = draws.sample(adversary.others, len(adversary.others))
    for other in far:
        adversary.separate(adversary.leader, other)
        adversary.separate(near, other)
    printer = draws.choice(far)
    decided = draws.between(0.015, 0.05)
    reported = partial(adversary.after, decided, partial(_overheard, adversary, printer))
    adversary.seize(far, 2 * world.timing.lease, reported)


def _overheard(adversary: Adversary, printer: Replica) -> None:
    """Let through what learners say; the rest is late."""
    network, leader = adversary.world.network, adversary.leader

    until = adversary.world.now + LATE

    def keep(sender: Address, to: Address, _: Message, arrive: Callable[[], None]) -> str:
        late = leader.me in (sender.replica, to.replica) and "learner" not in (sender.role, to.role)
        if late and adversary.world.now < until and printer.me in (sender.replica, to.replica):
            adversary.world.after(LATE, arrive)
            return "held"
        return ""

    network.catch = keep
    network.cuts -= {(leader.me, printer.me), (printer.me, leader.me)}
    leader.deliver("learner", Restore(printer.me))
    adversary.after(LATE, adversary.mend)


def _strand(world: World, draws: Draws, over: Over) -> None:
    """Let a leader die whose batch one other has, and nobody be reached while a client waits."""
    adversary = Adversary(world, draws, over)
    if len(adversary.others) < adversary.quorum or world.network.cuts:
        return
    world.network.calm()
    witness, asked, *_ = draws.sample(adversary.others, 2)

    def keep(sender: Address, to: Address, message: Message, _: Callable[[], None]) -> str:
        if isinstance(message, Forward) and sender.replica == asked.me:
            adversary.after(LOOK_EVERY, partial(_die_unheard, adversary))
        from_leader = sender.replica == adversary.leader.me
        lost = isinstance(message, Accept) and from_leader and to.replica != witness.me
        return "lost" if lost else ""

    def forget() -> None:
        if world.network.catch is keep:  # nothing was forwarded
            world.network.catch = lambda *_: ""

    world.network.catch = keep
    world.visit(asked, True)
    adversary.after(world.timing.request, forget)


def _die_unheard(adversary: Adversary) -> None:
    network, leader = adversary.world.network, adversary.leader
    if not leader.up:
        return
    leader.crash()
    network.catch = lambda *_: ""
    for one, other in combinations(adversary.world.replicas.values(), 2):
        adversary.separate(one, other)
    soon = adversary.world.timing.request
    adversary.after(soon, adversary.mend)
    adversary.after(soon, leader.start)


ADVERSARIES: dict[str, Callable[[World, Draws, Over], None]] = {
    "laggard": _laggard,
    "overhear": _overhear,
    "relapse": _relapse,
    "relearn": _relearn,
    "stall": _stall,
    "strand": _strand,
}
"""By the names that profiles use."""
