"""The program's start, and output that cannot be written."""

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
            [sys.executable, "-m", "client", "HELP"],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
        )
    assert done.returncode == 6
    assert done.stderr.startswith("python -m client: the output cannot be written")
    assert done.stderr.count("\n") == 1


def test_what_the_prompt_does_not_need_is_loaded_later() -> None:
    """Each of these would keep the prompt waiting, Pyro5 the longest."""
    late = ("Pyro5", "rich.console", "rich.progress", "kvrmi.dump", "kvrmi.checker")
    probe = "import sys, client.__main__, client.shell.converse; print(*sys.modules)"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    loaded = subprocess.run(
        [sys.executable, "-c", probe],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert not set(late) & set(loaded.stdout.split()), loaded.stderr
    assert "prompt_toolkit" in loaded.stdout.split()
