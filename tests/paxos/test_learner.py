"""The learner alone: order, answers, what reaches the disk when, and catching up."""

from __future__ import annotations

import pytest

from kvrmi.log import TABLES as LOG_TABLES
from kvrmi.log import Entry, Log, pack_batch
from kvrmi.machine import TABLES as MACHINE_TABLES
from kvrmi.machine import Machine, Voter, encode_voter
from kvrmi.paxos.effects import Envelope
from kvrmi.paxos.learner import FLUSH, FLUSH_BYTES, SOURCE_IDLE, Learner
from kvrmi.paxos.messages import (
    Applied,
    Ask,
    Behind,
    Chosen,
    Durable,
    Entries,
    Fetch,
    FetchSnapshot,
    Learn,
    NoAnswer,
    NotSent,
    Restore,
    SnapshotPage,
)
from kvrmi.storage.memory import MemoryStorage

from .bench import (
    BOOT,
    IDS,
    Bench,
    Benches,
    acceptor,
    ballot,
    entry,
    front,
    get,
    host,
    learner,
    ok,
    proposer,
    put,
)

TABLES = {**MACHINE_TABLES, **LOG_TABLES}
B2 = ballot(5, 2)


def load(
    benches: Benches, disk: MemoryStorage | None = None, me: int = 1, keep: int = 1000
) -> Bench[Learner]:
    disk = disk or MemoryStorage(TABLES)
    role = Learner(me, IDS, Machine.load(disk), Log.load(disk, keep), disk.snapshot)
    bench = benches(role, disk)
    bench.wake()  # as every host does at once
    bench.expect(Envelope(acceptor(me), Durable(role.applied)))
    return bench


def taught(benches: Benches, slots: int, me: int = 1, keep: int = 1000) -> Bench[Learner]:
    """A learner of `slots` entries, all of them on its disk."""
    bench = load(benches, me=me, keep=keep)
    for slot in range(1, slots + 1):
        bench.tell(proposer(me), Chosen(entry(slot, f"key {slot}")))
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


# --- applying -------------------------------------------------------------------------------------


def test_a_chosen_entry_is_applied_and_its_answers_told(benches: Benches) -> None:
    bench = load(benches)
    bench.tell(proposer(1), Chosen(entry(1, "a", "b")))
    answers = ((put("a"), ok(1, 1)), (put("b"), ok(2, 2)))
    applied = Applied(1, answers, ())
    bench.expect(Envelope(proposer(1), applied), Envelope(front(1), applied))
    assert bench.role.read(get("a")) == ok("v", 2)


def test_an_entry_is_applied_once(benches: Benches) -> None:
    bench = load(benches)
    bench.tell(proposer(1), Chosen(entry(1, "a")))
    bench.drain()
    bench.tell(proposer(1), Chosen(entry(1, "a")))
    bench.tell(learner(2), Entries(1, (entry(1, "a"),), 1, 1))
    bench.expect()
    assert bench.role.machine.revision == 1


def test_entries_are_applied_in_order_whatever_order_they_come_in(benches: Benches) -> None:
    bench = load(benches)
    for slot in (3, 2):
        bench.tell(acceptor(1), Learn(B2, 0, (entry(slot, "late"),)))
    bench.expect()
    bench.tell(acceptor(1), Learn(B2, 0, (entry(1, "first"),)))
    assert [applied.slot for applied in bench.find(Applied, front(1))] == [3]
    assert bench.role.applied == 3


def test_a_change_of_voters_is_told_to_our_acceptor_as_well(benches: Benches) -> None:
    bench = load(benches)
    voter = Voter(2, 2, "new disk")
    bench.tell(proposer(1), Chosen(entry_of(1, encode_voter(voter, (2, BOOT, 1)))))
    told = {to.role: message for to, message in bench.drain()}
    assert sorted(told) == ["acceptor", "front", "proposer"]
    assert isinstance(told["acceptor"], Applied)
    assert told["acceptor"].voters == (voter,)


def test_whoever_asks_hears_where_we_stand(benches: Benches) -> None:
    bench = taught(benches, 3)
    bench.answer(proposer(1), Ask(), Applied(3, (), ()))


