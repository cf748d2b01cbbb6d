"""Another state machine in the whole simulator: nothing there is made for the store's alone."""

from __future__ import annotations

from collections.abc import Collection

from kvrmi.operations.commands import CommandId
from kvrmi.paxos.front import Front
from kvrmi.sim.draws import Draws
from kvrmi.sim.faults import Faults
from kvrmi.sim.many import run_many
from kvrmi.sim.paxos.asked import Asked
from kvrmi.sim.paxos.audit import audit, recover
from kvrmi.sim.paxos.configured import configured, pages
from kvrmi.sim.paxos.faults import FAULTS
from kvrmi.sim.paxos.monitor import monitor
from kvrmi.sim.paxos.parts import Parts, make_world
from kvrmi.sim.paxos.profiles import PROFILES
from kvrmi.sim.paxos.workload import VISITORS, Client, Workload
from kvrmi.sim.profile import Profile
from kvrmi.sim.protocol import Explored
from kvrmi.sim.run import run
from kvrmi.sim.seen import Onlooker
from kvrmi.sim.trace import Lines
from kvrmi.state.machine import StateMachine
from tests.state.counter import Counters, add, total

NUMBERS = range(6)
KINDS = ("plain", "session", "lane", "session", "reader", "reader", *VISITORS)


class CountingParts(Parts):
    machines: type[StateMachine] = Counters


class Adder(Client):
    """Adds to counters, or asks what they are together."""

    def next(self, front: Front, now: float) -> Asked | None:
        if self.kind.startswith("read"):
            numbers = tuple(self.draws.sample(NUMBERS, 2))
            return Asked("total", (numbers,), total(*numbers), now, reads=True)
        id: CommandId | None = self.ids.take() if self.session else front.next_id()
        if id is None:
            return None
        self.number += 1
        number, amount = self.draws.choice(NUMBERS), self.number
        asked = Asked("add", (number, amount), add(number, amount, id), now, reads=False)
        asked.id = id
        return asked


class History:
    """Adders while faults strike; what they were answered is compared with the chosen log."""

    def __init__(
        self,
        seed: int,
        profile: Profile,
        parts: Parts | None,
        only: Collection[int] | None,
        onlooker: Onlooker | None,
    ) -> None:
        name = f"counters {seed} {profile.name}"
        ids = range(1, profile.size(seed) + 1)
        files = configured(name, ids, profile.keeps)
        limit = Draws(name, "sessions").choice((10_000, 3))
        self._parts = (parts or CountingParts()).with_sizes(pages(name, ids), limit)
        self.world = make_world(
            name, len(ids), parts=self._parts, configured=files.__getitem__, onlooker=onlooker
        )
        self._workload = Workload(self.world, KINDS, Adder)
        self.faults = Faults(self.world, FAULTS, profile.faults, profile.pauses, only)

    def judge(self) -> None:
        recover(self.world, self._workload)
        audit(self.world, self._workload, self._parts)

    @property
    def decided(self) -> int:
        return len(monitor(self.world).chosen)

    @property
    def operations(self) -> int:
        return len(self._workload.history)


EXPLORED = Explored("counters", PROFILES, History, {})


def test_counters_survive_what_the_store_survives() -> None:
    for ended in run_many(EXPLORED, range(len(PROFILES)), 1, profile="", steps=2000):
        assert not ended.violation, f"seed {ended.seed}: {ended.violation}"
        assert ended.operations > 20


def test_they_come_in_snapshots_and_traces_too() -> None:
    def seen(seed: int) -> bool:
        lines: list[str] = []
        run(EXPLORED, seed, profile="snapshot", onlooker=Lines(lines.append))
        text = "\n".join(lines)
        return " installed pages=" in text and ": add " in text

    assert any(map(seen, range(5)))


class Miscounting(Counters):
    """Counts one too many after a restart."""

    extra = 0

    def restored(self) -> None:
        self.extra = bool(self._counts)

    def apply(self, opcode: int, args: bytes, revision: int) -> object:
        count = super().apply(opcode, args, revision)
        self._counts[0] = self._counts.get(0, 0) + self.extra
        return count


class MiscountingParts(CountingParts):
    machines: type[StateMachine] = Miscounting


def test_a_machine_that_counts_wrong_is_found() -> None:
    def found(seed: int) -> bool:
        violation = run(EXPLORED, seed, profile="crash", parts=MiscountingParts()).violation
        return "has another state" in violation

    assert any(map(found, range(5)))
