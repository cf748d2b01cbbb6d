"""Whole replicas through a few disasters that random schedules would meet too seldom."""

from __future__ import annotations

from functools import partial

import pytest

from kvrmi.operations.commands import encode_command, encode_question
from kvrmi.operations.interface import Answer, Request
from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.front import Front
from kvrmi.paxos.messages import Transfer
from kvrmi.paxos.proposer import Proposer
from kvrmi.paxos.submissions import Submission
from kvrmi.roles.contract import Effects
from kvrmi.sim.paxos.parts import make_world
from kvrmi.sim.replica import Replica
from kvrmi.sim.world import World

TIMEOUT = 20.0
"""Virtual seconds within which what must happen happens."""


def ask(world: World, replica: Replica, payload: bytes, *, reads: bool) -> Submission:
    submissions: list[Submission] = []

    def submit(front: Front, now: float) -> Effects:
        submission, effects = front.submit(now, Request(reads, payload), repeatable=False)
        submissions.append(submission)
        return effects

    replica.act("front", submit)
    return submissions[0]


def put(world: World, replica: Replica, key: str) -> Answer:
    front = replica.role(Front)
    assert front is not None
    command = encode_command("put", (key, key), front.next_id())
    return answer(world, ask(world, replica, command, reads=False))


def get(world: World, replica: Replica, key: str) -> Answer:
    return answer(world, ask(world, replica, encode_question("get", (key,)), reads=True))


def answer(world: World, submission: Submission) -> Answer:
    assert world.run(TIMEOUT, until=lambda: submission.answer is not None)
    assert submission.answer is not None
    return submission.answer


def leader(world: World) -> Replica:
    """Wait for one whose lease runs."""

    def found() -> list[Replica]:
        return [replica for replica in world.replicas.values() if leads(replica)]

    assert world.run(TIMEOUT, until=lambda: bool(found())), "nobody leads"
    return found()[0]


def written(world: World, keys: int) -> Replica:
    """Some writes later; who leads."""
    replica = leader(world)
    for number in range(keys):
        assert put(world, replica, f"key {number}").code == "OK"
    return replica


def lose(replica: Replica) -> None:
    replica.lose_disk(all_of_them=True)
    replica.start()


def votes(replica: Replica) -> bool:
    acceptor = replica.role(Acceptor)
    return acceptor is not None and not acceptor.recovering


@pytest.mark.parametrize("replicas", [1, 2, 3, 4, 5])
def test_a_crash_of_all_loses_nothing_acknowledged(replicas: int) -> None:
    world = make_world("crash of all", replicas)
    written(world, 5)
    for replica in world.replicas.values():
        replica.crash()
    for replica in world.replicas.values():
        replica.start()
    replica = leader(world)
    assert [get(world, replica, f"key {n}").value for n in range(5)] == [
        f"key {n}" for n in range(5)
    ]


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_restarted_learners_get_back_what_their_disks_lacked(replicas: int) -> None:
    """Written behind: for a moment only acceptors hold what was acknowledged."""
    world = make_world("learners", replicas)
    written(world, 5)
    for replica in world.replicas.values():
        replica.fail("learner")
    for replica in world.replicas.values():
        replica.restart("learner")
    assert get(world, leader(world), "key 4").value == "key 4"


@pytest.mark.parametrize("seed", range(8))
def test_disks_may_be_lost_one_after_the_other(seed: int) -> None:
    """As soon as one replica votes again the next loses its disk, while all others crash."""
    world = make_world(f"disks {seed}", 3)
    written(world, 5)
    for replica in world.replicas.values():
        lose(replica)
        assert world.run(TIMEOUT, until=partial(votes, replica)), "never votes again"
        for other in world.replicas.values():
            other.crash()
        following = world.replicas[replica.me % 3 + 1]
        following.lose_disk(all_of_them=True)
        for other in world.replicas.values():
            other.start()
        assert world.run(TIMEOUT, until=partial(votes, following)), "never votes again"
    assert get(world, leader(world), "key 4").value == "key 4"


