"""Learners that catch up: entries, snapshots page by page, and the log behind a snapshot."""

from __future__ import annotations

import pytest

from kvrmi.operations.interface import PAGE_BYTES
from kvrmi.paxos.learner import SOURCE_IDLE, Learner
from kvrmi.paxos.messages import (
    Applied,
    Chosen,
    Durable,
    Fetch,
    FetchSnapshot,
    Learn,
    Restore,
    SnapshotPage,
)
from kvrmi.roles.contract import Envelope, NoAnswer, NotSent
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.replicated import Replicated
from kvrmi.state.snapshot import SnapshotSink
from kvrmi.storage.interface import Clear, PutAll
from kvrmi.storage.memory import MemoryStorage

from .bench import (
    Bench,
    Benches,
    acceptor,
    entry,
    host,
    learner,
    proposer,
    put,
)
from .learners import B2, TABLES, bring, carry, durable, entry_of, flush, load, taught

# --- snapshots ------------------------------------------------------------------------------------


def pulls(giver: Bench[Learner], taker: Bench[Learner]) -> None:
    """Have `taker` catch up with `giver`, whose log does not reach back to it."""
    taker.deliver(host(1), Restore(giver.role.me))
    bring(giver, taker)
    assert taker.role.restored is not None


def test_a_snapshot_moves_a_learner_to_where_its_giver_stood(benches: Benches) -> None:
    giver, taker = taught(benches, 9, me=2, keep=3), taught(benches, 2)
    taker.deliver(host(1), Restore(2))
    assert carry(giver, taker)  # its log does not reach back to ours
    assert taker.role.restoring
    giver.deliver(learner(1), FetchSnapshot("", 0))
    (page,) = giver.find(SnapshotPage)
    taker.drain()
    taker.deliver(learner(2), page)
    # It brings no answers: whoever waits for one must not take silence for "not in the log".
    assert Envelope(proposer(1), Applied(9, 9, (), ())) in taker.drain()
    taker.wake()
    assert Envelope(acceptor(1), Durable(9)) in taker.drain()
    assert not taker.role.restoring
    assert taker.role.log.hash == giver.role.log.hash
    assert taker.role.state.digest == giver.role.state.digest
    restored = taker.role.restored
    assert restored is not None
    assert (restored.slot, restored.peer, restored.keys, restored.missed) == (9, 2, 9, 7)
    assert durable(taker) == 9


def test_a_restore_takes_entries_where_the_log_reaches(benches: Benches) -> None:
    giver, taker = taught(benches, 9, me=2), taught(benches, 2)
    taker.deliver(host(1), Restore(2))
    assert taker.role.restoring
    taker.expect(Envelope(learner(2), Fetch(3)))
    taker.deliver(host(1), Restore(2))
    bring(giver, taker)
    assert (taker.role.applied, taker.role.restored) == (9, None)
    assert not taker.role.restoring


def test_a_peer_that_is_behind_restores_nothing(benches: Benches) -> None:
    giver, taker = taught(benches, 2, me=2), taught(benches, 5)
    taker.deliver(host(1), Restore(2))
    bring(giver, taker)
    assert (taker.role.applied, taker.role.restored) == (5, None)
    assert not taker.role.restoring
    taker.expect()


def test_an_older_snapshot_is_ignored(benches: Benches) -> None:
    giver, taker = taught(benches, 9, me=2, keep=3), taught(benches, 2)
    taker.deliver(host(1), Restore(2))
    assert carry(giver, taker)
    taker.deliver(acceptor(1), Learn(B2, 0, tuple(entry(s, f"key {s}") for s in range(3, 11))))
    bring(giver, taker)
    assert (taker.role.applied, taker.role.restored) == (10, None)
    assert not taker.role.restoring


def test_what_was_learned_beyond_the_snapshot_is_applied_after_it(benches: Benches) -> None:
    giver, taker = taught(benches, 9, me=2, keep=3), load(benches)
    taker.deliver(acceptor(1), Learn(B2, 0, (entry(10, "ten"),)))
    pulls(giver, taker)
    assert taker.role.applied == 10


