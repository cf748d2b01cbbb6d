"""The leader's side of the lease: until when may it answer reads alone.

Rule (reliability of leases, in one line): the lease runs from the moment *before* the heartbeat was
made, and only once a quorum answered *that* heartbeat; acceptors start theirs later, at receipt.
Only the rate of clocks matters, not what they show. It grants nothing; acceptors do.
Source: Chubby-style master leases, "Paxos Made Live" section 5.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..cluster.timing import Timing

__all__ = ["LeaderLease"]

REMEMBERED = 32
"""Heartbeats whose answers are still counted; older ones have expired anyway."""


class LeaderLease:
    """Counts answers to the heartbeats of one term; every term has a lease of its own."""

    def __init__(self, quorum: int, timing: Timing) -> None:
        """`quorum` answers, our own acceptor's among them or not, make a heartbeat count."""
        self.until = 0.0
        self.beat = 0
        self.confirmed = 0
        self.contact = 0.0
        self._quorum = quorum
        self.timing = timing
        self._open: dict[int, tuple[float, set[int]]] = {}

    def end(self) -> None:
        """Give up every claim; late answers are ignored."""
        self.until = 0.0
        self._open.clear()

    def next_beat(self, now: float) -> int:
        """Give the number of a heartbeat about to be made; `now` was read before it."""
        self.beat += 1
        self._open[self.beat] = (now, set())
        self._open.pop(self.beat - REMEMBERED, None)
        return self.beat

    def heard(self, beat: int, replica: int) -> bool:
        """Count one answer; True if it completed the quorum of that heartbeat."""
        known = self._open.get(beat)
        if known is None:
            return False
        sent, answered = known
        answered.add(replica)
        if len(answered) != self._quorum:
            return False
        self.until = max(self.until, sent + self.timing.usable_lease)
        self.contact = max(self.contact, sent)
        self.confirmed = max(self.confirmed, beat)
        return True

    @property
    def proof(self) -> int:
        """The heartbeat whose quorum proves a read fresh that is asked now: none made before."""
        return self.beat + 1

    def usable(self, now: float) -> bool:
        """Return whether no other replica can have completed phase 1."""
        return now < self.until
