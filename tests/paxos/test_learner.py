"""The learner alone: order, answers, what reaches the disk when, and catching up."""

from __future__ import annotations

import pytest

from kvrmi.operations.commands import Voter, encode_voter
from kvrmi.paxos.learner import FLUSH, FLUSH_BYTES
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
)
from kvrmi.roles.contract import Envelope, NoAnswer, NotSent

from .bench import (
    BOOT,
    Benches,
    acceptor,
    entry,
    front,
    get,
    learner,
    ok,
    proposer,
    put,
)
from .learners import B2, durable, entry_of, flush, load, taught

# --- applying -------------------------------------------------------------------------------------


def test_a_chosen_entry_is_applied_and_its_answers_told(benches: Benches) -> None:
    bench = load(benches)
    bench.deliver(proposer(1), Chosen(entry(1, "a", "b")))
    answers = ((put("a"), ok(1, 1)), (put("b"), ok(2, 2)))
    applied = Applied(0, 1, answers, ())
    bench.expect(Envelope(proposer(1), applied), Envelope(front(1), applied))
    assert bench.role.read(get("a")) == ok("v", 2)


def test_an_entry_is_applied_once(benches: Benches) -> None:
    bench = load(benches)
    bench.deliver(proposer(1), Chosen(entry(1, "a")))
    bench.drain()
    bench.deliver(proposer(1), Chosen(entry(1, "a")))
    bench.deliver(learner(2), Entries(1, (entry(1, "a"),), 1, 1))
    bench.expect()
    assert bench.role.state.revision == 1


def test_entries_are_applied_in_order_whatever_order_they_come_in(benches: Benches) -> None:
    bench = load(benches)
    for slot in (3, 2):
        bench.deliver(acceptor(1), Learn(B2, 0, (entry(slot, "late"),)))
    bench.expect()
    bench.deliver(acceptor(1), Learn(B2, 0, (entry(1, "first"),)))
    assert [applied.slot for applied in bench.find(Applied, front(1))] == [3]
    assert bench.role.applied == 3


def test_a_change_of_voters_is_told_to_our_acceptor_as_well(benches: Benches) -> None:
    bench = load(benches)
    voter = Voter(2, 2, "new disk")
    bench.deliver(proposer(1), Chosen(entry_of(1, encode_voter(voter, (2, BOOT, 1)))))
    reported = {one.to.role: one.message for one in bench.drain()}
    assert sorted(reported) == ["acceptor", "front", "proposer"]
    assert isinstance(reported["acceptor"], Applied)
    assert reported["acceptor"].voters == (voter,)


def test_whoever_asks_hears_where_we_stand(benches: Benches) -> None:
    bench = taught(benches, 3)
    bench.answer(proposer(1), Ask(), Applied(3, 3, (), ()))


# --- the disk -------------------------------------------------------------------------------------


def test_what_is_applied_is_written_behind_the_answer(benches: Benches) -> None:
    bench = load(benches)
    bench.deliver(proposer(1), Chosen(entry(1, "a")))
    bench.drain()
    assert durable(bench) == 0
    bench.wake(FLUSH * 0.6)
    bench.expect()
    bench.wake(FLUSH * 0.6)
    assert Envelope(acceptor(1), Durable(1)) in bench.drain()
    assert durable(bench) == 1


def test_a_clean_end_writes_what_is_held_back(benches: Benches) -> None:
    bench = load(benches)
    bench.deliver(proposer(1), Chosen(entry(1, "a")))
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
        bench.deliver(proposer(1), Chosen(entry_of(slot, big)))
    bench.wake()
    assert Envelope(acceptor(1), Durable(5)) in bench.drain()


def test_a_restart_goes_on_where_the_disk_ends(benches: Benches) -> None:
    bench = taught(benches, 2)
    bench.deliver(proposer(1), Chosen(entry(3, "lost")))
    bench.drain()
    again = load(benches, bench.disk)
    assert again.role.applied == 2
    again.deliver(proposer(1), Chosen(entry(3, "lost")))
    again.drain()
    assert again.role.log.hash == bench.role.log.hash
    assert again.role.state.digest == bench.role.state.digest


# --- catching up ----------------------------------------------------------------------------------


def test_what_is_chosen_and_missing_is_fetched(benches: Benches) -> None:
    bench = load(benches)
    bench.deliver(acceptor(1), Learn(B2, 3, (entry(3, "c"),)))
    bench.expect(Envelope(learner(2), Fetch(1)))
    bench.deliver(learner(2), Entries(1, (entry(1, "a"), entry(2, "b")), 1, 3))
    assert bench.role.applied == 3
    bench.drain()


def test_our_own_acceptors_values_need_no_fetching(benches: Benches) -> None:
    bench = load(benches)
    bench.deliver(acceptor(1), Learn(B2, 2, (entry(1, "a"), entry(2, "b"))))
    assert not bench.find(Fetch)
    assert bench.role.applied == 2


def test_a_lagging_proposer_makes_us_fetch(benches: Benches) -> None:
    bench = load(benches)
    bench.deliver(proposer(1), Behind(3, 4))
    bench.expect(Envelope(learner(3), Fetch(1)))


@pytest.mark.parametrize("news", [NotSent, NoAnswer])
def test_who_does_not_answer_is_passed_over(
    benches: Benches, news: type[NotSent | NoAnswer]
) -> None:
    bench = load(benches)
    bench.deliver(proposer(1), Behind(2, 4))
    bench.drain()
    bench.deliver(learner(2), news(2, Fetch(1)))
    bench.wake(0.1)
    bench.expect(Envelope(learner(3), Fetch(1)))


def test_who_has_no_more_than_we_is_passed_over(benches: Benches) -> None:
    bench = taught(benches, 2)
    bench.deliver(proposer(1), Behind(2, 4))
    bench.drain()
    bench.deliver(learner(2), Entries(3, (), 1, 2))
    bench.wake(0.1)
    bench.expect(Envelope(learner(3), Fetch(3)))


def test_entries_are_given_to_whoever_fetches(benches: Benches) -> None:
    bench = taught(benches, 3)
    entries = (entry(2, "key 2"), entry(3, "key 3"))
    bench.answer(learner(2), Fetch(2), Entries(2, entries, 1, 3))
    bench.answer(learner(2), Fetch(4), Entries(4, (), 1, 3))


def test_below_what_is_kept_a_snapshot_is_needed(benches: Benches) -> None:
    giver, taker = taught(benches, 9, me=2, keep=3), load(benches)
    giver.deliver(learner(1), Fetch(1))
    (answer,) = giver.find(Entries)
    assert (answer.entries, answer.first) == ((), 7)
    taker.deliver(proposer(1), Behind(2, 9))
    taker.drain()
    taker.deliver(learner(2), answer)
    taker.expect(Envelope(learner(2), FetchSnapshot("", 0)))
