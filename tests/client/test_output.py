"""Output that cannot be written is said in one line."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

FULL = Path("/dev/full")


@pytest.mark.skipif(not FULL.exists(), reason="this system has no full device")
def test_a_full_disk_is_one_line_and_a_status() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    with FULL.open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "client", "--address", "127.0.0.1:1", "STATUS"],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
        )
    assert done.returncode == 6
    assert done.stderr.startswith("python -m client: the output cannot be written")
    assert done.stderr.count("\n") == 1
