"""Prepared transactions whose outcome is late, and whom to ask for it.

Rules: first the participant beside the manager, which always knows unless it is away; then, while
that is silent, everybody: one who knows is enough. Asking changes nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ..roles.contract import Address, Envelope
from .book import Prepared
from .messages import Doubt, Inquire, Tid

__all__ = ["AGAIN_SECONDS", "PARTICIPANT", "PATIENCE_SECONDS", "Doubts"]

PARTICIPANT = "participant"
PATIENCE_SECONDS = 1.2
"""After a vote, until the outcome is late: longer than a manager waits for votes."""
AGAIN_SECONDS = 0.4
"""Between two questions."""
_MOST = 500
"""Transactions in one question."""


class Doubts:
    """Those of one participant."""

    def __init__(self, me: int, ids: Sequence[int]) -> None:
        """Ask the others of `ids`."""
        self._me = me
        self._ids = ids
        self._late_at: dict[Tid, float] = {}
        self._ask_at = 0.0
        self._silent: set[int] = set()

    def watch(self, tids: Iterable[Tid], late_at: float) -> None:
        """Ask for these from `late_at` on; the participant of their manager itself waits."""
        self._late_at |= {tid: late_at for tid in tids if tid.manager != self._me}

    def settled(self, tid: Tid) -> None:
        """Ask for it no more."""
        self._late_at.pop(tid, None)

    def silent(self, replica: int) -> None:
        """Take note that a question was not answered."""
        self._silent.add(replica)

    def heard(self, replica: int) -> None:
        """Take note that one was."""
        self._silent.discard(replica)

    @property
    def wake_at(self) -> float | None:
        """When to ask next; None: there is no doubt."""
        if not self._late_at:
            return None
        return max(min(self._late_at.values()), self._ask_at)

    def ask(self, now: float, prepared: Mapping[Tid, Prepared]) -> list[Envelope]:
        """Ask for all that is late."""
        wake_at = self.wake_at
        if wake_at is None or now < wake_at:
            return []
        self._ask_at = now + AGAIN_SECONDS
        late = [tid for tid, at in self._late_at.items() if at <= now]
        questions: dict[int, list[Doubt]] = {}
        for tid in late:
            everybody = [id for id in self._ids if id != self._me]
            for id in everybody if tid.manager in self._silent else [tid.manager]:
                questions.setdefault(id, []).append(Doubt(tid, prepared[tid].view))
        return [
            Envelope(Address(id, PARTICIPANT), Inquire(tuple(doubts[:_MOST])))
            for id, doubts in questions.items()
        ]
