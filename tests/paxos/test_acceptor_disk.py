"""What an acceptor keeps, what it may forget, and in what portions it tells the rest."""

from __future__ import annotations

import pytest

from kvrmi.paxos.acceptor import PAGE_BYTES, Acceptor
from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.messages import Accept, Accepted, Copied, Copy, Durable, Prepare, Promise, Refused
from kvrmi.paxos.stable import TABLES, State
from kvrmi.roles.contract import Envelope
from kvrmi.roles.invariants import InvariantBroken
from kvrmi.storage.interface import Put
from kvrmi.storage.memory import MemoryStorage

from .bench import START, TIMING, Bench, Benches, acceptor, ballot, learner, proposer

B2, B3 = ballot(5, 2), ballot(6, 3)


def load(benches: Benches, disk: MemoryStorage | None = None) -> Bench[Acceptor]:
    disk = disk or MemoryStorage(TABLES)
    return benches(Acceptor.load(1, disk, START, TIMING, founding=True), disk)


def filled(benches: Benches, slots: int, size: int = 1, at: Ballot = B2) -> Bench[Acceptor]:
    """An acceptor of values in slots 1 to `slots`."""
    bench = load(benches)
    for slot in range(1, slots + 1):
        bench.deliver(proposer(at.replica), Accept(at, slot, bytes([slot]) * size, 0, False))
    bench.drain()
    return bench


def accept(bench: Bench[Acceptor], at: Ballot, slot: int) -> None:
    bench.deliver(proposer(at.replica), Accept(at, slot, bytes([slot]), 0, False))
    assert len(bench.find(Accepted)) == 1


def slots_reported(bench: Bench[Acceptor], at: Ballot = B3) -> tuple[int, list[int]]:
    """Truncation point and slots of a whole promise from slot 1 on."""
    bench.deliver(proposer(at.replica), Prepare(at, 1, 0))
    (promise,) = bench.find(Promise)
    assert promise.more == 0
    return promise.truncated, [value.slot for value in promise.accepted]


