"""Clients' requests at a manager: one answer each, within its time.

Rule: "nothing was done" is said of a write only before its transaction could commit. It knows no
message and no participant.
"""

from __future__ import annotations

from collections.abc import Callable

from ..operations.interface import Answer, Request

__all__ = ["BEHIND", "BLOCKED", "NO_STORE", "OVERLOADED", "UNDECIDED", "Submission"]

BEHIND = Answer(
    "ABORTED",
    "an earlier write of the same keys is not finished at every server; nothing was done",
    0,
)
UNDECIDED = Answer(
    "UNKNOWN_OUTCOME",
    "not every server has answered Go; the write may or may not take effect. Read before you retry",
    0,
)
BLOCKED = Answer(
    "UNAVAILABLE",
    "a write whose outcome is not known here holds the key, or this server is still receiving the "
    "store; nothing was done",
    0,
)
NO_STORE = Answer(
    "UNAVAILABLE", "this server's participant is down or does not answer; nothing was done", 0
)
OVERLOADED = Answer(
    "UNAVAILABLE", "too many requests are waiting; nothing was done. Slow down and try again", 0
)


class Submission:
    """`answer` is None until settled, and never changes afterwards."""

    __slots__ = ("answer", "deadline", "request", "settled", "stale")

    def __init__(
        self,
        request: Request,
        deadline: float,
        *,
        stale: bool = False,
        settled: Callable[[Answer], None] | None = None,
    ) -> None:
        """`stale`: a read of whatever is committed here. `settled` is called with the answer."""
        self.request = request
        self.deadline = deadline
        self.stale = stale
        self.answer: Answer | None = None
        self.settled = settled

    def settle(self, answer: Answer) -> None:
        """Give the answer; the first one stands."""
        if self.answer is not None:
            return
        self.answer = answer
        if self.settled is not None:
            self.settled(answer)
