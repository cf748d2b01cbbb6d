"""What a replica has counted, put together for its status.

Rule: whoever does something counts it; here it is only collected, and only when somebody asks.
"""

from __future__ import annotations

import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Protocol

from kvrmi.cluster.counts import BOUNDS, Counters

from .hosts import Hosts
from .intake import Intake
from .journal import Journal
from .transport import Transport

__all__ = ["Counting", "counters"]

_STATM = Path("/proc/self/statm")


class Counting(Protocol):
    """A replica as far as its parts count."""

    began: float
    intake: Intake
    hosts: Hosts
    transport: Transport
    journal: Journal


def counters(replica: Counting) -> Counters:
    """Collect what this replica has counted so far."""
    return {
        "uptime": time.monotonic() - replica.began,
        "cpu": time.process_time(),
        "memory": _memory(),
        "bounds": BOUNDS,
        "requests": replica.intake.counted,
        "syncs": replica.hosts.syncs,
        "messages": replica.transport.sent,
        "counts": asdict(replica.journal.counts),
    }


def _memory() -> int | None:
    """Return the bytes of this process that are in memory."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None
