"""The writer: keeps each batch of commands durably until the store's file has what came of it.

Rules: a batch is acknowledged when it is durable and not before; batches are kept in the order of
their slots without a gap. It applies nothing and knows no command.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..roles.contract import NOTHING, Address, Effects, Envelope, Message
from ..roles.invariants import DiskLost, require
from ..storage.interface import Corrupt, Put, Readable, Record, Tables, Trim
from .messages import Append, Appended, Stored, StoredSince

__all__ = ["BATCHES", "TABLES", "Writer"]

BATCHES = "batches"
TABLES: Tables = {BATCHES: int}


class Writer:
    """One disk's. A Role: kvrmi/roles/contract.py is its contract with its host."""

    def __init__(self, disk: Readable) -> None:
        """Take up what is on `disk`, which is read in steps of this role alone. Raises Corrupt."""
        self._disk = disk
        slots = [slot for slot, _ in disk.scan(BATCHES)]
        self.last = int(slots[-1]) if slots else 0
        """The last batch that is kept, or that the store's file had; 0: none."""
        self._kept = len(slots)
        self._forgotten = 0
        if slots and slots != list(range(self.last + 1 - len(slots), self.last + 1)):
            raise Corrupt("a batch is missing among those that are kept")
        self._on: Mapping[type, Callable[[Address, Any], Effects]] = {
            Append: self._on_append,
            StoredSince: self._on_stored_since,
        }

    @property
    def kept(self) -> int:
        """How many batches were kept when it started."""
        return self._kept

    def receive(self, now: float, sender: Address, message: Message) -> Effects:
        """Handle one message."""
        handler = self._on.get(type(message))
        return handler(sender, message) if handler else NOTHING

    def wake(self, now: float) -> Effects:
        """Nothing is ever due."""
        return NOTHING

    def _on_append(self, sender: Address, m: Append) -> Effects:
        require(self.last in (0, m.slot - 1), f"batch {m.slot} follows batch {self.last}")
        self.last = m.slot
        records: tuple[Record, ...] = (Put(BATCHES, m.slot, m.value),)
        if m.durable > self._forgotten:
            # The newest one always stays: it shows a store's file that is older than it should be.
            records = (Trim(BATCHES, m.durable), *records)
            self._forgotten = m.durable
        return Effects(records, (Envelope(sender, Appended(m.slot)),))

    def _on_stored_since(self, sender: Address, m: StoredSince) -> Effects:
        batches = [(int(slot), value) for slot, value in self._disk.scan(BATCHES, m.slot)]
        if batches and batches[0][0] != m.slot + 1:
            raise DiskLost(
                f"the store's file ends with batch {m.slot}, and once had batch "
                f"{batches[0][0] - 1}: it is an older copy, or a new one"
            )
        self.last = max(self.last, m.slot)
        return Effects(messages=(Envelope(sender, Stored(tuple(batches))),))
