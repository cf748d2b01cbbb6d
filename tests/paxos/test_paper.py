"""Leslie Lamport, "Paxos Made Simple" (2001), section 2: one test a sentence, which it quotes.

"Proposal number" there is "ballot" here, and a proposal is made for a slot.
"""

from __future__ import annotations

import pytest

from kvrmi.paxos.ballot import NO_BALLOT, Ballot
from kvrmi.paxos.leadership import NO_OP
from kvrmi.paxos.messages import (
    Accept,
    Accepted,
    AcceptedValue,
    CampaignNow,
    Chosen,
    Entries,
    Fetch,
    Learn,
    Prepare,
    PreVote,
    Promise,
    Refused,
)
from kvrmi.roles.contract import Envelope
from kvrmi.state.log import pack_batch

from .bench import Benches, acceptor, ballot, batch, entry, host, learner, pairs, proposer
from .replicas import Replicas

V = batch("v")


def accept(at: Ballot, value: bytes = V, slot: int = 1) -> Accept:
    return Accept(at, slot, value, 0, False)


@pytest.fixture
def table(benches: Benches) -> Replicas:
    return Replicas(benches)


@pytest.fixture
def chosen(table: Replicas) -> Replicas:
    """Proposer 1 had `V` chosen in slot 2 by acceptors 1 and 2, after its no-op in slot 1."""
    table.campaign(1, (1, 2))
    table.propose(1, b"v", (1, 2))
    assert table.chosen == {1: [NO_OP], 2: [pack_batch((b"v",))]}
    return table


# --- 2.2 choosing a value -------------------------------------------------------------------------


def test_p1(table: Replicas) -> None:
    """'An acceptor must accept the first proposal that it receives.'"""
    assert table.hand(2, 1, accept(ballot(1, 2))) == [Accepted(ballot(1, 2), 1, 1, 1)]


@pytest.mark.parametrize(("promised", "accepts"), [(4, True), (5, True), (6, False)])
def test_p1a(table: Replicas, promised: int, accepts: bool) -> None:
    """'An acceptor can accept a proposal numbered n iff it has not responded to a prepare request
    having a number greater than n.'
    """
    owner = 2 if promised == 5 else 3
    table.hand(owner, 1, Prepare(ballot(promised, owner), 1, 0))
    (answer,) = table.hand(2, 1, accept(ballot(5, 2)))
    assert isinstance(answer, Accepted if accepts else Refused)


def test_p2(chosen: Replicas) -> None:
    """'If a proposal with value v is chosen, then every higher-numbered proposal that is chosen has
    value v.'
    """
    chosen.campaign(3, (2, 3))
    assert {value for value in chosen.chosen[2]} == {pack_batch((b"v",))}
    assert len(chosen.chosen[2]) == 2


def test_p2a(chosen: Replicas) -> None:
    """'If a proposal with value v is chosen, then every higher-numbered proposal accepted by any
    acceptor has value v.'
    """
    chosen.campaign(3, (2, 3))
    for who in (2, 3):
        at, value = chosen.accepted(who)[2]
        assert (at.replica, value) == (3, pack_batch((b"v",)))


def test_p2b(chosen: Replicas) -> None:
    """'If a proposal with value v is chosen, then every higher-numbered proposal issued by any
    proposer has value v.'
    """
    for who, among in ((3, (2, 3)), (2, (1, 2)), (1, (1, 3))):
        chosen.seat(who)
        chosen.campaign(who, among)
    issued = [sent for sent in chosen.issued if sent.slot == 2]
    assert len({sent.ballot for sent in issued}) == 4
    assert {sent.value for sent in issued} == {pack_batch((b"v",))}


def test_p2c_a(table: Replicas) -> None:
    """'... there is a set S consisting of a majority of acceptors such that either (a) no acceptor
    in S has accepted any proposal numbered less than n ...' Then the proposer is free: it takes its
    own value, though acceptor 1 accepted another.
    """
    table.hand(1, 1, accept(ballot(1, 1), b"of a minority"))
    table.campaign(3, (2, 3))
    assert table.issued[0].value == NO_OP


def test_p2c_b(table: Replicas) -> None:
    """'... or (b) v is the value of the highest-numbered proposal among all proposals numbered less
    than n accepted by the acceptors in S.'
    """
    table.hand(1, 1, accept(ballot(1, 1), batch("low")))
    table.hand(2, 2, accept(ballot(2, 2), batch("high")))
    table.campaign(1, (1, 2))
    assert table.issued[0].value == batch("high")


