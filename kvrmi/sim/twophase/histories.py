"""Runs of two-phase commit: what each draws from its seed, who asks, and the reckoning.

Rule: everything follows from the arguments, so that a run can be had again. What strikes is in
profiles.py and faults.py, what must hold on the way in monitor.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from functools import partial

from ...checker.audits import audit
from ...checker.check import check
from ...checker.history import OK, Operation
from ...twophase.participant import Participant
from ..faults import FAULTS, Fault, Faults, Strike
from ..profile import Profile
from ..protocol import Explored
from ..seen import Onlooker
from .bugs import BUGS
from .coordinator import Coordinator
from .faults import ADVERSARIES
from .monitor import monitor
from .parts import Parts, make_world
from .profiles import PROFILES
from .script import language
from .workload import CLIENTS, Client

__all__ = ["TWOPHASE", "History"]

RECOVERY = 20.0
"""Virtual seconds within which all is decided, and writes are acknowledged, after all faults."""


class History:
    """The world of one run, and who acts in it."""

    def __init__(
        self,
        seed: int,
        profile: Profile,
        parts: Parts | None,
        only: Collection[int] | None,
        onlooker: Onlooker | None,
    ) -> None:
        """Make it; `only` and `onlooker` as for `run`."""
        name = f"2pc {seed} {profile.name}"
        size = profile.size(seed // len(PROFILES))
        self.world = make_world(name, size, parts or Parts(), onlooker)
        self.coordinator = Coordinator(self.world)
        known: Mapping[str, Fault] = {**FAULTS, **ADVERSARIES, "view": self._change}
        self.faults = Faults(self.world, known, profile.faults, profile.pauses, only)
        self._seen: list[Operation] = []
        self._clients = [
            Client(self.world, self.coordinator, number, self._seen) for number in range(CLIENTS)
        ]

    def _change(self, strike: Strike) -> None:
        self.coordinator.change()

    def judge(self) -> None:
        """Have it recover, and look at all that came of it."""
        self.coordinator.heal()
        began = self.world.now
        require = self.world.require
        again = self.world.run(RECOVERY, until=partial(self._writes, began))
        require(again, "no write was acknowledged after all faults had ended")
        for client in self._clients:
            client.rests = True
        level = self.world.run(RECOVERY, until=self._level)
        require(level, f"not all is decided and equal after all faults: {self._standing()}")
        self._check_all()

    def _writes(self, since: float) -> bool:
        return any(client.last_ok > since for client in self._clients)

    @property
    def _participants(self) -> list[Participant | None]:
        return [replica.role(Participant) for replica in self.world.replicas.values()]

    def _level(self) -> bool:
        """Nothing is open, nothing prepared, and everybody has the same store."""
        if not all(client.idle for client in self._clients):
            return False
        states = {
            None if one is None or one.book.prepared or not one.standing.votes
            else (one.state.machine.digest, one.state.applied)
            for one in self._participants
        }  # fmt: skip
        return len(states) == 1 and None not in states

    def _standing(self) -> str:
        waits = sum(not client.idle for client in self._clients)
        return f"{waits} clients wait; " + "; ".join(
            "down"
            if one is None
            else f"{one.state.applied} applied, {list(one.book.prepared)} "
            f"prepared, votes {one.standing.votes} in view {one.view.number}"
            for one in self._participants
        )

    def _check_all(self) -> None:
        require, watch = self.world.require, monitor(self.world)
        for one in self._participants:
            if one is not None:
                same = one.state.applied == watch.commits
                require(same, f"replica {one.me} applied {one.state.applied} of {watch.commits}")
        findings = audit(self._seen)
        require(not findings, f"audits: {findings[:1]}")
        verdict = check(self._seen, clock=lambda: 0.0)
        require(verdict.verdict == OK, f"not linearizable: {verdict.explanation}")

    @property
    def decided(self) -> int:
        """Transactions that were committed."""
        return monitor(self.world).commits

    @property
    def operations(self) -> int:
        """Operations of clients that were answered."""
        return sum(one.outcome == OK for one in self._seen)


TWOPHASE = Explored("2pc", PROFILES, History, BUGS, language, __package__)
