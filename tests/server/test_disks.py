"""Writing behind: order kept, messages after records, nothing of a fenced incarnation."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from itertools import count
from pathlib import Path

from kvrmi.paxos.messages import Durable
from kvrmi.roles.contract import Address, Envelope
from kvrmi.storage.interface import Clear, Put, PutAll, Record, StorageFailed
from kvrmi.storage.memory import MemoryStorage
from kvrmi.storage.sqlite import SqliteStorage
from server.disks import WriteBehind, WriteThrough

from .stubs import ME, until

TABLES: dict[str, type[int] | type[str]] = {"rows": str}
ACCEPTOR = Address(ME, "acceptor")


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


def durable(slot: int) -> tuple[Envelope, ...]:
    return (Envelope(ACCEPTOR, Durable(slot)),)


def test_through_is_durable_on_return() -> None:
    storage = MemoryStorage(TABLES)
    assert WriteThrough(storage).write(row(1), ())
    assert storage.read("rows", "k") == b"1"


def test_behind_lets_messages_go_after_their_records_and_in_order() -> None:
    storage = GatedStorage()
    left: list[tuple[Envelope, ...]] = []
    behind = WriteBehind(storage, left.append, lambda error: None)
    storage.gate.clear()
    assert not behind.write(row(1), durable(1))
    assert not behind.write(row(2), durable(2))
    assert storage.inside.wait(5)
    assert left == []
    storage.gate.set()
    until(lambda: left == [durable(1), durable(2)])
    behind.close(5)
    assert storage.read("rows", "k") == b"2"


def test_a_fence_drops_what_is_queued() -> None:
    """Also what is queued behind a step whose messages are just leaving."""
    storage = GatedStorage()
    left: list[tuple[Envelope, ...]] = []
    leaving, go_on = threading.Event(), threading.Event()

    def leave(messages: tuple[Envelope, ...]) -> None:
        left.append(messages)
        leaving.set()
        go_on.wait(5)

    behind = WriteBehind(storage, leave, lambda error: None)
    behind.write(row(1), durable(1))
    assert leaving.wait(5)
    behind.write(row(2), durable(2))
    behind.fence()
    behind.write(row(3), durable(3))
    go_on.set()
    until(lambda: durable(3) in left)
    behind.close(5)
    assert left == [durable(1), durable(3)]
    assert storage.written == [row(1), row(3)]


def test_a_fence_waits_for_the_write_that_is_under_way() -> None:
    """On its return the disk is still: the role is loaded from it next."""
    storage = GatedStorage()
    behind = WriteBehind(storage, lambda messages: None, lambda error: None)
    storage.gate.clear()
    behind.write(row(1), durable(1))
    assert storage.inside.wait(5)
    fencing = threading.Thread(target=behind.fence)
    fencing.start()
    fencing.join(0.1)
    assert fencing.is_alive()
    storage.gate.set()
    fencing.join(5)
    assert storage.written == [row(1)]
    behind.close(5)


def test_an_end_does_not_wait_for_a_whole_state_to_be_written(tmp_path: Path) -> None:
    """It is given up, no error, and what was there before stays."""
    storage = SqliteStorage(tmp_path / "learner.db", TABLES)
    storage.write(row(1))
    errors: list[BaseException] = []
    left: list[tuple[Envelope, ...]] = []
    inside = threading.Event()

    def pairs() -> Iterator[tuple[str, bytes]]:
        inside.set()
        for number in count():
            yield str(number), bytes(100)

    behind = WriteBehind(storage, left.append, errors.append)
    behind.write((Clear("rows"), PutAll("rows", pairs())), durable(1))
    assert inside.wait(5)
    behind.close(0.05)
    storage.close()
    until(lambda: not any(thread.name == "write-behind" for thread in threading.enumerate()))
    assert (left, errors) == ([], [])
    storage = SqliteStorage(tmp_path / "learner.db", TABLES)
    assert list(storage.scan("rows")) == [("k", b"1")]
    storage.close()


def test_an_error_is_final() -> None:
    storage = GatedStorage()
    errors: list[BaseException] = []
    storage.error = StorageFailed("no space")
    left: list[tuple[Envelope, ...]] = []
    behind = WriteBehind(storage, left.append, errors.append)
    behind.write(row(1), durable(1))
    until(lambda: errors)
    behind.close(5)
    assert left == []


def test_an_error_of_what_follows_a_write_is_final_too() -> None:
    """Else the thread is gone, and the learner's disk stands still unnoticed."""
    errors: list[BaseException] = []

    def leave(messages: tuple[Envelope, ...]) -> None:
        raise RuntimeError("bug")

    behind = WriteBehind(MemoryStorage(TABLES), leave, errors.append)
    behind.write(row(1), durable(1))
    until(lambda: errors)
    behind.close(5)
