"""One operation's attempts: who is asked next, what may be sent again, when to give up.

Rules: an operation is a course of steps. Whoever drives it (failover.py, or the simulator) does
what a step says, and reports what came of it with the time; so there is no socket, thread or clock
here. A write is sent again only by its own id; with another one only if it was certainly not
carried out, by a cluster that does not know its session. Once time was lost in vain, whoever comes
next is looked at first, all at the same time: so any number of silent replicas costs one look.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeAlias

from ..errors import ConnectionFailed, KVError, UnknownOutcome
from ..operations.interface import Operation
from .candidates import Candidate, Candidates
from .findings import Findings, Look, Lost, Unsent, expired
from .request_ids import RequestId

__all__ = ["Ask", "Attempts", "Done", "GiveUp", "LookAt", "Pause", "Step", "Take"]

STATUS = 0.5
"""Seconds replicas have to answer whom they follow."""
_PAUSE_MIN, _PAUSE_MAX = 0.05, 0.3


class Take(NamedTuple):
    """Take a request id within `seconds`; report it, or None, to `took`.

    `expired` is the one in use, if the cluster does not know its session: another must begin.
    """

    seconds: float
    expired: RequestId | None = None


class Ask(NamedTuple):
    """Send the request to `candidate`, which has `seconds`; report to `answered` or `failed`."""

    candidate: Candidate
    arguments: tuple[object, ...]
    seconds: float


class LookAt(NamedTuple):
    """Ask them all for their status at the same time; report to `looked`, in this order."""

    candidates: tuple[Candidate, ...]
    seconds: float


class Pause(NamedTuple):
    """Give the cluster time to recover; then report to `paused`."""

    seconds: float


class Done(NamedTuple):
    """It is over: `answer` is that of the remote object's call()."""

    answer: dict[str, Any]


class GiveUp(NamedTuple):
    """It is over: `error` says what was done."""

    error: KVError


Step: TypeAlias = Take | Ask | LookAt | Pause | Done | GiveUp


class Attempts:
    """The course of one operation: `begin` it, do what each step says, report what came of it."""

    def __init__(
        self, candidates: Candidates, operation: Operation, timeout: float, now: float
    ) -> None:
        """`candidates` outlive it; it ends within `timeout` seconds from `now`."""
        self._candidates = candidates
        self.operation = operation
        self.findings = Findings(operation.reads, timeout, now, candidates.source)
        self._request: RequestId | None = None
        self._rest: list[Candidate] = []
        """Who is still to be asked in this round."""
        self._asking = candidates.all[0]
        self._asked = 0
        """How many were asked in this round."""
        self._pause = _PAUSE_MIN

    def begin(self, now: float) -> Step:
        """Give the first step."""
        if self.operation.reads:
            return self._round(now)
        return Take(self.findings.left(now))

    def took(self, request: RequestId | None, now: float) -> Step:
        """Go on with a request id; None: there was none."""
        if request is None:
            return GiveUp(ConnectionFailed("earlier writes are still unanswered; nothing was done"))
        self._request = request
        return self._round(now)

    def answered(self, answer: dict[str, Any]) -> Step:
        """Take the answer of the one that was asked."""
        self._candidates.answered(self._asking, answer["leader"])
        return Done(answer)

    def failed(self, error: Unsent | Lost | KVError, now: float) -> Step:
        """Go on after an attempt without an answer, or with an error for one."""
        candidate = self._asking
        if isinstance(error, Unsent):
            self.findings.unsent(candidate, error)
            self._candidates.failed(candidate, error, now, sent=False)
        elif isinstance(error, Lost):
            self.findings.lost(candidate, error)
            self._candidates.failed(candidate, error, now)
        elif self.findings.refused(candidate, error):
            self._candidates.settled(candidate)
            return self.final(error, now)
        else:
            self._candidates.failed(candidate, error, now, code=error.code)
        return self._next(now)

    def looked(self, looks: Sequence[Look], now: float) -> Step:
        """Go on with those that answered, and might answer the request too."""
        awake = []
        for candidate, seen in zip(self._rest, looks, strict=True):
            if isinstance(seen, (Unsent, Lost)):
                self.findings.missed(candidate, seen)
                self._candidates.missed(candidate, seen, now)
            else:
                self._candidates.awake(candidate)
                awake.append((candidate, seen))
        self._rest = self.findings.choice(awake, now)
        if not self._rest or self.findings.over(now):
            return self._round_over(now)
        return self._ask(now)

    def paused(self, now: float) -> Step:
        """Begin another round."""
        return self._round(now)

    def final(self, error: KVError, now: float) -> Step:
        """End with an error that is final; or begin another session, if nothing was sent before."""
        if expired(error) and not self.findings.sent:
            return Take(self.findings.left(now), self._request)
        return self._give_up(error)

    def _give_up(self, error: KVError) -> GiveUp:
        """End with an error, which names the write if that is in doubt."""
        if isinstance(error, UnknownOutcome):
            error.request = self._request
        return GiveUp(error)

    def _round(self, now: float) -> Step:
        """Ask each replica once."""
        self._rest = self._candidates.order(now)
        self._asked = 0
        return self._next(now)

    def _next(self, now: float) -> Step:
        if not self._rest:
            return self._round_over(now)
        if self.findings.over(now):
            return self._give_up(self.findings.conclusion())
        if self.findings.wary or self._rest[0].silent:
            return LookAt(tuple(self._rest), min(self.findings.left(now), STATUS))
        return self._ask(now)

    def _ask(self, now: float) -> Step:
        self._asking = self._rest.pop(0)
        self._asked += 1
        arguments = _arguments(self.operation, self._request)
        return Ask(self._asking, arguments, self.findings.patience(now))

    def _round_over(self, now: float) -> Step:
        """Ask all again after a pause; or give up, where that would change nothing."""
        found, candidates = self.findings, self._candidates
        never_there = not candidates.met and len(found.unreached) >= len(candidates.all)
        if never_there or (not self._asked and found.without_quorum and found.cautious(now)):
            # Nobody was ever there, or whoever is has waited for a majority in vain.
            return self._give_up(found.conclusion())
        pause, self._pause = self._pause, min(2 * self._pause, _PAUSE_MAX)
        return Pause(min(pause, found.left(now)))


def _arguments(operation: Operation, request: RequestId | None) -> tuple[object, ...]:
    """Give what the remote object's call() takes."""
    args = operation.known.sent(operation.args, operation.consistency)
    return (operation.name, args) if request is None else (operation.name, args, list(request))
