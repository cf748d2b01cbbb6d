"""Submissions: one client's command each, from admission to its one answer.

Rule: one that waits was in no batch, so "nothing was done" is the truth until it is taken; after
that only the disk knows.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable

from ..operations.interface import PAGE_BYTES, Answer, Request

__all__ = ["OVERLOADED", "STARTING", "UNKNOWN", "WAITED", "Submission", "Waiting"]

BATCH_MAX = 1000
"""Commands in one batch at most, besides the limit of bytes."""
QUEUE_MAX = 10_000
"""Commands that may wait; beyond it one is turned away at once, with nothing done."""

STARTING = Answer("UNAVAILABLE", "the store is starting; nothing was done", 0)
OVERLOADED = Answer(
    "UNAVAILABLE", "too many requests are waiting; nothing was done. Slow down and try again", 0
)
WAITED = Answer("UNAVAILABLE", "the disk has not taken earlier writes in time; nothing was done", 0)
UNKNOWN = Answer(
    "UNKNOWN_OUTCOME",
    "the disk has not answered in time; the write may or may not take effect. Read before you "
    "retry",
    0,
)


class Submission:
    """A command and who waits for its answer; `settle` calls `settled` once."""

    __slots__ = ("deadline", "request", "settled")

    def __init__(
        self, request: Request, deadline: float, settled: Callable[[Answer], None]
    ) -> None:
        """`settled` is called with the answer, in the step that gives it."""
        self.request = request
        self.deadline = deadline
        self.settled: Callable[[Answer], None] | None = settled

    def settle(self, answer: Answer) -> None:
        """Give the answer; the first one stands."""
        settled, self.settled = self.settled, None
        if settled is not None:
            settled(answer)


class Waiting:
    """Those that are in no batch yet, in the order of their deadlines."""

    def __init__(self) -> None:
        """Begin empty."""
        self._queue: deque[Submission] = deque()

    def __bool__(self) -> bool:
        """Whether any waits."""
        return bool(self._queue)

    @property
    def all(self) -> tuple[Submission, ...]:
        """Return those that wait, the oldest first."""
        return tuple(self._queue)

    def add(self, submissions: Iterable[Submission]) -> None:
        """Have them wait, as far as there is room."""
        for submission in submissions:
            if len(self._queue) < QUEUE_MAX:
                self._queue.append(submission)
            else:
                submission.settle(OVERLOADED)

    def batch(self) -> list[Submission]:
        """Take what one batch may hold."""
        taken: list[Submission] = []
        size = 0
        while self._queue and len(taken) < BATCH_MAX:
            size += len(self._queue[0].request.payload)
            if taken and size > PAGE_BYTES:
                break
            taken.append(self._queue.popleft())
        return taken

    def expire(self, now: float) -> None:
        """Answer those whose time is up."""
        while self._queue and self._queue[0].deadline <= now:
            self._queue.popleft().settle(WAITED)
