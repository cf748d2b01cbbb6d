"""A second state machine, replicated: what is around it knows no operation of the store's."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from kvrmi.errors import InvalidRequest
from kvrmi.operations.commands import Voter, encode_command, encode_voter
from kvrmi.operations.definition import define
from kvrmi.operations.interface import Answer, check
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.paxos.declaration import declare
from kvrmi.paxos.learner import Learner
from kvrmi.paxos.messages import Applied, Chosen, Restore
from kvrmi.paxos.parts import Parts
from kvrmi.state.log import Log
from kvrmi.state.machine import StateMachine
from kvrmi.state.replicated import Replicated
from kvrmi.state.stored import learner_tables
from kvrmi.storage.memory import MemoryStorage
from kvrmi.storage.sqlite import SqliteStorage
from tests.state.counter import COUNTING, NUMBER, Counters, add, total

from .bench import BOOT, IDS, Bench, Benches, host, proposer
from .learners import bring, entry_of, flush

TABLES = learner_tables(Counters.tables)
AGAIN = add(1, 5, ("client", 1))


class CountingParts(Parts):
    machines: type[StateMachine] = Counters


def load(benches: Benches, me: int, disk: MemoryStorage | None = None) -> Bench[Learner]:
    disk = disk or MemoryStorage(TABLES)
    state = Replicated.load(disk, Counters, keep=3)
    bench = benches(Learner(me, IDS, state, disk.snapshot, page_bytes=40), disk)
    bench.wake()
    bench.drain()
    return bench


def counted(benches: Benches, me: int = 2) -> Bench[Learner]:
    """A learner of nine slots: 1 + .. + 9 in nine counters, and a session's 5 in the first."""
    bench = load(benches, me)
    for slot in range(1, 10):
        commands = [add(slot, slot, (1, BOOT, slot))] + ([AGAIN] if slot == 9 else [])
        bench.deliver(proposer(me), Chosen(entry_of(slot, *commands)))
        flush(bench)
    bench.drain()
    return bench


def check_counts(state: Replicated) -> None:
    assert state.read(total(*range(10))) == Answer("OK", 50, 10)
    assert (state.keys, state.revision, state.applied) == (9, 10, 9)
    assert state.apply(AGAIN) == Answer("OK", 6, 10), "a repetition gets the first answer"
    assert state.revision == 10


def test_commands_are_answered_as_the_machine_says(benches: Benches) -> None:
    bench = load(benches, 1)
    foreign = encode_command("put", ("k", "v"), (1, BOOT, 2))
    voter = encode_voter(Voter(2, 2, "disk"), (1, BOOT, 3))
    bench.deliver(proposer(1), Chosen(entry_of(1, AGAIN, foreign, voter, AGAIN)))
    applied = next(one.message for one in bench.drain() if isinstance(one.message, Applied))
    answers = [answer for _, answer in applied.answers]
    refused = Answer("INVALID", "malformed command", 1)
    assert answers == [Answer("OK", 5, 1), refused, Answer("OK", 2, 1), Answer("OK", 5, 1)]
    assert applied.voters == (Voter(2, 2, "disk"),)
    assert bench.role.read(total()) == Answer("INVALID", "name a counter", 1)
    assert bench.role.read(b"\x01\x05\x91\xa1k") == Answer("INVALID", "malformed question", 1)


class Clearing(Counters):
    """Replicas may have a counter begin anew; clients may not."""

    vocabulary: ClassVar[Vocabulary] = Vocabulary(
        "clearing",
        (*COUNTING.machine, define("clear", 103, (NUMBER,), "what it counted", of_clients=False)),
    )

    def apply(self, opcode: int, args: bytes, revision: int) -> object:
        if opcode != 103:
            return super().apply(opcode, args, revision)
        (number,) = self.vocabulary.by_opcode[opcode].decode(args)
        return -self.count(revision, number, -2 * self.counted(number))


def test_what_replicas_alone_may_ask_the_machine_carries_out() -> None:
    state = Replicated(Clearing)
    state.apply(add(7, 5, (1, BOOT, 1)))
    clear = encode_command("clear", (7,), (1, BOOT, 2), Clearing.vocabulary)
    assert state.apply(clear) == Answer("OK", 5, 2)
    with pytest.raises(InvalidRequest, match="no operation 'clear', only add, "):
        check("clear", (7,), Clearing.vocabulary)


def test_it_is_there_again_after_a_restart(benches: Benches) -> None:
    bench = counted(benches)
    again = load(benches, 2, bench.disk)
    assert again.role.state.digest == bench.role.state.digest
    check_counts(again.role.state)


def test_it_goes_to_another_replica_in_pages(benches: Benches) -> None:
    giver, taker = counted(benches), load(benches, 1)
    taker.deliver(host(1), Restore(2))
    bring(giver, taker)
    assert taker.role.restored is not None
    assert (taker.role.restored.slot, taker.role.restored.keys) == (9, 9)
    assert taker.role.state.digest == giver.role.state.digest
    taker.wake()
    taker.drain()
    check_counts(load(benches, 1, taker.disk).role.state)
    check_counts(taker.role.state)


def test_its_tables_are_those_of_the_learners_file(tmp_path: Path) -> None:
    tables = declare(CountingParts()).tables("learner.db")
    assert tables == TABLES
    storage = SqliteStorage(tmp_path / "learner.db", tables)
    state = Replicated(Counters)
    state.append(entry_of(1, add(7, 1, (1, BOOT, 1)), add(-7, -1, (1, BOOT, 2))))
    storage.write(state.take_records())
    found = Replicated.load(storage, Counters)
    assert (found.digest, found.keys, Log.load(storage).applied) == (state.digest, 2, 1)
    storage.close()
