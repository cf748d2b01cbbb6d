"""What the writer and the store of one process say to each other; nothing of it leaves it.

Rule: what the store may forget or apply follows from what the writer's disk has.
"""

from __future__ import annotations

from ..roles.contract import Message
from ..storage.interface import Number

__all__ = ["Append", "Appended", "Durable", "Stored", "StoredSince", "WriterUp"]


class Append(Message, frozen=True):
    """Store to writer: keep this batch durably; batches up to `durable` may be forgotten."""

    slot: Number
    value: bytes
    durable: Number


class Appended(Message, frozen=True):
    """Writer to store: batch `slot` is durable."""

    slot: Number


class WriterUp(Message, frozen=True):
    """Host to store: the writer has its disk, and can be asked."""


class StoredSince(Message, frozen=True):
    """Store to writer: return the batches after `slot`."""

    slot: Number


class Stored(Message, frozen=True):
    """Writer to store: these, each with its slot, in their order."""

    batches: tuple[tuple[int, bytes], ...]


class Durable(Message, frozen=True):
    """Store to itself: its own file has everything up to `slot`."""

    slot: Number
