"""Giving leadership to somebody else: in order, and for good."""

from __future__ import annotations

import pytest

from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.election import REACH
from kvrmi.paxos.messages import (
    Applied,
    Ask,
    CampaignNow,
    Chosen,
    Followed,
    Heartbeat,
    Leading,
    Offer,
    Offered,
    Prepare,
    PreVote,
    PreVoted,
    Propose,
    Release,
    Released,
    RolesUp,
    Transfer,
)
from kvrmi.paxos.proposer import Proposer
from kvrmi.roles.contract import Envelope, NotSent

from .bench import (
    TIMING,
    Bench,
    Benches,
    acceptor,
    ballot,
    front,
    host,
    learner,
    pairs,
    proposer,
    put,
)
from .leader import (
    B,
    accepted,
    campaigning,
    choose,
    follower,
    heard,
    leader,
    leased,
    promise,
    propose,
)

EVERYBODY = (2, 3, 1)
ASKED = "an operator asked for it"
OTHER = ballot(4, 3)
"""Acceptors in the order in which they are asked: our own last."""


def sent_beats(bench: Bench[Proposer]) -> set[int]:
    """Numbers of the heartbeats sent next, without accounting for anything."""
    bench.wake(TIMING.heartbeat)
    return {m.beat for _, m in pairs(bench.pending) if isinstance(m, Heartbeat)}


def shows(bench: Bench[Proposer], slot: int) -> None:
    """Have our learner answer what it was asked: it does not hang."""
    me = bench.role.me
    if any(isinstance(m, Ask) for _, m in pairs(bench.pending)):
        bench.deliver(learner(me), Applied(slot, slot, (), ()))


def successor_of(benches: Benches, *, quiet: float) -> Bench[Proposer]:
    """Proposer 1 was told by an operator that 2 is to lead; 2 answered that it is fit."""
    bench = leased(leader(benches))
    bench.deliver(host(1), Transfer(2))
    bench.wake(0.5)
    assert Envelope(proposer(2), Offer(B, 1)) in bench.drain()
    bench.now += quiet
    bench.deliver(proposer(2), Offered(B, True))
    return bench


def test_a_hand_over_gives_the_ballot_up_then_tells_the_successor(benches: Benches) -> None:
    bench = successor_of(benches, quiet=0)
    bench.expect(
        *(Envelope(acceptor(i), Release(B)) for i in EVERYBODY),
        Envelope(proposer(2), CampaignNow(B)),
        Envelope(front(1), Leading(0, NO_BALLOT, False, f"handed over to replica 2: {ASKED}")),
    )
    assert not bench.role.may_read(bench.now)


def test_after_a_hand_over_late_grants_and_batches_do_nothing(benches: Benches) -> None:
    bench = successor_of(benches, quiet=0)
    bench.drain()
    for beat in range(1, 9):
        for replica in (1, 2, 3):
            bench.deliver(acceptor(replica), heard(beat))
            bench.deliver(acceptor(replica), Released(B))
    assert not bench.role.may_read(bench.now)
    bench.answer(front(1), Propose(B, (b"c",)), NotSent(1, Propose(B, (b"c",))))
    bench.wake(TIMING.election_min - 0.01)
    bench.expect()


def test_a_batch_in_flight_is_finished_before_the_hand_over(benches: Benches) -> None:
    bench = leased(leader(benches))
    bench.deliver(host(1), Transfer(2))
    propose(bench, b"c")
    bench.wake(0.5)
    bench.drain()
    bench.deliver(proposer(2), Offered(B, True))
    bench.expect()
    choose(bench, 2)
    assert len(bench.find(Release)) == 3


def test_an_unfit_successor_is_not_handed_anything(benches: Benches) -> None:
    bench = leased(leader(benches))
    bench.deliver(host(1), Transfer(2))
    bench.deliver(proposer(2), Offered(B, False))
    bench.deliver(proposer(2), Offered(ballot(9), True))
    bench.deliver(host(1), Transfer(1))
    bench.deliver(host(1), Transfer(77))
    bench.expect()


def test_a_leader_without_acceptor_hands_over_when_it_stays_away(benches: Benches) -> None:
    bench = leased(leader(benches))
    bench.deliver(host(1), RolesUp(False, True))
    bench.deliver(proposer(3), Offered(B, True))
    bench.expect()
    gone = bench.now
    while bench.role.leading and bench.now < gone + 10:
        bench.drain()
        bench.deliver(proposer(3), Offered(B, True))
        beats = sent_beats(bench)
        shows(bench, 1)
        for beat in beats:
            bench.deliver(acceptor(2), heard(beat))
            bench.deliver(acceptor(3), heard(beat))
    assert Envelope(proposer(3), CampaignNow(B)) in bench.drain()
    assert bench.now - gone == pytest.approx(TIMING.acceptor_grace, abs=0.2)


