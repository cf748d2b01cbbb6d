"""An acceptor that is said to have an old copy of its disk: silent until that is settled."""

from __future__ import annotations

import random

import pytest

from kvrmi.operations.commands import Voter
from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.ballot import NO_BALLOT
from kvrmi.paxos.doubt import RETRY, TIMEOUT
from kvrmi.paxos.messages import (
    Accept,
    Accepted,
    Applied,
    Copy,
    Heard,
    Heartbeat,
    Prepare,
    PreVote,
    PreVoted,
    Promise,
    Recall,
    Recalled,
    Refused,
    Release,
    Released,
)
from kvrmi.paxos.proposer import Proposer
from kvrmi.paxos.stable import TABLES
from kvrmi.roles.contract import Envelope, Message, NoAnswer, NotSent
from kvrmi.roles.invariants import DiskLost
from kvrmi.storage.memory import MemoryStorage

from .bench import IDS, START, TIMING, Bench, Benches, acceptor, ballot, learner, proposer

B2, B3 = ballot(5, 2), ballot(6, 3)
ACCUSED = (Prepare(B3, 1, 2), Heartbeat(B3, 1, 0, 2, TIMING.lease, 0))
"""Both say that acceptor 1 made two writes; it made one."""


def load(benches: Benches) -> Bench[Acceptor]:
    """Acceptor 1, which has promised B2."""
    disk = MemoryStorage(TABLES)
    bench = benches(Acceptor.load(1, disk, START, TIMING, founding=True), disk, START)
    bench.deliver(proposer(2), Prepare(B2, 1, 0))
    assert len(bench.find(Promise)) == 1
    return bench


def accused(benches: Benches, message: Message = ACCUSED[0], by: int = 3) -> Bench[Acceptor]:
    bench = load(benches)
    bench.deliver(proposer(by), message)
    out = bench.drain()
    assert [e.message.reason for e in out if isinstance(e.message, Refused)] == ["old disk"]
    assert asked(out) == [by]
    return bench


def asked(out: list[Envelope]) -> list[int]:
    """Whose proposers are asked what they remember."""
    return [e.to.replica for e in out if e.message == Recall() and e.to.role == "proposer"]


def votes(bench: Bench[Acceptor]) -> bool:
    """Ask for a vote that nothing but doubt could keep back."""
    at = ballot(bench.role.state.promised.round + 1, 2)
    bench.deliver(proposer(2), Prepare(at, 1, 0))
    answered = [type(envelope.message) for envelope in bench.drain()]
    return answered == [Promise]


@pytest.mark.parametrize("message", ACCUSED)
def test_one_message_costs_no_disk_but_every_vote_until_it_is_settled(
    benches: Benches, message: Message
) -> None:
    bench = accused(benches, message)
    assert not bench.role.voting
    assert not votes(bench)
    promised = bench.role.state.promised
    for request_, answer in (
        (PreVote(ballot(9, 2)), PreVoted(ballot(9, 2), False, promised)),
        (Copy(1), Refused(NO_BALLOT, promised, "old disk")),
        (Release(B2), Released(B2)),
    ):
        bench.answer(proposer(2), request_, answer)
    bench.deliver(proposer(2), Accept(B2, 1, b"v", 0, False))
    bench.deliver(proposer(2), Heartbeat(B2, 1, 0, 0, TIMING.lease, 0))
    out = bench.drain()
    assert not any(isinstance(e.message, Accepted | Heard) for e in out)


def test_who_said_it_and_says_it_again_when_asked_is_believed(benches: Benches) -> None:
    bench = accused(benches)
    with pytest.raises(DiskLost, match="replica 3 saw 2 writes of this acceptor, its disk has 1"):
        bench.deliver(proposer(3), Recalled(2))


def test_who_does_not_say_it_again_ends_the_doubt(benches: Benches) -> None:
    """It was forged in its name, or damaged on its way."""
    bench = accused(benches)
    bench.deliver(proposer(3), Recalled(1))
    assert bench.role.voting
    assert votes(bench)


def test_another_than_who_said_it_settles_nothing(benches: Benches) -> None:
    bench = accused(benches)
    bench.deliver(proposer(2), Recalled(0))
    assert not votes(bench)


def test_everybody_who_said_it_is_asked(benches: Benches) -> None:
    bench = accused(benches)
    bench.deliver(proposer(2), Heartbeat(B2, 1, 0, 9, TIMING.lease, 0))
    assert asked(bench.drain()) == [2]
    bench.deliver(proposer(3), Recalled(0))
    assert not votes(bench)
    with pytest.raises(DiskLost):
        bench.deliver(proposer(2), Recalled(9))


def test_a_repeated_accusation_asks_no_more_than_time_does(benches: Benches) -> None:
    bench = accused(benches)
    for beat in range(2, 9):
        bench.deliver(proposer(3), Heartbeat(B3, beat, 0, 2, TIMING.lease, 0))
    assert asked(bench.drain()) == []
    for lost in (NotSent(3, Recall()), NoAnswer(3, Recall())):
        bench.deliver(proposer(3), lost)
    bench.expect()
    bench.wake(RETRY)
    assert asked(bench.drain()) == [3]


def test_silence_does_not_last_for_ever(benches: Benches) -> None:
    """Who said it cannot be asked; what nobody confirms in time was an error."""
    bench = accused(benches)
    for _ in range(int(TIMEOUT / RETRY) - 1):
        bench.wake(RETRY)
        bench.drain()
        assert not votes(bench)
    bench.wake(RETRY)
    assert votes(bench)


def test_a_proposer_tells_what_two_answers_have_said(benches: Benches) -> None:
    bench = benches(Proposer(3, IDS, START, random.Random(1), TIMING))
    bench.deliver(learner(3), Applied(0, 0, (), ()))
    bench.drain()
    for writes in (7, 8, 1 << 40):
        bench.deliver(acceptor(1), Accepted(B3, 1, 1, writes))
    bench.drain()
    bench.answer(acceptor(1), Recall(), Recalled(8))
    bench.answer(acceptor(2), Recall(), Recalled(0))


# --- the disk that the log names ------------------------------------------------------------------


def test_a_disk_that_the_log_has_declared_void_is_given_up(benches: Benches) -> None:
    """A copy of a disk that was replaced since: its writes may be as many as any peer remembers."""
    bench = load(benches)
    bench.deliver(learner(1), Applied(9, 0, (), (Voter(2, 5, "other"),)))
    assert votes(bench)
    with pytest.raises(DiskLost, match="another disk for this acceptor since epoch 2"):
        bench.deliver(learner(1), Applied(9, 0, (), (Voter(1, 2, "newer"),)))


def test_the_log_is_believed_in_doubt_as_well(benches: Benches) -> None:
    """An old copy is accused at once, just when its learner gets to know what the log says."""
    bench = accused(benches)
    with pytest.raises(DiskLost, match="since epoch 2"):
        bench.deliver(learner(1), Applied(9, 0, (), (Voter(1, 2, "newer"),)))
