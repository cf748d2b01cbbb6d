"""Request ids of one simulated session, several of which may be open at a time.

Rules: those of kvrmi.session: the first is answered before others are taken, those unanswered lie
within the window, and whose session expired begins another.
"""

from __future__ import annotations

from collections import OrderedDict

from ..operations.interface import WINDOW, Answer

__all__ = ["RequestIds", "Sessions", "expired"]


class RequestIds:
    """Hands them out, to whoever shares this session."""

    def __init__(self, name: str) -> None:
        """Begin the first session of that name."""
        self._name = name
        self._sessions = 0
        self._renew()

    def _renew(self) -> None:
        self._sessions += 1
        self._client = f"{self._name}.{self._sessions}"
        self._next = 1
        self._opened = False
        self._open: set[int] = set()

    def take(self) -> tuple[str, int] | None:
        """Take the next; None while there is no room in the window."""
        if self._open and not (self._opened and self._next - min(self._open) < WINDOW):
            return None
        self._open.add(self._next)
        self._next += 1
        return self._client, self._next - 1

    def end(self, id: tuple[str, int], *, answered: bool, expired: bool) -> None:
        """Give one back: answered by the log, or given up."""
        client, sequence = id
        if client != self._client:
            return
        self._open.discard(sequence)
        self._opened = self._opened or answered
        if expired or not self._opened:
            self._renew()


class Sessions:
    """Which sessions the cluster must know, from the log alone: the `limit` that were last new."""

    def __init__(self, limit: int) -> None:
        """Begin with none."""
        self._limit = limit
        self._highest: OrderedDict[str, int] = OrderedDict()

    def knows(self, client: str, sequence: int) -> bool:
        """Return whether a repetition of this request must get its first answer."""
        highest = self._highest.get(client)
        return highest is not None and sequence >= highest - WINDOW

    def add(self, client: str, sequence: int) -> None:
        """Take note of a command that took effect."""
        self._highest[client] = max(sequence, self._highest.get(client, 0))
        self._highest.move_to_end(client)
        if len(self._highest) > self._limit:
            self._highest.popitem(last=False)


def expired(answer: Answer) -> bool:
    """Return whether the log answered so, because the cluster has forgotten that session."""
    return answer.code == "UNKNOWN_OUTCOME" and str(answer.value).startswith("session expired")
