"""Whether etcd serves, as the status of a gateway reports it.

Rule: who asks often gets the same answer for a second, and none waits longer than status may take.
"""

from __future__ import annotations

import threading
import time
from typing import NamedTuple

from .endpoints import Endpoints, Failed
from .keys import Keys

__all__ = ["Look", "Seen"]

PATIENCE = 0.5
FRESH_SECONDS = 1.0


class Seen(NamedTuple):
    """Whether it serves, and one line that says so, or why not."""

    serves: bool
    text: str


class Look:
    """One read that needs etcd's quorum, as operations do; any thread may ask."""

    def __init__(self, endpoints: Endpoints, keys: Keys) -> None:
        """Ask nobody yet."""
        self._endpoints = endpoints
        self._question = {**keys.range("", None), "limit": 1, "keys_only": True}
        self._lock = threading.Lock()
        self._seen = Seen(False, "")
        self._until = 0.0

    def now(self) -> Seen:
        """Look, or return what was seen a moment ago."""
        with self._lock:
            if time.monotonic() > self._until:
                self._seen = self._asked()
                self._until = time.monotonic() + FRESH_SECONDS
            return self._seen

    def _asked(self) -> Seen:
        deadline = time.monotonic() + PATIENCE
        try:
            self._endpoints.ask("/kv/range", self._question, deadline, repeatable=True)
        except Failed as error:
            return Seen(False, error.why)
        return Seen(True, f"etcd at {self._endpoints.answered} answers")
