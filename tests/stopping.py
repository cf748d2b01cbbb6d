"""Stops a process, and waits until it is: its threads stop one by one, on a busy machine late.

What was sent to it meanwhile it may still have answered.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

__all__ = ["stop"]

TIMEOUT = 60.0
"""Seconds; a thread that waits for a disk stops after that."""


def stop(pid: int) -> None:
    """Send SIGSTOP; returns when no thread of the process runs any more."""
    os.kill(pid, signal.SIGSTOP)
    deadline = time.monotonic() + TIMEOUT
    while not all(state == "T" for state in _states(pid)):
        assert time.monotonic() < deadline, f"process {pid} does not stop"
        time.sleep(0.005)


def _states(pid: int) -> Iterator[str]:
    for task in Path(f"/proc/{pid}/task").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError):  # a thread that has just ended
            yield (task / "stat").read_text().rpartition(")")[2].split()[0]
