"""What an acceptor passes on to the learner of its own replica: which of its values are chosen.

Rules: of the slots that a leader announced as chosen only values accepted at that leader's very
ballot count; an older ballot's value may have lost, and the learner fetches that slot from another.
News may wait: for a heartbeat, a traced Accept, or until there is much of it. Slot by slot it would
cost a follower twice as much. It accepts nothing and decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..roles.contract import Address, Envelope
from ..state.log import Entry
from .ballot import Ballot
from .messages import Accept, Learn

__all__ = ["LEARN_BYTES", "LEARN_SLOTS", "Informing"]

LEARN_SLOTS = 50
"""Chosen slots of which our learner hears at once, though no heartbeat came yet."""

LEARN_BYTES = 16 << 10
"""As much of accepted values, too: applying a large bulk at once would hold up the next Accept."""


class Informing:
    """What the learner of replica `me` has heard, and what it should hear."""

    def __init__(self, me: int, reported: int) -> None:
        """Up to slot `reported` it needs nothing of us."""
        self.reported = reported
        self._me = me
        self._learner = Address(me, "learner")
        self._waiting = 0

    def accepted(self, value: bytes) -> None:
        """Take note of a value of which the learner will hear."""
        self._waiting += len(value)

    def due(self, m: Accept) -> bool:
        """Return whether the learner should hear now what `m` announces."""
        new = m.chosen - self.reported
        much = new >= LEARN_SLOTS or self._waiting >= LEARN_BYTES
        return new > 0 and (m.traced or much)

    def learn(
        self,
        ballot: Ballot,
        chosen: int,
        values: Mapping[int, tuple[Ballot, bytes]],
        truncated: int,
    ) -> tuple[Envelope, ...]:
        """Inform it that all up to `chosen` is chosen, says the owner of `ballot`.

        `values` are those accepted, by slot; up to `truncated` they are chosen and forgotten.
        """
        if ballot.replica == self._me:
            return ()  # our own proposer informs our learner itself
        first = max(self.reported, truncated) + 1
        slots: Iterable[int] = range(first, chosen + 1)
        if chosen - first > len(values):
            slots = sorted(slot for slot in values if first <= slot <= chosen)
        known = ((slot, values.get(slot)) for slot in slots)
        entries = tuple(
            Entry(slot, ballot, (), ours[1])
            for slot, ours in known
            if ours and self.counts(ours[0], ballot)
        )
        self.reported = max(self.reported, chosen)
        self._waiting = 0
        return (Envelope(self._learner, Learn(ballot, chosen, entries)),)

    def counts(self, accepted: Ballot, announced: Ballot) -> bool:
        """Return whether a value of ballot `accepted` is the chosen one, as `announced` says."""
        return accepted == announced
