"""Faults in a row that strike where one rule of leases stands between us and a violation.

Rules: those of plot.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ..config import Timing
from ..paxos.messages import Release, Transfer
from ..roles.contract import Address, Message
from .network import USUAL_LAG
from .plot import Over, Plot

if TYPE_CHECKING:
    from .dice import Dice
    from .replica import Replica
    from .world import World

__all__ = ["PLOTS"]

SHORT = Timing(heartbeat=0.02, lease=0.12, election_min=0.6)
LONG = Timing().slow()
"""Times of replicas whose files somebody edited."""
SWIFT_LAG = 0.0003
SLOW_LAG = 0.2


def _covet(world: World, dice: Dice, over: Over) -> None:
    """Cut a leader off whose clock is slow, and have another lead once a quorum is free to."""
    plot = Plot(world, dice, over)
    world.network.calm()
    if plot.leads:
        _slow_down(plot)
    else:
        plot.once_led(partial(_slow_down, plot))


def _slow_down(plot: Plot) -> None:
    world = plot.world
    for replica in world.replicas.values():
        rate = 1 - world.drift if replica is plot.leader else 1 + world.drift
        replica.own_clock.tune(rate, world.now)
    world.network.lag = plot.dice.choice((USUAL_LAG, SLOW_LAG))
    plot.after(plot.dice.between(0.2, 0.4), partial(_wait_for_end, plot))


def _wait_for_end(plot: Plot) -> None:
    """First nothing of the leader's arrives any more; what is on its way is still answered."""
    timing = plot.world.parts.timing
    plot.world.network.cuts |= {(plot.leader.me, other.me) for other in plot.others}
    plot.after(timing.lease - 2 * timing.heartbeat, partial(_isolate, plot))


def _isolate(plot: Plot) -> None:
    heartbeat = plot.world.parts.timing.heartbeat
    plot.cut_off()
    plot.world.network.lag = SWIFT_LAG
    plot.seize(plot.others, 4 * heartbeat, lambda: plot.after(heartbeat, plot.mend))


def _bridge(world: World, dice: Dice, over: Over) -> None:
    """Leave the leader a bare quorum, one of which also makes one with all the others."""
    _part(Plot(world, dice, over), [])


def _bridge_after_transfer(world: World, dice: Dice, over: Over) -> None:
    """Do so just after a hand-over whose messages come again, its Releases as rivals campaign."""
    plot = Plot(world, dice, over)
    late: list[Callable[[], None]] = []

    def keep(_: Address, __: Address, message: Message, arrive: Callable[[], None]) -> bool:
        if isinstance(message, Release):
            late.append(arrive)
        return False

    world.network.catch = keep
    world.network.twice = 1.0
    successor = dice.choice(world.ids)
    for replica in world.replicas.values():
        replica.tell("proposer", Transfer(successor))
    plot.once_led(partial(_part, plot, late))


def _part(plot: Plot, late: list[Callable[[], None]]) -> None:
    dice, world = plot.dice, plot.world
    world.network.twice = 0.0
    others = dice.sample(plot.others, len(world.ids) - 1)
    near, far = others[1 : plot.quorum - 1], others[max(1, plot.quorum - 1) :]
    for one in (plot.leader, *near):
        for other in far:
            plot.separate(one, other)
    for rival in (*others[:1], *far):
        for _ in range(4):
            plot.after(dice.number(), partial(_provoke, plot, rival, late))
    plot.after(dice.between(1.0, 3.0), plot.mend)


def _provoke(plot: Plot, rival: Replica, late: list[Callable[[], None]]) -> None:
    """Let what is late arrive, out of date by now, and have a rival try at once."""
    for arrive in late:
        arrive()
    plot.campaign(rival)


def _outlast(world: World, dice: Dice, over: Over) -> None:
    """Start one with a long lease, let it lead, and cut it off for longer than others grant."""
    plot = Plot(world, dice, over)
    odd = dice.choice(plot.others)
    odd.retime(LONG)
    for _ in range(6):
        plot.after(LONG.hold + dice.number(), partial(plot.campaign, odd))
    plot.once_led(lambda: plot.after(2 * LONG.heartbeat, partial(_outlasts, plot)))
    plot.after(7.0, partial(odd.retime, None))


def _outlasts(plot: Plot) -> None:
    plot.cut_off()
    for other in plot.others:
        for _ in range(4):
            plot.after(
                plot.world.parts.timing.lease + plot.dice.number(), partial(plot.campaign, other)
            )
    plot.after(2.0, plot.mend)


def _hasten(world: World, dice: Dice, over: Over) -> None:
    """Cut a leader off while all the others start again with a lease that ends sooner."""
    plot = Plot(world, dice, over)
    plot.cut_off()
    for other in plot.others:
        other.retime(SHORT)
        for _ in range(4):
            plot.after(SHORT.hold + dice.between(0.0, 0.3), partial(plot.campaign, other))
    plot.after(1.0, plot.mend)
    for other in plot.others:
        plot.after(2.0, partial(other.retime, None))


PLOTS: dict[str, Callable[[World, Dice, Over], None]] = {
    "bridge": _bridge,
    "bridge_after_transfer": _bridge_after_transfer,
    "covet": _covet,
    "hasten": _hasten,
    "outlast": _outlast,
}
"""By the names that profiles use."""
