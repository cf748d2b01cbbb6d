"""An append-only file whose process or machine dies: at any call, in the middle of any write."""

from __future__ import annotations

import errno
import itertools
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kvrmi.storage import append, appendfile, successor
from kvrmi.storage.append import AppendStorage
from kvrmi.storage.appendfile import mark_of
from kvrmi.storage.durable import write_all
from kvrmi.storage.interface import Clear, Put, StorageFailed, Tables, Trim

TABLES: Tables = {"slots": int, "names": str}
CALLS = ("open", "pwrite", "fdatasync", "fsync", "ftruncate", "replace", "close")
DEADLINE = 90.0


@pytest.fixture(autouse=True)
def _small_and_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that are full soon, and no syncs: power is lost in play only."""
    monkeypatch.setattr(os, "fsync", lambda _: None)
    monkeypatch.setattr(os, "fdatasync", lambda _: None)
    monkeypatch.setattr(appendfile, "ROOM", 120)
    monkeypatch.setattr(appendfile, "MOST_ROOM", 300)


class AtOnce:
    """In place of a thread: it has done all before its starter goes on."""

    def __init__(self, target: Callable[..., None], args: tuple[Any, ...], **_: object) -> None:
        self._left: tuple[Callable[..., None], tuple[Any, ...]] | None = (target, args)

    def start(self) -> None:
        self.join()

    def is_alive(self) -> bool:
        return self._left is not None

    def join(self, _: float | None = None) -> None:
        if self._left is not None:
            (target, args), self._left = self._left, None
            target(*args)


class Late(AtOnce):
    """It does nothing before somebody waits for it."""

    def start(self) -> None:
        """Leave all for later."""


@pytest.fixture(params=[(4, AtOnce), (1, AtOnce), (1, Late)])
def _next_file(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the file that follows is begun, and how quickly it is made."""
    part, thread = request.param
    monkeypatch.setattr(appendfile, "_LATE", part)
    monkeypatch.setattr(successor, "_PIECE", 64)
    monkeypatch.setattr(threading, "Thread", thread)


class Died(BaseException):
    """The process is gone: nothing that it would still do is done."""


