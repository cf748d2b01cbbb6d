"""One thread that waits for everything at once: ready descriptors, jobs of other threads, timers.

Rules: nothing that runs here waits for anything else; it sleeps until something is ready or due;
`after` runs once for all that was ready together. What raises ends `run`.
It does not know what it carries. Needs Linux (epoll, eventfd).
"""

from __future__ import annotations

import contextlib
import math
import select
from collections import deque
from collections.abc import Callable
from time import monotonic

from .wake import Wake

__all__ = ["NEVER", "Reactor"]

NEVER = math.inf
_AWAKE = -math.inf
_TURNS = 4
"""Jobs that come of jobs are run so often in a row; then it looks at descriptors and timers."""

Handler = Callable[[int], None]
"""Takes the epoll events of its descriptor; some may be of one that had its number before."""
Left = Callable[[], float]
"""Seconds until a timer is due, NEVER while it is not set; after it has acted, more than none."""


class Reactor:
    """Runs in one thread; `watch`, `change` and `forget` there or while nothing is read."""

    def __init__(self, after: Callable[[], None] = lambda: None) -> None:
        """`after` is called whenever handlers, timers or jobs have run."""
        self._after = after
        self._epoll = select.epoll()
        self._wake = Wake()
        self._handlers: dict[int, Handler] = {}
        self._timers: list[tuple[Left, Callable[[], None]]] = []
        self._jobs: deque[Callable[[], None]] = deque()
        self._asleep_until = _AWAKE
        self._due = NEVER
        self._hurried = False
        self._stopped = False
        self.watch(self._wake.fileno(), lambda _: self._wake.clear())

    # --- for its own thread ---------------------------------------------------------------------

    def watch(self, descriptor: int, handler: Handler) -> None:
        """Call `handler` while there is something to read; from any thread. Raises OSError."""
        self._epoll.register(descriptor, select.EPOLLIN)
        self._handlers[descriptor] = handler

    def change(self, descriptor: int, events: int) -> None:
        """Call its handler for these epoll events from now on, and when its other end has gone."""
        self._epoll.modify(descriptor, events)

    def forget(self, descriptor: int) -> None:
        """Watch it no longer; harmless if it was not watched."""
        if self._handlers.pop(descriptor, None) is not None:
            with contextlib.suppress(OSError):
                self._epoll.unregister(descriptor)

    def add_timer(self, left: Left, act: Callable[[], None]) -> None:
        """Call `act` whenever `left` says that no second is left; any thread may add one."""
        self._timers.append((left, act))

    def run(self) -> None:
        """Work until `stop`, once; then let go of all descriptors.

        What was ready before `stop`, and what other threads left before it, is dealt with: a
        connection that was cut gets closed.
        """
        try:
            while not self._stopped:
                self._handle(self._wait())
                self._work()
            self._work()
            self._handle(self._epoll.poll(0.0))
            self._work()
        finally:
            self._epoll.close()
            self._handlers.clear()

    # --- for any thread -------------------------------------------------------------------------

    def soon(self, job: Callable[[], None]) -> None:
        """Have `job` run in the reactor's thread: in this round if one is running, else at once."""
        self._jobs.append(job)
        self._rouse()

    def hurry(self, seconds: float) -> None:
        """Look at the timers again if it would sleep longer than `seconds` from now."""
        if self._asleep_until == _AWAKE or monotonic() + seconds < self._asleep_until:
            self._rouse()

    def stop(self) -> None:
        """End `run`."""
        self._stopped = True
        self._rouse()

    def _rouse(self) -> None:
        # Noted first: who is about to sleep looks at it once more after it said so.
        self._hurried = True
        if self._asleep_until != _AWAKE:
            self._wake.set()

    # --- rounds ---------------------------------------------------------------------------------

    def _wait(self) -> list[tuple[int, int]]:
        self._hurried = False
        left = min((left() for left, _ in self._timers), default=NEVER)
        self._asleep_until = self._due = monotonic() + left
        if self._hurried or self._jobs or self._stopped:
            left = 0.0
        try:
            return self._epoll.poll(None if left == NEVER else max(left, 0.0))
        finally:
            self._asleep_until = _AWAKE

    def _handle(self, ready: list[tuple[int, int]]) -> None:
        for descriptor, events in ready:
            handler = self._handlers.get(descriptor)
            if handler is not None:
                handler(events)
        if monotonic() >= self._due:
            for left, act in self._timers:
                if left() <= 0:
                    act()

    def _work(self) -> None:
        """Run the jobs that are there, and those that come of it, before anybody is waited for.

        A few times: jobs that come of jobs for ever must not keep what is ready from its turn.
        """
        for _ in range(_TURNS):
            for _ in range(len(self._jobs)):
                self._jobs.popleft()()
            self._after()
            if not self._jobs:
                return
