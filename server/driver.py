"""Flat combining: one of the threads that wait for answers drives the batch for all of them.

Rules: one thread at a time collects the batch lanes. It wakes those whose submissions it settled,
and hands over when its own is settled or overdue; a thread of our own drives while nobody waits.
Nobody waits past its deadline. It does not know what a submission asks for.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

COLLECT_SECONDS = 0.05
"""How long the driver waits for answers before it looks for overdue ones."""
QUIET_SECONDS = 0.2
"""Our own thread drives only when no client has for so long: two drivers cost a switch each."""


class Submission(Protocol):
    """Something that some thread will answer."""

    @property
    def answer(self) -> object | None:
        """None until then."""
        ...


class _Waiter:
    """A thread that waits; `wake` is locked until something has changed for it."""

    __slots__ = ("drives", "submission", "wake")

    def __init__(self, submission: Submission) -> None:
        self.submission = submission
        self.drives = False
        self.wake = threading.Lock()
        self.wake.acquire()


class Driver:
    """The one who waits and drives; safe to use from any thread."""

    def __init__(
        self,
        collect: Callable[[float], None],
        wake: Callable[[], None],
        run: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        """`collect` waits at most so many seconds for peers' answers, `wake` cuts that short.

        `run` carries on what was collected; it calls `settled` at its end.
        """
        self._collect = collect
        self._wake = wake
        self._run = run
        self._clock = clock
        self._lock = threading.Lock()
        self._driven = False
        """Somebody drives, or has just been given the place."""
        self._driving: Submission | None = None
        self._driver = 0
        self._waiting: dict[_Waiter, None] = {}
        self._waited_at = clock()
        self._idle = False
        self._stopped = threading.Event()

    def wait(self, submission: Submission, deadline: float) -> bool:
        """Wait until `submission` is settled; False when `deadline` came first."""
        if submission.answer is not None:
            return True
        waiter = _Waiter(submission)
        now = self._waited_at = self._clock()
        with self._lock:
            waiter.drives = not self._driven
            self._driven = True
            if not waiter.drives:
                self._waiting[waiter] = None
        if self._idle:
            self._wake()  # our own thread makes way
        if not waiter.drives and submission.answer is None:
            waiter.wake.acquire(timeout=max(deadline - now, 0))
        if self._drives(waiter):
            try:
                self._drive(submission, deadline)
            finally:
                self._hand_over()
        return submission.answer is not None

    def settled(self) -> None:
        """Wake those whose submissions are settled; call it after roles worked."""
        if self._waiting:
            with self._lock:
                for waiter in [one for one in self._waiting if one.submission.answer is not None]:
                    del self._waiting[waiter]
                    waiter.wake.release()
        driving = self._driving
        if driving is None or driving.answer is None:
            return
        if self._driver != threading.get_ident():
            self._wake()

    def _drives(self, waiter: _Waiter) -> bool:
        """Leave the queue; True if the driver's place was given to `waiter`."""
        with self._lock:
            self._waiting.pop(waiter, None)
            return waiter.drives

    def _drive(self, submission: Submission, deadline: float) -> None:
        self._driver = threading.get_ident()
        self._driving = submission
        while submission.answer is None:
            now = self._waited_at = self._clock()
            if now >= deadline:
                return
            self._collect(min(COLLECT_SECONDS, deadline - now))
            self._run()

    def _hand_over(self) -> None:
        """Give the place to one who still waits, if there is any."""
        self._driving = None
        with self._lock:
            for waiter in self._waiting:
                if waiter.submission.answer is None:
                    del self._waiting[waiter]
                    waiter.drives = True
                    waiter.wake.release()
                    return
            self._driven = False

    def run_idle(self) -> None:
        """Drive while nobody waits, until `stop`; for one thread of our own."""
        while not self._stopped.is_set():
            if self._clock() - self._waited_at < QUIET_SECONDS or not self._take_idle_turn():
                self._stopped.wait(QUIET_SECONDS / 4)

    def _take_idle_turn(self) -> bool:
        with self._lock:
            if self._driven:
                return False
            self._driven = self._idle = True
        try:
            self._collect(COLLECT_SECONDS)
            self._run()
        finally:
            self._idle = False
            self._hand_over()
        return True

    def stop(self) -> None:
        """End `run_idle`."""
        self._stopped.set()
        self._wake()
