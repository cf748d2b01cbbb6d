"""Which CPUs this replica's threads may use.

Rules: it keeps to one, since threads of one process on several hand the interpreter's lock to and
fro; while it leads it may use all that it was given, as it works most, and others that keep to the
same one would only wait for it. It does not know how a leader is found.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

__all__ = ["Cpus"]

_THREADS = Path("/proc/self/task")


class Cpus:
    """Those of this process; make it before the first thread starts, which begins with them."""

    def __init__(self, me: int, *, pin: bool) -> None:
        """Keep replica `me` to one, if `pin` and the system can do that."""
        self._pin = pin and hasattr(os, "sched_setaffinity")
        self._leads = False
        if self._pin:
            self._all = os.sched_getaffinity(0)
            allowed = sorted(self._all)
            self._own = {allowed[(me - 1) % len(allowed)]}
            os.sched_setaffinity(0, self._own)

    def lead(self, leads: bool) -> None:
        """Give all threads what is theirs while this replica leads, or does not; cheap if known."""
        if not self._pin or leads == self._leads:
            return
        self._leads = leads
        for thread in _THREADS.iterdir():
            with suppress(OSError):  # it has just ended
                os.sched_setaffinity(int(thread.name), self._all if leads else self._own)
