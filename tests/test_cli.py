"""What all programs have in common on their command lines."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import kvrmi

ROOT = Path(__file__).parents[1]
PROGRAMS = (
    ("-m", "client"),
    ("-m", "server"),
    ("-m", "nameserver"),
    ("-m", "server.coordinator"),
    ("run_cluster.py",),
    ("-m", "kvrmi.sim"),
)
PARTS = (
    *(("-m", "client", part) for part in ("bench", "workload", "verify", "nemesis")),
    ("run_cluster.py", "found"),
)


def run(*words: str, bare: bool = False) -> subprocess.CompletedProcess[str]:
    """Run the interpreter; `bare`: without anything that was installed."""
    flags = ["-S"] if bare else []
    environment = {key: value for key, value in os.environ.items() if "PYTHON" not in key}
    return subprocess.run(
        [sys.executable, *flags, *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def name(words: tuple[str, ...]) -> str:
    return " ".join(("python", *words) if words[0] == "-m" else words)


@pytest.mark.parametrize("words", PROGRAMS, ids=name)
def test_every_program_has_a_version_and_a_name(words: tuple[str, ...]) -> None:
    assert run(*words, "--version").stdout == f"kvrmi {kvrmi.__version__}\n"
    assert run(*words, "--help").stdout.startswith(f"usage: {name(words)} ")


@pytest.mark.parametrize("words", [*PROGRAMS, *PARTS], ids=name)
def test_a_wrong_flag_is_one_line_and_status_two(words: tuple[str, ...]) -> None:
    done = run(*words, "--no-such-flag")
    assert done.returncode == 2
    assert done.stderr.startswith(f"{name(words)}: ")
    assert done.stderr.count("\n") == 1
    assert not done.stdout


@pytest.mark.parametrize("words", [*PROGRAMS[:3], ("run_cluster.py",)], ids=name)
def test_outside_its_environment_a_program_says_what_to_install(words: tuple[str, ...]) -> None:
    done = run(*words, "--help", bare=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"{name(words)}: Pyro5, serpent, msgpack, rich not installed")
    assert "pip install ." in done.stderr
    assert "make run" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [("1",), ("9", "--address", "h:1")], ids=" ".join)
def test_a_replica_that_is_not_said_which_is_a_usage_error(
    words: tuple[str, ...], tmp_path: Path
) -> None:
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [sys.executable, "-m", "server", *words],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
