"""What the simulated process does with roles that raise, disks that hang, and slow reads."""

from __future__ import annotations

import pytest

from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.messages import FetchSnapshot, PreVote
from kvrmi.paxos.proposer import Proposer
from kvrmi.roles.breaking import PATIENCE_SECONDS, RENEWALS
from kvrmi.roles.contract import Effects, Message
from kvrmi.roles.invariants import InvariantBroken
from kvrmi.sim.call import Call
from kvrmi.sim.paxos.parts import make_world
from kvrmi.sim.replica import Replica
from kvrmi.sim.world import World
from kvrmi.storage.interface import Put

from .test_schedules import TIMEOUT, leader, written


def world_of_three(name: str) -> World:
    world = make_world(f"host {name}", 3)
    written(world, 3)
    return world


def wake(replica: Replica, role: str) -> None:
    for _ in range(2):
        replica.nudge(role)


@pytest.mark.parametrize("role", ["proposer", "learner"])
def test_a_role_that_raises_is_started_again_alone(role: str) -> None:
    world = world_of_three(role)
    replica = leader(world)
    before = dict(replica.incarnation)
    replica.breaks.arrange(role, RuntimeError("arranged"))
    wake(replica, role)
    assert role not in replica.roles
    assert world.run(TIMEOUT, until=lambda: role in replica.roles)
    assert replica.incarnation == {**before, role: before[role] + 1}
    assert leader(world)


@pytest.mark.parametrize(
    ("role", "error"),
    [
        ("acceptor", RuntimeError("arranged")),
        ("front", RuntimeError("arranged")),
        ("learner", InvariantBroken("arranged")),
        ("proposer", InvariantBroken("arranged")),
    ],
)
def test_what_the_process_must_not_survive_ends_it(role: str, error: Exception) -> None:
    world = world_of_three(f"{role} ends")
    replica = leader(world)
    starts = replica.starts
    replica.breaks.arrange(role, error)
    wake(replica, role)
    assert not replica.up
    assert world.run(TIMEOUT, until=lambda: replica.up)
    assert replica.starts == starts + 1
    assert leader(world)


def test_an_error_that_nobody_arranged_ends_the_run() -> None:
    world = world_of_three("mistake")
    proposer = leader(world).role(Proposer)
    assert proposer is not None

    def broken(now: float) -> None:
        raise InvariantBroken("a mistake of ours")

    proposer.wake = broken  # type: ignore[method-assign,assignment]
    with pytest.raises(InvariantBroken, match="a mistake"):
        world.run(TIMEOUT)


def request(asker: Replica, to: Replica, role: str, message: Message) -> Call:
    incarnation, target = asker.incarnation[role], to.incarnation[role]
    return Call(0, asker.address(role), incarnation, to.address(role), target, message)


def stuck(replica: Replica) -> None:
    """Have its acceptor wait for a write that does not end."""
    replica.disks["acceptor"].slowness = 1e7
    record = Put("acceptor", "state", replica.disks["acceptor"].row("acceptor", "state") or b"")
    replica.writes.carry_out("acceptor", Effects((record,)), None)
    assert replica.writes.busy("acceptor")


def test_a_request_waits_for_a_hung_disk_for_a_second_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = world_of_three("patience")
    replica, asker = world.replicas[1], world.replicas[2]
    stuck(replica)
    call = request(asker, replica, "acceptor", PreVote(Ballot(9, 2)))
    ended: list[Call] = []
    monkeypatch.setattr(world.network, "break_off", lambda it, _: ended.append(it))
    replica.handle(call)
    world.run(PATIENCE_SECONDS - 0.01)
    assert call not in ended
    world.run(0.02)
    assert call in ended
    assert call not in replica.requests.waiting("acceptor")


def test_a_role_whose_former_write_hangs_is_started_when_that_is_over() -> None:
    world = world_of_three("fence")
    replica = world.replicas[1]
    stuck(replica)
    replica.fail("acceptor")
    replica.restart("acceptor")
    world.run(10.0)
    assert "acceptor" not in replica.roles
    replica.crash()
    replica.start()
    world.run(10.0)
    assert not replica.up


def test_a_step_that_reads_a_slow_disk_keeps_its_role_busy() -> None:
    world = world_of_three("slow reads")
    giver = leader(world)
    asker = next(one for one in world.replicas.values() if one is not giver)
    giver.disks["learner"].slowness = 200.0
    giver.handle(request(asker, giver, "learner", FetchSnapshot("", 0)))
    assert giver.writes.reads("learner")
    assert giver.look("learner", lambda learner: learner.applied) is None
    assert world.run(TIMEOUT, until=lambda: not giver.writes.reads("learner"))
    assert giver.look("learner", lambda learner: learner.applied)


def test_a_process_whose_file_is_damaged_again_and_again_ends() -> None:
    """As the server's: the disk itself must be broken."""
    world = world_of_three("damage")
    replica = world.replicas[2]
    disk = replica.disks["learner"]
    for time in range(RENEWALS + 1):
        assert world.run(TIMEOUT, until=lambda: disk.row("anchor", "last") is not None)
        assert replica.starts == 1
        replica.fail("learner")
        assert disk.flip()
        replica.restart("learner")
        assert replica.up == (time < RENEWALS)
    assert world.run(TIMEOUT, until=lambda: replica.up)
    assert replica.starts == 2
