"""What a killed process or a full disk leaves behind: every confirmed write, and nothing half."""

from __future__ import annotations

import itertools
import re
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from kvrmi.storage import sqlitefile
from kvrmi.storage.interface import Put, PutAll, StorageFailed
from kvrmi.storage.sqlite import SqliteStorage
from kvrmi.storage.sqlitefile import connect

from .writer import KINDS, TABLES

DEADLINE = 90.0
FULL = 2
"""What SQLite calls synchronous = FULL."""
ROOT = Path(__file__).parents[2]
LARGEST = {"sqlite": ("600000", "1600000"), "append": ("100000", "400000")}
"""How large a file may grow, in bytes. An append-only one has its room from the start."""


REPLACES = """
import sys
from pathlib import Path
from kvrmi.storage.interface import Clear, PutAll
from kvrmi.storage.sqlite import SqliteStorage
from tests.storage.writer import TABLES

def pairs():
    for number in range(5_000):
        yield number, bytes(2_000)
    print("half", flush=True)
    sys.stdin.read()

storage = SqliteStorage(Path(sys.argv[1]), TABLES)
storage.write([Clear("names"), Clear("slots"), PutAll("slots", pairs())])
"""


def start_writer(path: Path, *args: str, kind: str = "sqlite") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.storage.writer", kind, str(path), *args],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_after(path: Path, writes: int, kind: str = "sqlite") -> int:
    """Kill a writer after so many confirmed writes; returns the last number confirmed."""
    with start_writer(path, kind=kind) as child:
        assert child.stdout is not None
        lines = [child.stdout.readline() for _ in range(writes)]
        child.kill()
        lines += child.stdout.readlines()
        child.wait(DEADLINE)
    # The very last line may be cut off in the middle by the kill.
    return int([line for line in lines if line.endswith("\n")][-1])


def check_whole(path: Path, confirmed: int, kind: str = "sqlite") -> int:
    """All confirmed writes are there, at most one more, each whole; returns the last number."""
    storage = KINDS[kind](str(path), TABLES)
    slots = list(storage.scan("slots"))
    last = int(storage.read("names", "last") or b"-1")
    storage.close()
    assert slots == [(n, n.to_bytes(200, "big")) for n in range(len(slots))]
    assert last == len(slots) - 1
    assert confirmed <= last <= confirmed + 1
    return last


