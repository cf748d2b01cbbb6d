"""The proposer: campaigns for a ballot; while it holds one, a Leadership does the rest.

Rules: our own acceptor promises a ballot durably before any peer sees it; only a replica whose
three roles are up leads; when the epochs of voters change, phase 1 is repeated, because promises
counted under old epochs no longer bind. It knows no clients, values or disks, nor when to try.
Sources: "Paxos Made Simple", "Paxos Made Moderately Complex".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ..roles.contract import (
    NOTHING,
    Address,
    Effects,
    Envelope,
    Message,
    NoAnswer,
    NotSent,
    Unreachable,
)
from .ballot import NO_BALLOT, Ballot
from .campaign import Phase1, PreVoteRound
from .election import BY_ORDER, Election, Fitness, HandOver
from .leadership import Leadership
from .messages import (
    Accepted,
    Applied,
    Ask,
    Behind,
    CampaignNow,
    Confirm,
    Followed,
    Heard,
    Leading,
    Noted,
    Offer,
    Offered,
    Prepare,
    PreVoted,
    Promise,
    Propose,
    Recall,
    Recalled,
    Refused,
    RolesUp,
    Transfer,
)
from .pieces import PIECES, Pieces

if TYPE_CHECKING:
    import random

    from ..cluster.timing import Timing

__all__ = ["Proposer"]


class Proposer:
    """One proposer, without a disk: what it must not forget, acceptors keep."""

    def __init__(
        self,
        me: int,
        ids: tuple[int, ...],
        now: float,
        rng: random.Random,
        timing: Timing,
        pieces: Pieces = PIECES,
    ) -> None:
        """Begin as a follower that knows nothing; it asks our learner first."""
        self.me = me
        self._pieces = pieces
        self.applied = -1
        self._timing = timing
        self._round = 0
        self._given_up = NO_BALLOT
        self._roles = RolesUp(True, True)
        self.electorate = pieces.electorate(me, ids, pieces.quorum(len(ids)))
        self._election = Election(me, self.electorate.peers, now, rng, timing)
        self._hand_over = HandOver(timing.quiet, timing.acceptor_grace)
        self._fitness = Fitness(me, self.electorate, timing.lease)
        self._pre_vote: PreVoteRound | None = None
        self._phase1: Phase1 | None = None
        self._term: Leadership | None = None
        self._reported: tuple[Ballot, bool] | None = None
        self._on: dict[type, Callable[[float, Address, Any], tuple[Envelope, ...]]] = {
            Accepted: self._on_accepted,
            Applied: self._on_applied,
            Propose: self._on_propose,
            Heard: self._on_heard,
            Followed: self._on_followed,
            PreVoted: self._on_pre_voted,
            Promise: self._on_promise,
            Refused: self._on_refused,
            Confirm: self._on_confirm,
            Offer: self._on_offer,
            Offered: self._on_offered,
            Recall: self._on_recall,
            CampaignNow: self._on_campaign_now,
            Unreachable: self._on_unreachable,
            RolesUp: self._on_roles_up,
            Transfer: self._on_transfer,
            NotSent: self._on_unanswered,
            NoAnswer: self._on_unanswered,
        }

    # --- what others may ask --------------------------------------------------------------------

    @property
    def leading(self) -> bool:
        """True while this replica holds a ballot with its quorum of promises."""
        return self._term is not None

    @property
    def ballot(self) -> Ballot:
        """The ballot this replica leads or follows; NO_BALLOT when it knows of none."""
        return self._term.ballot if self._term else self._election.leader

    def may_read(self, now: float) -> bool:
        """Return whether our learner may answer linearizable reads without asking anybody."""
        term = self._term  # read once: this is asked without the lock
        return term is not None and term.may_read(now)

    # --- steps ----------------------------------------------------------------------------------

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        """Handle one message."""
        handler = self._on.get(type(message))
        if handler is None:
            return NOTHING
        messages = handler(now, sender, message)
        if not messages and isinstance(message, Accepted):
            return NOTHING  # only counted: nothing is due earlier, nothing to report
        return self._finish(now, messages)

    def wake(self, now: float) -> Effects:
        """Do what is due: heartbeats when leading, else a campaign when nobody leads."""
        if self.applied < 0:
            ask = Envelope(Address(self.me, "learner"), Ask())
            return Effects(messages=(ask,), wake_at=now + self._timing.heartbeat)
        if (term := self._term) is not None:
            return self._finish(now, term.tick(now) + term.offers(now, self._candidates(now)))
        if self._roles.acceptor:  # else no heartbeat could reach us
            self._election.silence(now)
        return self._finish(now, self._campaign(now))

    def _finish(self, now: float, messages: tuple[Envelope, ...]) -> Effects:
        if self._term is not None and self._term.over:
            self._leave_office(now, self._term)
        if self._term is not None and self._term.may_end(now):
            messages += self._pass_on(now, self._term)
        ready = self._term is not None and self._term.ready
        if (reported := (self.ballot, ready)) != self._reported:
            self._reported = reported
            leading = Leading(self.ballot.replica, *reported, self._election.ended)
            messages += (Envelope(Address(self.me, "front"), leading),)
        return Effects(messages=messages, wake_at=self._due())

    def _due(self) -> float:
        if self._term is not None:
            return self._term.due
        attempt = self._phase1 or self._pre_vote
        return attempt.deadline if attempt else self._election.due

    # --- campaigning ----------------------------------------------------------------------------

    def _campaign(self, now: float) -> tuple[Envelope, ...]:
        attempt = self._phase1 or self._pre_vote
        if attempt is not None and now >= attempt.deadline:
            self._abandon(now)
        if attempt is not None or now < self._election.due:
            return ()
        if self._roles.acceptor and not self._roles.all:
            self._election.unfit(now)
            return ()
        # Without our acceptor it cannot be won: we ask whom the others follow.
        ballot = Ballot(self._round + 1, self.me)
        deadline = now + self._timing.answer
        self._pre_vote = PreVoteRound(self.me, ballot, self.electorate.quorum, deadline)
        return self._fitness.ask(now, ballot)

    def _on_pre_voted(self, now: float, sender: Address, m: PreVoted) -> tuple[Envelope, ...]:
        self._fitness.answered(now, sender.replica)
        self._round = max(self._round, m.promised.round)
        if (ask := self._pre_vote) is None or m.ballot != ask.ballot:
            return ()
        ask.add(sender.replica, m)
        if ask.won:
            return self._prepare(now)
        if ask.failed:
            self._abandon(now)
        return ()

    def _prepare(self, now: float) -> tuple[Envelope, ...]:
        self._pre_vote = None
        self._round += 1
        ballot = Ballot(self._round, self.me)
        deadline = now + 2 * self._timing.answer
        first, quorum = self.applied + 1, self.electorate.quorum
        self._phase1 = self._pieces.phase1(ballot, first, quorum, deadline)
        return (self._ask_promise(self.me, self._phase1, self._phase1.first),)

    def _ask_promise(self, acceptor: int, phase1: Phase1, slot: int) -> Envelope:
        prepare = Prepare(phase1.ballot, slot, self.electorate.seen(acceptor))
        return Envelope(Address(acceptor, "acceptor"), prepare)

    def _on_promise(self, now: float, sender: Address, m: Promise) -> tuple[Envelope, ...]:
        counts = self.electorate.counts(sender.replica, m.epoch, m.writes)
        phase1 = self._phase1
        if phase1 is None or m.ballot != phase1.ballot:
            return ()
        if not counts:
            # A newer epoch than we know of: the log has a VOTER that our learner lacks.
            ahead = self.electorate.ahead(sender.replica, m.epoch)
            behind = Behind(sender.replica, self.applied + 1)
            return (Envelope(Address(self.me, "learner"), behind),) if ahead else ()
        messages: tuple[Envelope, ...] = ()
        if sender.replica == self.me and m.slot == phase1.first:
            peers = self.electorate.peers
            messages = tuple(self._ask_promise(i, phase1, phase1.first) for i in peers)
        if more := phase1.add(sender.replica, m):
            phase1.deadline = now + 2 * self._timing.answer
            return (*messages, self._ask_promise(sender.replica, phase1, more))
        return messages + (self._take_office(now, phase1) if phase1.won else ())

    def _take_office(self, now: float, won: Phase1) -> tuple[Envelope, ...]:
        self._phase1 = None
        self._hand_over.forget()
        lease = self._pieces.lease(self.electorate.quorum, self._timing)
        office = (self.applied, now, lease, self.electorate, self._timing)
        self._term = self._pieces.term(self.me, won, *office)
        return self._term.tick(now)

    def _abandon(self, now: float) -> None:
        if self._pre_vote is not None:
            hears = self._roles.acceptor and not self._fitness.acceptor.silent(now)
            self._election.asked(self._pre_vote.followed, hears=hears)
        self._pre_vote = self._phase1 = None
        self._election.lost(now)

    def _on_refused(self, now: float, sender: Address, m: Refused) -> tuple[Envelope, ...]:
        self._round = max(self._round, m.promised.round)
        if self._term is not None and m.ballot == self._term.ballot:
            return self._refused_in_office(sender, m, self._term)
        phase1 = self._phase1
        hopeless = m.promised > m.ballot or sender.replica == self.me
        if phase1 is not None and m.ballot == phase1.ballot and hopeless:
            self._abandon(now)
        return ()

    def _refused_in_office(
        self, sender: Address, m: Refused, term: Leadership
    ) -> tuple[Envelope, ...]:
        if m.promised > term.ballot:
            term.over = f"acceptor {sender.replica} promised {m.promised}"
        elif m.reason == "truncated":
            # It forgot that slot because it is chosen: our learner can have it from there.
            behind = Behind(sender.replica, self.applied + 1)
            return (Envelope(Address(self.me, "learner"), behind),)
        elif m.reason == "ballot":
            # It missed our Prepare; without that promise it grants no lease.
            prepare = Prepare(term.ballot, self.applied + 1, self.electorate.seen(sender.replica))
            return (Envelope(sender, prepare),)
        return ()

    # --- leading --------------------------------------------------------------------------------

    def _candidates(self, now: float) -> tuple[int, ...]:
        """Who could lead instead: those of higher priority, anybody when we cannot go on."""
        if wanted := self._hand_over.wanted(now):
            return (wanted,)
        peers = self.electorate.peers
        return peers if self._urgent(now) else tuple(i for i in peers if i < self.me)

    def _urgent(self, now: float) -> str:
        hangs = self._term.hangs(now, acceptor=self._roles.acceptor) if self._term else ""
        return self._hand_over.urgent(now, silent=hangs)

    def _pass_on(self, now: float, term: Leadership) -> tuple[Envelope, ...]:
        """Between two batches: give leadership to a fitter replica, if there is one."""
        why, candidates = self._urgent(now), self._candidates(now)
        successor = self._hand_over.successor(now, candidates, urgent=bool(why))
        if not successor:
            return ()
        self._hand_over.handed(successor)
        messages = term.hand_over(successor, why or BY_ORDER)
        self._leave_office(now, term)
        self._fitness.learner.asked(term.learner.since)
        if term.acceptor.silent(now):
            self._fitness.acceptor.asked(term.acceptor.since)
            self._election.deaf(Ballot(term.ballot.round + 1, successor))  # as it will campaign
        return messages

    def _leave_office(self, now: float, term: Leadership) -> None:
        term.end()
        self._term = None
        self._election.stand_back(now, term.over, opened=term.opened)

    def _on_propose(self, now: float, sender: Address, m: Propose) -> tuple[Envelope, ...]:
        if self._term is None or not self._term.ready or m.ballot != self._term.ballot:
            return (Envelope(sender, NotSent(self.me, m)),)
        # The front knows that we are not ready: it asked.
        self._reported = (self.ballot, False)
        return self._term.propose(now, m.commands)

    def _on_accepted(self, now: float, sender: Address, m: Accepted) -> tuple[Envelope, ...]:
        if not self.electorate.counts(sender.replica, m.epoch, m.writes) or self._term is None:
            return ()
        return self._term.accepted(now, sender.replica, m)

    def _on_unanswered(self, now: float, _: Address, m: NotSent | NoAnswer) -> tuple[Envelope, ...]:
        return () if self._term is None else self._term.unanswered(now, m.peer, m.message)

    def _on_heard(self, now: float, sender: Address, m: Heard) -> tuple[Envelope, ...]:
        counts = self.electorate.counts(sender.replica, m.epoch, m.writes)
        if not counts or self._term is None or m.ballot != self._term.ballot:
            return ()
        return self._term.heard(now, sender.replica, m)

    def _on_applied(self, now: float, sender: Address, m: Applied) -> tuple[Envelope, ...]:
        first = self.applied < 0
        self._fitness.learner.answered()
        if m.slot < self.applied:
            return ()  # late: it must take back neither the slot nor the epochs
        self.applied = m.slot
        changed = self.electorate.update(m.voters) and not first
        if changed and (self._term or self._phase1):
            if self._term is not None:
                self._term.over = "the log has new voters, so promises are asked for anew"
                self._leave_office(now, self._term)
            self._pre_vote = self._phase1 = None
            self._election.at_once(now)
            return ()
        return self._term.applied(now, self.applied) if self._term is not None else ()

    def _on_confirm(self, now: float, sender: Address, m: Confirm) -> tuple[Envelope, ...]:
        if self._term is None:
            return (Envelope(sender, NotSent(self.me, m)),)
        return self._term.confirm(now, m.number)

    # --- other leaders, other roles -------------------------------------------------------------

    def _on_followed(self, now: float, sender: Address, m: Followed) -> tuple[Envelope, ...]:
        if m.ballot.replica == self.me or m.ballot <= self._given_up:
            return ()  # its last heartbeat came behind the hand-over, by another lane
        self._round = max(self._round, m.ballot.round)
        self._fitness.heard(now, m.chosen - self.applied)
        self._pre_vote = None
        if self._term is not None and m.ballot > self._term.ballot:
            self._term.over = f"its own acceptor follows {m.ballot}"
        self._election.followed(now, m.ballot, m.chosen - max(self.applied, 0))
        return ()

    def _on_offer(self, now: float, sender: Address, m: Offer) -> tuple[Envelope, ...]:
        fit = self._roles.all and self._fitness.holds(now, m.chosen - self.applied)
        offered = Envelope(sender, Offered(m.ballot, fit))
        return (offered, *self._fitness.ask(now, Ballot(self._round + 1, self.me)))

    def _on_offered(self, now: float, sender: Address, m: Offered) -> tuple[Envelope, ...]:
        if self._term is not None and m.ballot == self._term.ballot:
            self._hand_over.offered(now, sender.replica, m.ready)
        return ()

    def _on_campaign_now(self, now: float, sender: Address, m: CampaignNow) -> tuple[Envelope, ...]:
        noted = Envelope(sender, Noted(m.ballot))
        if self._term is not None or self.applied < 0:
            return (noted,)
        self._round = max(self._round, m.ballot.round)
        self._given_up = max(self._given_up, m.ballot)
        self._election.at_once(now)
        return (noted, *self._campaign(now))

    def _on_unreachable(self, now: float, sender: Address, m: Unreachable) -> tuple[Envelope, ...]:
        self._hand_over.offered(now, m.peer, False)
        self._election.unreachable(now, m.peer)
        return ()

    def _on_roles_up(self, now: float, sender: Address, m: RolesUp) -> tuple[Envelope, ...]:
        self._roles = m
        if self._term is not None:
            self._term.answered(self.me)
        self._hand_over.acceptor(now, up=m.acceptor)
        if not m.learner:
            # It comes back with what its disk holds, which may be less: ask it again then.
            self.applied = -1
            self._pre_vote = self._phase1 = None
            if self._term is not None:
                self._term.over = "its own learner is down"
        return ()

    def _on_transfer(self, now: float, sender: Address, m: Transfer) -> tuple[Envelope, ...]:
        if self._term is not None and m.successor in self.electorate.peers:
            self._hand_over.want(now, m.successor)
        return ()

    def _on_recall(self, now: float, sender: Address, m: Recall) -> tuple[Envelope, ...]:
        return (Envelope(sender, Recalled(self.electorate.seen(sender.replica))),)
