"""Request ids of one session: which may be taken, and when another session begins.

Rules: the first is answered before others are taken; those unanswered lie within the window whose
answers the cluster keeps; a session that the cluster may not know is never gone on with.
No threads and no chance: session.py waits and locks, and the simulator uses this as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from ..operations.interface import WINDOW

__all__ = ["RequestId", "RequestIds"]


class RequestId(NamedTuple):
    """A request id: unique for ever."""

    client: str
    sequence: int


class RequestIds:
    """Hands out request ids so that the cluster keeps the answer of each for a retry."""

    def __init__(self, new_client: Callable[[], str]) -> None:
        """`new_client` makes the name of a session, another one each time."""
        self._new_client = new_client
        self._begin()

    def take(self) -> RequestId | None:
        """Take the next id; None while the window has no room."""
        if not self._has_room():
            return None
        request = RequestId(self._client, self._next)
        self._unanswered[self._next] = None
        self._next += 1
        return request

    def give_back(self, request: RequestId, *, answered: bool) -> None:
        """Give an id back; `answered` says that the cluster surely keeps its answer."""
        if request.client != self._client:
            return
        self._unanswered.pop(request.sequence, None)
        if answered:
            self._opened = True
        elif not self._opened:
            self._begin()  # whether the cluster knows this session is in doubt

    def expire(self, request: RequestId) -> None:
        """Begin another session, unless that of `request` was given up already."""
        if request.client == self._client:
            self._begin()

    def _begin(self) -> None:
        self._client = self._new_client()
        self._next = 1
        self._opened = False
        self._unanswered: dict[int, None] = {}  # in the order they were taken

    def _has_room(self) -> bool:
        if not self._unanswered:
            return True
        return self._opened and self._next - next(iter(self._unanswered)) < WINDOW