def test_a_promise_is_given_in_pages(benches: Benches) -> None:
    bench = filled(benches, 5, size=PAGE_BYTES // 2 - 64)
    reported, slot = [], 1
    while slot:
        bench.deliver(proposer(3), Prepare(B3, slot, 0))
        (page,) = bench.find(Promise)
        assert page.slot == slot
        assert sum(len(value.value) for value in page.accepted) <= PAGE_BYTES
        reported.append([value.slot for value in page.accepted])
        slot = page.more
    assert reported == [[1, 2], [3, 4], [5]]


def test_a_value_larger_than_a_page_has_one_of_its_own(benches: Benches) -> None:
    bench = filled(benches, 3, size=PAGE_BYTES + 1)
    bench.deliver(proposer(3), Prepare(B3, 2, 0))
    (page,) = bench.find(Promise)
    assert ([value.slot for value in page.accepted], page.more) == ([2], 3)


def test_copies_are_given_in_pages_as_well(benches: Benches) -> None:
    bench = filled(benches, 3, size=PAGE_BYTES // 2 - 64)
    bench.deliver(acceptor(2), Copy(1))
    (page,) = bench.find(Copied)
    assert ([value.slot for value in page.accepted], page.more) == ([1, 2], 3)
    bench.deliver(acceptor(2), Copy(3))
    (page,) = bench.find(Copied)
    assert ([value.slot for value in page.accepted], page.more) == ([3], 0)


def test_nothing_is_forgotten_before_our_learner_has_it_on_disk(benches: Benches) -> None:
    bench = filled(benches, 3)
    bench.deliver(proposer(2), Accept(B2, 4, b"v", 3, False))
    bench.drain()
    assert slots_reported(bench) == (0, [1, 2, 3, 4])


def test_what_our_learner_has_on_disk_is_forgotten_with_the_next_accept(benches: Benches) -> None:
    bench = filled(benches, 3)
    bench.deliver(learner(1), Durable(2))
    bench.expect()
    assert slots_reported(bench, B2) == (0, [1, 2, 3])
    accept(bench, B2, 4)
    assert slots_reported(bench) == (2, [3, 4])
    again = load(benches, bench.disk)
    assert slots_reported(again) == (2, [3, 4])


def test_what_our_learner_has_lost_again_is_not_forgotten(benches: Benches) -> None:
    """Its file was damaged and begun anew: what it holds now counts, not what it once held."""
    bench = filled(benches, 3)
    bench.deliver(learner(1), Durable(3))
    bench.deliver(learner(1), Durable(1))
    accept(bench, B2, 4)
    assert slots_reported(bench) == (1, [2, 3, 4])


def test_nothing_is_accepted_at_or_below_the_truncation_point(benches: Benches) -> None:
    bench = filled(benches, 3)
    bench.deliver(learner(1), Durable(3))
    accept(bench, B2, 4)
    request = Accept(B3, 3, b"other", 0, False)
    bench.answer(proposer(3), request, Refused(B3, B2, "truncated"))


def test_a_promise_from_below_the_truncation_point_begins_above_it(benches: Benches) -> None:
    bench = filled(benches, 3)
    bench.deliver(learner(1), Durable(2))
    accept(bench, B2, 4)
    bench.deliver(proposer(3), Prepare(B3, 1, 0))
    (promise,) = bench.find(Promise)
    assert (promise.slot, promise.truncated) == (1, 2)
    assert [value.slot for value in promise.accepted] == [3, 4]


def test_a_truncation_point_never_falls(benches: Benches) -> None:
    bench = filled(benches, 3)
    bench.deliver(learner(1), Durable(3))
    accept(bench, B2, 4)
    bench.deliver(learner(1), Durable(1))
    accept(bench, B2, 5)
    assert slots_reported(bench) == (3, [4, 5])


def test_a_slot_below_the_learners_is_accepted_and_not_forgotten(benches: Benches) -> None:
    """A leader that lags proposes again what it lacks; what it will propose next must stay."""
    bench = filled(benches, 4)
    bench.deliver(learner(1), Durable(4))
    accept(bench, B3, 2)
    assert slots_reported(bench) == (1, [2, 3, 4])


def test_memory_and_disk_forget_the_same_slots(benches: Benches) -> None:
    """Otherwise a restart after the step above loses values that were chosen."""
    bench = filled(benches, 4)
    bench.deliver(learner(1), Durable(4))
    accept(bench, B3, 2)
    assert slots_reported(load(benches, bench.disk)) == (1, [2, 3, 4])


def test_an_acceptor_is_what_its_disk_holds(benches: Benches) -> None:
    bench = filled(benches, 3)
    bench.deliver(proposer(3), Prepare(B3, 4, 0))
    bench.drain()
    again = load(benches, bench.disk)
    assert again.role.state == bench.role.state
    assert again.role.accepted == bench.role.accepted


def test_the_state_row_survives_packing() -> None:
    state = State(Ballot(7, 2), 11, 3, 2, 1, Ballot(6, 1), 9)
    assert State.unpack(state.pack()) == state
    assert State() == State(NO_BALLOT, 0, 0, 1, 0, NO_BALLOT, 0)


def test_an_unknown_format_is_not_guessed_at(benches: Benches) -> None:
    disk = filled(benches, 1).disk
    assert disk is not None
    for table, key, data in (
        ("accepted", 1, disk.read("accepted", 1)),
        ("acceptor", "state", disk.read("acceptor", "state")),
    ):
        assert data is not None
        other = MemoryStorage(TABLES)
        other.write([Put(table, key, b"\x09" + data[1:])])
        with pytest.raises(InvariantBroken, match="format"):
            load(benches, other)


def test_a_truncating_accept_is_one_write_like_any_other(benches: Benches) -> None:
    bench = filled(benches, 2)
    bench.deliver(learner(1), Durable(2))
    bench.deliver(proposer(2), Accept(B2, 3, b"v", 2, True))
    (accepted, learn) = bench.drain()
    assert accepted == Envelope(proposer(2), Accepted(B2, 3, 1, 3))
    assert learn.to == learner(1)