def test_a_snapshot_long_unasked_for_is_closed(benches: Benches) -> None:
    bench = taught(benches, 2)
    bench.deliver(learner(2), FetchSnapshot("", 0))
    (page,) = bench.find(SnapshotPage)
    bench.wake(SOURCE_IDLE + 1)
    bench.drain()
    gone = SnapshotPage(page.name, -1, b"", True)
    bench.answer(learner(2), FetchSnapshot(page.name, 1), gone)


def test_a_page_out_of_order_or_of_no_snapshot_begins_again(benches: Benches) -> None:
    bench = taught(benches, 2)
    bench.answer(learner(2), FetchSnapshot("1-77", 0), SnapshotPage("1-77", -1, b"", True))
    bench.deliver(learner(2), FetchSnapshot("", 0))
    (page,) = bench.find(SnapshotPage)
    bench.answer(learner(2), FetchSnapshot(page.name, 5), SnapshotPage(page.name, -1, b"", True))
    bench.role.close()


def test_a_snapshot_is_of_what_is_on_the_disk(benches: Benches) -> None:
    giver = taught(benches, 2, me=2)
    giver.deliver(proposer(2), Chosen(entry(3, "unwritten")))
    giver.drain()
    giver.deliver(learner(1), FetchSnapshot("", 0))
    (page,) = giver.find(SnapshotPage)
    sink = SnapshotSink()
    sink.add(page.data, page.last, giver.role.state)
    assert sink.slot == 2


# --- catching up while others write ---------------------------------------------------------------


def goes_on(giver: Bench[Learner], upto: int) -> None:
    """Others write on: entries up to `upto` are applied and on the disk."""
    for slot in range(giver.role.applied + 1, upto + 1):
        giver.deliver(proposer(giver.role.me), Chosen(entry(slot, f"key {slot}")))
        flush(giver)
    giver.drain()


