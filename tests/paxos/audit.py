"""The end of a run in the bag: everything comes back, agrees, and adds up.

Rule: the chosen log is the truth; it is replayed by a fresh machine, and every answer that a client
was given must be what that machine gives at that revision.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from kvrmi.interface import Answer
from kvrmi.log import unpack_batch
from kvrmi.machine import Machine, encode_question

from .clients import Clients, Operation

if TYPE_CHECKING:
    from .bag import Bag

__all__ = ["audit", "recover"]

RECOVERY = 30.0
"""Virtual seconds after the last fault within which everything has to be well again."""


def recover(bag: Bag, clients: Clients) -> None:
    """Everybody catches up, lost disks become voters, clients get their answers."""
    well = bag.run(RECOVERY, until=lambda: _leads(bag) and _recovered(bag))
    bag.watch.require(well, "no leader, or a disk not replaced: " + _standing(bag))
    clients.rest()
    bag.watch.require(bag.run(RECOVERY, until=lambda: clients.idle), "clients wait for ever")
    bag.watch.require(bag.run(RECOVERY, until=lambda: _level(bag)), "uneven: " + _standing(bag))


def audit(bag: Bag, clients: Clients) -> None:
    """Compare what clients were told with the chosen log."""
    log = Counter[bytes]()
    answers: dict[bytes, Answer] = {}
    machine = Machine()
    reads = _reads(clients)
    applied = max(node.learner.applied for node in bag.nodes.values() if node.learner)
    _check_reads(bag, machine, reads)
    for slot in range(1, applied + 1):
        for command in unpack_batch(bag.watch.chosen[slot]):
            log[command] += 1
            answers[command] = machine.apply(command)
            _check_reads(bag, machine, reads)
    bag.watch.require(not reads, f"reads at revisions that never were: {sorted(reads)}")
    _check_writes(bag, clients, log, answers)
    _check_counters(bag, clients, machine)
    digests = {node.learner.machine.digest for node in bag.nodes.values() if node.learner}
    bag.watch.require(digests == {machine.digest}, "replicas disagree with the log")


def _reads(clients: Clients) -> dict[int, list[Operation]]:
    reads: dict[int, list[Operation]] = {}
    for operation in clients.done:
        if operation.reads and operation.answer is not None and operation.answer.code == "OK":
            reads.setdefault(operation.answer.revision, []).append(operation)
    return reads


def _check_reads(bag: Bag, machine: Machine, reads: dict[int, list[Operation]]) -> None:
    for operation in reads.pop(machine.revision, ()):
        right = machine.read(operation.payload)
        bag.watch.require(operation.answer == right, f"read {operation.answer}, not {right}")


def _check_writes(
    bag: Bag, clients: Clients, log: Counter[bytes], answers: dict[bytes, Answer]
) -> None:
    require = bag.watch.require
    for operation in clients.done:
        times, payload = log[operation.payload], operation.payload
        if operation.reads or operation.answer is None:
            require(operation.session or times <= 1, f"{payload!r} is {times} times in the log")
        elif operation.answer.code == "OK":
            require(times > 0, f"acknowledged, and not in the log: {payload!r}")
            require(operation.session or times == 1, f"{payload!r} is {times} times in the log")
            require(answers[payload] == operation.answer, f"{payload!r} answered otherwise")
        elif operation.undone:
            require(not times, f"said to be undone, and in the log: {payload!r}")


def _check_counters(bag: Bag, clients: Clients, machine: Machine) -> None:
    for key, client in clients.counters.items():
        value = machine.read(encode_question("get", (key,))).value
        done = str(client.count) if client.count else None
        bag.watch.require(value == done, f"{key} counted {value}, not {done}")


def _leads(bag: Bag) -> bool:
    """One leads whose lease runs, so that its no-op is applied."""
    nodes = bag.nodes.values()
    return any(n.proposer is not None and n.proposer.may_read(n.clock()) for n in nodes)


def _recovered(bag: Bag) -> bool:
    nodes = bag.nodes.values()
    return all(node.acceptor is not None and not node.acceptor.recovering for node in nodes)


def _level(bag: Bag) -> bool:
    learners = [node.learner for node in bag.nodes.values()]
    return len({learner.applied for learner in learners if learner}) == 1


def _standing(bag: Bag) -> str:
    return "; ".join(
        f"{i}: {n.proposer and n.proposer.ballot} applied {n.learner and n.learner.applied}"
        f" recovering {n.acceptor and n.acceptor.recovering}"
        for i, n in bag.nodes.items()
    )