def test_a_majority_of_lost_disks_is_refused() -> None:
    """Acknowledged data may be gone: nobody votes, nobody answers, an operator has to decide."""
    world = make_world("majority", 5)
    written(world, 5)
    for replica in (1, 2, 3):
        lose(world.replicas[replica])
    assert not world.run(TIMEOUT, until=lambda: any(votes(world.replicas[i]) for i in (1, 2, 3)))
    assert put(world, world.replicas[4], "more").code == "NO_QUORUM"


def test_of_two_replicas_a_lost_disk_waits_for_an_operator() -> None:
    world = make_world("two", 2)
    written(world, 2)
    lose(world.replicas[2])
    assert not world.run(TIMEOUT, until=lambda: votes(world.replicas[2]))


def test_an_old_copy_of_a_disk_is_found_out() -> None:
    world = make_world("old copy", 3)
    replica = world.replicas[2 if leader(world).me == 1 else 1]
    written(world, 2)
    replica.disks["acceptor"].keep_copy()
    written(world, 5)
    replica.crash()
    assert replica.disks["acceptor"].put_copy_back()
    replica.start()
    assert world.run(TIMEOUT, until=lambda: not replica.up)
    assert " writes of this acceptor, its disk has " in replica.refused


def test_a_leader_that_is_cut_off_answers_nothing_old() -> None:
    world = make_world("cut off", 5)
    old = written(world, 1)
    others = [replica for replica in world.replicas.values() if replica is not old]
    for replica in others:
        world.network.cuts |= {(old.me, replica.me), (replica.me, old.me)}
    question = ask(world, old, encode_question("get", ("key 0",)), reads=True)
    assert question.answer is not None  # its lease still runs
    assert answer(world, put_submission(world, others[0])).code in (
        "OK",
        "NO_QUORUM",
        "UNKNOWN_OUTCOME",
    )
    assert world.run(TIMEOUT, until=lambda: any(leads(replica) for replica in others))
    assert put(world, others[0], "key 0").code == "OK"
    late = get(world, old, "key 0")
    assert late.code == "NO_QUORUM"


def put_submission(world: World, replica: Replica) -> Submission:
    front = replica.role(Front)
    assert front is not None
    command = encode_command("put", ("other", "v"), front.next_id())
    return ask(world, replica, command, reads=False)


def leads(replica: Replica) -> bool:
    proposer = replica.role(Proposer)
    return proposer is not None and proposer.may_read(replica.clock())


def test_leadership_goes_where_the_operator_wants_it_without_a_gap() -> None:
    """A hand-over takes a moment, not an election time."""
    world = make_world("transfer", 3)
    replica = written(world, 1)
    other = world.replicas[replica.me % 3 + 1]
    replica.deliver("proposer", Transfer(other.me))
    assert world.run(TIMEOUT, until=lambda: not leads(replica))
    began = world.now
    assert world.run(TIMEOUT, until=lambda: leads(other))
    assert world.now - began < 0.3
    assert put(world, replica, "through the new one").code == "OK"


def test_leadership_comes_back_to_the_first_replica() -> None:
    world = make_world("priority", 3)
    leader(world)
    world.replicas[1].crash()
    assert leader(world).me != 1
    world.replicas[1].start()
    assert world.run(TIMEOUT, until=lambda: leads(world.replicas[1]))


def test_a_leader_without_its_acceptor_goes_on_then_hands_over() -> None:
    world = make_world("no acceptor", 3)
    replica = written(world, 1)
    replica.fail("acceptor")
    assert put(world, replica, "without").code == "OK"
    assert leads(replica)
    assert world.run(TIMEOUT, until=lambda: not leads(replica))
    assert leader(world) is not replica


@pytest.mark.parametrize("role", ["proposer", "learner"])
def test_a_leader_without_its_proposer_or_learner_is_succeeded(role: str) -> None:
    world = make_world("no role", 3)
    replica = written(world, 1)
    replica.fail(role)
    assert not leads(replica)
    assert leader(world) is not replica


def test_without_a_majority_nothing_is_done_and_it_is_said_so() -> None:
    world = make_world("minority", 5)
    written(world, 1)
    for replica in (1, 2, 3):
        world.replicas[replica].crash()
    world.run(3.0)
    assert put(world, world.replicas[4], "more").code == "NO_QUORUM"
    assert get(world, world.replicas[5], "key 0").code == "NO_QUORUM"
    world.replicas[1].start()
    leader(world)
    assert get(world, world.replicas[5], "more").value is None
