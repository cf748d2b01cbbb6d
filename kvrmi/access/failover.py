"""Carries out the steps of attempts: connections, sleep, the clock, and the store's session.

Rule: it decides nothing; what is asked of whom, and what is reported, attempts.py says.
It knows no keys.
"""

from __future__ import annotations

import os
import time
from typing import Any

from ..errors import ConnectionFailed, KVError
from ..operations.interface import Operation
from .attempts import Ask, Attempts, Done, GiveUp, LookAt, Step, Take
from .candidates import Candidate, Candidates
from .connections import Connections, look
from .events import Observer, guarded
from .findings import Lost, Unsent
from .lookup import Directory
from .request_ids import RequestId
from .session import Session

__all__ = ["Replicas"]


class Replicas:
    """All replicas of a cluster behind one `ask`; safe for any number of threads."""

    def __init__(
        self,
        directory: Directory,
        prefer: int | None = None,
        *,
        client: str | None = None,
        observer: Observer | None = None,
    ) -> None:
        """`prefer` is the id of the one to ask first; `client` is the name that replicas learn.

        `observer` gets an Event at each step of an attempt.
        """
        self.directory = directory
        known = [Candidate(endpoint) for endpoint in directory.endpoints]
        self.all = tuple(Connections(candidate, client) for candidate in known)
        self._observer = None if observer is None else guarded(observer)
        self.candidates = Candidates(known, directory.source, self._observer)
        self.candidates.prefer(prefer)
        self._of = dict(zip(known, self.all, strict=True))
        self._session = Session(client)
        self._pid = os.getpid()
        self._closed = False

    def close(self) -> None:
        """Close every connection."""
        self._closed = True
        for replica in self.all:
            replica.close()

    def ask(self, operation: Operation, timeout: float) -> dict[str, Any]:
        """Get the answer of call() from whoever can give it, within `timeout` seconds.

        Raises the KVError that says what was done.
        """
        if self._closed:
            raise ConnectionFailed("this store is closed")
        if os.getpid() != self._pid:
            raise ConnectionFailed("this store belongs to another process; connect after a fork")
        now = time.monotonic()
        return self._drive(Attempts(self.candidates, operation, timeout, now), now)

    def _drive(self, attempts: Attempts, now: float) -> dict[str, Any]:
        request: RequestId | None = None
        answered = False
        try:
            step = attempts.begin(now)
            while True:
                if isinstance(step, Ask):
                    step = self._ask(attempts, step)
                elif isinstance(step, Done):
                    answered = True
                    return step.answer
                elif isinstance(step, GiveUp):
                    raise step.error
                elif isinstance(step, Take):
                    request = self._take(step)
                    step = attempts.took(request, time.monotonic())
                elif isinstance(step, LookAt):
                    looks = look([self._of[one] for one in step.candidates], step.seconds)
                    step = attempts.looked(looks, time.monotonic())
                else:
                    time.sleep(step.seconds)
                    step = attempts.paused(time.monotonic())
        finally:
            if request is not None:
                self._session.end(request, answered)

    def _ask(self, attempts: Attempts, step: Ask) -> Step:
        try:
            answer = self._of[step.candidate].call(
                "call", step.arguments, step.seconds, self._observer
            )
        except (Unsent, Lost, KVError) as error:
            return attempts.failed(error, time.monotonic())
        return attempts.answered(answer)

    def _take(self, step: Take) -> RequestId | None:
        if step.expired is not None:
            self._session.expire(step.expired)
        return self._session.begin(step.seconds)
