"""Writing for a role: order kept, messages after records, nothing of a fenced incarnation."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import count
from pathlib import Path
from threading import current_thread

import pytest

from kvrmi.storage.interface import Clear, Put, PutAll, Record, Storage, StorageFailed
from kvrmi.storage.memory import MemoryStorage
from kvrmi.storage.sqlite import SqliteStorage
from server import disks
from server.disks import DiskWriter

from .stubs import until

TABLES: dict[str, type[int] | type[str]] = {"rows": str}


class GatedStorage(MemoryStorage):
    """Blocks or fails in `write` when told to."""

    def __init__(self) -> None:
        super().__init__(TABLES)
        self.gate = threading.Event()
        self.gate.set()
        self.inside = threading.Event()
        self.error: Exception | None = None
        self.written: list[tuple[Record, ...]] = []

    def write(self, records: Sequence[Record]) -> None:
        self.inside.set()
        self.gate.wait(5)
        if self.error is not None:
            raise self.error
        super().write(records)
        self.written.append(tuple(records))


def row(value: int) -> tuple[Record, ...]:
    return (Put("rows", "k", str(value).encode()),)


def writer(
    storage: Storage, left: list[int], errors: list[BaseException]
) -> tuple[DiskWriter, Callable[[int], None]]:
    """Make one, and what has a row written by its thread, which then adds it to `left`."""
    disk = DiskWriter("write", storage, errors.append)
    return disk, lambda value: disk.begin(disk.turn, row(value), lambda: left.append(value))


def test_a_write_in_the_caller_s_thread_is_durable_on_return() -> None:
    storage = MemoryStorage(TABLES)
    disk, _ = writer(storage, [], [])
    assert disk.write(disk.turn, row(1))
    assert storage.read("rows", "k") == b"1"
    turn = disk.turn
    assert disk.fence()
    assert not disk.write(turn, row(2))
    assert storage.read("rows", "k") == b"1"
    disk.close(5)


def test_a_disk_that_hangs_on_purpose_holds_its_writer_only() -> None:
    storage, left = MemoryStorage(TABLES), list[int]()
    disk, begin = writer(storage, left, [])
    disk.hang(60)
    begin(1)
    until(disk._writing.locked)
    assert not disk.fence(), "it waits a moment, and is told"
    assert left == []
    disk.hang(0)
    until(lambda: left == [1])
    assert disk.fence()
    disk.close(5)


def test_a_disk_that_hangs_is_known_by_the_write_that_lasts_too_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage, left = GatedStorage(), list[int]()
    disk, begin = writer(storage, left, [])
    begin(1)
    until(lambda: left == [1])
    assert disk.hangs == 0
    storage.gate.clear()
    storage.inside.clear()
    begin(2)
    assert storage.inside.wait(5)
    later = time.monotonic() + 3
    monkeypatch.setattr("server.disks.time.monotonic", lambda: later)
    assert disk.hangs == pytest.approx(3, abs=1)
    monkeypatch.undo()
    storage.gate.set()
    until(lambda: left == [1, 2])
    assert disk.hangs == 0
    disk.close(5)


def test_in_an_experiment_it_hangs_also_with_nothing_to_write() -> None:
    disk, _ = writer(MemoryStorage(TABLES), [], [])
    disk.hang(60)
    assert 0 < disk.hangs < 60
    disk.hang(0)
    assert disk.hangs == 0
    disk.close(5)


def test_what_became_durable_is_counted_with_the_time_it_took() -> None:
    storage, left = GatedStorage(), list[int]()
    disk, begin = writer(storage, left, [])
    storage.gate.clear()
    begin(1)
    assert storage.inside.wait(60)
    began = time.monotonic()
    until(lambda: time.monotonic() - began > 0.03)
    storage.gate.set()
    until(lambda: left == [1])
    assert disk.fence()
    assert not disk.write(disk.turn - 1, row(2))
    disk.close(5)
    assert sum(disk.syncs["buckets"]) == 1, "what a fence dropped was not written"
    assert disk.syncs["seconds"] > 0.03


def test_what_follows_comes_after_the_records_and_in_order() -> None:
    storage, left = GatedStorage(), list[int]()
    disk, begin = writer(storage, left, [])
    storage.gate.clear()
    begin(1)
    begin(2)
    assert storage.inside.wait(60)
    assert left == []
    storage.gate.set()
    until(lambda: left == [1, 2])
    disk.close(5)
    assert storage.read("rows", "k") == b"2"


def test_when_nothing_is_written_any_more_it_tidies_up_once_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(disks, "REST_SECONDS", 0.01)
    rested, left, errors = list[str](), list[int](), list[BaseException]()
    storage, name = MemoryStorage(TABLES), "write-behind"
    disk = DiskWriter(name, storage, errors.append, lambda: rested.append(current_thread().name))
    until(lambda: rested == [name])
    for value in (1, 2):
        disk.begin(disk.turn, row(value), lambda: left.append(1))
        until(lambda value=value: len(rested) > value)  # type: ignore[misc]
    disk.close(5)
    assert len(left) == 2
    assert not errors
    assert rested == [name] * 3, "no more often than it was busy"


def test_a_fence_drops_what_is_queued() -> None:
    """Also what is queued behind a step whose messages are just leaving."""
    storage, left = GatedStorage(), list[int]()
    leaving, go_on = threading.Event(), threading.Event()
    disk, begin = writer(storage, left, [])

    def leave() -> None:
        left.append(1)
        leaving.set()
        go_on.wait(5)

    disk.begin(disk.turn, row(1), leave)
    assert leaving.wait(60)
    begin(2)
    assert disk.fence()
    begin(3)
    go_on.set()
    until(lambda: 3 in left)
    disk.close(5)
    assert left == [1, 3]
    assert storage.written == [row(1), row(3)]


def test_a_fence_comes_after_the_write_that_is_under_way_or_not_at_all() -> None:
    """On its return the disk is still: the role is loaded from it next."""
    storage = GatedStorage()
    disk, begin = writer(storage, [], [])
    storage.gate.clear()
    begin(1)
    assert storage.inside.wait(60)
    assert not disk.fence()
    storage.gate.set()
    until(lambda: storage.written)
    assert disk.fence()
    assert storage.written == [row(1)]
    disk.close(5)


def test_an_end_does_not_wait_for_a_whole_state_to_be_written(tmp_path: Path) -> None:
    """It is given up, no error, and what was there before stays."""
    storage = SqliteStorage(tmp_path / "learner.db", TABLES)
    storage.write(row(1))
    errors, left = list[BaseException](), list[int]()
    inside = threading.Event()

    def pairs() -> Iterator[tuple[str, bytes]]:
        inside.set()
        for number in count():
            yield str(number), bytes(100)

    disk, _ = writer(storage, left, errors)
    many: tuple[Record, ...] = (Clear("rows"), PutAll("rows", pairs()))
    disk.begin(disk.turn, many, lambda: left.append(1))
    assert inside.wait(60)
    disk.close(0.05)
    storage.close()
    until(lambda: not any(thread.name == "write" for thread in threading.enumerate()))
    assert (left, errors) == ([], [])
    storage = SqliteStorage(tmp_path / "learner.db", TABLES)
    assert list(storage.scan("rows")) == [("k", b"1")]
    storage.close()


def test_an_error_is_final() -> None:
    storage, left, errors = GatedStorage(), list[int](), list[BaseException]()
    storage.error = StorageFailed("no space")
    disk, begin = writer(storage, left, errors)
    begin(1)
    until(lambda: errors)
    with pytest.raises(StorageFailed):
        disk.write(disk.turn, row(2))
    disk.close(5)
    assert left == []


def test_an_error_of_what_follows_a_write_is_final_too() -> None:
    """Else the thread is gone, and the disk stands still unnoticed."""
    errors = list[BaseException]()
    disk, _ = writer(MemoryStorage(TABLES), [], errors)

    def leave() -> None:
        raise RuntimeError("bug")

    disk.begin(disk.turn, row(1), leave)
    until(lambda: errors)
    disk.close(5)
