"""What is known so far of one operation, and what is true of it when no answer came.

Rules: once a write may have been sent, nothing but its own answer says that it was not done; a
certain "nothing was done" is not risked for an attempt that cannot do better.
Times are arguments. It decides whom to ask only as far as that rule demands.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

from ..errors import (
    Aborted,
    ConnectionFailed,
    KVError,
    NoQuorum,
    UnknownOutcome,
    was_late,
    was_refused,
)
from .candidates import Candidate

__all__ = ["ANSWER", "Findings", "Look", "Lost", "Unsent", "expired"]

ANSWER = 3.2
"""Seconds a replica has to answer: servers answer within 3."""
_LEAST = 0.001


class Unsent(Exception):
    """The replica could not be reached: not one byte of the request left."""

    @property
    def refused(self) -> bool:
        """Whether nothing listens there; else somebody may, who does not answer."""
        return was_refused(self)


class Lost(Exception):
    """The connection broke, or the answer is late: the request may have been carried out."""


Look: TypeAlias = dict[str, Any] | Unsent | Lost | KVError
"""A replica's status, or why there is none."""


class Findings:
    """What the attempts of one operation came to."""

    def __init__(self, reads: bool, timeout: float, now: float, source: str) -> None:
        """`source` is where the replicas were learned."""
        self.unreached: set[Candidate] = set()
        self.without_quorum: frozenset[int] = frozenset()
        """Who answered that it reaches no majority."""
        self.wary = False
        """Whether time was lost in vain: whoever comes next is looked at before it is asked."""
        self.sent = False
        """Whether this is a write that may take effect, or has."""
        self._reads = reads
        self._timeout = timeout
        self._deadline = now + timeout
        self._source = source
        self._no_quorum: NoQuorum | None = None
        self._leaderless: list[Candidate] = []
        """Who answered the last look, if none of them knew a leader."""
        self._answers = False
        """Whether a replica answered anything, or took the request."""
        self._last = ""

    def left(self, now: float) -> float:
        """Seconds left; 0 when the time is over."""
        return max(self._deadline - now, 0.0)

    def over(self, now: float) -> bool:
        """Whether it is time to give up; one attempt is made however little time there is."""
        return bool(self._last) and now >= self._deadline

    def patience(self, now: float) -> float:
        """Seconds for the next attempt."""
        return max(min(self._deadline - now, ANSWER), _LEAST)

    def cautious(self, now: float) -> bool:
        """Whether one more attempt could turn a certain "nothing was done" into a doubt.

        That is: the time left is shorter than a server may take to say so.
        """
        return self.wary and not self.sent and self._deadline - now < ANSWER

    def choice(self, awake: Sequence[tuple[Candidate, Look]], now: float) -> list[Candidate]:
        """Choose whom of those that answered a look to ask: in caution, who may do better.

        That is who follows a leader that has not answered itself that it lacks a quorum.
        """
        self._answers = self._answers or bool(awake)
        leaders = [seen.get("leader") for _, seen in awake if isinstance(seen, dict)]
        all_without = not any(leaders) and len(leaders) == len(awake)
        self._leaderless = [one for one, _ in awake] if all_without else []
        if not self.cautious(now):
            return [one for one, _ in awake]
        better = {leader for leader in leaders if leader} - self.without_quorum
        return [
            one for one, seen in awake if isinstance(seen, dict) and seen.get("leader") in better
        ]

    def unsent(self, candidate: Candidate, error: Unsent) -> None:
        """Note that `candidate` could not be reached."""
        self.unreached.add(candidate)
        self.wary = self.wary or was_late(error)
        self._last = f"{candidate}: {error}"

    def missed(self, candidate: Candidate, error: Unsent | Lost) -> None:
        """Note that `candidate` did not answer a look."""
        self.unreached.add(candidate)
        self._last = self._last or f"{candidate}: {error}"

    def lost(self, candidate: Candidate, error: Lost) -> None:
        """Note that `candidate` may have got the request."""
        self._answers = True
        self.sent = not self._reads
        self.wary = self.wary or was_late(error)
        self._last = f"{candidate}: {error}"

    def refused(self, candidate: Candidate, error: KVError) -> bool:
        """Note an error that was answered; True if it is final: asking others is no use."""
        self._answers = True
        # What it says of this attempt need not be true of all.
        self._last = f"{candidate}: {str(error).partition(';')[0]}"
        if isinstance(error, UnknownOutcome):
            if expired(error):
                return True
            self.sent = not self._reads
        elif isinstance(error, NoQuorum):
            self._no_quorum = error
            self.wary = True
            self.without_quorum |= {candidate.endpoint.replica}
        elif isinstance(error, Aborted):
            return not self.sent
        else:
            return not isinstance(error, ConnectionFailed)
        return False

    def conclusion(self) -> KVError:
        """Report what is certain when no answer came."""
        within = f"no answer within {round(self._timeout, 2):g} s ({self._last})"
        if self.sent:
            return UnknownOutcome(f"{within}; the write may or may not have taken effect")
        if self._no_quorum is not None:
            return self._no_quorum
        look = "nothing was done. STATUS shows which replicas are up"
        if self._leaderless:
            return NoQuorum(
                f"no replica leads as far as {_listed(self._leaderless)} ({self._last}); {look}"
            )
        if self._answers:
            return ConnectionFailed(f"{within}; {look}")
        return ConnectionFailed(
            f"no replica of {self._source} answered ({self._last}); nothing was done. "
            "Check that the cluster runs"
        )


def expired(error: KVError) -> bool:
    """Whether the cluster does not know the session, and so did not carry out this attempt."""
    return isinstance(error, UnknownOutcome) and str(error).startswith("session expired")


def _listed(candidates: Iterable[Candidate]) -> str:
    *others, last = (
        str(id) if id else address for id, address in (one.where for one in candidates)
    )
    return f"replicas {', '.join(others)} and {last} know" if others else f"replica {last} knows"
