"""A protocol without consensus in the simulator: its register is linearizable, whatever fails."""

from __future__ import annotations

import math
from collections.abc import Collection
from functools import partial

import msgpack
import pytest

from kvrmi.checker.check import check
from kvrmi.checker.history import FAIL, OK, UNKNOWN, Operation
from kvrmi.roles.contract import Effects, Envelope, Role
from kvrmi.sim.__main__ import main
from kvrmi.sim.faults import FAULTS, Faults
from kvrmi.sim.hosting import Host
from kvrmi.sim.many import run_many
from kvrmi.sim.planted import find
from kvrmi.sim.profile import Profile
from kvrmi.sim.protocol import Explored
from kvrmi.sim.protocols import PROTOCOLS
from kvrmi.sim.replica import Replica
from kvrmi.sim.run import command, run
from kvrmi.sim.seen import Onlooker
from kvrmi.sim.shrink import shrink
from kvrmi.sim.world import Simulated, World
from tests.roles.register import REGISTER, Client, Order, Supervisor

CLIENTS = 4
REQUEST = 2.0
"""Virtual seconds after which a client gives up."""
STEPS = 16_000
SEEDS = range(12)


class Stamps:
    """What must hold of the register: what a supervisor goes by is on its disk when it answers."""

    def __init__(self, world: World) -> None:
        self._world = world

    def stepped(self, replica: Replica, name: str, role: Role, effects: Effects) -> None:
        """Only what leaves matters."""

    def left(self, replica: Replica, name: str, messages: tuple[Envelope, ...]) -> None:
        supervisor = replica.role(Supervisor)
        if name == "supervisor" and supervisor is not None:
            row = replica.disks[name].row("register", "value")
            kept = tuple(msgpack.unpackb(row)) if row else (0, 0, b"")
            self._world.require(
                kept == supervisor.kept, f"replica {replica.me} lacks on disk what it goes by"
            )

    def after_event(self) -> None:
        """Nothing to be seen from outside."""


class Asking:
    """A client that puts and gets, one after the other, each at a replica of its choice."""

    def __init__(self, world: World, number: int, history: list[Operation]) -> None:
        self.rests = False
        self._world = world
        self._name = f"client{number}"
        self._history = history
        self._draws = world.draws("client", number)
        self._count = 0
        self._open: tuple[Order, bytes | None, float] | None = None
        world.after(0.1, self._step)

    def _step(self) -> None:
        self._look()
        if self._open is None and not self.rests and self._draws.chance(0.2):
            replica = self._world.replicas[self._draws.choice(self._world.ids)]
            replica.run(partial(replica.act, "front", self._ask))
        self._world.after(0.01, self._step)

    def _ask(self, client: Client, now: float) -> Effects:
        if self._open is not None:
            return Effects()  # the replica was paused, and this client has gone on
        self._count += 1
        puts = self._draws.chance(0.5)
        value = f"{self._name}:{self._count}".encode() if puts else None
        order, effects = client.submit(value, now + REQUEST)
        self._open = (order, value, self._world.now)
        return effects

    def _look(self) -> None:
        if self._open is None:
            return
        order, value, called = self._open
        if order.answer is None and self._world.now - called < REQUEST:
            return
        self._open = None
        op, args = ("get", ("k",)) if value is None else ("put", ("k", value.decode()))
        asked = (f"{self._name}-{self._count}", op, args, called)
        if order.answer is not None:
            got = None if value is not None else order.answer.decode() or None
            self._history.append(Operation(*asked, self._world.now, OK, got))
        elif value is None:
            self._history.append(Operation(*asked, self._world.now, FAIL))
        else:
            self._history.append(Operation(*asked, math.inf, UNKNOWN))


class History:
    """Clients of the register while faults strike; what they saw must be linearizable."""

    def __init__(
        self,
        seed: int,
        profile: Profile,
        parts: Host | None,
        only: Collection[int] | None,
        onlooker: Onlooker | None,
    ) -> None:
        simulated = Simulated(REGISTER, Stamps, host=parts or Host())
        replicas = 3 + 2 * (seed % 2)
        self.world = World(f"register {seed}", replicas, simulated, onlooker=onlooker)
        self.faults = Faults(self.world, FAULTS, profile.faults, profile.pauses, only)
        self._seen: list[Operation] = []
        self._clients = [Asking(self.world, number, self._seen) for number in range(CLIENTS)]

    def judge(self) -> None:
        def answered() -> bool:
            return any(operation.outcome == OK for operation in self._seen[-CLIENTS:])

        again = self.world.run(REQUEST, until=answered)
        self.world.require(again, "nothing was answered after all faults had ended")
        for client in self._clients:
            client.rests = True
        self.world.run(2 * REQUEST)
        verdict = check(self._seen, clock=float)
        self.world.require(verdict.verdict == OK, f"not linearizable: {verdict.explanation}")

    @property
    def decided(self) -> int:
        return 0

    @property
    def operations(self) -> int:
        return sum(operation.outcome == OK for operation in self._seen)


def leaves_early() -> Host:
    """Answers leave before the sync: a crash forgets what was said to be kept."""
    return Host(syncs_first=False)


EXPLORED = Explored(
    "register",
    (Profile("all", "whatever can strike a replica", tuple(FAULTS)),),
    History,
    {"leaves-early": leaves_early},
)


def test_a_register_without_consensus_runs_in_the_same_world() -> None:
    for ended in run_many(EXPLORED, SEEDS, 1, profile="", steps=STEPS):
        assert not ended.violation, f"seed {ended.seed}: {ended.violation}"
        assert ended.operations > 20
        assert ended.faults


def test_what_is_wrong_with_its_process_is_found_and_made_smaller() -> None:
    found = find(EXPLORED, "leaves-early", SEEDS)
    assert "lacks on disk" in found.violation
    failing = run(EXPLORED, found.seed, parts=leaves_early(), steps=STEPS)
    smallest = shrink(EXPLORED, failing, leaves_early())
    assert "lacks on disk" in smallest.violation
    assert smallest.steps < failing.steps
    assert command(smallest).startswith("python -m kvrmi.sim --protocol register --seed ")


def test_the_command_line_takes_it_by_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(PROTOCOLS, "register", EXPLORED)
    words = ["--protocol", "register", "--profile", "all"]
    assert main([*words, "--steps", "500"]) == 0
    assert "seed 0, profile all, 3 replicas: all well" in capsys.readouterr().out
    assert main([*words, "--seeds", "0..3", "--jobs", "2", "--plant", "leaves-early"]) == 1
    assert "--protocol register --seed" in capsys.readouterr().out
    assert main(["--protocol", "register", "--script", "x"]) == 2
    assert "no scenarios in words for register" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        main([*words, "--plant", "quorum-of-two"])
