"""Faults in a row that strike where one rule of leases stands between us and a violation.

Rules: those of adversary.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from ...paxos.messages import Release, Transfer
from ...roles.contract import Address, Message
from ..network import USUAL_LAG
from .adversary import Adversary, Over
from .configured import LONG, SHORT

if TYPE_CHECKING:
    from ..draws import Draws
    from ..replica import Replica
    from ..world import World

__all__ = ["ADVERSARIES"]

SWIFT_LAG = 0.0003
SLOW_LAG = 0.2


def _covet(world: World, draws: Draws, over: Over) -> None:
    """Cut a leader off whose clock is slow, and have another lead once a quorum is free to."""
    adversary = Adversary(world, draws, over)
    world.network.calm()
    if adversary.leads:
        _slow_down(adversary)
    else:
        adversary.once_led(partial(_slow_down, adversary))


def _slow_down(adversary: Adversary) -> None:
    world = adversary.world
    for replica in world.replicas.values():
        rate = 1 - world.drift if replica is adversary.leader else 1 + world.drift
        replica.own_clock.tune(rate, world.now)
    world.network.lag = adversary.draws.choice((USUAL_LAG, SLOW_LAG))
    adversary.after(adversary.draws.between(0.2, 0.4), partial(_wait_for_end, adversary))


def _wait_for_end(adversary: Adversary) -> None:
    """First nothing of the leader's arrives any more; what is on its way is still answered."""
    timing = adversary.world.timing
    adversary.world.network.cuts |= {(adversary.leader.me, other.me) for other in adversary.others}
    adversary.after(timing.lease - 2 * timing.heartbeat, partial(_isolate, adversary))


def _isolate(adversary: Adversary) -> None:
    heartbeat = adversary.world.timing.heartbeat
    adversary.cut_off()
    adversary.world.network.lag = SWIFT_LAG
    adversary.seize(
        adversary.others, 4 * heartbeat, lambda: adversary.after(heartbeat, adversary.mend)
    )


def _bridge(world: World, draws: Draws, over: Over) -> None:
    """Leave the leader a bare quorum, one of which also makes one with all the others."""
    _part(Adversary(world, draws, over), [])


def _bridge_after_transfer(world: World, draws: Draws, over: Over) -> None:
    """Do so just after a hand-over whose messages come again, its Releases as rivals campaign."""
    adversary = Adversary(world, draws, over)
    late: list[Callable[[], None]] = []

    def keep(_: Address, __: Address, message: Message, arrive: Callable[[], None]) -> str:
        if isinstance(message, Release):
            late.append(arrive)
        return ""

    world.network.catch = keep
    world.network.twice = 1.0
    successor = draws.choice(world.ids)
    for replica in world.replicas.values():
        replica.deliver("proposer", Transfer(successor))
    adversary.once_led(partial(_part, adversary, late))


def _part(adversary: Adversary, late: list[Callable[[], None]]) -> None:
    draws, world = adversary.draws, adversary.world
    world.network.twice = 0.0
    others = draws.sample(adversary.others, len(world.ids) - 1)
    near, far = others[1 : adversary.quorum - 1], others[max(1, adversary.quorum - 1) :]
    for one in (adversary.leader, *near):
        for other in far:
            adversary.separate(one, other)
    for rival in (*others[:1], *far):
        for _ in range(4):
            adversary.after(draws.number(), partial(_provoke, adversary, rival, late))
    adversary.after(draws.between(1.0, 3.0), adversary.mend)


def _provoke(adversary: Adversary, rival: Replica, late: list[Callable[[], None]]) -> None:
    """Let what is late arrive, out of date by now, and have a rival try at once."""
    for arrive in late:
        arrive()
    adversary.campaign(rival)


def _outlast(world: World, draws: Draws, over: Over) -> None:
    """Start one with a long lease, let it lead, and cut it off for longer than others grant."""
    adversary = Adversary(world, draws, over)
    odd = draws.choice(adversary.others)
    odd.retime(LONG)
    for _ in range(6):
        adversary.after(LONG.hold + draws.number(), partial(adversary.campaign, odd))
    adversary.once_led(lambda: adversary.after(2 * LONG.heartbeat, partial(_outlasts, adversary)))
    adversary.after(7.0, partial(odd.retime, None))


def _outlasts(adversary: Adversary) -> None:
    adversary.cut_off()
    for other in adversary.others:
        for _ in range(4):
            adversary.after(
                adversary.world.timing.lease + adversary.draws.number(),
                partial(adversary.campaign, other),
            )
    adversary.after(2.0, adversary.mend)


def _hasten(world: World, draws: Draws, over: Over) -> None:
    """Cut a leader off while all the others start again with a lease that ends sooner."""
    adversary = Adversary(world, draws, over)
    adversary.cut_off()
    for other in adversary.others:
        other.retime(SHORT)
        for _ in range(4):
            adversary.after(
                SHORT.hold + draws.between(0.0, 0.3), partial(adversary.campaign, other)
            )
    adversary.after(1.0, adversary.mend)
    for other in adversary.others:
        adversary.after(2.0, partial(other.retime, None))


ADVERSARIES: dict[str, Callable[[World, Draws, Over], None]] = {
    "bridge": _bridge,
    "bridge_after_transfer": _bridge_after_transfer,
    "covet": _covet,
    "hasten": _hasten,
    "outlast": _outlast,
}
"""By the names that profiles use."""
