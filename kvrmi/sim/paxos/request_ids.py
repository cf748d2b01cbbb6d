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
        self._done: OrderedDict[str, set[int]] = OrderedDict()

    def knows(self, client: str, sequence: int) -> bool:
        """Return whether a repetition of this request must get its first answer."""
        done = self._done.get(client)
        return done is not None and sequence >= max(done) - WINDOW

    def may_do(self, client: str, sequence: int) -> bool:
        """Return whether this may take effect: new to a session that is known, or first of another.

        The first may come again when its session was forgotten, which begins anew then, and does
        again what else is sent again.
        """
        done = self._done.get(client)
        return sequence == 1 if done is None else sequence not in done

    def add(self, client: str, sequence: int) -> None:
        """Take note of a command that took effect."""
        self._done.setdefault(client, set()).add(sequence)
        self._done.move_to_end(client)
        if len(self._done) > self._limit:
            self._done.popitem(last=False)


def expired(answer: Answer) -> bool:
    """Return whether the log answered so, because the cluster has forgotten that session."""
    return answer.code == "UNKNOWN_OUTCOME" and str(answer.value).startswith("session expired")
