"""The subject of a nemesis: signals reach its own processes only, and wiping takes what it says."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from client.__main__ import main
from client.nemesis.subject import Subject, all_up, whole
from kvrmi.cluster.status import ReplicaEntry, RoleEntry
from kvrmi.storage.append import AppendStorage
from kvrmi.storage.interface import Corrupt, Put
from kvrmi.storage.sqlite import SqliteStorage

TABLES: dict[str, type[int] | type[str]] = {"rows": str}


@pytest.fixture
def subject(tmp_path: Path) -> Subject:
    return Subject(tmp_path)


@pytest.fixture
def stranger() -> Iterator[subprocess.Popen[bytes]]:
    process = sleeper("somebody else's")
    with process:
        yield process
        process.kill()


def sleeper(words: str) -> subprocess.Popen[bytes]:
    """Start a process with these words on its command line, and wait until it runs."""
    code = "import sys; print('up', flush=True); sys.stdin.read()"
    process = subprocess.Popen(
        [sys.executable, "-c", code, words], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    # Until then /proc may show no command line at all.
    assert process.stdout.readline() == b"up\n"
    return process


def test_a_stranger_with_the_pid_of_a_replica_is_spared(
    subject: Subject, stranger: subprocess.Popen[bytes]
) -> None:
    subject._pids[1] = stranger.pid
    assert not subject.signal(1, signal.SIGKILL)
    assert not subject.signal(2, signal.SIGKILL), "its pid was never told"
    assert stranger.poll() is None


def test_a_name_server_is_told_by_its_lock_and_its_command(
    subject: Subject, stranger: subprocess.Popen[bytes]
) -> None:
    assert not subject.kill_names()
    (subject.data / "nameserver.lock").write_text(f"{stranger.pid}\n", encoding="ascii")
    assert not subject.kill_names()
    assert stranger.poll() is None


def test_its_own_process_gets_the_signal(subject: Subject) -> None:
    with sleeper(f"--config {subject.config}") as own:
        subject._pids[1] = own.pid
        assert subject.signal(1, signal.SIGKILL)
        assert own.wait() == -signal.SIGKILL
        assert not subject.signal(1, signal.SIGKILL), "it is gone"


@pytest.mark.parametrize(
    ("files", "left"),
    [
        ("acceptor", {"learner.db", "learner.db-wal", "lock"}),
        ("learner", {"acceptor.db", "acceptor.db.mark", "lock"}),
        ("all", None),
    ],
)
def test_wiping(subject: Subject, files: str, left: set[str] | None) -> None:
    folder, other = subject.data / "replica1", subject.data / "replica11"
    for each in (folder, other):
        each.mkdir()
        for name in ("acceptor.db", "acceptor.db.mark", "learner.db", "learner.db-wal", "lock"):
            (each / name).touch()
    subject.wipe(1, files)
    assert (left is not None) == folder.exists()
    if left is not None:
        assert {path.name for path in folder.iterdir()} == left
    assert len(list(other.iterdir())) == 5


def test_damage_is_noticed_and_the_other_database_is_spared(subject: Subject) -> None:
    folder = subject.data / "replica1"
    folder.mkdir()
    for name, kind in (("acceptor.db", AppendStorage), ("learner.db", SqliteStorage)):
        storage = kind(folder / name, TABLES)
        storage.write([Put("rows", str(number), b"x" * 500) for number in range(50)])
        storage.close()
    subject.damage(1, "acceptor")
    subject.damage(2, "acceptor")
    with pytest.raises(Corrupt):
        AppendStorage(folder / "acceptor.db", TABLES)
    SqliteStorage(folder / "learner.db", TABLES).close()


def entry(state: str = "up", acceptor: str | None = "up") -> ReplicaEntry:
    roles = {"acceptor": RoleEntry(state=acceptor, incarnation=1)} if acceptor else None
    return {"state": state, "roles": roles}


@pytest.mark.parametrize(
    ("one", "up"),
    [
        (entry(), True),
        (entry("recovering"), False),
        (entry("down", None), False),
        (entry(acceptor="down"), False),
        (entry(acceptor=None), False),
    ],
)
def test_when_all_is_well(one: ReplicaEntry, up: bool) -> None:
    assert all_up(one) is up
    assert whole({"leader": 1, "replicas": [entry(), one]}) is up
    assert not whole({"leader": None, "replicas": [entry(), one]})


def test_the_cluster_file_that_is_named_is_read_and_no_other(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert Subject(tmp_path, "foo.toml").config == tmp_path / "foo.toml"
    (tmp_path / "cluster.toml").write_text("another's")
    assert main(["--config", str(tmp_path / "foo.toml"), "nemesis", "--attach"]) == 2
    assert "foo.toml: cannot be read" in capsys.readouterr().err
