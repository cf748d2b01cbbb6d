"""Learners for tests: with entries on their disks, and questions carried between two of them."""

from __future__ import annotations

from kvrmi.paxos.learner import FLUSH, Learner
from kvrmi.paxos.messages import (
    Chosen,
    Durable,
    Fetch,
    FetchSnapshot,
)
from kvrmi.roles.contract import Envelope
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.log import Entry, Log, pack_batch
from kvrmi.state.replicated import Replicated
from kvrmi.state.stored import learner_tables
from kvrmi.storage.memory import MemoryStorage

from .bench import (
    IDS,
    Bench,
    Benches,
    acceptor,
    ballot,
    entry,
    learner,
    proposer,
)

TABLES = learner_tables(KeyValues.tables)
B2 = ballot(5, 2)


def load(
    benches: Benches, disk: MemoryStorage | None = None, me: int = 1, keep: int = 1000
) -> Bench[Learner]:
    disk = disk or MemoryStorage(TABLES)
    role = Learner(me, IDS, Replicated.load(disk, KeyValues, keep), disk.snapshot)
    bench = benches(role, disk)
    bench.wake()  # as every host does at once
    bench.expect(Envelope(acceptor(me), Durable(role.applied)))
    return bench


def taught(benches: Benches, slots: int, me: int = 1, keep: int = 1000) -> Bench[Learner]:
    """A learner of `slots` entries, all of them on its disk."""
    bench = load(benches, me=me, keep=keep)
    for slot in range(1, slots + 1):
        bench.deliver(proposer(me), Chosen(entry(slot, f"key {slot}")))
        flush(bench)
    bench.drain()
    return bench


def entry_of(slot: int, *commands: bytes) -> Entry:
    return Entry(slot, B2, (1, 2), pack_batch(commands))


def flush(bench: Bench[Learner]) -> None:
    bench.wake(FLUSH)


def durable(bench: Bench[Learner]) -> int:
    """What a restart from this disk would begin with."""
    assert bench.disk is not None
    return Log.load(bench.disk).applied


def carry(giver: Bench[Learner], taker: Bench[Learner]) -> bool:
    """Carry one question and its answer; False if there is none."""
    asked = [to_message for to_message in taker.drain() if is_question(to_message, giver)]
    for question in asked[:1]:
        giver.deliver(learner(taker.role.me), question.message)
        (answer,) = [one.message for one in giver.drain() if one.to == learner(taker.role.me)]
        taker.deliver(learner(giver.role.me), answer)
    return bool(asked)


def is_question(envelope: Envelope, giver: Bench[Learner]) -> bool:
    return envelope.to == learner(giver.role.me) and isinstance(
        envelope.message, Fetch | FetchSnapshot
    )


def bring(giver: Bench[Learner], taker: Bench[Learner]) -> None:
    """Carry questions and answers until there are no more."""
    while carry(giver, taker):
        pass
