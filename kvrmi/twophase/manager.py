"""The transaction manager: takes clients' writes through both phases, and their reads to the store.

Rules: it sends a commit to others only when its own participant has recorded it; it answers OK when
every member has carried it out, ABORTED only while nobody can, UNAVAILABLE where another server yet
might, else UNKNOWN_OUTCOME. It keeps nothing on a disk: a new one asks its participant what
the old one left. One round of votes is under way at a time; what comes meanwhile makes the next.
"""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from ..operations.commands import CommandId
from ..operations.definition import Malformed
from ..operations.interface import PAGE_BYTES, Answer, Request
from ..operations.vocabulary import Vocabulary
from ..roles.contract import NOTHING, Address, Effects, Envelope, Message, NoAnswer, NotSent
from .doubt import PARTICIPANT
from .locks import Cover, Locks, touched
from .messages import (
    Decision,
    Done,
    Enter,
    Freed,
    Go,
    Prepare,
    Read,
    Readings,
    Recover,
    Recovered,
    Transaction,
    Votes,
)
from .owed import Owed
from .submissions import BEHIND, BLOCKED, NO_STORE, OVERLOADED, UNDECIDED, Submission
from .views import View, founding
from .voting import Round

if TYPE_CHECKING:
    from ..cluster.timing import Timing

__all__ = ["VOTE_SECONDS", "Manager", "Open"]

VOTE_SECONDS = 1.0
"""What a round of votes may take."""
TICK = 0.05
"""Seconds between looks for overdue submissions."""
_RECOVER_AGAIN = 0.3
_QUEUE_MAX = 10_000
_ROUND_MAX = 500
"""Transactions in one round, besides the limit of bytes."""
_LOOKED_AT = 1000
"""Waiting writes that are looked at for one whose keys are free."""


class Open:
    """A transaction that is not over everywhere."""

    __slots__ = ("answer", "command", "cover", "number", "owing", "submission", "view")

    def __init__(
        self, number: int, view: int, command: bytes, cover: Cover, submission: Submission | None
    ) -> None:
        """`submission` is None of one that an earlier manager left."""
        self.number = number
        self.view = view
        self.command = command
        self.cover = cover
        self.submission = submission
        self.owing: set[int] = set()
        """Who has not answered Go."""
        self.answer: Answer | None = None
        """Of its commit."""

    def settle(self, answer: Answer) -> None:
        """Answer who asked."""
        if self.submission is not None:
            self.submission.settle(answer)


