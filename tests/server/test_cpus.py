"""A follower's threads keep to one CPU; a leader's may use all."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SCRIPT = """
import os, threading
from server.cpus import Cpus
allowed = os.sched_getaffinity(0)
own = {sorted(allowed)[1]}
cpus = Cpus(2, pin=True)
done = threading.Event()
thread = threading.Thread(target=done.wait)
thread.start()
def found():
    return {frozenset(os.sched_getaffinity(int(task))) for task in os.listdir("/proc/self/task")}
assert found() == {frozenset(own)}, found()
for leads in (True, True, False):
    cpus.lead(leads)
    assert found() == {frozenset(allowed if leads else own)}, (leads, found())
done.set()
Cpus(1, pin=False).lead(True)
assert os.sched_getaffinity(0) == own
"""


def test_a_leader_may_use_what_a_follower_may_not() -> None:
    if not hasattr(os, "sched_getaffinity") or len(os.sched_getaffinity(0)) < 2:
        pytest.skip("needs two CPUs that a process can be kept to")
    subprocess.run([sys.executable, "-c", SCRIPT], check=True, timeout=60)
