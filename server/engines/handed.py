"""Submissions on their way from any thread to the role that answers them, and back.

Rules: what is left in one round of the reactor is taken in one step; each is answered once, after
that step, or by `Opened` when it got lost. It knows no role.
"""

from __future__ import annotations

import queue
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any, Generic, Protocol, TypeVar

from kvrmi.operations.interface import Answer, Result
from kvrmi.roles.contract import Effects, Role

from ..rolehost import Fenced, RoleHost
from .opened import GRACE_SECONDS, Open, Opened
from .served import Turns

__all__ = ["Handed", "Make", "waited"]

S = TypeVar("S", bound=Open)


class Takes(Role, Protocol):
    """A role that answers submissions."""

    def take(self, now: float, submissions: Any) -> Effects:
        """Begin with these."""
        ...


T = TypeVar("T", bound=Takes)
Make = Callable[[T, float, Callable[[Answer], None]], S]
"""Makes a submission: of the role, the time, and what settles it."""


class Handed(Generic[S, T]):
    """Those of one engine."""

    def __init__(self, host: RoleHost[T], turns: Turns, patience: float, away: Answer) -> None:
        """Give them to the role of `host`; `away` is the answer while that is not up."""
        self._host = host
        self._soon = turns.soon
        self._away = away
        self._submitted: deque[S] = deque()
        self._opened = Opened(host.clock, patience)
        turns.add_timer(self._opened.left, self._opened.look)

    def hand(self, make: Make[T, S], done: Callable[[Answer], None]) -> None:
        """Have a submission made and answered; `done` gets the answer, in the reactor's thread."""

        def answered(answer: Answer) -> None:
            # The role settles it within a step: who asked is answered after that.
            self._soon(lambda: done(answer))

        settled = partial(self._opened.settled, answered)
        now = self._host.clock()
        submission = self._host.peek(lambda role: make(role, now, settled), None)
        if submission is None:
            done(self._away)
            return
        self._opened.add(answered, submission)
        self._submitted.append(submission)
        self._soon(self._hand_on)  # each time: two threads may both find that they are not first

    def _hand_on(self) -> None:
        """Give the role what was submitted; the reactor runs the router afterwards."""
        submissions = []
        while self._submitted:
            submissions.append(self._submitted.popleft())
        if not submissions:
            return
        try:
            self._host.act(lambda role, now: (None, role.take(now, submissions)))
        except Fenced:
            for submission in submissions:
                submission.settle(self._away)


def waited(submit: Callable[[Callable[[Result], None]], None], patience: float) -> Result | None:
    """Submit something and wait for the answer; None where the reactor does not turn."""
    answers: queue.SimpleQueue[Result] = queue.SimpleQueue()
    submit(answers.put)
    try:
        return answers.get(timeout=patience + 3 * GRACE_SECONDS)
    except queue.Empty:
        return None