class Manager:
    """The role of one replica that serves clients."""

    rounds: type[Round] = Round

    def __init__(
        self, me: int, ids: Iterable[int], boot: bytes, timing: Timing, of: Vocabulary
    ) -> None:
        """`boot`: 8 random bytes of this start of the process; `of`: what clients may ask."""
        self.me = me
        self._ids = tuple(ids)
        self.view: View = founding(self._ids)
        self._boot = boot
        self._timing = timing
        self._of = of
        self._counter = itertools.count(1)
        self._next = 0
        """The next transaction's number; 0: it has not recovered yet."""
        self._highest = 0
        """The last revision that it made."""
        self._recover_at = 0.0
        self._queue: deque[Submission] = deque()
        self._round: Round | None = None
        self._open: dict[int, Open] = {}
        self._locks: Locks[int] = Locks()
        self._owed = Owed(me)
        self._reads: deque[Submission] = deque()
        self._reading: dict[int, list[Submission]] = {}
        self._blocked: list[Submission] = []
        self._storeless = False
        """Whether something came to nothing at its own participant, and no decision has since."""
        self._handlers: Mapping[type[Message], Callable[[float, Address, Any], None]] = {
            Votes: self._on_votes,
            Done: self._on_done,
            Readings: self._on_readings,
            Recovered: self._on_recovered,
            Freed: self._on_freed,
            NotSent: self._on_missed,
            NoAnswer: self._on_missed,
        }
        self._messages: list[Envelope] = []

    # --- clients ----------------------------------------------------------------------------------

    def next_id(self) -> CommandId:
        """Make the id of a command that has no request id."""
        return self.me, self._boot, next(self._counter)

    def submission(
        self,
        now: float,
        request: Request,
        *,
        stale: bool = False,
        settled: Callable[[Answer], None] | None = None,
    ) -> Submission:
        """Make a submission; `take` it."""
        return Submission(request, now + self._timing.request, stale=stale, settled=settled)

    def take(self, now: float, submissions: Iterable[Submission]) -> Effects:
        """Begin with these."""
        for one in submissions:
            if one.request.reads:
                self._reads.append(one)
            elif self.me not in self.view.ids:
                one.settle(self._left_out())
            elif len(self._queue) >= _QUEUE_MAX:
                one.settle(OVERLOADED)
            else:
                self._queue.append(one)
        return self._effects(now)

    def _left_out(self) -> Answer:
        text = f"replica {self.me} is not in view {self.view.number}; nothing was done"
        return Answer("UNAVAILABLE", text, 0)

    # --- steps ------------------------------------------------------------------------------------

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        """Take one message."""
        handle = self._handlers.get(type(message))
        if handle is None:
            return NOTHING
        handle(now, sender, message)
        return self._effects(now)

    def wake(self, now: float) -> Effects:
        """Do what is due."""
        return self._effects(now)

    def _effects(self, now: float) -> Effects:
        if not self._next:
            self._recover(now)
        self._expire(now)
        if self._round is not None and (self._round.complete or now >= self._round.deadline):
            self._end_round(self._round)
        if self._round is None and self._next:
            self._begin_round(now)
        self._messages += self._owed.send(now)
        self._send_reads()
        messages, self._messages = tuple(self._messages), []
        return Effects((), messages, self._wake_at(now))

    def _wake_at(self, now: float) -> float | None:
        waits = self._queue or self._round or self._blocked or self._reading
        times = [now + TICK] if waits or any(one.submission for one in self._open.values()) else []
        times += [] if self._next else [self._recover_at]
        owed = self._owed.wake_at
        return min([*times, *([] if owed is None else [owed])], default=None)

    def _to_own(self, message: Message) -> None:
        self._messages.append(Envelope(Address(self.me, PARTICIPANT), message))

    # --- starting anew ----------------------------------------------------------------------------

    def _recover(self, now: float) -> None:
        if now >= self._recover_at:
            self._recover_at = now + _RECOVER_AGAIN
            self._to_own(Recover())

    def _on_recovered(self, now: float, sender: Address, m: Recovered) -> None:
        self._next = max(self._next, m.first)  # it may have been asked twice
        self._enter(m.view)
        for decision, view in m.committed:
            if decision.number in self._open:
                continue
            one = self._open[decision.number] = Open(decision.number, view, b"", frozenset(), None)
            self.spread(one, decision)

    # --- phase one --------------------------------------------------------------------------------

    def _begin_round(self, now: float) -> None:
        if self.me not in self.view.ids:
            return
        asked = [Transaction(one.number, one.command) for one in self._chosen()]
        if not asked:
            return
        number = asked[0].number
        self._round = self.rounds(number, self.view, asked, now + VOTE_SECONDS)
        prepare = Prepare(number, self.view, min(self._open), tuple(asked))
        for id in self.view.ids:
            self._messages.append(Envelope(Address(id, PARTICIPANT), prepare))

    def _chosen(self) -> list[Open]:
        """Take from the queue, in order, what may begin and what one round holds."""
        chosen: list[Open] = []
        kept: list[Submission] = []
        room = PAGE_BYTES
        for _ in range(min(len(self._queue), _LOOKED_AT)):
            if len(chosen) == _ROUND_MAX or (room < 0 and chosen):
                break
            submission = self._queue.popleft()
            one = self._begin(submission)
            if one is not None:
                chosen.append(one)
                room -= len(one.command)
            elif submission.answer is None:
                kept.append(submission)
        self._queue.extendleft(reversed(kept))
        return chosen

    def _begin(self, submission: Submission) -> Open | None:
        """Begin a transaction, unless it is answered or an earlier one has its keys."""
        command = submission.request.payload
        try:
            cover = touched(command, self._of)
        except Malformed:
            submission.settle(Answer("INVALID", "malformed command", 0))
            return None
        if submission.answer is not None or self._locks.holder(cover) is not None:
            return None
        number, self._next = self._next, self._next + 1
        one = self._open[number] = Open(number, self.view.number, command, cover, submission)
        self._locks.take(cover, number)
        return one

    def _on_votes(self, now: float, sender: Address, m: Votes) -> None:
        if m.view.number > self.view.number:
            self._to_own(Enter(m.view))
        if self._round is not None and m.round == self._round.number:
            self._round.take(sender.replica, m.votes)

    def _end_round(self, round: Round) -> None:
        self._round = None
        seen = max((round.revision(one.number) for one in round.asked), default=0)
        highest = max(seen, self._highest)
        for place, asked in enumerate(round.asked, 1):
            one = self._open[asked.number]
            if round.commits(asked.number):
                self._highest = revision = self._revision(highest, place)
                self.decided(one, Decision(asked.number, True, revision))
            else:
                one.settle(self._refusal(round, asked.number))
                self._owe(one, round.view.ids, Decision(asked.number, False, 0))

    def _refusal(self, round: Round, number: int) -> Answer:
        """Say what an abort means for who asked: where only the store here lacks, ask elsewhere."""
        answer = round.answer(number)
        return NO_STORE if answer.code == "ABORTED" and self.me not in round.heard else answer

    def _revision(self, highest: int, place: int) -> int:
        """Make the place-th revision above one, among those that only this manager makes."""
        managers = len(self._ids)
        return (highest // managers + place) * managers + self._ids.index(self.me)

    # --- phase two --------------------------------------------------------------------------------

    def decided(self, one: Open, decision: Decision) -> None:
        """Have our own participant record a commit, which makes it one."""
        self._owe(one, (self.me,), decision)

    def spread(self, one: Open, decision: Decision) -> None:
        """Send on what our own participant has on record."""
        self._owe(one, (id for id in self.view.since(one.view) if id != self.me), decision)

    def _owe(self, one: Open, to: Iterable[int], decision: Decision) -> None:
        peers = tuple(to)
        one.owing |= {*peers}
        self._owed.add(peers, decision)
        self._look_at(one)

    def _on_done(self, now: float, sender: Address, m: Done) -> None:
        peer = sender.replica
        self._storeless &= peer != self.me
        decisions = {one.number: one for one in self._owed.to(peer)}
        self._owed.answered(peer, [number for number, _, _ in m.results])
        for number, committed, answer in m.results:
            one, decision = self._open.get(number), decisions.get(number)
            if one is None or decision is None:
                continue
            one.owing.discard(peer)
            if peer == self.me and decision.commit:
                self._recorded(one, decision, committed, answer)
            self._look_at(one)

    def _recorded(self, one: Open, decision: Decision, committed: bool, answer: Answer) -> None:
        """Go on with what our own participant made of a commit."""
        if committed:
            one.answer = answer
        else:
            text = f"replica {self.me} had given the transaction up; nothing was done"
            one.settle(Answer("ABORTED", text, 0))
        self.spread(one, decision._replace(commit=committed))

    def _look_at(self, one: Open) -> None:
        """End a transaction that nobody is owed anything of."""
        if one.owing or one.number not in self._open:
            return
        if one.answer is not None:
            one.settle(one.answer)
        del self._open[one.number]
        self._locks.free(one.cover, one.number)

    def _on_missed(self, now: float, sender: Address, m: NotSent | NoAnswer) -> None:
        lost = m.message
        self._storeless |= m.peer == self.me
        if isinstance(lost, Prepare) and self._round and lost.round == self._round.number:
            self._round.missing(m.peer)
        elif isinstance(lost, Go):
            for number in self._owed.missed(m.peer, now):
                self._open[number].owing.discard(m.peer)
                self._look_at(self._open[number])
        elif isinstance(lost, Read):
            for submission in self._reading.pop(lost.number, ()):
                submission.settle(NO_STORE)

    # --- views ------------------------------------------------------------------------------------

    def _on_freed(self, now: float, sender: Address, m: Freed) -> None:
        self._enter(m.view)
        self._reads.extend(self._blocked)
        self._blocked.clear()

    def _enter(self, view: View) -> None:
        """Owe nothing more to who has left since a transaction began."""
        if view.number <= self.view.number:
            return
        self.view = view
        for one in list(self._open.values()):
            for peer in one.owing - {*view.since(one.view), self.me}:
                self._owed.forgive_one(peer, one.number)
                one.owing.discard(peer)
                self._look_at(one)

    # --- reads, and time --------------------------------------------------------------------------

    def _send_reads(self) -> None:
        for stale in (False, True):
            reads = [one for one in self._reads if one.stale is stale and one.answer is None]
            if reads:
                number = next(self._counter)
                self._reading[number] = reads
                self._to_own(Read(number, tuple(one.request.payload for one in reads), stale))
        self._reads.clear()

    def _on_readings(self, now: float, sender: Address, m: Readings) -> None:
        asked = self._reading.pop(m.number, [])
        for submission, answer in zip(asked, m.answers, strict=False):
            if answer is None:
                self._blocked.append(submission)
            else:
                submission.settle(answer)

    def _expire(self, now: float) -> None:
        for begun in self._open.values():
            if begun.submission is not None and begun.submission.deadline <= now:
                begun.settle(UNDECIDED)
        while self._queue and self._queue[0].deadline <= now + VOTE_SECONDS + 2 * TICK:
            self._queue.popleft().settle(NO_STORE if self._storeless else BEHIND)
        late = [one for one in self._blocked if one.deadline <= now]
        for number, ones in list(self._reading.items()):
            if ones[0].deadline <= now:
                late += self._reading.pop(number)
        for one in late:
            one.settle(BLOCKED)
        self._blocked = [one for one in self._blocked if one.answer is None]
