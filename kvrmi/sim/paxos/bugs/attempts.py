"""Bugs of a client's attempts: what is sent again, and what is reported when no answer came.

Rule: each is what somebody might write by mistake; its docstring says what must notice it.
"""

from __future__ import annotations

from ....access.attempts import Attempts, GiveUp, Step, Take
from ....access.findings import Lost, Unsent
from ....errors import KVError, NoQuorum
from ..parts import Parts

__all__ = [
    "ExpiredWriteSentAgain",
    "LostAttemptCalledUnsent",
    "NoQuorumOfOneAttempt",
    "RetryWithNewId",
]


class _CallsItUnsent(Attempts):
    def failed(self, error: Unsent | Lost | KVError, now: float) -> Step:
        return super().failed(Unsent(str(error)) if isinstance(error, Lost) else error, now)


class LostAttemptCalledUnsent(Parts):
    """A broken connection counts as none; "nothing was done" is reported, and the log has it."""

    attempts = _CallsItUnsent


class _BelievesTheLast(Attempts):
    def failed(self, error: Unsent | Lost | KVError, now: float) -> Step:
        step = super().failed(error, now)
        return GiveUp(error) if isinstance(error, NoQuorum) else step


class NoQuorumOfOneAttempt(Parts):
    """NO_QUORUM of one attempt is reported of all; an earlier one is in the log after all."""

    attempts = _BelievesTheLast


class _ForgetsTheDoubt(Attempts):
    def final(self, error: KVError, now: float) -> Step:
        self.findings.sent = False
        return super().final(error, now)


class ExpiredWriteSentAgain(Parts):
    """A write whose session expired is sent again in another, though it may have taken effect."""

    attempts = _ForgetsTheDoubt


class _TakesAnother(Attempts):
    def failed(self, error: Unsent | Lost | KVError, now: float) -> Step:
        step = super().failed(error, now)
        again = isinstance(error, Lost) and not self.operation.reads
        return Take(self.findings.left(now)) if again else step


class RetryWithNewId(Parts):
    """A write that is sent again gets a new request id; it takes effect twice."""

    attempts = _TakesAnother
