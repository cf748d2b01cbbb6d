"""Writing behind: order kept, messages after records, nothing of a fenced incarnation."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from kvrmi.paxos.effects import Address, Envelope
from kvrmi.paxos.messages import Durable
from kvrmi.storage.interface import Put, Record, StorageFailed
from kvrmi.storage.memory import MemoryStorage
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

    def write(self, records: Sequence[Record]) -> None:
        self.inside.set()
        self.gate.wait(5)
        if self.error is not None:
            raise self.error
        super().write(records)


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
    storage = GatedStorage()
    left: list[tuple[Envelope, ...]] = []
    behind = WriteBehind(storage, left.append, lambda error: None)
    storage.gate.clear()
    behind.write(row(1), durable(1))
    assert storage.inside.wait(5)
    behind.write(row(2), durable(2))
    fencing = threading.Thread(target=behind.fence)
    fencing.start()
    storage.gate.set()
    fencing.join(5)
    behind.write(row(3), durable(3))
    until(lambda: durable(3) in left)
    behind.close(5)
    assert storage.read("rows", "k") == b"3"


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