def large(benches: Benches, keep: int = 3) -> Bench[Learner]:
    """One with three pages of state and a log of three entries."""
    giver = load(benches, me=2, keep=keep)
    for slot in range(1, 5):
        commands = [put(f"big {slot} {one}", "x" * (PAGE_BYTES // 4)) for one in range(2)]
        giver.deliver(proposer(2), Chosen(entry_of(slot, *commands)))
        flush(giver)
    giver.drain()
    return giver


def test_while_a_snapshot_is_pulled_its_giver_keeps_the_log_behind_it(benches: Benches) -> None:
    """Else the log is gone when the snapshot is there, and another one is needed, for ever."""
    giver, taker = large(benches), load(benches)
    taker.deliver(host(1), Restore(2))
    upto = 4
    while carry(giver, taker):
        upto += 5
        goes_on(giver, upto if upto < 100 else giver.role.applied)
        taker.deliver(acceptor(1), Learn(B2, giver.role.applied, ()))
    restored = taker.role.restored
    assert restored is not None
    assert (restored.slot, taker.role.applied) == (9, giver.role.applied)
    assert giver.role.log.first > 50


def test_a_log_that_nobody_asks_for_is_let_go(benches: Benches) -> None:
    giver = large(benches)
    giver.deliver(learner(1), FetchSnapshot("", 0))
    goes_on(giver, 20)
    assert giver.role.log.oldest < 5
    giver.wake(SOURCE_IDLE + 1)
    goes_on(giver, 21)
    assert giver.role.log.oldest == giver.role.log.first


def test_at_rest_entries_are_given_from_the_disk(benches: Benches) -> None:
    """Once it has them all; until then memory keeps those that a peer may lack."""
    giver, taker = large(benches, keep=1000), load(benches)
    giver.deliver(proposer(2), Chosen(entry(5, "small")))
    flush(giver)
    giver.deliver(proposer(2), Chosen(entry(6, "news")))
    giver.deliver(learner(2), Durable(5))
    assert giver.role.log.first == 1
    flush(giver)
    assert giver.role.log.first == 1
    giver.deliver(learner(2), Durable(6))
    assert (giver.role.log.oldest, giver.role.log.first) == (1, 5)
    giver.drain()
    assert giver.disk is not None
    assert load(benches, giver.disk, me=2).role.log.first == 5, "nor is it read into memory"
    taker.deliver(host(1), Restore(2))
    bring(giver, taker)
    assert (taker.role.applied, taker.role.restored) == (6, None)
    assert taker.role.state.digest == giver.role.state.digest


@pytest.mark.parametrize("news", [NotSent, NoAnswer])
def test_a_late_page_does_not_begin_the_snapshot_anew(
    benches: Benches, news: type[NotSent | NoAnswer]
) -> None:
    giver, taker = large(benches), load(benches)
    taker.deliver(host(1), Restore(2))
    assert carry(giver, taker)
    assert carry(giver, taker)
    (asked,) = taker.find(FetchSnapshot)
    assert asked.page == 1
    giver.deliver(learner(1), asked)
    (late,) = giver.find(SnapshotPage)
    taker.deliver(learner(2), news(2, asked))
    taker.wake(0.1)
    taker.expect(Envelope(learner(2), asked))
    taker.deliver(learner(2), late)
    giver.deliver(learner(1), asked)
    (again,) = giver.find(SnapshotPage)
    assert again == late
    taker.deliver(learner(2), again)
    assert taker.role.progress is not None
    assert 0 < taker.role.progress.keys < taker.role.progress.of == 8
    bring(giver, taker)
    assert taker.role.applied == 4


def test_a_first_page_that_is_asked_for_again_opens_no_other_snapshot(benches: Benches) -> None:
    giver = large(benches)
    names = set()
    for _ in range(3):
        giver.deliver(learner(1), FetchSnapshot("", 0))
        names |= {page.name for page in giver.find(SnapshotPage)}
    assert len(names) == 1
    giver.deliver(learner(1), FetchSnapshot(names.pop(), 1))
    giver.drain()
    giver.deliver(learner(1), FetchSnapshot("", 0))
    assert [page.name for page in giver.find(SnapshotPage)] == ["2-2"]


def test_a_whole_state_is_packed_as_it_is_written_and_not_in_the_step(benches: Benches) -> None:
    """One long step would keep status, and all else, waiting; its rows would be in memory twice."""
    giver, taker = large(benches), load(benches)
    pulls(giver, taker)
    taker.drain()
    step = taker.role.wake(taker.now)
    rows = [type(record) for record in step.records if record.table == "rows"]
    assert rows == [Clear, PutAll]
    assert taker.disk is not None
    taker.disk.write(step.records)
    assert durable(taker) == 4
    assert Replicated.load(taker.disk, KeyValues).digest == giver.role.state.digest


def test_who_needs_another_snapshot_gets_a_new_one(benches: Benches) -> None:
    """Found by the simulator: one page of long ago was given again and again, for ever."""
    giver = taught(benches, 9, me=2, keep=3)
    giver.deliver(learner(1), FetchSnapshot("", 0))
    (first,) = giver.find(SnapshotPage)
    giver.deliver(learner(1), Fetch(1))  # it has restarted, or that snapshot was too old
    giver.drain()
    goes_on(giver, 20)
    giver.deliver(learner(1), FetchSnapshot("", 0))
    (second,) = giver.find(SnapshotPage)
    assert second.name != first.name


def test_a_snapshot_that_the_log_does_not_reach_back_to_is_not_given(benches: Benches) -> None:
    """The disk lags behind what memory has trimmed: who took it would need another one."""
    giver = load(benches, me=2, keep=3)
    giver.disk = MemoryStorage(TABLES)  # what is written does not get to where it is read
    goes_on(giver, 9)
    giver.answer(learner(1), FetchSnapshot("", 0), SnapshotPage("", -1, b"", True))
