"""The schedule that makes "vote again after seeing one complete instance" unsafe, step by step.

Five acceptors, here by name: 4 leads at a low ballot (L), 2 campaigns at ballot 9 (P) and has
promises of 1 and 2 when 1 loses its disk. If 1 just votes again, slot 2 gets two values. With the
rejoin as it is, it gets one, whether 3 promises ballot 9 before or after the VOTER command.
"""

from __future__ import annotations

import pytest

from kvrmi.operations.commands import Voter, encode_voter
from kvrmi.paxos.acceptor import Acceptor
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.leadership import NO_OP
from kvrmi.paxos.messages import (
    Accept,
    Applied,
    CampaignNow,
    Chosen,
    Copy,
    Durable,
    Prepare,
    PreVote,
    Promise,
    Propose,
)
from kvrmi.roles.contract import Envelope, Message
from kvrmi.state.log import pack_batch

from .bench import BOOT, Bench, Benches, acceptor, front, host, learner
from .replicas import Replicas

A, B, C, D, E = FIVE = (1, 2, 3, 4, 5)
L, P = D, B
NINE = Ballot(9, P)
VOTER = Voter(A, 2, "new disk")
ELECTION = encode_voter(VOTER, (A, BOOT, 1))


class Schedule(Replicas):
    """The table, up to the moment when acceptor A has lost its disk."""

    def __init__(self, benches: Benches, *, naive: bool) -> None:
        super().__init__(benches, FIVE)
        self.campaign(L, (C, D, E))
        assert self.chosen == {1: [NO_OP]}
        self.half_of_phase_1()
        self.lose(A, naive=naive)

    def send(self, who: int, to: int, message: Message) -> None:
        """One message of proposer `who`, and its answer."""
        for answer in self.hand(who, to, message):
            self.proposers[who].deliver(acceptor(to), answer)

    def half_of_phase_1(self) -> None:
        """P has the promises of B, its own, and of A; its Prepare to C is under way."""
        self.later()
        bench = self.proposers[P]
        bench.deliver(host(P), CampaignNow(Ballot(8, L)))
        assert bench.find(PreVote)[0].ballot == NINE
        for to in (B, A, C):
            self.send(P, to, PreVote(NINE))
        assert bench.drain() == [Envelope(acceptor(P), Prepare(NINE, 1, 0))]
        for to in (B, A):
            self.send(P, to, Prepare(NINE, 1, 0))
        assert not bench.role.leading
        bench.drain()

    def rest_of_phase_1(self) -> None:
        """C promises ballot 9: P has its quorum {A as it was, B, C}."""
        self.send(P, C, Prepare(NINE, 1, 0))
        assert self.proposers[P].role.leading

    def have_chosen(self, who: int, slot: int, among: tuple[int, ...]) -> bytes | None:
        """Hand the Accept that `who` has for `slot` to `among`; the value if that chose it."""
        bench = self.proposers[who]
        accepts = [m for m in bench.find(Accept) if m.slot == slot]
        for to in among:
            self.send(who, to, accepts[0])
        values = [chosen.entry.value for chosen in bench.find(Chosen)]
        return values[0] if values else None

    def apply(self, who: int, slot: int, *voters: Voter) -> None:
        self.proposers[who].deliver(learner(who), Applied(0, slot, (), voters))

    def propose_at_l(self, command: bytes) -> None:
        bench = self.proposers[L]
        bench.deliver(front(L), Propose(bench.role.ballot, (command,)))

    def copy(self) -> Bench[Acceptor]:
        """A, silent, copies what B, C and D accepted."""
        bench = self.acceptors[A]
        bench.wake()
        bench.drain()
        for peer in (B, C, D):
            self.acceptors[peer].deliver(acceptor(A), Copy(1))
            for answer in self.acceptors[peer].drain():
                bench.deliver(acceptor(peer), answer.message)
        bench.drain()
        return bench


def test_the_naive_rule_gives_one_slot_two_values(benches: Benches) -> None:
    """Shows that the schedule is the right one."""
    table = Schedule(benches, naive=True)
    table.rest_of_phase_1()
    table.propose_at_l(b"of L")
    of_l = table.have_chosen(L, 2, (A, D, E))
    assert table.have_chosen(P, 1, (B, C, A)) == NO_OP
    table.apply(P, 1)
    of_p = table.have_chosen(P, 2, (B, C, A))
    assert (of_l, of_p) == (pack_batch((b"of L",)), NO_OP)
    table.proposers[L].drain()


def test_a_silent_acceptor_gives_l_no_quorum(benches: Benches) -> None:
    """C promised ballot 9 first: L has nothing chosen any more, be it the VOTER command."""
    table = Schedule(benches, naive=False)
    table.copy()
    table.rest_of_phase_1()
    table.propose_at_l(ELECTION)
    assert table.have_chosen(L, 2, (A, D, E, C)) is None
    assert not table.proposers[L].role.leading
    assert table.have_chosen(P, 1, (B, C, E)) == NO_OP
    table.apply(P, 1)
    assert table.have_chosen(P, 2, (B, C, A, D)) == NO_OP


def test_once_elected_the_old_promise_is_of_no_use(benches: Benches) -> None:
    """The VOTER command was chosen first: P finds it at C, and applying it ends P's term."""
    table = Schedule(benches, naive=False)
    elected = table.copy()
    table.propose_at_l(ELECTION)
    assert table.have_chosen(L, 2, (C, D, E)) == pack_batch((ELECTION,))
    table.apply(L, 2, VOTER)
    assert not table.proposers[L].role.leading
    table.proposers[L].drain()
    elected.deliver(learner(A), Applied(0, 2, (), (VOTER,)))
    elected.deliver(learner(A), Durable(2))
    elected.expect(wrote=True)
    table.later()
    table.rest_of_phase_1()
    assert table.have_chosen(P, 1, (B, C, E)) == NO_OP
    table.apply(P, 1)
    assert table.have_chosen(P, 2, (B, C, D)) == pack_batch((ELECTION,))
    table.apply(P, 2, VOTER)
    assert not table.proposers[P].role.leading
    table.proposers[P].drain()


@pytest.mark.parametrize("copied", [False, True])
def test_a_new_epochs_vote_counts_for_nobody_who_has_not_applied_it(
    benches: Benches, copied: bool
) -> None:
    """P lacks the VOTER command: A's vote in its new epoch makes no quorum with B's and C's."""
    table = Schedule(benches, naive=False)
    if copied:
        elected = table.copy()
        elected.deliver(learner(A), Applied(0, 2, (), (VOTER,)))
        elected.deliver(learner(A), Durable(2))
        elected.drain()
        table.later()
    table.rest_of_phase_1()
    assert table.have_chosen(P, 1, (B, A)) is None
    assert not table.proposers[P].find(Promise)