class Machine:
    """The calls of a process that dies at one of them, and what its disk then surely has."""

    def __init__(self, folder: Path, lives: int) -> None:
        self._folder = folder
        self._left = lives
        self.confirmed = 0
        self.begun = 0
        self._synced: dict[int, bytes] = {}
        """By inode: what a sync has confirmed."""
        self._renamed: dict[Path, bytes] = {}
        """Names that may still be their old files', and what those surely had."""

    def install(self, patch: pytest.MonkeyPatch) -> None:
        for name in CALLS:
            if name == "replace":
                patch.setattr(Path, name, self._around(Path.replace, self._rename))
            else:
                patch.setattr(os, name, self._around(getattr(os, name), self._seen(name)))

    def _seen(self, name: str) -> Callable[..., None]:
        return self._sync if name in ("fsync", "fdatasync") else lambda *_: None

    def _around(self, real: Callable[..., Any], then: Callable[..., None]) -> Callable[..., Any]:
        def call(*args: Any, **named: Any) -> Any:
            if self._left == 0:
                raise Died
            self._left -= 1
            if self._left == 0 and real.__name__ == "pwrite":
                file, data, at = args
                real(file, bytes(data)[: len(data) // 2], at)
                raise Died
            if real.__name__ == "replace":
                then(*args)
                return real(*args)
            result = real(*args, **named)
            then(*args)
            return result

        return call

    def _rename(self, _: Path, to: Path) -> None:
        if to.exists():
            self._renamed[to] = self._synced.pop(to.stat().st_ino, to.read_bytes())

    def _sync(self, file: int) -> None:
        there = Path(f"/proc/self/fd/{file}").resolve()
        if there.is_dir():
            self._renamed.clear()
        else:
            self._synced[there.stat().st_ino] = there.read_bytes()

    def run(self, path: Path) -> None:
        """Open, write, renew, close, and again; until it dies."""
        for _ in range(2):
            storage = AppendStorage(path, TABLES)
            for _ in range(4):
                self.begun += 1
                number = self.begun
                records = [Put("slots", number, bytes(20)), Put("names", "last", b"%d" % number)]
                storage.write([Trim("slots", number - 3), *records])
                self.confirmed = number
            storage.close()

    def after_power_loss(self, path: Path) -> Iterator[tuple[bytes | None, bytes | None]]:
        """What file and mark may be when the machine is back."""
        return itertools.product({*self._versions(path)}, {*self._versions(mark_of(path))})

    def _versions(self, path: Path) -> Iterator[bytes | None]:
        if path in self._renamed:
            yield self._renamed[path]
        if not path.exists():
            yield None
            return
        now = path.read_bytes()
        synced = self._synced.get(path.stat().st_ino)
        yield now
        if synced is None:
            yield b""
        else:
            yield synced
            yield from _torn(synced, now)


def _torn(synced: bytes, now: bytes) -> Iterator[bytes]:
    """Give what lies between them where a cut went through the change."""
    changed = [at for at, (old, new) in enumerate(zip(synced, now, strict=False)) if old != new]
    for at in changed[:: max(1, len(changed) // 2)]:
        yield now[:at] + synced[at:]
        yield synced[:at] + now[at:]


def numbers(path: Path) -> tuple[list[int], int]:
    storage = AppendStorage(path, TABLES)
    slots = [int(key) for key, _ in storage.scan("slots")]
    last = int(storage.read("names", "last") or b"0")
    storage.close()
    return slots, last


def died_after(lives: int, folder: Path) -> tuple[Machine, bool]:
    """Run a process with so many calls to live; False: it came to its end."""
    machine, open_before = Machine(folder, lives), descriptors()
    died = False
    with pytest.MonkeyPatch.context() as patch:
        machine.install(patch)
        try:
            machine.run(folder / "some.db")
        except Died:
            died = True
    for left in descriptors() - open_before:
        os.close(left)
    return machine, died


def descriptors() -> set[int]:
    """Those that are open: what a process that dies leaves to the kernel, its test closes."""
    return {each for each in range(1024) if Path(f"/proc/self/fd/{each}").exists()}


def check(path: Path, machine: Machine, case: object) -> None:
    slots, last = numbers(path)
    assert machine.confirmed <= last <= machine.begun, case
    assert slots == list(range(max(1, last - 2), last + 1)), case


@pytest.mark.usefixtures("_next_file")
def test_a_process_that_dies_at_any_call_has_what_it_confirmed(tmp_path: Path) -> None:
    for lives in itertools.count():
        folder = tmp_path / str(lives)
        folder.mkdir()
        machine, died = died_after(lives, folder)
        check(folder / "some.db", machine, lives)
        if not died:
            assert lives > 40, "renewed at least once in each life"
            return


@pytest.mark.usefixtures("_next_file")
def test_a_machine_that_loses_power_at_any_call_has_what_it_confirmed(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    for lives in itertools.count():
        for left in tmp_path.iterdir():
            left.unlink()
        machine, died = died_after(lives, tmp_path)
        for number, (file, mark) in enumerate([*machine.after_power_loss(path)]):
            for place, data in ((path, file), (mark_of(path), mark)):
                place.unlink(missing_ok=True)
                if data is not None:
                    place.write_bytes(data)
            check(path, machine, (lives, number))
        if not died:
            return


def test_a_file_is_written_anew_when_it_is_full_and_holds_what_is_valid(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    storage = AppendStorage(path, TABLES)
    files = set()
    for number in range(1, 200):
        storage.write([Put("slots", number, b"x" * 20), Trim("slots", number - 2)])
        files.add(path.stat().st_ino)
    assert len(files) > 1
    assert path.stat().st_size < 1000
    storage.write([Put("names", "large", b"y" * 50_000)])
    assert list(storage.scan("slots")) == [(198, b"x" * 20), (199, b"x" * 20)]
    storage.write([Clear("names")])
    storage.close()
    storage = AppendStorage(path, TABLES)
    assert [key for key, _ in storage.scan("slots")] == [198, 199]
    assert list(storage.scan("names")) == []
    storage.close()


def test_each_opening_puts_a_synced_file_in_the_place_of_the_old_one(tmp_path: Path) -> None:
    """What the kernel shows after a crash need not be on the disk."""
    path = tmp_path / "some.db"
    AppendStorage(path, TABLES).close()
    before = path.stat().st_ino
    storage = AppendStorage(path, TABLES)
    assert path.stat().st_ino != before
    storage.close()


def test_half_a_copy_left_behind_is_of_no_use(tmp_path: Path) -> None:
    path = tmp_path / "some.db"
    (tmp_path / "some.db.new").write_bytes(b"half")
    storage = AppendStorage(path, TABLES)
    storage.write([Put("slots", 1, b"1")])
    storage.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["some.db", "some.db.mark"]


def test_closing_does_not_wait_for_a_disk_that_hangs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.db"
    storage = AppendStorage(path, TABLES)
    storage.write([Put("slots", 1, b"1")])
    inside, goes_on = threading.Event(), threading.Event()

    def hang(_: int) -> None:
        inside.set()
        assert goes_on.wait(DEADLINE)

    monkeypatch.setattr(os, "fdatasync", hang)
    monkeypatch.setattr(append, "_CLOSE_SECONDS", 0.05)
    writer = threading.Thread(target=storage.write, args=([Put("slots", 2, b"2")],))
    writer.start()
    assert inside.wait(DEADLINE)
    storage.close()
    goes_on.set()
    writer.join(DEADLINE)
    storage.close()
    assert numbers(path)[0] == [1, 2]


def filled(path: Path, monkeypatch: pytest.MonkeyPatch) -> AppendStorage:
    """Return a storage whose next file is begun with the next write, by a thread that runs late."""
    monkeypatch.setattr(appendfile, "_LATE", 1)
    storage = AppendStorage(path, TABLES)
    storage.write([Put("slots", 1, b"1")])
    return storage


def finished(storage: AppendStorage) -> None:
    """Wait for the next file, and leave it to the next write."""
    following = storage._file._next
    assert following is not None
    following._maker.join(DEADLINE)
    assert following.finished


def test_if_the_next_file_cannot_be_made_the_old_one_is_used_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.db"
    storage = filled(path, monkeypatch)
    inode = path.stat().st_ino
    tried: list[Path] = []

    def full(new: Path) -> int:
        tried.append(new)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(successor, "created", full)
    storage.write([Put("slots", 2, b"2")])
    storage.write([Put("slots", 3, b"3")])
    assert len(tried) == 1
    assert path.stat().st_ino == inode
    for number in range(4, 20):
        storage.write([Put("slots", number, b"x"), Trim("slots", number - 2)])
    assert path.stat().st_ino != inode
    storage.close()
    assert numbers(path)[0] == [18, 19]


def test_a_next_file_that_hangs_is_left_alone_at_the_end_and_harms_nobody_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "some.db"
    storage = filled(path, monkeypatch)
    inside, goes_on, done = threading.Event(), threading.Event(), threading.Event()
    real = write_all

    def hang(file: int, data: bytes, at: int) -> None:
        inside.set()
        assert goes_on.wait(DEADLINE)
        real(file, b"z" * len(data), at)
        done.set()

    monkeypatch.setattr(appendfile, "_GIVE_UP_SECONDS", 0.05)
    monkeypatch.setattr(successor, "write_all", hang)
    storage.write([Put("slots", 2, b"2")])
    assert inside.wait(DEADLINE)
    storage.close()
    monkeypatch.setattr(successor, "write_all", real)
    again = AppendStorage(path, TABLES)
    goes_on.set()
    assert done.wait(DEADLINE)
    again.write([Put("slots", 3, b"3")])
    again.close()
    assert numbers(path)[0] == [1, 2, 3]


def test_who_is_left_waiting_for_a_disk_takes_no_other_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It was closed and opened again meanwhile: the file is another's."""
    path = tmp_path / "some.db"
    storage = filled(path, monkeypatch)
    storage.write([Put("slots", 2, b"2")])  # the next file is begun
    inside, goes_on, failed = threading.Event(), threading.Event(), threading.Event()

    def hang(file: int, data: bytes, at: int) -> None:
        inside.set()
        assert goes_on.wait(DEADLINE)
        write_all(file, data, at)

    def write() -> None:
        with pytest.raises(StorageFailed, match="closed while the disk did nothing"):
            storage.write([Put("slots", 3, b"lost")])
        failed.set()

    finished(storage)
    monkeypatch.setattr(successor, "write_all", hang)
    monkeypatch.setattr(append, "_CLOSE_SECONDS", 0.05)
    writer = threading.Thread(target=write)
    writer.start()
    assert inside.wait(DEADLINE)
    storage.close()
    monkeypatch.setattr(successor, "write_all", write_all)
    again = AppendStorage(path, TABLES)
    again.write([Put("slots", 3, b"3")])
    goes_on.set()
    assert failed.wait(DEADLINE)
    writer.join(DEADLINE)
    assert again.astray() is None
    again.write([Put("slots", 4, b"4")])
    again.close()
    assert numbers(path)[0] == [1, 2, 3, 4]
    assert sorted(file.name for file in tmp_path.iterdir()) == ["some.db", "some.db.mark"]


def test_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed):
        AppendStorage(tmp_path / "nowhere" / "some.db", TABLES)
