"""Submissions: one client request each, from admission to its one answer.

Rules: what a submission records of itself decides its outcome. While no sending of it is open,
"nothing was done" is the truth; otherwise only the log knows. A group knows its submissions and no
submission its group: what is answered is freed at once, without a collector.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from ..operations.interface import PAGE_BYTES, Answer, Request
from ..roles.contract import Address
from .ballot import Ballot

__all__ = [
    "BATCH_MAX", "NOT_LEADER", "NO_QUORUM", "OVERLOADED", "UNKNOWN", "Group", "Held", "Sending",
    "Submission", "take",
]  # fmt: skip

NO_QUORUM = Answer(
    "NO_QUORUM",
    "no majority of replicas could be reached in time; nothing was done. Try again later",
    0,
)
UNKNOWN = Answer(
    "UNKNOWN_OUTCOME",
    "no majority answered in time; the write may or may not take effect. Read before you retry",
    0,
)
OVERLOADED = Answer(
    "UNAVAILABLE", "too many requests are waiting; nothing was done. Slow down and try again", 0
)
NOTHING_DONE = ("NO_QUORUM", "UNAVAILABLE", "NOT_LEADER")
NOT_LEADER = Answer("NOT_LEADER", "this replica does not lead; nothing was done", 0)


BATCH_MAX = 1000
"""Commands in one batch or one Forward, besides the limit of bytes."""

ANSWERS_BYTES = 2 << 20
"""Values that go into one message to another replica, or one value."""


class Group:
    """Requests that another replica's front forwarded together and that are answered together."""

    __slots__ = ("number", "sender", "submissions")

    def __init__(self, sender: Address, number: int) -> None:
        """`sender` gave them the number `number`."""
        self.sender = sender
        self.number = number
        self.submissions: list[Submission] = []

    @property
    def settled(self) -> bool:
        """Every submission has its answer."""
        return all(submission.answer is not None for submission in self.submissions)

    def answers(self) -> tuple[Answer, ...]:
        """Their answers, as far as one message holds them; reads beyond that are to be repeated."""
        answers: list[Answer] = []
        room = ANSWERS_BYTES
        for submission in self.submissions:
            answer = submission.answer or UNKNOWN
            room -= _size(answer.value)
            late = submission.request.reads and room < 0 and bool(answers)
            answers.append(NOT_LEADER if late else answer)
        return tuple(answers)


class Sending(NamedTuple):
    """One time that a request left: proposed at `ballot` or never, in a slot after `applied`."""

    ballot: Ballot
    applied: int


class Submission:
    """`answer` is None until settled, and never changes afterwards."""

    __slots__ = (
        "answer", "deadline", "foreign", "open", "queued", "repeatable", "request", "settled",
    )  # fmt: skip

    def __init__(
        self,
        request: Request,
        deadline: float,
        *,
        repeatable: bool,
        foreign: bool = False,
        settled: Callable[[Answer], None] | None = None,
    ) -> None:
        """`repeatable`: a session's command, which takes effect once however often it is sent.

        `foreign`: another replica's front forwarded it. `settled` is called with the answer, in
        the step that gives it.
        """
        self.request = request
        self.deadline = deadline
        self.repeatable = repeatable
        self.foreign = foreign
        self.queued = False
        self.open: tuple[Sending, ...] = ()
        """Sendings by which it may be in an Accept, or get into one."""
        self.answer: Answer | None = None
        self.settled = settled

    def sent(self, sending: Sending) -> None:
        """Take note that it leaves."""
        self.open += (sending,)

    def take_back(self, ballot: Ballot) -> None:
        """Close a sending at `ballot`: it was refused, or its answer is here.

        Of several the last: which of them it was is not known, and the older one proves less.
        """
        for at in reversed(range(len(self.open))):
            if self.open[at].ballot == ballot:
                self.open = self.open[:at] + self.open[at + 1 :]
                return

    def take_back_below(self, ballot: Ballot, unbroken: int) -> bool:
        """Close all sendings below `ballot` made when `unbroken` was applied; False: none were."""
        left = tuple(s for s in self.open if s.ballot >= ballot or s.applied < unbroken)
        closed = left != self.open
        self.open = left
        return closed

    def settle(self, answer: Answer) -> None:
        """Give the answer; the first one stands.

        "Nothing was done" is known only of the sending that was answered, not of open ones.
        """
        if self.answer is not None:
            return
        unsure = self.open and not self.request.reads and answer.code in NOTHING_DONE
        self.answer = UNKNOWN if unsure else answer
        if self.settled is not None:
            self.settled(self.answer)

    def expire(self) -> None:
        """Time is up: answer with what is known."""
        self.settle(NO_QUORUM)


class Held(NamedTuple):
    """What a front has not answered yet.

    `waiting` for their turn: writes and reads; `sent`: writes, those `forwarded` among them;
    `confirming`: reads that wait for a quorum's word.
    """

    waiting: list[Submission]
    sent: list[Submission]
    forwarded: list[Submission]
    confirming: list[Submission]


def take(queue: deque[Submission]) -> list[Submission]:
    """Take from a queue, in order, what one batch may hold; what was answered leaves it."""
    taken: list[Submission] = []
    size = 0
    while queue and len(taken) < BATCH_MAX:
        size += len(queue[0].request.payload)
        if taken and size > PAGE_BYTES:
            break
        submission = queue.popleft()
        submission.queued = False
        if submission.answer is None:
            taken.append(submission)
    return taken


def _size(value: object) -> int:
    """Count the bytes of an answer's value, roughly."""
    if isinstance(value, str):
        return len(value) if value.isascii() else len(value.encode())
    if isinstance(value, bytes):
        return len(value)
    return sum(map(_size, value)) if isinstance(value, list | tuple) else 8
