"""All replicas of a cluster in the order in which to ask them: what operations leave to the next.

Rules: of a replica it is remembered only whether it failed lately and whether it was silent; who is
silent stays last, until it answers. Times are arguments. It knows no operation and asks nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..cluster.naming import unknown_replica
from ..errors import InvalidRequest, was_late
from .events import Answered, Failed, Observer

if TYPE_CHECKING:
    from .lookup import Endpoint

__all__ = ["Candidate", "Candidates"]

AVOID = 2.0
"""Seconds for which one that failed is asked after all others."""


class Candidate:
    """A replica: where it is, and what became of the last attempt."""

    __slots__ = ("avoid_until", "endpoint", "silent")

    def __init__(self, endpoint: Endpoint) -> None:
        """Nothing is known of it yet; `endpoint` may become more exact when it is met."""
        self.endpoint = endpoint
        self.avoid_until = 0.0
        """It failed, and is asked after all others until then."""
        self.silent = False
        """Whether it let the time run out when it was asked last."""

    @property
    def where(self) -> tuple[int, str]:
        """Its id, 0 if only its address is known, and its address."""
        return self.endpoint.replica, self.endpoint.address

    def __str__(self) -> str:
        """Name it in an error's text."""
        id, address = self.where
        return f"replica {id} at {address}" if id else address


class Candidates:
    """Every operation of a store asks in this order, and adds what it met; for any threads."""

    def __init__(
        self, given: Sequence[Candidate], source: str, observer: Observer | None = None
    ) -> None:
        """`source` is where they were learned (for error texts); `observer` gets Events."""
        self.all = tuple(given)
        self.source = source
        self.met = False
        """Whether any of them ever answered."""
        self._observer = observer
        self._leads: Candidate | None = self.all[0]
        """Whom to ask first unless one is preferred: whoever leads, if known and not silent."""
        self._preferred: Candidate | None = None

    @property
    def ids(self) -> tuple[int, ...]:
        """The ids of all; without those of which only the address is known yet."""
        return tuple(sorted(each.endpoint.replica for each in self.all if each.endpoint.replica))

    def prefer(self, id: int | None) -> None:
        """Ask this replica first from now on, always; None: follow the leader.

        Raises InvalidRequest for one that is not known; then nothing has changed.
        """
        if id is not None and type(id) is not int:  # 1.0 and True equal 1
            raise InvalidRequest(f"a replica is named by its number, such as 1, not by {id!r:.80}")
        preferred = self._with_id(id) if id else None
        if preferred is not None:
            preferred.avoid_until, preferred.silent = 0.0, False  # who names it wants it tried
        elif id is not None:
            known = (each.endpoint.replica for each in self.all)
            raise InvalidRequest(unknown_replica(id, known))
        self._preferred = preferred

    def order(self, now: float) -> list[Candidate]:
        """Whom to ask first, who failed lately later, who was silent last.

        A silent one that is preferred, or leads by somebody's answer, is looked at now and then.
        """
        first = self._preferred or self._leads
        if first is not None and first.avoid_until <= now:
            others = (each for each in self.all if each is not first)
            return [first, *sorted(others, key=lambda each: each.silent)]
        return sorted(self.all, key=lambda each: (each.silent, each.avoid_until))

    def answered(self, candidate: Candidate, leader: int | None) -> None:
        """Note that it gave an answer, and whom that names as the leader."""
        self._leads = self._with_id(leader) or candidate
        self.settled(candidate, leader)

    def settled(self, candidate: Candidate, leader: int | None = None) -> None:
        """Note that it gave an answer, if only an error that is final."""
        candidate.silent = False
        self.met = True
        if self._observer is not None:
            self._observer(Answered(*candidate.where, leader))

    def failed(
        self,
        candidate: Candidate,
        error: Exception,
        now: float,
        *,
        sent: bool = True,
        code: str | None = None,
    ) -> None:
        """Note that an attempt at it settled nothing; the rest is as in events.Failed."""
        self._avoid(candidate, error, now)
        self.met = self.met or code is not None
        if self._observer is not None:
            self._observer(Failed(*candidate.where, str(error), sent, code))

    def missed(self, candidate: Candidate, error: Exception, now: float) -> None:
        """Note that it did not answer a look; it is reported when that is new."""
        if candidate.silent and was_late(error):
            self._avoid(candidate, error, now)
        else:
            self.failed(candidate, error, now, sent=False)

    def awake(self, candidate: Candidate) -> None:
        """Note that it answered a look."""
        candidate.silent = False
        self.met = True

    def _avoid(self, candidate: Candidate, error: Exception, now: float) -> None:
        candidate.avoid_until = now + AVOID
        candidate.silent = was_late(error)
        if candidate.silent and self._leads is candidate:
            self._leads = None  # until an answer names it again

    def _with_id(self, id: object) -> Candidate | None:
        return next((each for each in self.all if each.endpoint.replica == id), None)
