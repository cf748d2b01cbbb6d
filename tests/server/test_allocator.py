"""Freed values go back to the system, whichever threads had them."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

RESIDENT = """
import resource, threading
from server import allocator

allocator.limit_heaps()

def resident():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize()
"""

SCRIPT = (
    RESIDENT
    + """
together = threading.Barrier(8)

def work(kept):
    for _ in range(2):  # glibc's threshold grows with the first large block freed
        large = []
        for _ in range(20):
            large.append(b"x" * 600_000)
            kept.append(bytes(5_000))  # stays, between two that go
        together.wait()
        del large
        together.wait()

before = resident()
kept = [[] for _ in range(8)]
threads = [threading.Thread(target=work, args=(mine,)) for mine in kept]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
print((resident() - before) >> 20)
"""
)

HOLES = (
    RESIDENT
    + """
allocator.TRIMMED = MOST
kept = [bytes(50_000) for _ in range(800)]
before = resident()
kept[::2] = [None] * 400
allocator.give_back()
print((before - resident()) >> 20)
"""
)


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="not glibc")
def test_large_values_are_given_back() -> None:
    command = [sys.executable, "-c", SCRIPT]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    assert int(done.stdout) < 16, "megabytes kept"


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="not glibc")
@pytest.mark.parametrize(("most", "given"), [(1 << 40, range(15, 25)), (1 << 20, range(-1, 2))])
def test_what_lies_free_between_others_is_given_back_unless_it_would_take_long(
    most: int, given: range
) -> None:
    script = HOLES.replace("MOST", str(most))
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    assert int(done.stdout) in given, "megabytes given back"


def test_without_a_descriptor_nothing_is_given_back_and_nothing_fails() -> None:
    script = """
import resource
from server import allocator

resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))
allocator.give_back()
"""
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True, timeout=60)
