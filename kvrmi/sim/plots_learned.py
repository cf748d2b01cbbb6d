"""Faults in a row where who leads, who lags and who forgot do not go together.

Rules: those of plot.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ..paxos.messages import Restore
from ..roles.contract import Address, Message
from .losses import may_lose
from .plot import LOOK_EVERY, LOOKS, Over, Plot

if TYPE_CHECKING:
    from .dice import Dice
    from .replica import Replica
    from .world import World

__all__ = ["PLOTS"]

SLOW_STATE = 1000.0
"""By how much learners' disks are slower than usual while a lost one rejoins."""
LATE = 0.1
"""Seconds by which a leader hears later than its learner."""


def _relapse(world: World, dice: Dice, over: Over) -> None:
    """Have a leader die with votes that nobody heard of; cut the power once there is another."""
    plot = Plot(world, dice, over)
    plot.cut_off()
    plot.after(dice.between(0.05, 0.3), partial(_die, plot))


def _die(plot: Plot) -> None:
    plot.leader.crash()
    plot.after(LOOKS * LOOK_EVERY, plot.leader.start)
    plot.mend()
    plot.once_led(lambda: plot.after(plot.dice.soon(0.03), partial(_power_cut, plot)))


def _power_cut(plot: Plot) -> None:
    """Cut it; the new leader comes back last, so that others find out what it did."""
    plot.leader.crash()
    plot.after(2.0, plot.leader.start)
    for replica in plot.others:
        replica.crash()
        plot.after(plot.dice.soon(0.02), replica.start)


def _laggard(world: World, dice: Dice, over: Over) -> None:
    """Have one lead next that has missed what the leader announced for a while."""
    plot = Plot(world, dice, over)
    laggard = dice.choice(plot.others or [plot.leader])
    plot.separate(plot.leader, laggard)
    plot.after(dice.between(0.1, 0.6), partial(_succeed, plot, laggard))


def _succeed(plot: Plot, laggard: Replica) -> None:
    plot.leader.crash()
    plot.after(LOOKS * LOOK_EVERY, plot.leader.start)
    plot.mend()
    plot.seize([laggard], 2 * plot.world.parts.timing.lease)


def _stall(world: World, dice: Dice, over: Over) -> None:
    """Stop a leader past its lease, and no longer; who asks it then has just missed a write."""
    plot = Plot(world, dice, over)
    world.network.calm()
    plot.leader.pause()
    soon = dice.between(0.03, 0.08)
    resume = partial(world.after, soon, plot.leader.resume)
    plot.seize(plot.others, 2 * world.parts.timing.lease, resume)


def _relearn(world: World, dice: Dice, over: Over) -> None:
    """Have one lead that has missed how a lost disk became a voter again."""
    plot = Plot(world, dice, over)
    if len(plot.others) < 2:
        return
    world.network.calm()
    laggard, lost, *_ = dice.sample(plot.others, len(plot.others))
    if not may_lose(world, lost):
        return
    for other in plot.others:
        plot.separate(laggard, other)
    plot.separate(laggard, plot.leader)
    for other in world.replicas.values():
        other.state.slowness = 1.0 if other is lost else SLOW_STATE  # so that none forgets a slot
    lost.lose_disk(state_too=False)
    lost.start()
    plot.after(LOOK_EVERY, partial(_await_voter, plot, laggard, lost, LOOKS))


def _await_voter(plot: Plot, laggard: Replica, lost: Replica, tries: int) -> None:
    votes = lost.acceptor is not None and not lost.acceptor.recovering
    if not votes and tries:
        plot.after(LOOK_EVERY, partial(_await_voter, plot, laggard, lost, tries - 1))
        return
    for other in plot.world.replicas.values():
        plot.after(LOOKS * LOOK_EVERY, other.state.well)
    _succeed(plot, laggard)


def _overhear(world: World, dice: Dice, over: Over) -> None:
    """Leave a leader one follower; it learns what the others decide before it hears who leads."""
    plot = Plot(world, dice, over)
    if len(plot.others) < plot.quorum:
        return
    world.network.calm()
    near, *far = dice.sample(plot.others, len(plot.others))
    for other in far:
        plot.separate(plot.leader, other)
        plot.separate(near, other)
    teller = dice.choice(far)
    decided = dice.between(0.015, 0.05)
    told = partial(plot.after, decided, partial(_overheard, plot, teller))
    plot.seize(far, 2 * world.parts.timing.lease, told)


def _overheard(plot: Plot, teller: Replica) -> None:
    """Let through what learners say; the rest is late."""
    network, leader = plot.world.network, plot.leader

    until = plot.world.now + LATE

    def keep(sender: Address, to: Address, _: Message, arrive: Callable[[], None]) -> bool:
        late = leader.me in (sender.replica, to.replica) and "learner" not in (sender.role, to.role)
        if late and plot.world.now < until and teller.me in (sender.replica, to.replica):
            plot.world.after(LATE, arrive)
            return True
        return False

    network.catch = keep
    network.cuts -= {(leader.me, teller.me), (teller.me, leader.me)}
    leader.tell("learner", Restore(teller.me))
    plot.after(LATE, plot.mend)


PLOTS: dict[str, Callable[[World, Dice, Over], None]] = {
    "laggard": _laggard,
    "overhear": _overhear,
    "relapse": _relapse,
    "relearn": _relearn,
    "stall": _stall,
}
"""By the names that profiles use."""
