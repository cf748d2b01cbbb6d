"""A replica whose own acceptor brings it no heartbeat: it asks the others whom they follow."""

from __future__ import annotations

import random

import pytest

from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.election import Election
from kvrmi.paxos.messages import Followed, Leading, Prepare, PreVote, PreVoted, RolesUp
from kvrmi.paxos.proposer import Proposer

from .bench import START, TIMING, Bench, Benches, acceptor, ballot, host
from .leader import follower

ASKS = TIMING.election_max + 2 * TIMING.answer
"""It asks again after this long at most."""


def pass_time(
    bench: Bench[Proposer], seconds: float, promised: Ballot | None, *silent: int
) -> list[Ballot]:
    """Let time pass; whom the front hears of as leaders.

    Acceptors refuse for the sake of `promised`, promise for NO_BALLOT, and none answers for None;
    those that are `silent` never do.
    """
    end, heard = bench.now + seconds, list[Ballot]()
    while bench.wake_at is not None and bench.wake_at < end:
        bench.wake(max(0.0, bench.wake_at - bench.now))
        out = [envelope.message for envelope in bench.drain()]
        for asked in [one for one in out if isinstance(one, PreVote)][:1]:
            for replica in (2, 3, 1):
                if promised is not None and replica not in silent:
                    answer = PreVoted(asked.ballot, promised == NO_BALLOT, promised)
                    bench.deliver(acceptor(replica), answer)
        out += [envelope.message for envelope in bench.drain()]
        assert not [one for one in out if isinstance(one, Prepare)]
        heard += [one.ballot for one in out if isinstance(one, Leading)]
    bench.now = end
    return heard


@pytest.fixture(params=["its disk hangs", "it is down"])
def deaf(benches: Benches, request: pytest.FixtureRequest) -> Bench[Proposer]:
    """Follower 1 heard of leader 3; now its acceptor is silent."""
    bench = follower(benches)
    bench.deliver(acceptor(1), Followed(ballot(4, 3), 0, 0))
    if request.param == "it is down":
        bench.deliver(host(1), RolesUp(False, True))
    bench.drain()
    return bench


def test_it_follows_whom_the_others_follow(deaf: Bench[Proposer]) -> None:
    heard = pass_time(deaf, 2 * ASKS, ballot(7, 2), 1)
    assert heard[-1] == ballot(7, 2)
    assert pass_time(deaf, 2 * ASKS, ballot(7, 2), 1) == []
    assert pass_time(deaf, ASKS, ballot(9, 3), 1) == [ballot(9, 3)]


@pytest.mark.parametrize("nobody", [None, NO_BALLOT, ballot(9, 1)])
def test_it_forgets_a_leader_whom_nobody_follows(
    deaf: Bench[Proposer], nobody: Ballot | None
) -> None:
    """Nobody answers, or they would promise, or they are bound to what was our own ballot."""
    pass_time(deaf, 2 * ASKS, ballot(7, 2), 1)
    assert pass_time(deaf, ASKS, nobody, 1) == [NO_BALLOT]


def test_it_believes_a_heartbeat_again_once_there_is_one(deaf: Bench[Proposer]) -> None:
    pass_time(deaf, 2 * ASKS, ballot(7, 2), 1)
    deaf.deliver(host(1), RolesUp(True, True))
    deaf.deliver(acceptor(1), Followed(ballot(7, 2), 0, 0))
    assert pass_time(deaf, TIMING.election_min - 0.01, ballot(7, 2)) == []
    assert pass_time(deaf, 3 * ASKS, ballot(7, 2)) == [NO_BALLOT], "it hears, and nobody leads"


def test_one_whose_acceptor_answers_again_forgets_who_sends_no_heartbeat(
    deaf: Bench[Proposer],
) -> None:
    pass_time(deaf, 2 * ASKS, ballot(7, 2), 1)
    deaf.deliver(host(1), RolesUp(True, True))
    assert pass_time(deaf, 3 * ASKS, ballot(7, 2)) == [NO_BALLOT]


def test_an_acceptor_that_is_only_slow_is_no_reason_to_believe_others(benches: Benches) -> None:
    """They follow a dead leader until its lease is over; its answer comes behind theirs."""
    bench = follower(benches)
    bench.deliver(acceptor(1), Followed(ballot(4, 3), 0, 0))
    bench.drain()
    heard = pass_time(bench, 2 * TIMING.election_max, ballot(4, 3))
    assert heard == [NO_BALLOT]


def test_whoever_was_handed_leadership_is_believed_for_one_question(benches: Benches) -> None:
    mine = Election(1, (1, 2, 3), START, random.Random(1), TIMING)
    mine.deaf(ballot(5, 2))
    assert not mine.silence(START + 100)
    mine.asked(ballot(5, 2), hears=True)
    assert mine.silence(START + 100)