def test_a_leader_whose_own_acceptor_is_silent_for_a_lease_hands_over(benches: Benches) -> None:
    """Its disk hangs; peers still choose what it proposes, and nobody else would take over."""
    bench = leased(leader(benches))
    silent = bench.now
    while bench.role.leading and bench.now < silent + 10:
        bench.drain()
        bench.deliver(proposer(3), Offered(B, True))
        for beat in sent_beats(bench):
            bench.deliver(acceptor(2), heard(beat))
            bench.deliver(acceptor(3), heard(beat))
    sent = bench.drain()
    assert Envelope(proposer(3), CampaignNow(B)) in sent
    assert bench.now - silent == pytest.approx(TIMING.lease, abs=0.25)
    why = "handed over to replica 3: the disk of its own acceptor hangs"
    assert Envelope(front(1), Leading(3, Ballot(B.round + 1, 3), False, why)) in sent, (
        "clients are passed on"
    )
    bench.wake(2 * TIMING.election_min)
    assert not bench.find(Leading), "its acceptor brings it no heartbeat: it asks before it forgets"


def test_a_leader_whose_learner_is_silent_for_a_lease_hands_over(benches: Benches) -> None:
    """It reads from a disk that hangs: what is chosen is not applied, and nothing follows it."""
    bench = leased(leader(benches))
    propose(bench, put("k"))
    for replica in (1, 2):
        bench.deliver(acceptor(replica), accepted(2))
    assert bench.find(Chosen)
    asked = bench.now
    while bench.role.leading and bench.now < asked + 10:
        bench.drain()
        bench.deliver(proposer(3), Offered(B, True))
        for beat in sent_beats(bench):
            for replica in EVERYBODY:
                bench.deliver(acceptor(replica), heard(beat))
    sent = bench.drain()
    assert Envelope(proposer(3), CampaignNow(B)) in sent
    assert bench.now - asked == pytest.approx(TIMING.lease, abs=0.25)


def test_a_leader_whose_learner_hangs_hands_over_though_nobody_writes(benches: Benches) -> None:
    """Reads need it too; it is asked for a sign once a lease, and gives none."""
    bench = leased(leader(benches))
    asked = bench.now
    while bench.role.leading and bench.now < asked + 10:
        bench.drain()
        bench.deliver(proposer(3), Offered(B, True))
        for beat in sent_beats(bench):
            for replica in EVERYBODY:
                bench.deliver(acceptor(replica), heard(beat))
    assert Envelope(proposer(3), CampaignNow(B)) in bench.drain()
    assert bench.now - asked <= 2 * TIMING.lease + 0.25


def test_one_whose_learner_shows_itself_goes_on_leading(benches: Benches) -> None:
    bench = leased(leader(benches))
    begun = bench.now
    while bench.now < begun + 3:
        bench.drain()
        bench.deliver(proposer(3), Offered(B, True))
        beats = sent_beats(bench)
        shows(bench, 1)
        for beat in beats:
            for replica in EVERYBODY:
                bench.deliver(acceptor(replica), heard(beat))
    bench.drain()
    assert bench.role.leading


def test_a_leader_with_a_batch_in_flight_hands_over_to_nobody(benches: Benches) -> None:
    """It may be chosen: only between batches a ballot is given up, or when others lead."""
    bench = leased(leader(benches))
    propose(bench, put("k"))
    bench.deliver(host(1), Transfer(3))
    bench.wake(0.5)
    bench.drain()
    bench.deliver(proposer(3), Offered(B, True))
    assert not bench.find(CampaignNow)
    choose(bench, 2)
    bench.deliver(proposer(3), Offered(B, True))
    assert not bench.role.leading
    bench.drain()


def test_a_leader_whose_acceptor_comes_back_has_a_lease_for_its_first_answer(
    benches: Benches,
) -> None:
    bench = leased(leader(benches))
    bench.deliver(host(1), RolesUp(False, True))
    gone = bench.now
    while bench.now < gone + TIMING.lease:
        for beat in sent_beats(bench):
            bench.deliver(acceptor(2), heard(beat))
            bench.deliver(acceptor(3), heard(beat))
    bench.deliver(host(1), RolesUp(True, True))
    bench.deliver(proposer(3), Offered(B, True))
    bench.drain()
    assert bench.role.leading


