"""Orderly transfers of leadership under plain clients: nothing is lost, nothing left unknown."""

from __future__ import annotations

from functools import partial

import pytest

from kvrmi.checker.history import OK
from kvrmi.paxos.messages import Transfer
from kvrmi.paxos.proposer import Proposer
from kvrmi.sim.paxos.audit import audit, judge, recover
from kvrmi.sim.paxos.monitor import monitor
from kvrmi.sim.paxos.parts import Parts, make_world
from kvrmi.sim.paxos.workload import Workload
from kvrmi.sim.world import World

CLIENTS = ("plain",) * 12
TRANSFERS = 15
TIMEOUT = 10.0


def leader(world: World) -> int:
    """Who leads and has a lease, or 0."""
    proposers = ((replica, replica.role(Proposer)) for replica in world.replicas.values())
    may_read = [r.me for r, proposer in proposers if proposer and proposer.may_read(r.clock())]
    return may_read[0] if may_read else 0


def leads(world: World, replica: int) -> bool:
    return leader(world) == replica


def end(world: World, workload: Workload) -> None:
    recover(world, workload)
    audit(world, workload, Parts())
    judge(world, workload)
    assert {operation.outcome for operation in workload.history} == {OK}


@pytest.mark.parametrize(("replicas", "lag"), [(3, 0.002), (5, 0.02)])
def test_no_outcome_is_unknown(replicas: int, lag: float) -> None:
    world = make_world(f"transfers {replicas}", replicas)
    world.network.lag = lag
    workload = Workload(world, CLIENTS)
    draws = world.draws("transfers")
    for _ in range(TRANSFERS):
        world.run(draws.soon(0.3))
        assert world.run(TIMEOUT, until=lambda: leader(world) > 0)
        successor = draws.choice([i for i in world.ids if i != leader(world)])
        world.replicas[leader(world)].deliver("proposer", Transfer(successor))
        world.run(TIMEOUT, until=partial(leads, world, successor))  # it may come to nothing
    assert len(monitor(world).elections) > TRANSFERS // 2
    end(world, workload)


def test_nor_when_the_first_leader_hands_over_by_itself() -> None:
    world = make_world("first hand-over", 3)
    world.replicas[1].crash()
    assert world.run(TIMEOUT, until=lambda: leader(world) > 0)
    workload = Workload(world, CLIENTS)
    world.replicas[1].start()
    assert world.run(TIMEOUT, until=partial(leads, world, 1))
    end(world, workload)
