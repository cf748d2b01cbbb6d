"""A protocol without consensus in the simulator: its register is linearizable, whatever fails."""

from __future__ import annotations

import math
from functools import partial

import msgpack
import pytest

from kvrmi.checker.check import check
from kvrmi.checker.history import FAIL, OK, UNKNOWN, Operation
from kvrmi.roles.contract import Effects, Envelope, Role
from kvrmi.sim.faults import FAULTS, Faults
from kvrmi.sim.protocol import Host, Simulated
from kvrmi.sim.replica import Replica
from kvrmi.sim.world import Violation, World
from tests.roles.register import REGISTER, Client, Order, Supervisor

CLIENTS = 4
REQUEST = 2.0
"""Virtual seconds after which a client gives up."""
SECONDS = 20.0
SEEDS = range(12)
HONEST = Host()


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


def play(seed: int, host: Host = HONEST) -> list[Operation]:
    """Let faults strike for a while, then all is well; what the clients saw."""
    world = World(f"register {seed}", 3 + 2 * (seed % 2), Simulated(REGISTER, Stamps, host=host))
    history: list[Operation] = []
    clients = [Asking(world, number, history) for number in range(CLIENTS)]
    faults = Faults(world, FAULTS, tuple(FAULTS), (0.1, 0.3, 0.8))
    world.run(SECONDS)
    faults.heal()
    healed = world.now
    again = world.run(REQUEST, until=lambda: any(o.outcome == OK for o in history[-CLIENTS:]))
    world.require(again, "nothing was answered after all faults had ended")
    for client in clients:
        client.rests = True
    world.run(2 * REQUEST)
    assert faults.struck
    assert world.now > healed
    return history


@pytest.mark.parametrize("seed", SEEDS)
def test_a_register_without_consensus_runs_in_the_same_world(seed: int) -> None:
    history = play(seed)
    assert sum(operation.outcome == OK for operation in history) > 20
    verdict = check(history, clock=float)
    assert verdict.verdict == OK, verdict.explanation


def test_what_is_wrong_with_its_process_is_found() -> None:
    """Answers that leave before the sync: a crash forgets what was said to be kept."""
    with pytest.raises(Violation, match="lacks on disk"):
        play(0, Host(syncs_first=False))