def second_in_office(bench: Bench[Proposer]) -> Ballot:
    """Bring proposer 2 into office, its no-op applied."""
    campaigning(bench, me=2)
    (prepare,) = bench.find(Prepare)
    for replica in (2, 3):
        bench.deliver(acceptor(replica), promise(at=prepare.ballot))
    for replica in (2, 3):
        bench.deliver(acceptor(replica), accepted(1, at=prepare.ballot))
    bench.deliver(learner(2), Applied(0, 1, (), ()))
    bench.drain()
    return prepare.ballot


def test_a_recovered_replica_of_higher_priority_gets_leadership_back(benches: Benches) -> None:
    """Proposer 2 leads; 1 shows for the quiet time that it is fit."""
    bench = follower(benches, me=2)
    at = second_in_office(bench)
    fit = bench.now
    while bench.role.leading and bench.now < fit + 20:
        bench.drain()
        bench.deliver(proposer(1), Offered(at, True))
        beats = sent_beats(bench)
        shows(bench, 1)
        for beat in beats:
            bench.deliver(acceptor(2), heard(beat, at=at))
            bench.deliver(acceptor(3), heard(beat, at=at))
    assert Envelope(proposer(1), CampaignNow(at)) in bench.drain()
    assert bench.now - fit == pytest.approx(TIMING.quiet, abs=0.25)


# --- whether we could lead ------------------------------------------------------------------------


def offered(bench: Bench[Proposer], chosen: int) -> bool:
    """Offer it leadership: it says whether it could lead, and asks acceptors again meanwhile."""
    bench.deliver(proposer(2), Offer(OTHER, chosen))
    answer, *probes = bench.drain()
    assert answer.to == proposer(2)
    assert [to for to, m in pairs(probes) if isinstance(m, PreVote)] == [
        acceptor(i) for i in (2, 3, 1)
    ]
    assert isinstance(answer.message, Offered)
    return answer.message.ready


def answers(bench: Bench[Proposer], *acceptors: int) -> None:
    for replica in acceptors:
        bench.deliver(acceptor(replica), PreVoted(ballot(5), False, OTHER))


def test_an_offer_is_answered_by_whether_we_could_lead(benches: Benches) -> None:
    bench = follower(benches, applied=100)
    answers(bench, 1, 2)
    assert [offered(bench, chosen) for chosen in (100, 110, 200)] == [True, True, False]
    bench.deliver(host(1), RolesUp(False, True))
    assert not offered(bench, 100)


def test_who_cannot_vote_is_not_fit_to_lead(benches: Benches) -> None:
    """All its roles are up; but a recovering acceptor promises nothing, not even to its own."""
    bench = follower(benches, applied=100)
    answers(bench, 1, 2)
    bench.deliver(host(1), RolesUp(True, True, votes=False))
    assert not offered(bench, 100)
    bench.deliver(host(1), RolesUp(True, True, votes=True))
    assert offered(bench, 100)


def test_who_reaches_no_quorum_is_not_fit_to_lead(benches: Benches) -> None:
    """Found by a scenario: the one that alone heard a quorum handed over, again and again."""
    bench = follower(benches, applied=100)
    assert not offered(bench, 100)
    answers(bench, 1)
    assert not offered(bench, 100)
    answers(bench, 2)
    assert offered(bench, 100)
    bench.now += REACH + 0.01
    assert not offered(bench, 100)


def test_whose_learner_is_silent_is_not_fit_to_lead(benches: Benches) -> None:
    """It reads from a disk that hangs; one that only asked others for what it lacks is fit."""
    bench = follower(benches, applied=100)
    answers(bench, 1, 2, 3)
    bench.deliver(acceptor(1), Followed(OTHER, 101, 0))
    bench.drain()
    bench.now += TIMING.lease
    answers(bench, 1, 2, 3)
    assert offered(bench, 101)
    bench.now += TIMING.lease
    answers(bench, 1, 2, 3)
    assert not offered(bench, 101)
    bench.deliver(learner(1), Applied(100, 101, (), ()))
    assert offered(bench, 101)


def test_whose_own_acceptor_is_silent_is_not_fit_to_lead(benches: Benches) -> None:
    """Its disk hangs: a leader that handed over for that would get leadership back."""
    bench = follower(benches, applied=100)
    answers(bench, 2, 3)
    assert not offered(bench, 100)
    answers(bench, 1)
    assert offered(bench, 100)