def test_confirmed_writes_survive_a_kill_and_another(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    for writes in (1, 30, 200):
        confirmed = kill_after(path, writes)
        assert (tmp_path / "some.db-wal").exists()
        assert not (tmp_path / "some.db.seal").exists()
        check_whole(path, confirmed)


def test_every_commit_is_synced(tmp_path: Path) -> None:
    storage = SqliteStorage(tmp_path / "some.db", TABLES)
    for pragma, value in (("journal_mode", b"wal"), ("synchronous", FULL), ("page_size", 16384)):
        assert storage._connection.execute(f"PRAGMA {pragma}").fetchone() == (value,)
    storage.close()


def test_a_kill_in_the_middle_of_many_pairs_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    last = check_whole(path, kill_after(path, 9))
    with subprocess.Popen(
        [sys.executable, "-c", REPLACES, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "half\n"
        child.kill()
        child.wait(DEADLINE)
    assert (tmp_path / "some.db-wal").stat().st_size > 5_000_000, "much had reached the log"
    assert check_whole(path, last) == last


def test_confirmed_writes_of_an_append_only_file_survive_a_kill_and_another(
    tmp_path: Path,
) -> None:
    path = tmp_path / "some.db"
    for writes in (1, 30, 200):
        confirmed = kill_after(path, writes, "append")
        check_whole(path, confirmed, "append")
        assert sorted(file.name for file in tmp_path.iterdir()) == ["some.db", "some.db.mark"]


@pytest.mark.skipif(shutil.which("strace") is None, reason="strace shows the syncs")
@pytest.mark.parametrize("kind", KINDS)
def test_every_write_is_synced_before_it_is_confirmed(tmp_path: Path, kind: str) -> None:
    calls = tmp_path / "calls"
    strace = ["strace", "-f", "-o", str(calls), "-e", "trace=fdatasync,fsync,write"]
    some = str(tmp_path / "some.db")
    writer = [sys.executable, "-m", "tests.storage.writer", kind, some, LARGEST[kind][0]]
    done = subprocess.run(
        [*strace, *writer], cwd=ROOT, capture_output=True, text=True, timeout=DEADLINE, check=False
    )
    if not done.stdout:
        pytest.skip("strace may not watch here")
    synced, confirmed = False, 0
    for call in calls.read_text().splitlines():
        if "sync(" in call:
            synced = True
        elif re.search(r'write\(1, "\d+(\\n)?"', call):
            assert synced, f"confirmed without a sync: {call}"
            synced, confirmed = False, confirmed + 1
    assert confirmed > 10


def test_a_file_system_without_a_write_ahead_log_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite stays with its old journal there, and says so only to who asks."""

    def without_shared_memory(path: Path) -> sqlite3.Connection:
        return connect(path, "mode=rw&vfs=unix-dotfile")

    monkeypatch.setattr(sqlitefile, "connect", without_shared_memory)
    with pytest.raises(StorageFailed, match="journal mode delete"):
        SqliteStorage(tmp_path / "some.db", TABLES)


def test_unclean_file_is_rewritten_and_a_clean_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    confirmed = kill_after(path, 5)
    before = path.stat().st_ino
    check_whole(path, confirmed)
    rewritten = path.stat().st_ino
    assert rewritten != before
    check_whole(path, confirmed)
    assert path.stat().st_ino == rewritten


def test_nothing_is_left_beside_a_clean_file_but_its_seal(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    check_whole(path, kill_after(path, 5))
    assert sorted(file.name for file in tmp_path.iterdir()) == ["some.db", "some.db.seal"]


def test_storage_closed_while_another_thread_writes_many_pairs(tmp_path: Path) -> None:
    """SQLite's module for Python crashes when a connection is closed in the middle of a call."""
    path = tmp_path / "some.db"
    storage = SqliteStorage(path, TABLES)
    storage.write([Put("slots", 1, b"old")])
    inside = threading.Event()
    failed = []

    def pairs() -> Iterator[tuple[int, bytes]]:
        for number in itertools.count():
            yield number, bytes(100)
            inside.set()

    def write() -> None:
        with pytest.raises(StorageFailed, match="closed before all was written"):
            storage.write([PutAll("slots", pairs())])
        failed.append(True)

    writer = threading.Thread(target=write)
    writer.start()
    assert inside.wait(DEADLINE)
    storage.close()
    writer.join(DEADLINE)
    assert failed
    assert (tmp_path / "some.db.seal").exists()
    storage = SqliteStorage(path, TABLES)
    assert list(storage.scan("slots")) == [(1, b"old")]
    storage.close()


def test_storage_closed_while_a_snapshot_is_open_stays_unsealed(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    storage = SqliteStorage(path, TABLES)
    storage.write([Put("names", "a", b"1")])
    snapshot = storage.snapshot()
    storage.close()
    assert not (tmp_path / "some.db.seal").exists()
    assert snapshot.read("names", "a") == b"1"
    snapshot.close()
    storage = SqliteStorage(path, TABLES)
    assert storage.read("names", "a") == b"1"
    storage.close()


def test_rewriting_may_be_interrupted(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    confirmed = kill_after(path, 5)
    (tmp_path / "some.db.new").write_bytes(b"half a copy")
    check_whole(path, confirmed)


def test_remains_of_a_lost_file_do_not_reach_the_new_one(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    kill_after(path, 5)
    path.unlink()
    storage = SqliteStorage(path, TABLES)
    assert list(storage.scan("slots")) == []
    storage.close()


def test_error_in_a_write_is_final_and_leaves_nothing_half(tmp_path: Path) -> None:
    storage = SqliteStorage(tmp_path / "some.db", TABLES)
    storage.write([Put("slots", 1, b"old")])
    # Behind the storage's back, so that the second record fails.
    storage._connection.execute("DROP TABLE names")
    both = [Put("slots", 1, b"new"), Put("names", "a", b"new")]
    for records in (both, both[:1]):
        with pytest.raises(StorageFailed):
            storage.write(records)
    with pytest.raises(StorageFailed):
        storage.read("slots", 1)
    with pytest.raises(StorageFailed):
        storage.snapshot()
    storage.close()
    storage = SqliteStorage(tmp_path / "some.db", TABLES)
    assert list(storage.scan("slots")) == [(1, b"old")]
    storage.close()


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        SqliteStorage(tmp_path / "nowhere" / "some.db", TABLES)


@pytest.mark.parametrize(
    ("kind", "largest"), [(kind, size) for kind, sizes in LARGEST.items() for size in sizes]
)
def test_full_disk_ends_the_storage_and_keeps_what_was_confirmed(
    tmp_path: Path, kind: str, largest: str
) -> None:
    path = tmp_path / "some.db"
    with start_writer(path, largest, kind=kind) as child:
        output, _ = child.communicate(timeout=DEADLINE)
    lines = output.split()
    assert lines[-2:] == ["failed", "unusable"]
    assert not (tmp_path / "some.db.seal").exists()
    check_whole(path, int(lines[-3]), kind)
