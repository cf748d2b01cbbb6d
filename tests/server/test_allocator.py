"""Freed values go back to the system, whichever threads had them."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

SCRIPT = """
import resource, sys, threading
from server import allocator

if sys.argv[1] == "limited":
    allocator.limit_heaps()

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()

def work(kept):
    for _ in range(4):  # glibc's threshold grows with the first large block freed
        large = []
        for _ in range(24):
            large.append(bytes(200_000))
            kept.append(bytes(5_000))  # stays, between two that go
        del large

before = resident()
kept = [[] for _ in range(8)]
threads = [threading.Thread(target=work, args=(mine,)) for mine in kept]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print((resident() - before) >> 20)
"""


def megabytes(how: str) -> int:
    """What a process holds beyond what it held before, once eight threads have freed all."""
    command = [sys.executable, "-c", SCRIPT, how]
    return int(subprocess.run(command, cwd=ROOT, capture_output=True, check=True).stdout)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_large_values_are_given_back() -> None:
    assert megabytes("limited") < 16
    assert megabytes("as it is") > 16, "glibc does so by itself now: remove server/allocator.py"
