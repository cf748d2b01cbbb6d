"""The front: clients' requests in, answers out. Between the clients' daemon and the roles.

Rules: NO_QUORUM is returned only for a command that left no sending open (tickets.py) and that
leaves the queue in the same step; a command without a session is sent again only then; what is sent
names the ballot it is meant for, and at no other is it proposed; a request is forwarded one hop and
no further. It knows who leads, not how. Which thread drives it is the host's choice; it holds no
lock and reads no clock.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from ..interface import PAGE_BYTES, Answer, Request
from ..machine import encode_voter
from ..roles.contract import NOTHING, Address, Effects, Envelope, Message, NoAnswer, NotSent
from .ballot import NO_BALLOT, Ballot
from .forwards import Forwards
from .messages import (
    Applied,
    Confirm,
    Confirmed,
    Enrol,
    Followed,
    Forward,
    Forwarded,
    Leading,
    Propose,
)
from .outcomes import Outcomes
from .tickets import NOT_LEADER, UNKNOWN, Group, Ticket

if TYPE_CHECKING:
    from ..config import Timing

__all__ = ["Front"]

QUEUE_MAX = 10_000
"""Requests that may wait; beyond it a request is turned away at once, with nothing done."""

BATCH_MAX = 1000
"""Commands in one batch or one Forward, besides the limit of bytes."""

TICK = 0.05
"""Seconds between looks for overdue tickets."""

PAUSE = 0.02
"""Seconds before another Forward after one failed; the leader is probably changing."""

GRACE = 0.1
"""Seconds by which a leader answers a Forward before the client's own deadline."""

OVERLOADED = Answer(
    "UNAVAILABLE", "too many requests are waiting; nothing was done. Slow down and try again", 0
)


