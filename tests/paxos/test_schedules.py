"""Whole replicas through a few disasters that random schedules would meet too seldom."""

from __future__ import annotations

from functools import partial

import pytest

from kvrmi.interface import Answer, Request
from kvrmi.machine import encode_command, encode_question
from kvrmi.paxos.acceptor import DiskLost
from kvrmi.paxos.effects import Effects
from kvrmi.paxos.front import Front
from kvrmi.paxos.messages import Transfer
from kvrmi.paxos.tickets import Ticket

from .bag import Bag, Node

PATIENCE = 20.0
"""Virtual seconds within which what must happen happens."""


def ask(bag: Bag, node: Node, payload: bytes, *, reads: bool) -> Ticket:
    tickets: list[Ticket] = []

    def submit(front: Front, now: float) -> Effects:
        ticket, effects = front.submit(now, Request(reads, payload), repeatable=False)
        tickets.append(ticket)
        return effects

    node.act(submit)
    return tickets[0]


def put(bag: Bag, node: Node, key: str) -> Answer:
    assert node.front is not None
    command = encode_command("put", (key, key), node.front.next_id())
    return answer(bag, ask(bag, node, command, reads=False))


def get(bag: Bag, node: Node, key: str) -> Answer:
    return answer(bag, ask(bag, node, encode_question("get", (key,)), reads=True))


def answer(bag: Bag, ticket: Ticket) -> Answer:
    assert bag.run(PATIENCE, until=lambda: ticket.answer is not None)
    assert ticket.answer is not None
    return ticket.answer


def leader(bag: Bag) -> Node:
    """Wait for one whose lease runs."""

    def found() -> list[Node]:
        nodes = bag.nodes.values()
        return [n for n in nodes if n.proposer and n.proposer.may_read(n.clock())]

    assert bag.run(PATIENCE, until=lambda: bool(found())), "nobody leads"
    return found()[0]


def written(bag: Bag, keys: int) -> Node:
    """Some writes later; who leads."""
    node = leader(bag)
    for number in range(keys):
        assert put(bag, node, f"key {number}").code == "OK"
    return node


def lose(node: Node) -> None:
    node.crash()
    node.wipe(state_too=True)
    node.start()


def votes(node: Node) -> bool:
    return node.acceptor is not None and not node.acceptor.recovering


@pytest.mark.parametrize("replicas", [1, 2, 3, 4, 5])
def test_a_crash_of_all_loses_nothing_acknowledged(replicas: int) -> None:
    bag = Bag("crash of all", replicas)
    written(bag, 5)
    for node in bag.nodes.values():
        node.crash()
    for node in bag.nodes.values():
        node.start()
    node = leader(bag)
    assert [get(bag, node, f"key {n}").value for n in range(5)] == [f"key {n}" for n in range(5)]


@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_restarted_learners_get_back_what_their_disks_lacked(replicas: int) -> None:
    """Written behind: for a moment only acceptors hold what was acknowledged."""
    bag = Bag("learners", replicas)
    written(bag, 5)
    for node in bag.nodes.values():
        node.fail("learner")
    for node in bag.nodes.values():
        node.restart("learner")
    assert get(bag, leader(bag), "key 4").value == "key 4"


@pytest.mark.parametrize("seed", range(8))
def test_disks_may_be_lost_one_after_the_other(seed: int) -> None:
    """As soon as one replica votes again the next loses its disk, while all others crash."""
    bag = Bag(f"disks {seed}", 3)
    written(bag, 5)
    for node in bag.nodes.values():
        lose(node)
        assert bag.run(PATIENCE, until=partial(votes, node)), "never votes again"
        for other in bag.nodes.values():
            other.crash()
        following = bag.nodes[node.replica % 3 + 1]
        following.wipe(state_too=True)
        for other in bag.nodes.values():
            other.start()
        assert bag.run(PATIENCE, until=partial(votes, following)), "never votes again"
    assert get(bag, leader(bag), "key 4").value == "key 4"


def test_a_majority_of_lost_disks_is_refused() -> None:
    """Acknowledged data may be gone: nobody votes, nobody answers, an operator has to decide."""
    bag = Bag("majority", 5)
    written(bag, 5)
    for replica in (1, 2, 3):
        lose(bag.nodes[replica])
    assert not bag.run(PATIENCE, until=lambda: any(votes(bag.nodes[i]) for i in (1, 2, 3)))
    assert put(bag, bag.nodes[4], "more").code == "NO_QUORUM"