def test_phase_1a(table: Replicas) -> None:
    """'A proposer selects a proposal number n and sends a prepare request with number n to a
    majority of acceptors.'
    """
    bench = table.proposers[1]
    bench.deliver(host(1), CampaignNow(NO_BALLOT))
    asked = [(to, m) for to, m in pairs(bench.drain()) if isinstance(m, PreVote)]
    prepares = []
    for to, message in asked[::-1]:
        for answer in table.hand(1, to.replica, message):
            bench.deliver(to, answer)
        for own, prepare in pairs(bench.drain()):
            prepares.append((own, prepare))
            for answer in table.hand(1, own.replica, prepare):
                bench.deliver(own, answer)
    assert {own for own, _ in prepares} >= {acceptor(1), acceptor(2)}
    assert len({prepare for _, prepare in prepares}) == 1
    bench.drain()


def test_phase_1b(table: Replicas) -> None:
    """'If an acceptor receives a prepare request with number n greater than that of any prepare
    request to which it has already responded, then it responds to the request with a promise not to
    accept any more proposals numbered less than n and with the highest-numbered proposal (if any)
    that it has accepted.'
    """
    table.hand(1, 1, accept(ballot(1, 1), b"lower"))
    table.hand(2, 1, accept(ballot(2, 2), b"higher"))
    (answer,) = table.hand(3, 1, Prepare(ballot(3, 3), 1, 0))
    assert isinstance(answer, Promise)
    assert answer.accepted == (AcceptedValue(1, ballot(2, 2), b"higher"),)
    (refused,) = table.hand(2, 1, accept(ballot(2, 2), b"late", slot=2))
    assert refused == Refused(ballot(2, 2), ballot(3, 3), "ballot")


def test_phase_2a(table: Replicas) -> None:
    """'If the proposer receives a response to its prepare requests (numbered n) from a majority of
    acceptors, then it sends an accept request to each of those acceptors for a proposal numbered n
    with a value v, where v is the value of the highest-numbered proposal among the responses, or is
    any value if the responses reported no proposals.'
    """
    table.hand(2, 2, accept(ballot(1, 2), V))
    table.campaign(1, (1,))
    assert not table.issued
    table.campaign(1, (1, 2))
    first, second = table.issued
    assert (first.slot, first.value) == (1, V)
    assert (second.slot, second.value) == (2, NO_OP)
    assert {at for at, _ in table.accepted(2).values()} == {first.ballot}


@pytest.mark.parametrize(("promised", "accepts"), [(None, True), (5, True), (7, False)])
def test_phase_2b(table: Replicas, promised: int | None, accepts: bool) -> None:
    """'If an acceptor receives an accept request for a proposal numbered n, it accepts the proposal
    unless it has already responded to a prepare request having a number greater than n.'
    """
    if promised is not None:
        table.hand(3, 1, Prepare(ballot(promised, 3), 1, 0))
    table.hand(2, 1, accept(ballot(6, 2)))
    assert (1 in table.accepted(1)) is accepts


def test_what_an_acceptor_remembers(chosen: Replicas) -> None:
    """'... an acceptor must remember this information even if it fails and then restarts.'

    All three lose their memory; what was chosen stays chosen.
    """
    promised = chosen.acceptors[2].role.state.promised
    for who in (1, 2, 3):
        chosen.restart(who)
    assert chosen.acceptors[2].role.state.promised == promised
    chosen.campaign(3, (2, 3))
    assert chosen.chosen[2] == [pack_batch((b"v",))] * 2


def test_a_higher_number_is_told(chosen: Replicas) -> None:
    """'... if an acceptor ignores a prepare or accept request because it has already received a
    prepare request with a higher number, then it should probably inform the proposer, who should
    then abandon its proposal.'
    """
    chosen.campaign(3, (2, 3))
    chosen.propose(1, b"too late", (1, 2))
    assert not chosen.proposers[1].role.leading
    assert 3 not in chosen.chosen or pack_batch((b"too late",)) not in chosen.chosen[3]


def test_abandoning(table: Replicas) -> None:
    """'It can abandon a proposal in the middle of the protocol at any time.'

    Its requests may arrive long afterwards.
    """
    table.campaign(1, (1, 2), accepts=())
    (old,) = table.issued
    table.seat(1)
    table.campaign(3, (2, 3))
    assert table.hand(1, 2, old) == [
        Refused(old.ballot, table.acceptors[2].role.state.promised, "ballot")
    ]
    assert all(len(values) == 1 for values in table.chosen.values())


# --- 2.3 learning a chosen value ------------------------------------------------------------------


def test_learning(table: Replicas) -> None:
    """'To learn that a value has been chosen, a learner must find out that a proposal has been
    accepted by a majority of acceptors.'
    """
    table.campaign(1, (1, 2, 3), accepts=(1,))
    assert not table.chosen
    bench = table.proposers[1]
    (sent,) = table.issued
    bench.deliver(acceptor(1), Accepted(sent.ballot, sent.slot, 1, 9))
    assert not bench.find(Chosen)
    bench.deliver(acceptor(3), Accepted(sent.ballot, sent.slot, 1, 9))
    assert len(bench.find(Chosen)) == 1


