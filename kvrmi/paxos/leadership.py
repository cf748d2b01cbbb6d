"""One term: everything a leader does at one ballot, from won phase 1 to the end of that ballot.

Rules: a slot is proposed once our learner has applied the one before; what is announced as chosen
is what our learner has applied, and never a slot in which this ballot proposed without success;
clients' batches come after a no-op of this ballot. Once `over` says why, the term has ended.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..roles.contract import Address, Envelope, Message
from ..roles.invariants import require
from ..state.log import Entry, pack_batch
from .ballot import Ballot
from .campaign import Phase1
from .electorate import Electorate
from .lease import LeaderLease
from .messages import (
    Accept,
    Accepted,
    Ask,
    Behind,
    CampaignNow,
    Chosen,
    Confirmed,
    Heard,
    Heartbeat,
    Offer,
    Release,
)
from .unanswered import Unanswered

if TYPE_CHECKING:
    from ..cluster.timing import Timing

__all__ = ["NO_OP", "Leadership"]

NO_OP = pack_batch(())
"""The batch of no commands: fills a slot and changes nothing."""

OFFER_EVERY = 0.5
"""Seconds between questions whether a better leader is fit."""

TRACED = 5
"""Decisions a second that all replicas get and write to their logs in full; after a pause so many
in a row, that is each of few writes."""

HURRY = 0.05
"""Seconds after which acceptors that have not answered are passed over for others."""


class _Proposal:
    """The batch in flight: to whom it went, who accepted it, and when to do more."""

    def __init__(self, accept: Accept, now: float, asked: tuple[int, ...]) -> None:
        self.accept = accept
        self.sent = now
        self.asked = set(asked)
        self.accepted: set[int] = set()
        self.again_at = now + HURRY


class Leadership:
    """A term. Methods return what to send; the proposer wraps it in Effects."""

    def __init__(
        self,
        me: int,
        won: Phase1,
        applied: int,
        now: float,
        lease: LeaderLease,
        electorate: Electorate,
        timing: Timing,
    ) -> None:
        """`won` is a phase 1 with its quorum; `applied` where our learner stands."""
        self.ballot: Ballot = won.ballot
        self.over = ""
        self.opened = False
        self.acceptor = Unanswered(timing.lease)
        """What our own acceptor was asked."""
        self.learner = Unanswered(timing.lease)
        """What our learner was given to apply, or was asked."""
        self._me = me
        self._acceptors, self._quorum = electorate.acceptors, electorate.quorum
        self.lease = lease
        self._electorate = electorate
        self._timing = timing
        self._open = {s: v for s, v in won.open_values().items() if s > applied}
        self._top = max(self._open, default=applied)
        self._floor, self._informant = won.truncated, won.informant
        self._decided = self._applied = applied
        self._noop_slot = 0
        self._slow: set[int] = set()
        self._few = self._prompt()
        self._inflight: _Proposal | None = None
        self._confirming: list[tuple[int, int, int]] = []
        self._beat_at = self._offer_at = now
        self._ask_at = now + timing.lease
        self._traces = float(TRACED)
        self._traces_at = now
        self._moved_at = now
        lease.contact = now

    @property
    def ready(self) -> bool:
        """True when the next batch may be proposed."""
        return self.opened and self._inflight is None and self._applied == self._decided

    def may_end(self, now: float) -> bool:
        """Return whether no batch is in flight; one may wait for our learner, which hangs."""
        return self.ready or (self._inflight is None and self.learner.silent(now))

    # --- phase 2 ------------------------------------------------------------------------------

    def advance(self, now: float) -> tuple[Envelope, ...]:
        """Propose what phase 1 found open, then our own no-op."""
        if self.opened or self._inflight is not None or self._applied != self._decided:
            return ()
        if self._applied < self._floor:
            # Slots up to there were chosen and forgotten by an acceptor: nobody may propose them.
            return (self._local("learner", Behind(self._informant, self._floor)),)
        slot = self._applied + 1
        if slot > self._top:
            self._noop_slot = slot
        return self._propose(now, slot, self._open.pop(slot, NO_OP))

    def propose(self, now: float, commands: tuple[bytes, ...]) -> tuple[Envelope, ...]:
        """Put clients' commands into the next slot; only when `ready`."""
        require(self.ready, "a batch was proposed while another was in flight")
        return self._propose(now, self._applied + 1, pack_batch(commands))

    def _propose(self, now: float, slot: int, value: bytes) -> tuple[Envelope, ...]:
        traced = self._traced(now)
        accept = Accept(self.ballot, slot, value, self._applied, traced)
        asked = tuple(self._acceptors) if traced else self._few
        self._inflight = _Proposal(accept, now, asked)
        return self._to(asked, accept)

    def _traced(self, now: float) -> bool:
        """Return whether all are to have and log this decision: a token bucket says so."""
        filled = self._traces + TRACED * (now - self._traces_at)
        self._traces, self._traces_at = min(filled, TRACED), now
        if self._traces < 1:
            return False
        self._traces -= 1
        return True

    def _prompt(self) -> tuple[int, ...]:
        """Whom to send a batch: under load no more than a quorum, those that answer in time.

        Each acceptance costs a sync and a wake-up somewhere; the others learn the batch in bulk.
        Decisions that are traced go to all, so that with few writes all disks hold each of them.
        """
        prompt = [i for i in (self._me, *self._electorate.peers) if i not in self._slow]
        few = prompt[: self._quorum] if len(prompt) >= self._quorum else self._acceptors
        return tuple(i for i in self._acceptors if i in few)

    def _pass_over(self, *replicas: int) -> None:
        """Ask these only when others are too few: they are slow, or cannot be reached."""
        self._slow.update(replicas)
        self._few = self._prompt()

    def accepted(self, now: float, replica: int, m: Accepted) -> tuple[Envelope, ...]:
        """Count an acceptance; at the quorum the value is chosen."""
        if replica in self._slow:
            self._slow.discard(replica)
            self._few = self._prompt()
        self.answered(replica)
        proposal = self._inflight
        if proposal is None or m.ballot != self.ballot or m.slot != proposal.accept.slot:
            return ()
        proposal.accepted.add(replica)
        if len(proposal.accepted) < self._quorum:
            return ()
        require(m.slot == self._decided + 1, "a slot was decided out of order")
        self._inflight = None
        self._decided = m.slot
        self._moved_at = now
        self.learner.asked(now)
        self.lease.contact = max(self.lease.contact, proposal.sent)
        acceptors = tuple(sorted(proposal.accepted))
        entry = Entry(m.slot, self.ballot, acceptors, proposal.accept.value)
        return (self._local("learner", Chosen(entry)),)

    def hangs(self, now: float, *, acceptor: bool) -> str:
        """Name the role that is silent for a lease: our learner, or our `acceptor` if it is up."""
        if self.learner.silent(now):
            return "learner"
        return "acceptor" if acceptor and self.acceptor.silent(now) else ""

    def answered(self, replica: int) -> None:
        """Take note that an acceptor answered, or that ours was taken up or down."""
        if replica == self._me:
            self.acceptor.answered()

    def unanswered(self, now: float, replica: int, m: Message) -> tuple[Envelope, ...]:
        """Ask another at once: an Accept did not reach `replica`, or is not answered."""
        if not isinstance(m, Accept) or m.ballot != self.ballot:
            return ()
        self._pass_over(replica)
        proposal = self._inflight
        if proposal is None or m.slot != proposal.accept.slot:
            return ()
        return self._ask_more(proposal)

    def _ask_more(self, proposal: _Proposal) -> tuple[Envelope, ...]:
        more = [i for i in self._acceptors if i not in proposal.asked]
        proposal.asked.update(more)
        return self._to(more, proposal.accept)

    def applied(self, now: float, slot: int) -> tuple[Envelope, ...]:
        """Our learner moved; what it learned beyond what we decided, another leader decided.

        Before our first proposal that is only what we missed. Later it ends the term: clients'
        batches follow slots of this very ballot alone (DESIGN.md, "Never chosen").
        """
        self.learner.answered()
        self._ask_at = now + self._timing.lease
        proposed = self._inflight is not None or self._noop_slot
        if proposed and slot > self._decided:
            self.over = f"slot {slot} was learned from another leader"
            return ()
        self._applied = slot
        self._decided = max(self._decided, slot)
        if self._noop_slot and slot >= self._noop_slot:
            self.opened = True
        return self._confirmations() + self.advance(now)

    # --- lease and reads ----------------------------------------------------------------------

    def heard(self, now: float, replica: int, m: Heard) -> tuple[Envelope, ...]:
        """Count an answer to a heartbeat, if what it grants is the lease that we rely on."""
        self.answered(replica)
        if m.lease != self._timing.lease:
            return ()
        self.lease.heard(m.beat, replica)
        return self._confirmations()

    def may_read(self, now: float) -> bool:
        """Return whether reads may be answered from our learner's state alone."""
        return self.opened and not self.over and self.lease.usable(now)

    def confirm(self, now: float, number: int) -> tuple[Envelope, ...]:
        """Read-index: answer once a heartbeat made from now on has its quorum."""
        self._confirming.append((number, self.lease.proof, self._decided))
        return self._beat(now)

    def _confirmations(self) -> tuple[Envelope, ...]:
        if not self._confirming or not self.opened:
            return ()
        done = [c for c in self._confirming if c[1] <= self.lease.confirmed]
        self._confirming = self._confirming[len(done) :]
        # What was asked before our no-op waits for it: only then is all that was chosen known.
        return tuple(
            self._local("front", Confirmed(number, max(slot, self._noop_slot)))
            for number, _, slot in done
        )

    def _beat(self, now: float) -> tuple[Envelope, ...]:
        beat = self.lease.next_beat(now)
        self._beat_at = now + self._timing.heartbeat
        self.acceptor.asked(now)
        return tuple(
            Envelope(
                acceptor,
                Heartbeat(
                    self.ballot,
                    beat,
                    self._applied,
                    self._electorate.seen(i),
                    self._timing.lease,
                    self._noop_slot,
                ),
            )
            for i, acceptor in self._acceptors.items()
        )

    # --- time ---------------------------------------------------------------------------------

    def tick(self, now: float) -> tuple[Envelope, ...]:
        """Heartbeats, repetition of what was lost, and the end without a quorum."""
        if now - self.lease.contact >= self._timing.election_min:
            self.over = "no quorum answered for one election time"
            return ()
        if not self.opened and now - self._moved_at >= self._timing.election_max:
            # Our learner lags behind what acceptors have forgotten, say: somebody else need not.
            self.over = "it did not begin to serve within one election time"
            return ()
        messages: tuple[Envelope, ...] = ()
        if now >= self._beat_at:
            messages += self._beat(now)
        if now >= self._ask_at:
            messages += self._ask(now)
        if self._inflight is not None and now >= self._inflight.again_at:
            messages += self._again(self._inflight, now)
        return messages + self.advance(now)

    def _ask(self, now: float) -> tuple[Envelope, ...]:
        """Have our learner show that it does not hang: nobody writes, and reads need it too."""
        self._ask_at = now + self._timing.lease
        self.learner.asked(now)
        return (self._local("learner", Ask()),)

    def offers(self, now: float, to: tuple[int, ...]) -> tuple[Envelope, ...]:
        """Ask `to` whether they could lead, twice a second."""
        if now < self._offer_at or not to:
            return ()
        self._offer_at = now + OFFER_EVERY
        offer = Offer(self.ballot, self._applied)
        return tuple(Envelope(Address(i, "proposer"), offer) for i in to)

    def end(self) -> None:
        """No more reads: whoever still holds this term finds its lease gone."""
        self.lease.end()

    @property
    def due(self) -> float:
        """When to tick next."""
        if self._inflight is None:
            return self._beat_at
        return min(self._beat_at, self._inflight.again_at)

    def hand_over(self, to: int, why: str) -> tuple[Envelope, ...]:
        """End this ballot for good, let acceptors promise to others at once, have `to` campaign."""
        require(self._inflight is None, "a ballot was given up with a batch in flight")
        self.over = f"handed over to replica {to}: {why}"
        released = self._to(self._acceptors, Release(self.ballot))
        return (*released, Envelope(Address(to, "proposer"), CampaignNow(self.ballot)))

    def _again(self, proposal: _Proposal, now: float) -> tuple[Envelope, ...]:
        """First ask those that were spared; then send again, at the same ballot, to all."""
        late = [i for i in self._acceptors if i not in proposal.accepted]
        self._pass_over(*(i for i in late if i in proposal.asked))
        more = self._ask_more(proposal)
        if more:
            proposal.again_at = proposal.sent + self._timing.answer
            return more
        proposal.sent = now
        proposal.again_at = now + self._timing.answer
        return self._to(late, proposal.accept)

    def _to(self, replicas: Iterable[int], message: Message) -> tuple[Envelope, ...]:
        return tuple([Envelope(self._acceptors[i], message) for i in replicas])

    def _local(self, role: str, message: Message) -> Envelope:
        return Envelope(Address(self._me, role), message)