# --- the disk -------------------------------------------------------------------------------------


def test_what_is_applied_is_written_behind_the_answer(benches: Benches) -> None:
    bench = load(benches)
    bench.tell(proposer(1), Chosen(entry(1, "a")))
    bench.drain()
    assert durable(bench) == 0
    bench.wake(FLUSH * 0.6)
    bench.expect()
    bench.wake(FLUSH * 0.6)
    assert Envelope(acceptor(1), Durable(1)) in bench.drain()
    assert durable(bench) == 1


def test_a_clean_end_writes_what_is_held_back(benches: Benches) -> None:
    bench = load(benches)
    bench.tell(proposer(1), Chosen(entry(1, "a")))
    bench.drain()
    bench.carry_out(bench.role.flush(bench.now))
    assert Envelope(acceptor(1), Durable(1)) in bench.drain()
    assert durable(bench) == 1
    bench.carry_out(bench.role.flush(bench.now))
    bench.expect()


def test_an_idle_learner_writes_nothing(benches: Benches) -> None:
    bench = taught(benches, 2)
    flush(bench)
    bench.expect()


def test_much_data_is_written_at_once(benches: Benches) -> None:
    bench = load(benches)
    big = put("big", "x" * (FLUSH_BYTES // 4))
    for slot in range(1, 6):
        bench.tell(proposer(1), Chosen(entry_of(slot, big)))
    bench.wake()
    assert Envelope(acceptor(1), Durable(5)) in bench.drain()


def test_a_restart_goes_on_where_the_disk_ends(benches: Benches) -> None:
    bench = taught(benches, 2)
    bench.tell(proposer(1), Chosen(entry(3, "lost")))
    bench.drain()
    again = load(benches, bench.disk)
    assert again.role.applied == 2
    again.tell(proposer(1), Chosen(entry(3, "lost")))
    again.drain()
    assert again.role.log.hash == bench.role.log.hash
    assert again.role.machine.digest == bench.role.machine.digest


# --- catching up ----------------------------------------------------------------------------------


def test_what_is_chosen_and_missing_is_fetched(benches: Benches) -> None:
    bench = load(benches)
    bench.tell(acceptor(1), Learn(B2, 3, (entry(3, "c"),)))
    bench.expect(Envelope(learner(2), Fetch(1)))
    bench.tell(learner(2), Entries(1, (entry(1, "a"), entry(2, "b")), 1, 3))
    assert bench.role.applied == 3
    bench.drain()


def test_our_own_acceptors_values_need_no_fetching(benches: Benches) -> None:
    bench = load(benches)
    bench.tell(acceptor(1), Learn(B2, 2, (entry(1, "a"), entry(2, "b"))))
    assert not bench.find(Fetch)
    assert bench.role.applied == 2


def test_a_lagging_proposer_makes_us_fetch(benches: Benches) -> None:
    bench = load(benches)
    bench.tell(proposer(1), Behind(3, 4))
    bench.expect(Envelope(learner(3), Fetch(1)))


@pytest.mark.parametrize("news", [NotSent, NoAnswer])
def test_who_does_not_answer_is_passed_over(
    benches: Benches, news: type[NotSent | NoAnswer]
) -> None:
    bench = load(benches)
    bench.tell(proposer(1), Behind(2, 4))
    bench.drain()
    bench.tell(learner(2), news(2, Fetch(1)))
    bench.wake(0.1)
    bench.expect(Envelope(learner(3), Fetch(1)))


def test_who_has_no_more_than_we_is_passed_over(benches: Benches) -> None:
    bench = taught(benches, 2)
    bench.tell(proposer(1), Behind(2, 4))
    bench.drain()
    bench.tell(learner(2), Entries(3, (), 1, 2))
    bench.wake(0.1)
    bench.expect(Envelope(learner(3), Fetch(3)))


def test_entries_are_given_to_whoever_fetches(benches: Benches) -> None:
    bench = taught(benches, 3)
    entries = (entry(2, "key 2"), entry(3, "key 3"))
    bench.answer(learner(2), Fetch(2), Entries(2, entries, 1, 3))
    bench.answer(learner(2), Fetch(4), Entries(4, (), 1, 3))


def test_below_what_is_kept_a_snapshot_is_needed(benches: Benches) -> None:
    giver, taker = taught(benches, 9, me=2, keep=3), load(benches)
    giver.tell(learner(1), Fetch(1))
    (answer,) = giver.find(Entries)
    assert (answer.entries, answer.first) == ((), 7)
    taker.tell(proposer(1), Behind(2, 9))
    taker.drain()
    taker.tell(learner(2), answer)
    taker.expect(Envelope(learner(2), FetchSnapshot("", 0)))


# --- snapshots ------------------------------------------------------------------------------------


def bring(giver: Bench[Learner], taker: Bench[Learner]) -> None:
    """Carry snapshot questions and pages until there are no more."""
    while asked := taker.find(FetchSnapshot, learner(giver.role.me)):
        giver.tell(learner(taker.role.me), asked[0])
        (page,) = giver.find(SnapshotPage)
        taker.tell(learner(giver.role.me), page)


def test_a_snapshot_moves_a_learner_to_where_its_giver_stood(benches: Benches) -> None:
    giver, taker = taught(benches, 9, me=2, keep=3), taught(benches, 2)
    taker.tell(host(1), Restore(2))
    giver.tell(learner(1), FetchSnapshot("", 0))
    (page,) = giver.find(SnapshotPage)
    taker.drain()
    taker.tell(learner(2), page)
    assert Envelope(proposer(1), Applied(9, (), ())) in taker.drain()
    taker.wake()
    assert Envelope(acceptor(1), Durable(9)) in taker.drain()
    assert taker.role.log.hash == giver.role.log.hash
    assert taker.role.machine.digest == giver.role.machine.digest
    restored = taker.role.restored
    assert restored is not None
    assert (restored.slot, restored.peer, restored.keys, restored.missed) == (9, 2, 9, 7)
    assert durable(taker) == 9


def test_an_older_snapshot_is_ignored(benches: Benches) -> None:
    giver, taker = taught(benches, 2, me=2), taught(benches, 5)
    taker.tell(host(1), Restore(2))
    bring(giver, taker)
    assert (taker.role.applied, taker.role.restored) == (5, None)
    assert not taker.role.restoring
    taker.expect()


def test_what_was_learned_beyond_the_snapshot_is_applied_after_it(benches: Benches) -> None:
    giver, taker = taught(benches, 9, me=2), load(benches)
    taker.tell(acceptor(1), Learn(B2, 0, (entry(10, "ten"),)))
    taker.tell(host(1), Restore(2))
    bring(giver, taker)
    assert taker.role.applied == 10


def test_a_snapshot_long_unasked_for_is_closed(benches: Benches) -> None:
    bench = taught(benches, 2)
    bench.tell(learner(2), FetchSnapshot("", 0))
    (page,) = bench.find(SnapshotPage)
    bench.wake(SOURCE_IDLE + 1)
    bench.drain()
    gone = SnapshotPage(page.name, -1, b"", True)
    bench.answer(learner(2), FetchSnapshot(page.name, 1), gone)


def test_a_page_out_of_order_or_of_no_snapshot_begins_again(benches: Benches) -> None:
    bench = taught(benches, 2)
    bench.answer(learner(2), FetchSnapshot("1-77", 0), SnapshotPage("1-77", -1, b"", True))
    bench.tell(learner(2), FetchSnapshot("", 0))
    (page,) = bench.find(SnapshotPage)
    bench.answer(learner(2), FetchSnapshot(page.name, 5), SnapshotPage(page.name, -1, b"", True))
    bench.role.close()


def test_a_snapshot_is_of_what_is_on_the_disk(benches: Benches) -> None:
    giver, taker = taught(benches, 2, me=2), load(benches)
    giver.tell(proposer(2), Chosen(entry(3, "unwritten")))
    giver.drain()
    taker.tell(host(1), Restore(2))
    bring(giver, taker)
    assert taker.role.applied == 2
    taker.drain()
