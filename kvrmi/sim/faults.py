"""What goes wrong in a run: crashes, failed roles, cuts, a bad network, bad disks.

Rules: which fault comes when is drawn beforehand, each has draws of its own, so that any of them
can be left out and the rest stays as it was (shrink.py); at most as many disks are lost at a time
as the rules allow (enough others to copy from and to choose the VOTER command); all else may happen
at any moment, and `heal` ends it all.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import partial
from typing import TYPE_CHECKING

from ..paxos.ballot import NO_BALLOT
from ..paxos.messages import CampaignNow, Restore, Transfer
from . import adversaries_learned, adversaries_leases
from .losses import may_lose
from .network import USUAL_LAG
from .profiles import Profile
from .replica import ROLES

if TYPE_CHECKING:
    from .replica import Replica
    from .world import World

__all__ = ["Faults"]

ADVERSARIES = {**adversaries_leases.ADVERSARIES, **adversaries_learned.ADVERSARIES}
DURATIONS = (0.01, 0.1, 0.5, 1.0, 3.0, 6.0)


class Faults:
    """Draws a fault now and then."""

    def __init__(self, world: World, profile: Profile, only: Collection[int] | None = None) -> None:
        """`only`: the numbers of the faults that are to happen, from 1; None for all."""
        self.struck: list[int] = []
        """Numbers of those that happened."""
        self._world = world
        self._profile = profile
        self._only = only
        self._plan = world.draws("faults")
        self._mean = self._plan.choice(profile.pauses)
        self._count = 0
        self._over = False
        self._draws = self._plan
        self._next()

    def heal(self) -> None:
        """Nothing goes wrong any more; everybody comes back."""
        self._over = True
        world = self._world
        world.trace("fault", "all faults end")
        world.network.calm()
        for replica in world.replicas.values():
            replica.votes.well()
            replica.state.well()
            replica.resume()
        for replica in world.replicas.values():
            if replica.factory.odd:
                replica.retime(None)
            self._take_up(replica)

    def _take_up(self, replica: Replica) -> None:
        if replica.refused:
            replica.lose_disk(state_too=False)
        replica.start()
        if replica.refused:  # found out only now
            replica.lose_disk(state_too=False)
            replica.start()
        for role in ROLES:
            replica.restart(role)

    # --- drawing ------------------------------------------------------------------------------

    def _next(self) -> None:
        self._count += 1
        kind = self._plan.choice(self._profile.faults)
        strike = partial(self._strike, self._count, kind)
        self._world.after(self._plan.soon(self._mean), strike)

    def _strike(self, number: int, kind: str) -> None:
        if self._over:
            return
        if self._only is None or number in self._only:
            self._draws = self._world.draws("fault", number)
            self._world.trace("fault", f"{number} {kind}")
            self.struck.append(number)
            if kind in ADVERSARIES:
                ADVERSARIES[kind](self._world, self._draws, lambda: self._over)
            else:
                getattr(self, f"_{kind}")()
        self._next()

    def _later(self, action: Callable[[], None]) -> None:
        seconds = self._draws.choice(DURATIONS) * self._draws.number()
        self._world.after(seconds, lambda: None if self._over else action())

    def _any(self) -> Replica:
        return self._world.replicas[self._draws.choice(self._world.ids)]

    def _leader(self) -> Replica:
        """Choose one that leads or believes so; anybody if nobody does."""
        replicas = self._world.replicas.values()
        leaders = [r for r in replicas if r.proposer is not None and r.proposer.leading]
        return self._draws.choice(leaders) if leaders else self._any()

    def _others(self, replica: Replica) -> list[Replica]:
        return [other for other in self._world.replicas.values() if other is not replica]

    # --- processes and roles ------------------------------------------------------------------

    def _crash(self) -> None:
        self._kill(self._any())

    def _crash_leader(self) -> None:
        self._kill(self._leader())

    def _crash_all(self) -> None:
        """Cut the power: all at once, and back one by one."""
        for replica in self._world.replicas.values():
            self._kill(replica)

    def _kill(self, replica: Replica) -> None:
        replica.crash()
        self._later(replica.start)

    def _fail_role(self) -> None:
        self._fail(self._any(), self._draws.choice(ROLES))

    def _fail_leaders_role(self) -> None:
        self._fail(self._leader(), self._draws.choice(ROLES))

    def _fail_learner(self) -> None:
        self._fail(self._any(), "learner")

    def _fail(self, replica: Replica, role: str) -> None:
        if not replica.paused:
            replica.fail(role)
            self._later(partial(replica.restart, role))

    def _pause(self) -> None:
        self._stop(self._any())

    def _pause_leader(self) -> None:
        self._stop(self._leader())

    def _stop(self, replica: Replica) -> None:
        replica.pause()
        self._later(replica.resume)

    # --- leadership ---------------------------------------------------------------------------

    def _transfer(self) -> None:
        """Somebody asks whoever leads to hand over."""
        successor = self._draws.choice(self._world.ids)
        for replica in self._world.replicas.values():
            replica.deliver("proposer", Transfer(successor))

    def _provoke(self) -> None:
        self._campaign(self._any())

    def _campaign(self, replica: Replica) -> None:
        """Make a proposer campaign though nobody asked for that; it must not matter to safety."""
        replica.deliver("proposer", CampaignNow(NO_BALLOT))

    def _depose(self) -> None:
        """Cut the leader off, restart acceptors that granted it its lease, provoke the others."""
        leader = self._leader()
        for other in self._others(leader):
            self._separate(leader, other)
            if other.up and not other.paused and self._draws.chance(0.5):
                other.fail("acceptor")
                other.restart("acceptor")
            for _ in range(8):
                self._world.after(self._draws.number(), partial(self._campaign, other))
        self._later(self._mend)

    # --- the network --------------------------------------------------------------------------

    def _separate(self, one: Replica, other: Replica) -> None:
        self._world.network.cuts |= {(one.me, other.me), (other.me, one.me)}

    def _mend(self) -> None:
        self._world.network.cuts.clear()

    def _cut(self) -> None:
        """One direction of one link."""
        one = self._any()
        others = self._others(one)
        if others:
            self._world.network.cuts.add((one.me, self._draws.choice(others).me))
            self._later(self._mend)

    def _isolate(self, replica: Replica | None = None) -> None:
        """Everything around one replica, in one direction or both."""
        replica = replica or self._any()
        hears, heard = self._draws.choice(((False, False), (True, False), (False, True)))
        cuts = self._world.network.cuts
        for other in self._others(replica):
            if not hears:
                cuts.add((other.me, replica.me))
            if not heard:
                cuts.add((replica.me, other.me))
        self._later(self._mend)

    def _isolate_leader(self) -> None:
        self._isolate(self._leader())

    def _split(self) -> None:
        """Two sides that do not hear each other."""
        side = self._draws.sample(self._world.ids, self._draws.below(len(self._world.ids)))
        for replica in self._world.replicas.values():
            for other in self._others(replica):
                if (replica.me in side) != (other.me in side):
                    self._separate(replica, other)
        self._later(self._mend)

    def _star(self) -> None:
        """Everybody hears one replica, and nobody hears anybody else."""
        hub = self._any()
        for replica in self._others(hub):
            for other in self._others(hub):
                if other is not replica:
                    self._separate(replica, other)
        self._later(self._mend)

    def _chain(self) -> None:
        """Each hears the one before and the one after it."""
        for replica in self._world.replicas.values():
            for other in self._others(replica):
                if abs(replica.me - other.me) > 1:
                    self._separate(replica, other)
        self._later(self._mend)

    def _lag(self) -> None:
        self._world.network.lag = self._draws.choice((USUAL_LAG, USUAL_LAG, 0.02, 0.1))

    def _weather(self) -> None:
        network = self._world.network
        network.loss = self._draws.choice((0.0, 0.02, 0.2, 0.4))
        network.slow = self._draws.choice((0.0, 0.02, 0.1))
        network.twice = self._draws.choice((0.0, 0.1, 0.2))
        self._lag()

    # --- disks --------------------------------------------------------------------------------

    def _clock_drifts(self) -> None:
        """Let a clock go at another rate from now on."""
        drift = self._world.drift
        rate = self._draws.choice((1 - drift, 1 + drift, self._draws.between(1 - drift, 1 + drift)))
        self._any().own_clock.tune(rate, self._world.now)

    def _disk_full(self) -> None:
        replica = self._any()
        disk = self._draws.choice((replica.votes, replica.state))
        disk.full = True
        self._later(disk.well)

    def _sync_fails(self) -> None:
        replica = self._any()
        self._draws.choice((replica.votes, replica.state)).fails_next = True

    def _disk_slow(self) -> None:
        """Make syncs take long, or as good as for ever."""
        replica = self._any()
        disk = self._draws.choice((replica.votes, replica.votes, replica.state))
        disk.slowness = self._draws.choice((10.0, 100.0, 1000.0))
        self._later(disk.well)

    def _lose_disk(self) -> None:
        """Lose a disk with the process that used it."""
        replica = self._any()
        if may_lose(self._world, replica):
            replica.lose_disk(state_too=self._draws.chance(0.5))
            self._later(replica.start)

    def _flip_votes(self) -> None:
        """Damage what an acceptor confirmed; somebody replaces the disk once it is refused."""
        replica = self._any()
        if may_lose(self._world, replica):
            replica.crash()
            what = replica.votes.flip()
            self._world.trace("fault", f"a bit flips in r{replica.me}'s {what}")
            self._later(partial(self._take_up, replica))

    def _flip_state(self) -> None:
        """Damage what a learner wrote, found at its next start or before; it learns that again."""
        replica = self._any()
        runs_on = self._draws.chance(0.5)
        if not may_lose(self._world, replica, runs_on=runs_on):
            return
        if not runs_on:
            replica.crash()
        what = replica.state.flip()
        self._world.trace("fault", f"a bit flips in r{replica.me}'s {what}")
        if runs_on:
            self._later(partial(self._fail, replica, "learner"))
        else:
            self._later(replica.start)

    def _restore(self) -> None:
        """Have a learner pull a snapshot, whether it lacks anything or not."""
        self._any().deliver("learner", Restore(self._draws.choice(self._world.ids)))
