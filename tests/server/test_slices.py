"""A replica's threads hand the CPU and the interpreter over soon."""

from __future__ import annotations

import platform
import re
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import os, sys, threading
from pathlib import Path
from server.slices import shorten
before = os.getpriority(os.PRIO_PROCESS, 0)
os.nice(3)
shorten()
assert sys.getswitchinterval() <= 0.001
def look():
    print(Path(f"/proc/self/task/{threading.get_native_id()}/sched").read_text())
thread = threading.Thread(target=look)
thread.start()
thread.join()
assert os.getpriority(os.PRIO_PROCESS, 0) == before + 3
"""


def test_threads_begin_with_short_slices_and_the_priority_they_had() -> None:
    if not _slices() or platform.machine() not in ("x86_64", "aarch64"):
        pytest.skip("needs a Linux that takes a slice's length, and shows it")
    command = [sys.executable, "-c", SCRIPT]
    shown = subprocess.run(command, check=True, timeout=30, capture_output=True, text=True).stdout
    slice = re.search(r"se\.slice\s*:\s*(\d+)", shown)
    assert slice is not None
    assert int(slice[1]) == 100_000


def _slices() -> bool:
    version = re.match(r"(\d+)\.(\d+)", platform.release())
    new = version is not None and (int(version[1]), int(version[2])) >= (6, 12)
    mine = Path("/proc/self/sched")
    return new and mine.exists() and "se.slice" in mine.read_text()