class Front:
    """Admission, batching, forwarding, reads and outcomes of one replica. A Role."""

    def __init__(
        self,
        me: int,
        boot: bytes,
        timing: Timing,
        fresh: Callable[[float, bytes], Answer | None],
        answer: Callable[[int, bytes], Answer | None],
    ) -> None:
        """`boot`: 8 random bytes of this start of the process, part of ids of its own commands.

        `fresh(now, question)` reads what our learner has applied if the leader's lease runs, both
        as one step: a learner that is restarted in between would show less. `answer(slot,
        question)` reads it once the learner has applied `slot`. Both give None otherwise.
        """
        self.me = me
        self._proposer = Address(me, "proposer")
        self._boot = boot
        self._timing = timing
        self._fresh = fresh
        self._answer = answer
        self._counter = itertools.count(1)
        self._leader = 0
        self._ballot: Ballot = NO_BALLOT
        self._ready = False
        self._writes: deque[Ticket] = deque()
        self._reads: deque[Ticket] = deque()
        self._outcomes = Outcomes()
        # The last few, since a refusal may come late; it names the very Propose it refuses.
        self._proposed: deque[tuple[Propose, list[Ticket]]] = deque(maxlen=4)
        self._forwards = Forwards()
        self._confirming: dict[int, list[Ticket]] = {}
        self._confirmed: list[tuple[int, list[Ticket]]] = []
        # Numbers of one start of the process are never those of another: answers may come late.
        self._number = int.from_bytes(boot[:6], "big")
        self._pause_until = 0.0
        self._groups: list[Group] = []
        self._on: dict[type, Callable[[float, Address, Any], None]] = {
            Applied: self._on_applied,
            Followed: self._on_followed,
            Leading: self._on_leading,
            Confirmed: self._on_confirmed,
            Forward: self._on_forward,
            Forwarded: self._on_forwarded,
            NotSent: self._on_not_sent,
            NoAnswer: self._on_no_answer,
            Enrol: self._on_enrol,
        }

    @property
    def leader(self) -> int:
        """The replica that leads as far as known, or 0."""
        return self._leader

    def next_id(self) -> tuple[int, bytes, int]:
        """Make an id for a command without a request; safe to call from any thread."""
        return (self.me, self._boot, next(self._counter))

    # --- clients --------------------------------------------------------------------------------

    def read(self, now: float, question: bytes) -> Answer | None:
        """Answer a linearizable read at once under the lease; None: submit it instead.

        `now` must be read after the request arrived.
        """
        return self._fresh(now, question)

    def submit(self, now: float, request: Request, *, repeatable: bool) -> tuple[Ticket, Effects]:
        """Take a request; its ticket gets an answer within the request time (Timing.request)."""
        ticket = Ticket(request, now + self._timing.request, repeatable=repeatable)
        if self._full:
            ticket.settle(OVERLOADED)
            return ticket, NOTHING
        self._enqueue(ticket)
        return ticket, self._advance(now)

    @property
    def _full(self) -> bool:
        return len(self._writes) + len(self._reads) >= QUEUE_MAX

    def _enqueue(self, ticket: Ticket, *, first: bool = False) -> None:
        ticket.queued = True
        queue = self._reads if ticket.request.reads else self._writes
        (queue.appendleft if first else queue.append)(ticket)

    # --- steps ----------------------------------------------------------------------------------

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        """Handle one message."""
        handler = self._on.get(type(message))
        if handler is None:
            return NOTHING
        handler(now, sender, message)
        return self._advance(now)

    def wake(self, now: float) -> Effects:
        """Settle what is overdue."""
        waiting = [*self._writes, *self._reads, *self._outcomes, *self._forwards]
        for tickets in (*self._confirming.values(), *(t for _, t in self._confirmed)):
            waiting.extend(tickets)
        overdue = [ticket for ticket in waiting if ticket.deadline <= now]
        for ticket in overdue:
            ticket.expire()
        if overdue:
            self._sweep()
        return self._advance(now)

    def _sweep(self) -> None:
        """Drop settled tickets from wherever they wait."""
        self._writes = deque(t for t in self._writes if t.answer is None)
        self._reads = deque(t for t in self._reads if t.answer is None)
        self._outcomes.sweep()
        self._forwards.sweep()
        confirming = {n: [t for t in ts if t.answer is None] for n, ts in self._confirming.items()}
        self._confirming = {n: tickets for n, tickets in confirming.items() if tickets}
        confirmed = ((s, [t for t in ts if t.answer is None]) for s, ts in self._confirmed)
        self._confirmed = [(s, tickets) for s, tickets in confirmed if tickets]

    def _advance(self, now: float) -> Effects:
        messages: list[Envelope] = []
        if self._writes or self._reads:
            if self._leader == self.me:
                self._lead(now, messages)
            elif self._leader:
                self._follow(now, messages)
        if self._groups:
            self._answer_groups(messages)
        return Effects(messages=tuple(messages), wake_at=now + TICK if self._waits else None)

    @property
    def _waits(self) -> bool:
        held = self._outcomes or self._forwards or self._confirming or self._confirmed
        return bool(self._writes or self._reads or held)

    # --- leading ----------------------------------------------------------------------------------

    def _lead(self, now: float, messages: list[Envelope]) -> None:
        if self._reads:
            self._serve_reads(now, messages)
        batch = _take(self._writes) if self._ready else []
        if batch:
            self._ready = False
            self._outcomes.sent(self._ballot, batch)
            propose = Propose(self._ballot, tuple(ticket.request.payload for ticket in batch))
            self._proposed.append((propose, batch))
            messages.append(Envelope(self._proposer, propose))

    def _serve_reads(self, now: float, messages: list[Envelope]) -> None:
        for ticket in self._reads:
            answer = self._fresh(now, ticket.request.payload)
            if answer is None:
                break
            ticket.settle(answer)
        self._reads = deque(ticket for ticket in self._reads if ticket.answer is None)
        if self._reads and not self._confirming:
            self._number += 1
            self._confirming[self._number] = _take(self._reads)
            messages.append(Envelope(self._proposer, Confirm(self._number)))

    def _answer_confirmed(self) -> None:
        for slot, tickets in self._confirmed:
            for ticket in tickets:
                answer = self._answer(slot, ticket.request.payload)
                if answer is not None:
                    ticket.settle(answer)
        left = ((slot, [t for t in ts if t.answer is None]) for slot, ts in self._confirmed)
        self._confirmed = [(slot, tickets) for slot, tickets in left if tickets]

    def _refused(self, tickets: Iterable[Ticket], ballot: Ballot) -> None:
        """Send again what did not get into an Accept of `ballot`, nor will."""
        for ticket in reversed(list(tickets)):
            ticket.take_back(ballot)
            if ticket.repeatable or not ticket.open:
                self._again(ticket)

    def _in_doubt(self, tickets: Iterable[Ticket], ballot: Ballot) -> None:
        """Send again what may be; the rest waits for the log or its deadline."""
        for ticket in reversed(list(tickets)):
            if ticket.request.reads:
                ticket.take_back(ballot)
            if ticket.request.reads or ticket.repeatable:
                self._again(ticket)

    def _again(self, ticket: Ticket) -> None:
        """Put a ticket back to the head of the queue; one hop, no further, for foreign ones."""
        if not ticket.open:  # else the log may answer it while it queues
            self._outcomes.forget(ticket)
        if ticket.foreign:
            ticket.settle(NOT_LEADER)
        elif ticket.answer is None and not ticket.queued:
            self._enqueue(ticket, first=True)

    # --- following --------------------------------------------------------------------------------

    def _follow(self, now: float, messages: list[Envelope]) -> None:
        if self._forwards.awaited or now < self._pause_until:
            return
        tickets = _take(self._reads) + _take(self._writes)
        if not tickets:
            return
        self._outcomes.sent(self._ballot, tickets)
        self._number += 1
        patience = max(max(ticket.deadline for ticket in tickets) - now - GRACE, GRACE)
        requests = tuple(ticket.request for ticket in tickets)
        self._forwards.sent(self._number, self._ballot, tickets)
        forward = Forward(self._number, self._ballot, requests, patience)
        messages.append(Envelope(Address(self._leader, "front"), forward))

    def _on_forwarded(self, now: float, sender: Address, m: Forwarded) -> None:
        refusal = any(answer.code == NOT_LEADER.code for answer in m.answers)
        if refusal and m.number == self._forwards.awaited:
            self._pause_until = now + PAUSE
        ballot, tickets = self._forwards.end(m.number)
        refused, unsure = list[Ticket](), list[Ticket]()
        for ticket, answer in ((tickets[at], a) for at, a in enumerate(m.answers) if at in tickets):
            if answer.code == NOT_LEADER.code:
                refused.append(ticket)
            elif answer == UNKNOWN and ticket.deadline > now + GRACE:
                unsure.append(ticket)
            else:
                ticket.take_back(ballot)
                ticket.settle(answer)
                self._outcomes.forget(ticket)
        self._in_doubt(unsure, ballot)
        self._refused(refused, ballot)

    def _on_not_sent(self, now: float, sender: Address, m: NotSent) -> None:
        if isinstance(m.message, Propose):
            for propose, batch in self._proposed:
                if propose is m.message:
                    self._refused(batch, propose.ballot)
        elif isinstance(m.message, Confirm):
            self._refused(self._confirming.pop(m.message.number, []), NO_BALLOT)
        elif isinstance(m.message, Forward):
            ballot, tickets = self._forwards.end(m.message.number)
            self._refused(tickets.values(), ballot)
        self._pause_until = now + PAUSE

    def _on_no_answer(self, now: float, sender: Address, m: NoAnswer) -> None:
        if isinstance(m.message, Forward):
            ballot, tickets = self._forwards.end(m.message.number)
            self._in_doubt(tickets.values(), ballot)
            self._pause_until = now + PAUSE

    # --- serving other fronts ---------------------------------------------------------------------

    def _on_forward(self, now: float, sender: Address, m: Forward) -> None:
        group = Group(sender, m.number)
        deadline = now + min(m.patience, self._timing.request)
        for request in m.requests:
            ticket = Ticket(request, deadline, repeatable=False, foreign=True)
            group.tickets.append(ticket)
            if self._leader != self.me or self._ballot != m.ballot:
                ticket.settle(NOT_LEADER)
            elif self._full:
                ticket.settle(OVERLOADED)
            else:
                self._enqueue(ticket)
        self._groups.append(group)

    def _answer_groups(self, messages: list[Envelope]) -> None:
        settled = [group for group in self._groups if group.settled]
        self._groups = [group for group in self._groups if not group.settled]
        for group in settled:
            messages.append(Envelope(group.sender, Forwarded(group.number, group.answers())))

    # --- news from our own roles ------------------------------------------------------------------

    def _on_applied(self, now: float, sender: Address, m: Applied) -> None:
        self._outcomes.applied(m)
        self._judge()
        if self._confirmed:
            self._answer_confirmed()

    def _on_followed(self, now: float, sender: Address, m: Followed) -> None:
        self._outcomes.own(m.ballot, m.own)
        self._judge()

    def _judge(self) -> None:
        """Send again what a newer leader has made impossible: as good as never sent."""
        never = self._outcomes.never_chosen()
        for ticket in reversed(never):
            self._again(ticket)
        if never:
            self._forwards.sweep()

    def _on_confirmed(self, now: float, sender: Address, m: Confirmed) -> None:
        self._confirmed.append((m.slot, self._confirming.pop(m.number, [])))
        self._answer_confirmed()

    def _on_leading(self, now: float, sender: Address, m: Leading) -> None:
        if sender.role == "host" and self._leader != self.me:
            return  # our proposer is down; who led when it was up most likely leads still
        changed = m.ballot != self._ballot
        self._leader, self._ballot, self._ready = m.leader, m.ballot, m.ready
        if not changed:
            return
        self._refuse_foreign()
        for number in list(self._confirming):
            self._refused(self._confirming.pop(number), NO_BALLOT)
        if self._leader:
            # What went to an older leader may be lost there: do not wait for its answer.
            ballot, tickets = self._forwards.overtaken()
            self._in_doubt(tickets.values(), ballot)
            for ticket in reversed([t for t in self._outcomes if t.repeatable]):
                self._again(ticket)
            self._forwards.sweep()

    def _refuse_foreign(self) -> None:
        """Refuse what other fronts sent us for a ballot that is over."""
        foreign = [t for t in (*self._writes, *self._reads) if t.foreign]
        for ticket in foreign:
            ticket.settle(NOT_LEADER)
        if foreign:
            self._sweep()

    def _on_enrol(self, now: float, sender: Address, m: Enrol) -> None:
        request = Request(False, encode_voter(m.voter, self.next_id()))
        self._enqueue(Ticket(request, now + self._timing.request, repeatable=False))


def _take(queue: deque[Ticket]) -> list[Ticket]:
    """Take from a queue, in order, what one batch may hold; what was answered leaves it."""
    taken: list[Ticket] = []
    size = 0
    while queue and len(taken) < BATCH_MAX:
        size += len(queue[0].request.payload)
        if taken and size > PAGE_BYTES:
            break
        ticket = queue.popleft()
        ticket.queued = False
        if ticket.answer is None:
            taken.append(ticket)
    return taken
