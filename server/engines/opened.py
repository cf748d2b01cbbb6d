"""Submissions that are not answered yet, and the one timer that answers those that got lost.

Rule: each is answered once, by its role or, well after its deadline, from here: a mistake anywhere
between the two must not leave a client without an answer. It knows no roles.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from kvrmi.operations.interface import Answer, Request
from kvrmi.remote.reactor import NEVER

__all__ = ["GRACE_SECONDS", "LOST", "LOST_READ", "Open", "Opened"]

GRACE_SECONDS = 0.5
"""What is seen to be overdue is left to its role for so long; it has slept too if we did."""

LOST = Answer("UNKNOWN_OUTCOME", "no answer in time; it may or may not take effect", 0)
LOST_READ = Answer("UNAVAILABLE", "no answer in time; nothing was done", 0)

Answered = Callable[[Answer], None]

_log = logging.getLogger("kvrmi.server.engine")


class Open(Protocol):
    """A submission: what was asked, and the time by which it is answered."""

    request: Request
    deadline: float

    def settle(self, answer: Answer) -> None:
        """Give the answer; the first one stands."""
        ...


class Opened:
    """Those of one engine, oldest first; any thread may add and settle."""

    def __init__(self, clock: Callable[[], float], patience: float) -> None:
        """Guard submissions whose deadline is `patience` seconds after they were made."""
        self._clock = clock
        self._patience = patience
        # By who asked: a submission that its own key would keep alive could not be freed at once.
        self._waiting: dict[Answered, Open] = {}
        self._overdue: set[Answered] = set()
        """At the last look."""
        self._look_at = 0.0

    def add(self, answered: Answered, submission: Open) -> None:
        """Have `answered` called once: by `settled` or by `look`."""
        self._waiting[answered] = submission

    def settled(self, answered: Answered, answer: Answer) -> None:
        """Pass the role's answer on; one that comes after ours is dropped."""
        if self._waiting.pop(answered, None) is not None:
            answered(answer)

    def left(self) -> float:
        """Seconds until `look` is due; NEVER while nothing is open."""
        return self._look_at - self._clock() if self._waiting else NEVER

    def look(self) -> None:
        """Answer what was overdue at the last look and is still open."""
        now = self._clock()
        before, self._overdue = self._overdue, set()
        self._look_at = now + self._patience
        for answered, submission in list(self._waiting.items()):
            if submission.deadline > now:
                self._look_at = submission.deadline
                break
            if answered in before:
                _log.error("a request was never settled; its client is answered without it")
                self.settled(answered, LOST_READ if submission.request.reads else LOST)
            else:
                self._overdue.add(answered)
        if self._overdue:
            self._look_at = now + GRACE_SECONDS
