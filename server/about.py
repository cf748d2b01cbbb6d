"""What a replica reports to who examines it: program, machine, folder, and what was dropped.

Rules: it asks the system each time and keeps nothing; null is what the system does not say. It
judges nothing, and changes nothing.
"""

from __future__ import annotations

import contextlib
import os
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from kvrmi import __version__

from .logfile import dropped
from .replica import Replica, clock

__all__ = ["PACKAGES", "about", "clocks"]

PACKAGES = ("Pyro5", "serpent", "msgpack", "msgspec")
"""Of which two versions may not understand each other."""
_MEMORY = Path("/proc/meminfo")
_FREE = "MemAvailable:"


def about(replica: Replica) -> dict[str, object]:
    """Describe this process and its machine, sizes in bytes. Raises OSError."""
    from importlib.metadata import version  # here: a replica's start need not wait for it

    disk = os.statvfs(replica.home)
    return {
        "version": __version__,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in PACKAGES},
        "host": platform.node(),
        "disk": {"free": disk.f_bavail * disk.f_frsize, "size": disk.f_blocks * disk.f_frsize},
        "files": dict(_sizes(replica.home)),
        "memory_free": _memory_free(),
        "log_dropped": dropped(),
        "clock": clock(),
        "events": replica.journal.recent.report(),
    }


def clocks() -> list[float]:
    """Read the time of day, and the clock that leases are measured with; both in seconds."""
    return [time.time(), clock()]


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    for file in folder.iterdir():
        with contextlib.suppress(OSError):  # it was replaced just now
            yield file.name, file.stat().st_size


def _memory_free() -> int | None:
    with contextlib.suppress(OSError, ValueError, IndexError):
        lines = _MEMORY.read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(_FREE))
    return None
