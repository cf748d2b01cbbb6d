"""What commands change: said once, in order, with a gap where a snapshot jumped over something."""

from __future__ import annotations

from kvrmi.operations.commands import encode_command
from kvrmi.paxos.learner import Learner
from kvrmi.paxos.messages import Applied, Ask, Chosen, Restore
from kvrmi.roles.contract import Message
from kvrmi.state.machine import Change

from .bench import Bench, Benches, entry, front, host, proposer
from .learners import bring, entry_of, flush, load, taught

FOLLOW = Ask(changes=True)


def heard(bench: Bench[Learner], message: Message | None = None) -> Applied:
    """The last that the front hears of `message`, or of what it did itself."""
    if message is not None:
        bench.deliver(proposer(1), message)
    return bench.find(Applied, front(1))[-1]


def follow(bench: Bench[Learner]) -> Applied:
    bench.deliver(front(1), FOLLOW)
    return heard(bench)


def test_whoever_follows_hears_every_change_from_where_the_learner_stood(benches: Benches) -> None:
    bench = taught(benches, 2)
    assert follow(bench) == Applied(2, 2, (), (), ())
    again = ("client", 1)
    put, lost = (
        encode_command("put", ("k", "v"), again),
        encode_command("cas", ("k", "w", "x"), again),
    )
    gone = encode_command("delete", ("key 1",), ("other", 1))
    applied = heard(bench, Chosen(entry_of(3, put, gone, put, lost)))
    assert (applied.after, applied.slot, len(applied.answers)) == (2, 3, 4)
    assert applied.changes == (Change(3, "k", "v", None), Change(4, "key 1", None, "v"))
    assert heard(bench, Chosen(entry_of(4))).changes == ()


def test_nobody_else_pays_for_it(benches: Benches) -> None:
    bench = load(benches)
    assert heard(bench, Chosen(entry(1, "a"))).changes is None
    follow(bench)
    bench.deliver(proposer(1), Ask())
    assert heard(bench, Chosen(entry(2, "b"))).changes == (Change(2, "b", "v", None),)
    bench.deliver(front(1), Ask())
    assert heard(bench, Chosen(entry(3, "c"))).changes is None


def test_a_snapshot_leaves_a_gap_and_changes_go_on_behind_it(benches: Benches) -> None:
    giver, taker = taught(benches, 9, me=2, keep=3), taught(benches, 2)
    assert follow(taker).slot == 2
    taker.deliver(host(1), Restore(2))
    bring(giver, taker)
    jumped = heard(taker, Chosen(entry(10, "k")))
    assert (jumped.after, jumped.slot) == (9, 10)
    assert jumped.changes == (Change(10, "k", "v", None),)


def test_a_learner_that_was_started_again_does_not_know(benches: Benches) -> None:
    bench = taught(benches, 2)
    follow(bench)
    flush(bench)
    again = load(benches, bench.disk)
    assert heard(again, Chosen(entry(3, "k"))).changes is None
