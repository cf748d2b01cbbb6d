"""Faults in a row that strike where a single rule stands between the cluster and a violation.

Rules: as in faults.py, each has draws of its own and may be left out; none of them is more than
could happen by chance, they only make the rare more frequent. Those that watch for a moment give up
when it does not come.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ..config import Timing
from ..paxos.acceptor import Acceptor
from ..paxos.ballot import NO_BALLOT, Ballot
from ..paxos.messages import CampaignNow, PreVote, PreVoted, Release, Transfer
from ..paxos.quorum import majority
from ..roles.contract import Address, Message
from .network import USUAL_LAG

if TYPE_CHECKING:
    from .dice import Dice
    from .replica import Replica
    from .world import World

__all__ = ["PLOTS"]

Over: TypeAlias = Callable[[], bool]

LOOK_EVERY = 0.02
"""Mean seconds between looks for a new leader."""
LOOKS = 150
POLL_EVERY = 0.001
"""Seconds between looks whether leases are over."""
SHORT = Timing(heartbeat=0.02, lease=0.12, election_min=0.6)
LONG = Timing().slow()
"""Times of replicas whose files somebody edited."""
SWIFT_LAG = 0.0003
SLOW_LAG = 0.2


class _Plot:
    """One of them, under way."""

    def __init__(self, world: World, dice: Dice, over: Over) -> None:
        self.world = world
        self.dice = dice
        self.over = over
        self.quorum = majority(len(world.ids))
        leaders = [r for r in world.replicas.values() if r.proposer and r.proposer.leading]
        self.leads = bool(leaders)
        self.leader = dice.choice(leaders or list(world.replicas.values()))

    @property
    def others(self) -> list[Replica]:
        return [other for other in self.world.replicas.values() if other is not self.leader]

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        self.world.after(seconds, lambda: None if self.over() else action())

    def separate(self, one: Replica, other: Replica) -> None:
        self.world.network.cuts |= {(one.me, other.me), (other.me, one.me)}

    def cut_off(self) -> None:
        for other in self.others:
            self.separate(self.leader, other)

    def mend(self) -> None:
        self.world.network.cuts.clear()

    def campaign(self, replica: Replica) -> None:
        replica.tell("proposer", CampaignNow(NO_BALLOT))

    def once_led(self, action: Callable[[], None]) -> None:
        """Do something once there is a new leader, who is then `leader`."""
        elections = self.world.watch.elections
        known = len(elections)

        def look(tries: int) -> None:
            if len(elections) > known:
                self.leader = self.world.replicas[elections[-1][1].replica]
                action()
            elif tries:
                self.after(self.dice.soon(LOOK_EVERY), partial(look, tries - 1))

        look(LOOKS)


def _relapse(world: World, dice: Dice, over: Over) -> None:
    """Have a leader die with votes that nobody heard of; cut the power once there is another."""
    plot = _Plot(world, dice, over)
    plot.cut_off()
    plot.after(dice.between(0.05, 0.3), partial(_die, plot))


def _die(plot: _Plot) -> None:
    plot.leader.crash()
    plot.after(LOOKS * LOOK_EVERY, plot.leader.start)
    plot.mend()
    plot.once_led(lambda: plot.after(plot.dice.soon(0.03), partial(_power_cut, plot)))


def _power_cut(plot: _Plot) -> None:
    """Cut it; the new leader comes back last, so that others find out what it did."""
    plot.leader.crash()
    plot.after(2.0, plot.leader.start)
    for replica in plot.others:
        replica.crash()
        plot.after(plot.dice.soon(0.02), replica.start)


def _covet(world: World, dice: Dice, over: Over) -> None:
    """Cut a leader off whose clock is slow, and have another lead once a quorum is free to."""
    plot = _Plot(world, dice, over)
    world.network.calm()
    if plot.leads:
        _slow_down(plot)
    else:
        plot.once_led(partial(_slow_down, plot))


def _slow_down(plot: _Plot) -> None:
    world = plot.world
    for replica in world.replicas.values():
        rate = 1 - world.drift if replica is plot.leader else 1 + world.drift
        replica.own_clock.tune(rate, world.now)
    world.network.lag = plot.dice.choice((USUAL_LAG, SLOW_LAG))
    plot.after(plot.dice.between(0.2, 0.4), partial(_wait_for_end, plot))


def _wait_for_end(plot: _Plot) -> None:
    """First nothing of the leader's arrives any more; what is on its way is still answered."""
    timing = plot.world.parts.timing
    plot.world.network.cuts |= {(plot.leader.me, other.me) for other in plot.others}
    plot.after(timing.lease - 2 * timing.heartbeat, partial(_isolate, plot))


def _isolate(plot: _Plot) -> None:
    plot.cut_off()
    plot.world.network.lag = SWIFT_LAG
    _seize(plot, int(4 * plot.world.parts.timing.heartbeat / POLL_EVERY))


def _seize(plot: _Plot, tries: int) -> None:
    free = [other for other in plot.others if _would_promise(other)]
    if len(free) >= plot.quorum:
        plot.campaign(plot.dice.choice(free))
        plot.after(plot.world.parts.timing.heartbeat, plot.mend)
    elif tries:
        plot.after(POLL_EVERY, partial(_seize, plot, tries - 1))
    else:
        plot.mend()


def _would_promise(replica: Replica) -> bool:
    """Ask as a candidate does; a pre-vote changes nothing."""
    acceptor: Acceptor | None = replica.acceptor
    if acceptor is None or replica.paused:
        return False
    ballot = Ballot(acceptor.state.promised.round + 1, replica.me)
    effects = acceptor.receive(replica.clock(), replica.address("proposer"), PreVote(ballot))
    return any(isinstance(m, PreVoted) and m.granted for _, m in effects.messages)


def _bridge(world: World, dice: Dice, over: Over) -> None:
    """Leave the leader a bare quorum, one of which also makes one with all the others."""
    _part(_Plot(world, dice, over), [])


def _bridge_after_transfer(world: World, dice: Dice, over: Over) -> None:
    """Do so just after a hand-over whose messages come again, its Releases as rivals campaign."""
    plot = _Plot(world, dice, over)
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


def _part(plot: _Plot, late: list[Callable[[], None]]) -> None:
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


def _provoke(plot: _Plot, rival: Replica, late: list[Callable[[], None]]) -> None:
    """Let what is late arrive, out of date by now, and have a rival try at once."""
    for arrive in late:
        arrive()
    plot.campaign(rival)


def _outlast(world: World, dice: Dice, over: Over) -> None:
    """Start one with a long lease, let it lead, and cut it off for longer than others grant."""
    plot = _Plot(world, dice, over)
    odd = dice.choice(plot.others)
    odd.retime(LONG)
    for _ in range(6):
        plot.after(LONG.hold + dice.number(), partial(plot.campaign, odd))
    plot.once_led(lambda: plot.after(2 * LONG.heartbeat, partial(_outlasts, plot)))
    plot.after(7.0, partial(odd.retime, None))


def _outlasts(plot: _Plot) -> None:
    plot.cut_off()
    for other in plot.others:
        for _ in range(4):
            plot.after(
                plot.world.parts.timing.lease + plot.dice.number(), partial(plot.campaign, other)
            )
    plot.after(2.0, plot.mend)


def _hasten(world: World, dice: Dice, over: Over) -> None:
    """Cut a leader off while all the others start again with a lease that ends sooner."""
    plot = _Plot(world, dice, over)
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
    "relapse": _relapse,
}
"""By the names that profiles use."""
