"""Sessions of simulated clients, and which of them the cluster must know.

Rule: ids are handed out by the same rules as connect()'s (access/request_ids.py).
"""

from __future__ import annotations

import itertools
from collections import OrderedDict

from ...access.request_ids import RequestIds
from ...operations.interface import WINDOW, Answer

__all__ = ["Sessions", "expired", "numbered"]


def numbered(name: str) -> RequestIds:
    """Make ids as connect() does, in sessions with numbers for names: chance has a seed here."""
    number = itertools.count(1)
    return RequestIds(lambda: f"{name}.{next(number)}")


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
