"""A PYRO_ variable of somebody's does not keep our programs from starting."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

SHOW = (
    "import kvrmi.remote, os, Pyro5; print(os.environ['PYRO_NONSENSE'], Pyro5.config.COMMTIMEOUT)"
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYRO_NONSENSE": "1", "PYTHONPATH": os.pathsep.join(sys.path)}
    return subprocess.run(
        [sys.executable, *arguments], env=environment, capture_output=True, text=True, timeout=30
    )


def test_pyro_is_imported_and_the_environment_left_alone() -> None:
    done = run("-c", SHOW)
    assert (done.stdout, done.stderr) == ("1 0.0\n", "")


@pytest.mark.parametrize("program", ["client", "nameserver", "server", "server.coordinator"])
def test_every_program_starts(program: str) -> None:
    done = run("-m", program, "--help")
    assert (done.returncode, done.stderr) == (0, "")
