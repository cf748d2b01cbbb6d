"""The session of a store: its request ids, for any number of threads.

Rules: a thread has one id at a time, and waits where the window has no room (request_ids.py); what
Ctrl-C kept from being given back ends when its thread takes the next one.
It knows neither operations nor replicas.
"""

from __future__ import annotations

import secrets
from threading import Condition, get_ident

from .request_ids import RequestId, RequestIds

__all__ = ["Session"]


class Session:
    """Request ids that threads share."""

    def __init__(self, name: str | None = None) -> None:
        """Begin with a random client id, behind `name` if there is one."""
        prefix = f"{name}:" if name else ""
        self._ids = RequestIds(lambda: prefix + secrets.token_hex(16))
        self._changed = Condition()
        self._held: dict[int, RequestId] = {}
        """What each thread has taken and not given back."""

    def begin(self, timeout: float) -> RequestId | None:
        """Take the next id; None when `timeout` seconds bring no room in the window."""
        thread = get_ident()
        with self._changed:
            if thread in self._held:
                # Ctrl-C came before it could give that one back: nobody waits for it any more.
                self._give_back(self._held.pop(thread), answered=False)
            self._changed.wait_for(self._take, timeout)
            return self._held.get(thread)

    def end(self, request: RequestId, answered: bool) -> None:
        """Give an id back; `answered` says that the cluster surely keeps its answer."""
        with self._changed:
            self._held.pop(get_ident(), None)
            self._give_back(request, answered)

    def expire(self, request: RequestId) -> None:
        """Begin another session, unless another thread did so already."""
        with self._changed:
            self._ids.expire(request)
            self._changed.notify_all()

    def _take(self) -> bool:
        request = self._ids.take()
        if request is not None:
            self._held[get_ident()] = request
        return request is not None

    def _give_back(self, request: RequestId, answered: bool) -> None:
        self._ids.give_back(request, answered=answered)
        self._changed.notify_all()
