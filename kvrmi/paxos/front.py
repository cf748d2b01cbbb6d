"""The front: clients' requests in, answers out. Between the clients' daemon and the roles.

Rules: NO_QUORUM is returned only for a command that left no sending open (submissions.py) and that
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

from ..operations.commands import pack_command
from ..operations.interface import Answer, Request
from ..roles.contract import NOTHING, Address, Effects, Envelope, Message, NoAnswer, NotSent
from .ballot import NO_BALLOT, Ballot
from .confirming import Confirming
from .forwards import Forwards
from .gathering import Gathering
from .messages import (
    Applied,
    Confirm,
    Confirmed,
    Enter,
    Followed,
    Forward,
    Forwarded,
    Leading,
    Propose,
)
from .outcomes import Outcomes
from .submissions import NOT_LEADER, OVERLOADED, UNKNOWN, Group, Held, Submission, take

if TYPE_CHECKING:
    from ..cluster.timing import Timing

__all__ = ["Front"]

QUEUE_MAX = 10_000
"""Requests that may wait; beyond it a request is turned away at once, with nothing done."""

TICK = 0.05
"""Seconds between looks for overdue submissions."""

PAUSE = 0.02
"""Seconds before another Forward after one failed; the leader is probably changing."""

GRACE = 0.1
"""Seconds by which a leader answers a Forward before the client's own deadline."""


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
        self._counter = itertools.count(1)
        self._leader = 0
        self._ballot: Ballot = NO_BALLOT
        self._ready = False
        self._writes: deque[Submission] = deque()
        self._reads: deque[Submission] = deque()
        self._outcomes = Outcomes()
        self._gathering = Gathering()
        self._held_until = 0.0
        # The last few, since a refusal may come late; it names the very Propose it refuses.
        self._proposed: deque[tuple[Propose, list[Submission]]] = deque(maxlen=4)
        self._forwards = Forwards()
        self._confirming = Confirming(answer)
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
            Enter: self._on_enter,
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

    def submission(
        self,
        now: float,
        request: Request,
        *,
        repeatable: bool,
        settled: Callable[[Answer], None] | None = None,
    ) -> Submission:
        """Make a submission, answered within the request time; safe to call from any thread."""
        deadline = now + self._timing.request
        return Submission(request, deadline, repeatable=repeatable, settled=settled)

    def take(self, now: float, submissions: Iterable[Submission]) -> Effects:
        """Take what was submitted; what came together may go into one batch."""
        for submission in submissions:
            if self._full:
                submission.settle(OVERLOADED)
            else:
                self._enqueue(submission)
        return self._advance(now)

    def submit(
        self, now: float, request: Request, *, repeatable: bool
    ) -> tuple[Submission, Effects]:
        """Make one submission and take it."""
        submission = self.submission(now, request, repeatable=repeatable)
        return submission, self.take(now, (submission,))

    @property
    def held(self) -> Held:
        """Return what is not answered yet; an overdue one may stand in several of its parts."""
        confirming = [*self._confirming]
        return Held([*self._writes, *self._reads], [*self._outcomes], [*self._forwards], confirming)

    @property
    def _full(self) -> bool:
        return len(self._writes) + len(self._reads) >= QUEUE_MAX

    def _enqueue(self, submission: Submission, *, first: bool = False) -> None:
        submission.queued = True
        queue = self._reads if submission.request.reads else self._writes
        (queue.appendleft if first else queue.append)(submission)

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
        overdue = [one for group in self.held for one in group if one.deadline <= now]
        for submission in overdue:
            submission.expire()
        if overdue:
            self._sweep()
        return self._advance(now)

    def _sweep(self) -> None:
        """Drop settled submissions from wherever they wait."""
        self._writes = deque(t for t in self._writes if t.answer is None)
        self._reads = deque(t for t in self._reads if t.answer is None)
        self._outcomes.sweep()
        self._forwards.sweep()
        self._confirming.sweep()

    def _advance(self, now: float) -> Effects:
        messages: list[Envelope] = []
        self._held_until = 0.0
        if self._writes or self._reads:
            if self._leader == self.me:
                self._lead(now, messages)
            elif self._leader:
                self._follow(now, messages)
        if self._groups:
            self._answer_groups(messages)
        wake_at = self._held_until or (now + TICK if self._waits else None)
        return Effects(messages=tuple(messages), wake_at=wake_at)

    @property
    def _waits(self) -> bool:
        sent = self._outcomes or self._forwards or self._confirming
        return bool(self._writes or self._reads or sent)

    # --- leading ----------------------------------------------------------------------------------

    def _lead(self, now: float, messages: list[Envelope]) -> None:
        if self._reads:
            self._serve_reads(now, messages)
        if self._ready and self._writes:
            self._held_until = self._gathering.held_until(now, len(self._writes))
        batch = take(self._writes) if self._ready and not self._held_until else []
        if batch:
            self._ready = False
            self._gathering.left(len(batch))
            self._outcomes.sent(self._ballot, batch)
            propose = Propose(self._ballot, tuple(one.request.payload for one in batch))
            self._proposed.append((propose, batch))
            messages.append(Envelope(self._proposer, propose))

    def _serve_reads(self, now: float, messages: list[Envelope]) -> None:
        for submission in self._reads:
            answer = self._fresh(now, submission.request.payload)
            if answer is None:
                break
            submission.settle(answer)
        self._reads = deque(submission for submission in self._reads if submission.answer is None)
        if self._reads and not self._confirming.awaited:
            self._number += 1
            self._confirming.ask(self._number, take(self._reads))
            messages.append(Envelope(self._proposer, Confirm(self._number)))

    def _refused(self, submissions: Iterable[Submission], ballot: Ballot) -> None:
        """Send again what did not get into an Accept of `ballot`, nor will."""
        for submission in reversed(list(submissions)):
            submission.take_back(ballot)
            if submission.repeatable or not submission.open:
                self.send_again(submission)

    def in_doubt(self, submissions: Iterable[Submission], ballot: Ballot) -> None:
        """Send again what may be; the rest waits for the log or its deadline."""
        for submission in reversed(list(submissions)):
            if submission.request.reads:
                submission.take_back(ballot)
            if submission.request.reads or submission.repeatable:
                self.send_again(submission)

    def send_again(self, submission: Submission) -> None:
        """Put a submission back to the head of the queue; one hop, no further, for foreign ones."""
        if not submission.open:  # else the log may answer it while it queues
            self._outcomes.forget(submission)
        if submission.foreign:
            submission.settle(NOT_LEADER)
        elif submission.answer is None and not submission.queued:
            self._enqueue(submission, first=True)

    # --- following --------------------------------------------------------------------------------

    def _follow(self, now: float, messages: list[Envelope]) -> None:
        if self._forwards.awaited or now < self._pause_until:
            return
        submissions = take(self._reads) + take(self._writes)
        if not submissions:
            return
        self._outcomes.sent(self._ballot, submissions)
        self._number += 1
        timeout = max(max(submission.deadline for submission in submissions) - now - GRACE, GRACE)
        requests = tuple(submission.request for submission in submissions)
        self._forwards.sent(self._number, self._ballot, submissions)
        forward = Forward(self._number, self._ballot, requests, timeout)
        messages.append(Envelope(Address(self._leader, "front"), forward))

    def _on_forwarded(self, now: float, sender: Address, m: Forwarded) -> None:
        refusal = any(answer.code == NOT_LEADER.code for answer in m.answers)
        if refusal and m.number == self._forwards.awaited:
            self._pause_until = now + PAUSE
        ballot, submissions = self._forwards.end(m.number)
        refused = list[Submission]()
        unsure = [one for at, one in submissions.items() if at >= len(m.answers)]  # it fell short
        for submission, answer in (
            (submissions[at], a) for at, a in enumerate(m.answers) if at in submissions
        ):
            if answer.code == NOT_LEADER.code:
                refused.append(submission)
            elif answer == UNKNOWN and submission.deadline > now + GRACE:
                unsure.append(submission)
            else:
                submission.take_back(ballot)
                submission.settle(answer)
                self._outcomes.forget(submission)
        self.in_doubt(unsure, ballot)
        self._refused(refused, ballot)

    def _on_not_sent(self, now: float, sender: Address, m: NotSent) -> None:
        if isinstance(m.message, Propose):
            for propose, batch in self._proposed:
                if propose is m.message:
                    self._refused(batch, propose.ballot)
        elif isinstance(m.message, Confirm):
            self._refused(self._confirming.end(m.message.number), NO_BALLOT)
        elif isinstance(m.message, Forward):
            ballot, submissions = self._forwards.end(m.message.number)
            self._refused(submissions.values(), ballot)
        self._pause_until = now + PAUSE

    def _on_no_answer(self, now: float, sender: Address, m: NoAnswer) -> None:
        if isinstance(m.message, Forward):
            ballot, submissions = self._forwards.end(m.message.number)
            self.in_doubt(submissions.values(), ballot)
            self._pause_until = now + PAUSE

    # --- serving other fronts ---------------------------------------------------------------------

    def _on_forward(self, now: float, sender: Address, m: Forward) -> None:
        group = Group(sender, m.number)
        deadline = now + min(m.timeout, self._timing.request)
        for request in m.requests:
            submission = Submission(request, deadline, repeatable=False, foreign=True)
            group.submissions.append(submission)
            if self._leader != self.me or self._ballot != m.ballot:
                submission.settle(NOT_LEADER)
            elif self._full:
                submission.settle(OVERLOADED)
            else:
                self._enqueue(submission)
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
        if self._confirming:
            self._confirming.settle()

    def _on_followed(self, now: float, sender: Address, m: Followed) -> None:
        self._outcomes.own(m.ballot, m.own)
        self._judge()

    def _judge(self) -> None:
        """Send again what a newer leader has made impossible: as good as never sent."""
        never = self._outcomes.never_chosen()
        for submission in reversed(never):
            self.send_again(submission)
        if never:
            self._forwards.sweep()

    def _on_confirmed(self, now: float, sender: Address, m: Confirmed) -> None:
        self._confirming.confirmed(m.number, m.slot)

    def _on_leading(self, now: float, sender: Address, m: Leading) -> None:
        if sender.role == "host" and self._leader != self.me:
            return  # our proposer is down; who led when it was up most likely leads still
        changed = m.ballot != self._ballot
        if m.ready and not self._ready:
            self._gathering.free(len(self._writes))
        self._leader, self._ballot, self._ready = m.leader, m.ballot, m.ready
        if not changed:
            return
        self._refuse_foreign()
        for reads in self._confirming.end_all():
            self._refused(reads, NO_BALLOT)
        if self._leader:
            # What went to an older leader may be lost there: do not wait for its answer.
            ballot, submissions = self._forwards.overtaken()
            self.in_doubt(submissions.values(), ballot)
            for submission in reversed([t for t in self._outcomes if t.repeatable]):
                self.send_again(submission)
            self._forwards.sweep()

    def _refuse_foreign(self) -> None:
        """Refuse what other fronts sent us for a ballot that is over."""
        foreign = [t for t in (*self._writes, *self._reads) if t.foreign]
        for submission in foreign:
            submission.settle(NOT_LEADER)
        if foreign:
            self._sweep()

    def _on_enter(self, now: float, sender: Address, m: Enter) -> None:
        request = Request(False, pack_command(m.opcode, m.args, self.next_id()))
        self._enqueue(Submission(request, now + self._timing.request, repeatable=False))
