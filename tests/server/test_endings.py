"""Why a process ended: an exit status of its own, and a reason that outlives it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kvrmi.cluster.checks import ConfigError
from kvrmi.paxos.stable import TABLES, State
from kvrmi.roles.invariants import DiskLost, InvariantBroken
from kvrmi.storage.append import AppendStorage
from kvrmi.storage.interface import Corrupt, Put, StorageFailed
from server import endings
from server.endings import Ended, ending
from server.folder import IDENTITY

from .processes import ROOT, Replicas

FATAL = """
import pathlib, sys
from kvrmi.roles.invariants import InvariantBroken
from server.__main__ import _fatal
broken = InvariantBroken("slot 7 was chosen twice")
_fatal(pathlib.Path(sys.argv[1]), lambda: None, "learner", broken)
"""
HANGS = """
import logging, threading
class Hangs(logging.Handler):
    def emit(self, record):
        threading.Event().wait()
logging.getLogger("kvrmi.server.main").addHandler(Hangs())
"""


@pytest.fixture
def used(tmp_path: Path) -> Path:
    """A folder in which a replica ran."""
    (tmp_path / "lock").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("error", "kind", "status"),
    [
        (InvariantBroken("x"), "invariant", 5),
        (DiskLost("x"), "disk", 4),
        (Corrupt("x"), "disk", 4),
        (StorageFailed("x"), "storage", 3),
        (RuntimeError("x"), "role", 3),
        (ConfigError("x"), "role", 3),
    ],
)
def test_each_kind_has_its_status(error: Exception, kind: str, status: int) -> None:
    ended = ending("learner", error)
    assert (ended.kind, ended.status, ended.part) == (kind, status, "learner")
    assert ended.line.endswith("x")


def test_the_reason_is_one_line_even_of_an_error_without_words() -> None:
    assert ending("front", KeyError()).reason == "KeyError"
    assert ending("front", RuntimeError("a\n  b")).reason == "a b"


def test_it_is_left_read_and_removed(used: Path) -> None:
    assert endings.last(used) is None
    endings.clear(used)
    ended = ending("acceptor", StorageFailed("no space"))
    endings.leave(used, ended)
    assert endings.last(used) == ended
    endings.clear(used)
    assert endings.last(used) is None
    assert [one.name for one in used.iterdir()] == ["lock"]


def test_a_bare_mount_point_stays_bare(tmp_path: Path) -> None:
    endings.leave(tmp_path, ending("folder", StorageFailed("it is gone")))
    assert not list(tmp_path.iterdir())


def test_where_nothing_can_be_written_nothing_is_raised(tmp_path: Path) -> None:
    endings.leave(tmp_path / "missing", ending("acceptor", StorageFailed("no space")))
    assert endings.last(tmp_path / "missing") is None


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", "nonsense", '{"format": 2}', '{"format": 1, "kind": 1}']
)
def test_what_cannot_be_read_is_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "ended.json").write_text(text)
    assert endings.last(tmp_path) is None


def test_unknown_kinds_are_nothing(used: Path) -> None:
    endings.leave(used, Ended("novel", "a", "b", 3, 1, "c"))
    assert endings.last(used) is None


def run(*arguments: str) -> tuple[int, str]:
    """Run the interpreter; its exit status and the last line that it said."""
    child = [sys.executable, *arguments]
    done = subprocess.run(child, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return done.returncode, done.stderr.splitlines()[-1]


def test_a_process_ended_by_an_invariant_says_so_in_every_way(used: Path) -> None:
    status, said = run("-c", FATAL, str(used))
    ended = endings.last(used)
    assert ended is not None
    assert (ended.kind, ended.part, ended.reason, ended.status) == (
        "invariant", "learner", "slot 7 was chosen twice", status,
    )  # fmt: skip
    assert status == 5
    assert said.endswith(f": {ended.line}")


def test_a_log_that_hangs_with_its_disk_keeps_no_process_from_ending(tmp_path: Path) -> None:
    child = [sys.executable, "-c", HANGS + FATAL, str(tmp_path)]
    assert subprocess.run(child, cwd=ROOT, timeout=60, check=False).returncode == 5


def test_an_invariant_broken_at_the_start_ends_it_the_same_way(tmp_path: Path) -> None:
    """An acceptor's state of another format: intact, and not for this program."""
    founded = Replicas(tmp_path / "data", 3)
    folder = founded.data / "replica1"
    votes = AppendStorage(folder / "acceptor.db", {**TABLES, **IDENTITY})
    votes.write([Put("acceptor", "state", b"\x63" + State().pack()[1:])])
    votes.close()
    status, said = run("-m", "server", "1", "--config", str(founded.data / "cluster.toml"))
    ended = endings.last(folder)
    assert ended is not None
    assert "format 99" in ended.reason
    assert status == 5
    assert said.endswith(f": {ended.line}")
