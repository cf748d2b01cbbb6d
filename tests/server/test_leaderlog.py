"""replica.log: who leads, since when and why a term ended; forwards, sampled on both sides."""

from __future__ import annotations

import logging

import pytest

from kvrmi.operations.commands import encode_command, encode_question
from kvrmi.operations.interface import Answer, Request
from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.events import Observer
from kvrmi.paxos.messages import (
    CampaignNow,
    Followed,
    Forward,
    Forwarded,
    Heard,
    Heartbeat,
    Leading,
    Offer,
    Prepare,
    PreVote,
    PreVoted,
    Release,
    Transfer,
)
from kvrmi.roles.contract import Address, Effects, Envelope, Message, NoAnswer, NotSent, Unreachable
from server.journal import Journal

ME, PEER = 1, 2
MINE, THEIRS = Ballot(3, ME), Ballot(4, PEER)
OWN = Address(ME, "acceptor")


class Log:
    """A journal under a clock that the test sets, and what it wrote."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.INFO)
        self._caplog = caplog
        self.now = 100.0
        self.notes = Journal(Observer, ME, 2, lambda: self.now)

    def step(self, message: Message | None, *sent: Message, sender: int = ME) -> None:
        effects = Effects(messages=tuple(Envelope(Address(ME, "x"), m) for m in sent))
        self.notes.of("proposer").step(Address(sender, "x"), message, effects)

    def serve(self) -> None:
        """Lead and open the term, half a second later."""
        self.step(None, Leading(ME, MINE, False))
        self.now += 0.5
        self.step(None, Leading(ME, MINE, True))
        self._caplog.clear()

    def lines(self) -> list[str]:
        return [record.getMessage() for record in self._caplog.records]


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    return Log(caplog)


def test_an_election_and_the_first_batch_are_written_once(log: Log) -> None:
    log.step(None, Leading(0, NO_BALLOT, False))
    log.step(None, Prepare(MINE, 41, 0), Prepare(MINE, 41, 0))
    log.step(None, Leading(ME, MINE, False))
    log.now += 0.02
    for ready in (True, False, True):
        log.step(None, Leading(ME, MINE, ready))
    assert log.lines() == [
        "campaign ballot=3.1 from slot=41",
        "leads replica=1 ballot=3.1 (this replica)",
        "leads replica=1 ballot=3.1 open after=0.020s",
    ]


def test_who_missed_which_heartbeat_and_asks_to_lead_is_written_once(log: Log) -> None:
    """A replica that is cut off asks the same for ever; what an Offer has it ask is no election."""
    log.step(None, PreVote(MINE))
    log.step(Followed(THEIRS, 9, 0))
    log.now += 0.812
    log.step(Offer(THEIRS, 9), PreVote(Ballot(5, ME)), sender=PEER)
    for _ in range(2):
        log.step(None, PreVote(Ballot(5, ME)))
    assert log.lines() == [
        "pre-vote ballot=3.1 heartbeat=none",
        "pre-vote ballot=5.1 heartbeat=4.2 ago=0.812s",
    ]


def test_who_heard_another_leader_since_is_a_candidate_anew_at_the_same_ballot_too(
    log: Log,
) -> None:
    higher = Ballot(6, ME)
    log.step(None, PreVote(higher))
    for _ in range(2):
        log.step(Followed(THEIRS, 9, 0))
        log.step(None, PreVote(higher))
    assert log.lines() == [
        "pre-vote ballot=6.1 heartbeat=none",
        "pre-vote ballot=6.1 heartbeat=4.2 ago=0.000s",
    ]


def test_a_proposer_that_restarts_has_heard_no_heartbeat(log: Log) -> None:
    log.step(Followed(THEIRS, 9, 0))
    log.notes.of("proposer").starts()
    log.step(None, PreVote(MINE))
    assert log.lines() == ["pre-vote ballot=3.1 heartbeat=none"]


def test_an_acceptor_reports_what_it_would_promise_when_that_is_news(log: Log) -> None:
    leader, candidate = Address(PEER, "proposer"), Address(3, "proposer")
    ballot = Ballot(5, 3)

    def step(sender: Address, message: Message, answer: Message) -> None:
        effects = Effects(messages=(Envelope(sender, answer),))
        log.notes.of("acceptor").step(sender, message, effects)

    step(leader, Heartbeat(THEIRS, 7, 9, 9, 0.6, 0), Heard(THEIRS, 7, 0, 3, 0.6))
    log.now += 0.4
    for _ in range(2):
        step(candidate, PreVote(ballot), PreVoted(ballot, False, THEIRS))
    log.now += 0.3
    for _ in range(2):
        step(candidate, PreVote(ballot), PreVoted(ballot, True, THEIRS))
    assert log.lines() == [
        "pre-voted ballot=5.3 to=3 no promised=4.2 lease=4.2 left=0.200s",
        "pre-voted ballot=5.3 to=3 yes",
    ]


def test_elections_and_terms_of_our_own_are_counted(log: Log) -> None:
    log.step(None, Prepare(MINE, 41, 0), Prepare(MINE, 41, 0))
    log.step(None, Leading(ME, MINE, False))
    log.step(None, Leading(ME, MINE, True))
    log.step(Followed(THEIRS, 9, 0), Leading(PEER, THEIRS, False))
    log.step(None, Prepare(Ballot(5, ME), 41, 0))
    assert (log.notes.counts.elections, log.notes.counts.terms) == (2, 1)


def test_a_failover_is_seen_by_a_follower(log: Log) -> None:
    log.step(Followed(THEIRS, 9, 0), Leading(PEER, THEIRS, False))
    log.step(Unreachable(PEER))
    log.step(Unreachable(PEER))
    log.step(Unreachable(3))
    log.now += 12.34
    log.step(None, Leading(0, NO_BALLOT, False, "no heartbeat in time"))
    log.step(Followed(Ballot(5, 3), 9, 0), Leading(3, Ballot(5, 3), False))
    assert log.lines() == [
        "leads replica=2 ballot=4.2",
        "leads replica=2 ballot=4.2 but a connection to it was refused or reset",
        "leads no more replica=2 ballot=4.2 after=12.3s reason=no heartbeat in time",
        "leads replica=3 ballot=5.3",
    ]


@pytest.mark.parametrize("next_one", [NO_BALLOT, THEIRS])
def test_the_end_of_a_term_has_the_proposers_own_reason(log: Log, next_one: Ballot) -> None:
    log.serve()
    log.now += 7
    log.step(None, Leading(next_one.replica, next_one, False, "its own learner is down"))
    assert log.lines()[0] == (
        "leads no more replica=1 ballot=3.1 after=7.5s reason=its own learner is down"
    )


def test_a_restarted_proposer_ends_its_own_term_and_no_other(log: Log) -> None:
    log.serve()
    log.notes.of("proposer").starts()
    log.step(None, Leading(0, NO_BALLOT, False))
    log.step(Followed(THEIRS, 9, 0), Leading(PEER, THEIRS, False))
    log.notes.of("proposer").starts()
    log.step(None, Leading(0, NO_BALLOT, False))
    assert log.lines() == [
        "leads no more replica=1 ballot=3.1 after=0.5s reason=its proposer was restarted",
        "leads replica=2 ballot=4.2",
    ]


def test_a_hand_over_is_written_by_both(log: Log, caplog: pytest.LogCaptureFixture) -> None:
    log.serve()
    log.step(Transfer(PEER))
    to_peer = Envelope(Address(PEER, "proposer"), CampaignNow(MINE))
    why = "handed over to replica 2: an operator asked for it"
    news = Envelope(Address(ME, "front"), Leading(0, NO_BALLOT, False, why))
    effects = Effects(messages=(Envelope(OWN, Release(MINE)), to_peer, news))
    log.notes.of("proposer").step(OWN, None, effects)
    log.step(CampaignNow(THEIRS), sender=PEER)
    assert log.lines() == [
        "transfer to=2: an operator asked for it",
        f"leads no more replica=1 ballot=3.1 after=0.5s reason={why}",
        "hand-over from=2 ballot=4.2: this replica campaigns at once",
    ]


def requests(count: int) -> tuple[Request, ...]:
    put = encode_command("put", ("k", "v"), ("ana", 1))
    return (Request(False, put), *(Request(True, encode_question("get", ("k",))),) * (count - 1))


def test_one_forward_a_second_is_written_with_its_answer(log: Log) -> None:
    leader = Address(PEER, "front")
    for number in (7, 8):
        forward = Forward(number, THEIRS, requests(4), 1.0)
        log.notes.of("front").step(OWN, None, Effects(messages=(Envelope(leader, forward),)))
        log.now += 0.002
        answers = (Answer("OK", 1, 1),) * 3 + (Answer("NOT_LEADER", None, 0),)
        log.notes.of("front").step(leader, Forwarded(number, answers), Effects())
    assert log.lines() == [
        'forward to=2 number=7 requests=4: put "k" id=ana/1, get "k", get "k", ..',
        "forward answered by=2 number=7 after=2.0ms OK=3 NOT_LEADER=1",
    ]


def test_one_leader_after_another(log: Log) -> None:
    log.step(Followed(THEIRS, 9, 0), Leading(PEER, THEIRS, False))
    log.step(Followed(Ballot(5, 3), 9, 0), Leading(3, Ballot(5, 3), False))
    log.step(None, Leading(ME, Ballot(6, ME), False))
    reasons = [line.partition("reason=")[2] for line in log.lines() if "no more" in line]
    assert reasons == ["replica 3 won ballot 5.3", "this replica won ballot 6.1"]


def test_the_leader_writes_a_forward_too_and_a_lost_one_is_said(log: Log) -> None:
    forward = Forward(7, THEIRS, requests(1), 1.0)
    for _ in range(2):
        log.notes.of("front").step(Address(PEER, "front"), forward, Effects())
        log.notes.of("front").step(OWN, NoAnswer(PEER, forward), Effects())
    log.now += 1
    log.notes.of("front").step(OWN, NotSent(PEER, forward), Effects())
    assert log.lines() == [
        'forward from=2 number=7 requests=1: put "k" id=ana/1',
        "forward unanswered to=2 number=7 requests=1",
        "forward not sent to=2 number=7 requests=1",
    ]
