"""What goes wrong in a run, whatever runs in it: crashes, failed roles, cuts, weather, bad disks.

Rules: which fault comes when is drawn beforehand, each has draws of its own, so that any of them
can be left out and the rest stays as it was (shrink.py); all may happen at any moment, and `heal`
ends it all. Faults that know a protocol are brought along by it, as functions like these.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from ..roles.breaking import AGAIN_SECONDS
from ..roles.invariants import InvariantBroken
from .network import USUAL_LAG

if TYPE_CHECKING:
    from .draws import Draws
    from .replica import Replica
    from .world import World

__all__ = ["FAULTS", "Fault", "Faults", "Strike", "take_up"]

DURATIONS = (0.01, 0.1, 0.5, 1.0, 3.0, 6.0)


class Strike:
    """One fault as it strikes: the world that it happens to, and draws of its own."""

    def __init__(self, world: World, draws: Draws, over: Callable[[], bool]) -> None:
        """`over` returns whether faults have ended."""
        self.world = world
        self.draws = draws
        self.over = over

    def later(self, action: Callable[[], None]) -> None:
        """Do something after a while, unless faults have ended by then."""
        seconds = self.draws.choice(DURATIONS) * self.draws.number()
        self.world.after(seconds, lambda: None if self.over() else action())

    def any(self) -> Replica:
        """Choose a replica."""
        return self.world.replicas[self.draws.choice(self.world.ids)]

    def others(self, replica: Replica) -> list[Replica]:
        """List all but one."""
        return [other for other in self.world.replicas.values() if other is not replica]

    def kill(self, replica: Replica) -> None:
        """Kill a process for a while."""
        replica.crash()
        self.later(replica.start)

    def fail(self, replica: Replica, role: str) -> None:
        """Take a role down for a while."""
        if not replica.paused:
            replica.fail(role)
            self.later(partial(replica.restart, role))

    def stop(self, replica: Replica) -> None:
        """Stop a process for a while."""
        replica.pause()
        self.later(replica.resume)

    def separate(self, one: Replica, other: Replica) -> None:
        """Cut a link both ways."""
        self.world.network.cuts |= {(one.me, other.me), (other.me, one.me)}

    def mend(self) -> None:
        """End all cuts."""
        self.world.network.cuts.clear()

    def isolate(self, replica: Replica) -> None:
        """Cut everything around one replica for a while, in one direction or both."""
        hears, heard = self.draws.choice(((False, False), (True, False), (False, True)))
        cuts = self.world.network.cuts
        for other in self.others(replica):
            if not hears:
                cuts.add((other.me, replica.me))
            if not heard:
                cuts.add((replica.me, other.me))
        self.later(self.mend)


Fault: TypeAlias = Callable[[Strike], None]


class Faults:
    """Draws a fault now and then."""

    def __init__(
        self,
        world: World,
        known: Mapping[str, Fault],
        names: Sequence[str],
        pauses: Sequence[float],
        only: Collection[int] | None = None,
    ) -> None:
        """`names` are those of the `known` faults to draw from; `pauses` mean seconds between two.

        `only`: the numbers of the faults that are to happen, from 1; None for all.
        """
        self.struck: list[int] = []
        """Numbers of those that happened."""
        self._world = world
        self._known = known
        self._names = names
        self._only = only
        self._plan = world.draws("faults")
        self._mean = self._plan.choice(pauses)
        self._count = 0
        self._over = False
        self._next()

    @property
    def over(self) -> bool:
        """Whether nothing goes wrong any more."""
        return self._over

    def heal(self) -> None:
        """Nothing goes wrong any more; everybody comes back."""
        self._over = True
        world = self._world
        world.trace("fault", "all faults end")
        world.network.calm()
        for replica in world.replicas.values():
            replica.breaks.begin()
            for disk in replica.disks.values():
                disk.well()
            replica.resume()
        for replica in world.replicas.values():
            if replica.factory.odd:
                replica.retime(None)
            take_up(replica)

    def _next(self) -> None:
        self._count += 1
        kind = self._plan.choice(self._names)
        strike = partial(self._strike, self._count, kind)
        self._world.after(self._plan.soon(self._mean), strike)

    def _strike(self, number: int, kind: str) -> None:
        if self._over:
            return
        if self._only is None or number in self._only:
            draws = self._world.draws("fault", number)
            self._world.trace("fault", f"{number} {kind}")
            self.struck.append(number)
            self._known[kind](Strike(self._world, draws, lambda: self._over))
        self._next()


def take_up(replica: Replica) -> None:
    """Bring back a replica with all its roles, on a new disk where that is needed."""
    if replica.refused:
        replica.lose_disk(all_of_them=False)
    replica.start()
    if replica.refused:  # found out only now
        replica.lose_disk(all_of_them=False)
        replica.start()
    if not replica.up:  # its disk has not done yet what it was asked to
        replica.world.after(AGAIN_SECONDS, partial(take_up, replica))
    for role in replica.fallible:
        replica.restart(role)


# --- processes and roles --------------------------------------------------------------------------


def _crash(strike: Strike) -> None:
    strike.kill(strike.any())


def _crash_all(strike: Strike) -> None:
    """Cut the power: all at once, and back one by one."""
    for replica in strike.world.replicas.values():
        strike.kill(replica)


def _fail_role(strike: Strike) -> None:
    replica = strike.any()
    strike.fail(replica, strike.draws.choice(replica.fallible))


def _break_role(strike: Strike) -> None:
    """Have a role raise when it has handled a message: a mistake, or an invariant found broken."""
    replica = strike.any()
    error = strike.draws.choice((RuntimeError, InvariantBroken))
    replica.breaks.arrange(strike.draws.choice(sorted(replica.incarnation)), error("arranged"))


def _pause(strike: Strike) -> None:
    strike.stop(strike.any())


def _clock_drifts(strike: Strike) -> None:
    """Let a clock go at another rate from now on."""
    drift = strike.world.drift
    rate = strike.draws.choice((1 - drift, 1 + drift, strike.draws.between(1 - drift, 1 + drift)))
    strike.any().own_clock.tune(rate, strike.world.now)


# --- the network ----------------------------------------------------------------------------------


def _mend(strike: Strike) -> None:
    strike.mend()


def _cut(strike: Strike) -> None:
    """One direction of one link."""
    one = strike.any()
    others = strike.others(one)
    if others:
        strike.world.network.cuts.add((one.me, strike.draws.choice(others).me))
        strike.later(strike.mend)


def _isolate(strike: Strike) -> None:
    strike.isolate(strike.any())


def _split(strike: Strike) -> None:
    """Two sides that do not hear each other."""
    ids = strike.world.ids
    side = strike.draws.sample(ids, strike.draws.below(len(ids)))
    for replica in strike.world.replicas.values():
        for other in strike.others(replica):
            if (replica.me in side) != (other.me in side):
                strike.separate(replica, other)
    strike.later(strike.mend)


def _star(strike: Strike) -> None:
    """Everybody hears one replica, and nobody hears anybody else."""
    hub = strike.any()
    for replica in strike.others(hub):
        for other in strike.others(hub):
            if other is not replica:
                strike.separate(replica, other)
    strike.later(strike.mend)


def _chain(strike: Strike) -> None:
    """Each hears the one before and the one after it."""
    for replica in strike.world.replicas.values():
        for other in strike.others(replica):
            if abs(replica.me - other.me) > 1:
                strike.separate(replica, other)
    strike.later(strike.mend)


def _lag(strike: Strike) -> None:
    strike.world.network.lag = strike.draws.choice((USUAL_LAG, USUAL_LAG, 0.02, 0.1))


def _weather(strike: Strike) -> None:
    network, draws = strike.world.network, strike.draws
    network.loss = draws.choice((0.0, 0.02, 0.2, 0.4))
    network.slow = draws.choice((0.0, 0.02, 0.1))
    network.twice = draws.choice((0.0, 0.1, 0.2))
    _lag(strike)


# --- disks ----------------------------------------------------------------------------------------


def _disk_full(strike: Strike) -> None:
    disk = strike.draws.choice(list(strike.any().disks.values()))
    disk.full = True
    strike.later(disk.well)


def _sync_fails(strike: Strike) -> None:
    strike.draws.choice(list(strike.any().disks.values())).fails_next = True


def _disk_slow(strike: Strike) -> None:
    """Make syncs take long, or as good as for ever; the voter's disk more often."""
    replica = strike.any()
    disk = strike.draws.choice((replica.disks[replica.voter], *replica.disks.values()))
    disk.slowness = strike.draws.choice((10.0, 100.0, 1000.0))
    strike.later(disk.well)


FAULTS: dict[str, Fault] = {
    "break_role": _break_role,
    "chain": _chain,
    "clock_drifts": _clock_drifts,
    "crash": _crash,
    "crash_all": _crash_all,
    "cut": _cut,
    "disk_full": _disk_full,
    "disk_slow": _disk_slow,
    "fail_role": _fail_role,
    "isolate": _isolate,
    "lag": _lag,
    "mend": _mend,
    "pause": _pause,
    "split": _split,
    "star": _star,
    "sync_fails": _sync_fails,
    "weather": _weather,
}
"""By the names that profiles use."""
