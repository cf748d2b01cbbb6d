"""What every act of the demo has at hand, and how it waits.

Rule: a wait ends at its deadline or when the coordinator is asked to stop, and says which. It knows
no act.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from kvrmi.cluster.status import ReplicaEntry

from ..coordinator.control import Control
from ..coordinator.health import Admins
from .load import Load
from .show import Show


class Interrupted(Exception):
    """The coordinator was asked to stop."""


class Broken(Exception):
    """The story cannot go on; the text says why."""


class Failure(NamedTuple):
    """An acceptor that failed: when, whose, and what it was when it was back."""

    at: float
    replica: int
    incarnation: int
    """Its incarnation before the failure."""
    back_at: float | None
    """When it was up again; None: not yet. Both in seconds of the load."""


class Outage(NamedTuple):
    """A killed replica: when it was away; of a leader also who followed, and how it came back."""

    victim: int
    down_at: float
    back_at: float
    successor: int = 0
    restored: Mapping[str, Any] = {}


class Stage(NamedTuple):
    """The cluster, the load, and where the demo is shown."""

    control: Control
    admins: Admins
    config: Path
    load: Load
    show: Show
    stopping: threading.Event

    def entries(self) -> dict[int, ReplicaEntry]:
        """Ask the replicas; those that do not answer are left out."""
        entries = self.control.entries()
        return {replica: entry for replica, entry in entries.items() if entry is not None}

    def leader(self) -> int | None:
        """Ask who leads now."""
        leader: int | None = self.control.status()["leader"]
        return leader

    def log_of(self, replica: int) -> Path:
        """Name the log file of a replica."""
        return self.config.parent / f"replica{replica}" / "replica.log"

    def wait(self, seconds: float) -> None:
        """Let time pass, with the progress shown. Raises Interrupted."""
        self.until(lambda: False, seconds)

    def until(self, condition: Callable[[], bool], seconds: float) -> bool:
        """Return whether `condition` came true within `seconds`. Raises Interrupted."""
        deadline = time.monotonic() + seconds
        while not condition():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            if self.stopping.wait(min(0.1, left)):
                raise Interrupted
            self.tick()
        return True

    def tick(self) -> None:
        """Show how far the load is."""
        if self.load.began:
            self.show.tick(self.load.elapsed, f"{self.load.count} writes acknowledged")
