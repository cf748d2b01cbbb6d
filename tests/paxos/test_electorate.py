"""Whose votes count."""

from __future__ import annotations

from kvrmi.operations.commands import Voter
from kvrmi.paxos.electorate import Electorate


def electorate_of_five() -> Electorate:
    return Electorate(3, (1, 2, 3, 4, 5), 3)


def test_all_but_our_own_are_peers() -> None:
    electorate = electorate_of_five()
    assert electorate.peers == (1, 2, 4, 5)
    assert electorate.quorum == 3


def test_everybody_votes_in_the_first_epoch() -> None:
    electorate = electorate_of_five()
    assert electorate.counts(2, 1, 5)
    assert not electorate.counts(2, 2, 5)


def test_only_the_epoch_in_force_counts() -> None:
    electorate = electorate_of_five()
    assert electorate.update((Voter(2, 3, "disk"),))
    assert [electorate.counts(2, epoch, 1) for epoch in (1, 2, 3, 4)] == [False, False, True, False]
    assert electorate.counts(1, 1, 1)


def test_an_update_tells_whether_it_changed_anything() -> None:
    electorate = electorate_of_five()
    assert not electorate.update(())
    assert electorate.update((Voter(2, 2, "disk"),))
    assert not electorate.update((Voter(2, 2, "disk"),))


def test_an_acceptor_that_forgot_writes_does_not_count() -> None:
    electorate = electorate_of_five()
    assert electorate.counts(2, 1, 5)
    assert electorate.counts(2, 1, 5)
    assert not electorate.counts(2, 1, 4)
    assert electorate.counts(2, 1, 6)


def test_what_an_acceptor_is_known_to_have_written() -> None:
    electorate = electorate_of_five()
    assert electorate.seen(2) == 0
    electorate.counts(2, 1, 5)
    electorate.counts(2, 1, 5)
    electorate.counts(2, 1, 3)
    electorate.counts(2, 9, 70)
    assert electorate.seen(2) == 5


def test_one_answer_alone_makes_no_acceptor_look_like_an_old_copy() -> None:
    """It was damaged on its way, or forged: from then on no vote would count."""
    electorate = electorate_of_five()
    for writes in (4, 5, 1 << 40, 6, 7):
        assert electorate.counts(2, 1, writes)
        assert electorate.seen(2) <= writes
    assert electorate.seen(2) == 7


def test_a_newer_epoch_than_known_is_noticed() -> None:
    electorate = electorate_of_five()
    electorate.update((Voter(2, 2, "disk"),))
    assert [electorate.ahead(2, epoch) for epoch in (1, 2, 3)] == [False, False, True]