def test_the_distinguished_learner(table: Replicas) -> None:
    """'We can have the acceptors respond with their acceptances to a distinguished learner, which
    in turn informs the other learners when a value has been chosen.'

    Here acceptances return to the leader, who tells everybody with its next message.
    """
    table.campaign(1, (1, 2, 3))
    table.propose(1, b"v", (1, 2, 3))
    assert not table.learned[1]
    values = {
        entry.slot: entry.value for reported in table.learned[3] for entry in reported.entries
    }
    assert max(reported.chosen for reported in table.learned[3]) == 2
    assert set(values.values()) <= {NO_OP, pack_batch((b"v",))}


def test_learners_help_each_other(benches: Benches) -> None:
    """'When any process has learned that a value has been chosen' others may learn it from it.

    Not a quotation but its consequence: entries are fetched from a learner that holds them.
    """
    from .learners import load, taught

    giver, taker = taught(benches, 2, me=2), load(benches)
    taker.deliver(acceptor(1), Learn(ballot(1, 2), 2, ()))
    (question,) = taker.find(Fetch)
    giver.deliver(learner(1), question)
    (answer,) = giver.find(Entries)
    assert answer.entries == (entry(1, "key 1"), entry(2, "key 2"))
    taker.deliver(learner(2), answer)
    assert taker.role.applied == 2
    taker.drain()


# --- 2.4 progress, 2.5 the implementation ---------------------------------------------------------


def test_the_distinguished_proposer(table: Replicas) -> None:
    """'To guarantee progress, a distinguished proposer must be selected as the only one to try
    issuing proposals.' While acceptors hear the leader, nobody else gets as far as phase 1.
    """
    table.campaign(1, (1, 2, 3))
    for who in (2, 3):
        bench = table.proposers[who]
        bench.deliver(host(who), CampaignNow(NO_BALLOT))
        for to, message in pairs(bench.drain()):
            if to.role == "acceptor":
                for answer in table.hand(who, to.replica, message):
                    bench.deliver(to, answer)
        assert not bench.find(Prepare)
        assert not bench.role.leading


def test_stable_storage(table: Replicas) -> None:
    """'An acceptor records its intended response in stable storage before actually sending the
    response.' Whatever it answered, an acceptor started from its disk would answer again.
    """
    bench = table.acceptors[1]
    bench.deliver(proposer(2), Prepare(ballot(1, 2), 1, 0))
    bench.expect(Envelope(proposer(2), Promise(ballot(1, 2), 1, 1, 1, (), 0, 0)), wrote=True)
    table.restart(1)
    assert table.acceptors[1].role.state == bench.role.state
    table.hand(2, 1, accept(ballot(1, 2)))
    before = table.accepted(1)
    table.restart(1)
    assert table.accepted(1) == before != {}


def test_disjoint_numbers(table: Replicas) -> None:
    """'Different proposers choose their numbers from disjoint sets of numbers, so two different
    proposers never issue a proposal with the same number.'
    """
    for who, among in ((1, (1, 2)), (2, (2, 3)), (3, (3, 1)), (1, (1, 3))):
        table.seat(who)
        table.campaign(who, among)
    owners: dict[Ballot, set[int]] = {}
    for sent in table.issued:
        owners.setdefault(sent.ballot, set()).add(sent.ballot.replica)
    assert len(owners) == 4
    assert all(len(of) == 1 for of in owners.values())


def test_no_number_twice(table: Replicas) -> None:
    """'Each proposer remembers (in stable storage) the highest-numbered proposal it has tried to
    issue, and begins phase 1 with a higher proposal number than any it has already used.'

    Here its own acceptor remembers it, and promises it before anybody else sees it.
    """
    used = []
    for _ in range(3):
        table.seat(1)
        table.campaign(1, (1, 2))
        used.append(table.proposers[1].role.ballot)
    assert used == sorted(set(used))
    assert all(at.replica == 1 for at in used)


def test_nobody_learns_what_was_not_chosen(table: Replicas) -> None:
    """'A process never learns that a value has been chosen unless it actually has been.'

    Acceptor 3 accepted at an older ballot: its learner does not get that value on a newer leader's
    word.
    """
    table.campaign(1, (1, 2, 3), accepts=(3,))
    table.campaign(2, (1, 2), accepts=(1, 2))
    at = table.proposers[2].role.ballot
    table.learned[3].clear()
    table.hand(2, 3, Accept(at, 9, NO_OP, 1, True))
    assert table.learned[3] == [Learn(at, 1, ())]