def test_of_two_replicas_a_lost_disk_waits_for_an_operator() -> None:
    bag = Bag("two", 2)
    written(bag, 2)
    lose(bag.nodes[2])
    assert not bag.run(PATIENCE, until=lambda: votes(bag.nodes[2]))


def test_an_old_copy_of_a_disk_is_found_out() -> None:
    bag = Bag("old copy", 3)
    node = bag.nodes[2 if leader(bag).replica == 1 else 1]
    written(bag, 2)
    old = {table: dict(rows) for table, rows in node.votes.items()}
    written(bag, 5)
    assert old != node.votes
    node.crash()
    node.votes, node.disk = old, "an old copy"
    node.start()
    with pytest.raises(DiskLost):
        bag.run(PATIENCE)


def test_a_leader_that_is_cut_off_answers_nothing_old() -> None:
    bag = Bag("cut off", 5)
    old = written(bag, 1)
    others = [node for node in bag.nodes.values() if node is not old]
    for node in others:
        bag.network.cuts |= {(old.replica, node.replica), (node.replica, old.replica)}
    question = ask(bag, old, encode_question("get", ("key 0",)), reads=True)
    assert question.answer is not None  # its lease still runs
    assert answer(bag, put_ticket(bag, others[0])).code in ("OK", "NO_QUORUM", "UNKNOWN_OUTCOME")
    assert bag.run(PATIENCE, until=lambda: any(leads(node) for node in others))
    assert put(bag, others[0], "key 0").code == "OK"
    late = get(bag, old, "key 0")
    assert late.code == "NO_QUORUM"


def put_ticket(bag: Bag, node: Node) -> Ticket:
    assert node.front is not None
    command = encode_command("put", ("other", "v"), node.front.next_id())
    return ask(bag, node, command, reads=False)


def leads(node: Node) -> bool:
    return node.proposer is not None and node.proposer.may_read(node.clock())


def test_leadership_goes_where_the_operator_wants_it_without_a_gap() -> None:
    """A hand-over takes a moment, not an election time."""
    bag = Bag("transfer", 3)
    node = written(bag, 1)
    other = bag.nodes[node.replica % 3 + 1]
    node.post(node.address("host"), "proposer", Transfer(other.replica))
    node.pump()
    assert bag.run(PATIENCE, until=lambda: not leads(node))
    began = bag.now
    assert bag.run(PATIENCE, until=lambda: leads(other))
    assert bag.now - began < 0.3
    assert put(bag, node, "through the new one").code == "OK"


def test_leadership_comes_back_to_the_first_replica() -> None:
    bag = Bag("priority", 3)
    leader(bag)
    bag.nodes[1].crash()
    assert leader(bag).replica != 1
    bag.nodes[1].start()
    assert bag.run(PATIENCE, until=lambda: leads(bag.nodes[1]))


def test_a_leader_without_its_acceptor_goes_on_then_hands_over() -> None:
    bag = Bag("no acceptor", 3)
    node = written(bag, 1)
    node.fail("acceptor")
    assert put(bag, node, "without").code == "OK"
    assert leads(node)
    assert bag.run(PATIENCE, until=lambda: not leads(node))
    assert leader(bag) is not node


@pytest.mark.parametrize("role", ["proposer", "learner"])
def test_a_leader_without_its_proposer_or_learner_is_succeeded(role: str) -> None:
    bag = Bag("no role", 3)
    node = written(bag, 1)
    node.fail(role)
    assert not leads(node)
    assert leader(bag) is not node


def test_without_a_majority_nothing_is_done_and_it_is_said_so() -> None:
    bag = Bag("minority", 5)
    written(bag, 1)
    for replica in (1, 2, 3):
        bag.nodes[replica].crash()
    bag.run(3.0)
    assert put(bag, bag.nodes[4], "more").code == "NO_QUORUM"
    assert get(bag, bag.nodes[5], "key 0").code == "NO_QUORUM"
    bag.nodes[1].start()
    leader(bag)
    assert get(bag, bag.nodes[5], "more").value is None
