"""The chosen values, slot after slot: the last of them in full, all of them in one hash chain.

Rules: a slot is appended once and in order; the chain covers slot and batch and nothing else, so
that healthy replicas agree on it whatever ballot chose the value; what has not been handed out
to be stored is never truncated. The disk may hold more than memory: at rest memory keeps few
values, and while somebody will ask for older entries, nothing is trimmed there, up to a bound.
It does not know what a command means, nor how a value came to be chosen.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any, NamedTuple

import msgpack
from msgspec.msgpack import encode

from ..operations.interface import PAGE_BYTES
from ..storage.interface import (
    Clear,
    Corrupt,
    Key,
    Number,
    Packed,
    Put,
    PutAll,
    Readable,
    Record,
    Tables,
    Trim,
)

__all__ = [
    "CHAIN_START",
    "RESTING_BYTES",
    "TABLES",
    "Blocks",
    "Entry",
    "Kept",
    "Log",
    "Older",
    "chain",
    "pack_batch",
    "recomputed",
    "stored_blocks",
    "stored_end",
    "stored_page",
    "unpack_batch",
]

TABLES: Tables = {"log": int, "anchor": str}
CHAIN_START = bytes(32)
"""The hash before slot 1."""

_FORMAT = 1
_FORMAT_BYTE = bytes((_FORMAT,))
_KEPT_BYTES = 4 << 20
RESTING_BYTES = 256 << 10
"""Bytes of values that stay in memory when the disk has all of them and nothing new comes."""
_HELD_BYTES = 512 << 20
"""Bytes that the disk may hold for who pulls a snapshot; beyond, it is trimmed all the same."""
_FIRST, _LAST = "first", "last"


class Entry(NamedTuple):
    """The chosen value of a slot; `acceptors` are those known to have accepted it at `ballot`."""

    slot: Number
    ballot: tuple[Number, Number]
    acceptors: tuple[Number, ...]
    value: bytes


class Kept(NamedTuple):
    """An entry as the log has it: with the revision after it, and the chain's hash up to it."""

    entry: Entry
    revision: int
    hash: bytes


class Older(NamedTuple):
    """What memory has of an entry whose value is on the disk alone."""

    slot: int
    hash: bytes
    size: int


class Blocks(NamedTuple):
    """Entries in a row, after the slot and hash `before`; those of `older` are on the disk."""

    before: tuple[int, bytes]
    older: list[Older]
    kept: list[Kept]


def pack_batch(commands: Sequence[bytes]) -> bytes:
    """Make the value of one slot of these commands; none of them makes the no-op."""
    return _FORMAT_BYTE + encode(tuple(commands))


def unpack_batch(value: bytes) -> tuple[bytes, ...]:
    """Take a slot's value apart into its commands; raises ValueError on anything else."""
    if value[:1] != _FORMAT_BYTE:
        raise ValueError("a batch of an unknown format")
    commands = msgpack.unpackb(memoryview(value)[1:], use_list=False)
    if type(commands) is not tuple or any(type(command) is not bytes for command in commands):
        raise ValueError("a batch is a list of commands")
    return commands


def chain(previous: bytes, slot: int, value: bytes) -> bytes:
    """Lengthen the hash chain by one slot."""
    link = hashlib.sha256(previous)
    link.update(slot.to_bytes(8, "big"))
    link.update(value)
    return link.digest()


class Log:
    """The last entries, and before them an anchor: the slot and chain hash they follow.

    At most `keep` entries and `keep_bytes` of values stay (one entry always does), save that
    those not yet handed out by `take_records` stay until they are. Of the older ones at rest only
    slot and hash are in memory; see `rest`.
    """

    def __init__(
        self, keep: int = 1000, keep_bytes: int = _KEPT_BYTES, held_bytes: int = _HELD_BYTES
    ) -> None:
        """Begin before slot 1."""
        self.applied = 0
        """Highest slot appended, or the anchor's."""
        self.hash = CHAIN_START
        """The chain up to and including `applied`."""
        self.anchor: tuple[int, bytes] = (0, CHAIN_START)
        self.keep = keep
        """Entries kept at most."""
        self.held = False
        """Whether the disk keeps what memory drops; set by who knows that it will be asked for."""
        self._keep_bytes = keep_bytes
        self._held_bytes = held_bytes
        self._kept: dict[int, Kept] = {}
        self._older: deque[Older] = deque()
        """Before those, from the anchor on."""
        self._bytes = 0
        """Of the values of both."""
        self._stored = 0
        self._trimmed = 0
        self._stored_bytes = 0
        self._restarted = False

    @property
    def first(self) -> int:
        """Lowest slot whose value is still in memory; `applied` + 1 if none is."""
        return self.anchor[0] + len(self._older) + 1

    @property
    def oldest(self) -> int:
        """Lowest slot still kept, in memory or on the disk; `applied` + 1 if none is."""
        return self._trimmed + 1

    def append(self, entry: Entry, revision: int) -> None:
        """Add the entry of the next slot; `revision` is the machine's after applying it.

        Raises ValueError for any other slot: a gap or a repetition would fork the state.
        """
        self.expect(entry.slot)
        self.applied = entry.slot
        self.hash = chain(self.hash, entry.slot, entry.value)
        self._kept[entry.slot] = Kept(entry, revision, self.hash)
        self._bytes += len(entry.value)
        self._stored_bytes += len(entry.value)
        self._truncate()

    def expect(self, slot: int) -> None:
        """Raise ValueError unless `slot` is the next one."""
        if slot != self.applied + 1:
            raise ValueError(f"slot {slot} cannot follow slot {self.applied}")

    def page(self, slot: int, limit_bytes: int = PAGE_BYTES) -> tuple[Entry, ...]:
        """Entries from `slot` on, of at most `limit_bytes` of values, or one entry.

        Empty when `slot` lies beyond `applied`, and below `first`, where a snapshot is needed.
        """
        entries: list[Entry] = []
        kept = self._kept.get(slot)
        while kept is not None:
            limit_bytes -= len(kept.entry.value)
            if limit_bytes < 0 and entries:
                break
            entries.append(kept.entry)
            kept = self._kept.get(slot + len(entries))
        return tuple(entries)

    def find(self, slot: int) -> tuple[Entry, int] | None:
        """Give the entry of `slot` and the revision after it, or None if it is not kept."""
        kept = self._kept.get(slot)
        return None if kept is None else (kept.entry, kept.revision)

    def blocks(self, slot: int, most: int) -> Blocks:
        """Give at most so many entries from `slot` on.

        They begin later where the log does, at the anchor.
        """
        first = max(min(slot, self.applied + 1), self.anchor[0] + 1)
        end = min(first + most, self.applied + 1)
        at = first - self.anchor[0] - 1
        older = list(islice(self._older, at, at + most))
        kept = [self._kept[one] for one in range(max(first, self.first), end)]
        before = self.hash_at(first - 1)
        return Blocks(self.anchor if before is None else (first - 1, before), older, kept)

    def hash_at(self, slot: int) -> bytes | None:
        """Return the chain's hash up to a slot, None if its entry is not kept."""
        if slot in self._kept:
            return self._kept[slot].hash
        at = slot - self.anchor[0] - 1
        return self._older[at].hash if 0 <= at < len(self._older) else None

    def restart(self, slot: int, hash: bytes) -> None:
        """Forget every entry and go on after `slot`: a snapshot taken there was installed."""
        self._kept.clear()
        self._older.clear()
        self._bytes = self._stored_bytes = 0
        self.applied, self.hash = slot, hash
        self.anchor = (slot, hash)
        self._stored = self._trimmed = slot
        self._restarted = True

    def take_records(self) -> tuple[Record, ...]:
        """Return what makes the stored log equal this one; the next call returns only what is new.

        All of it belongs into one write, together with the machine's records.
        """
        if not self._restarted and self._stored == self.applied:
            return ()
        records: list[Record] = [Clear("log")] if self._restarted else []
        new = [self._kept[slot] for slot in range(self._stored + 1, self.applied + 1)]
        records.append(PutAll("log", Packed(new, _pack_kept)))
        self._stored = self.applied
        self._truncate()
        if self._restarted or not self.held or self._stored_bytes > self._held_bytes:
            records.append(Trim("log", self.anchor[0]))
            records.append(Put("anchor", _FIRST, _pack_place(self.anchor)))
            self._trimmed, self._stored_bytes = self.anchor[0], self._bytes
        records.append(Put("anchor", _LAST, _pack_place((self.applied, self.hash))))
        self._restarted = False
        return tuple(records)

    def rest(self, keep_bytes: int = RESTING_BYTES) -> None:
        """Leave all but the last values to the disk, which has all of them, durably."""
        size = self._bytes - sum(one.size for one in self._older)
        while size > keep_bytes and self.first <= min(self._stored, self.applied - 1):
            self._let_go()
            size -= self._older[-1].size

    def _let_go(self) -> None:
        """Let the value of the oldest entry in memory go; slot and hash stay."""
        kept = self._kept.pop(self.first)
        self._older.append(Older(kept.entry.slot, kept.hash, len(kept.entry.value)))

    def _truncate(self) -> None:
        """Drop the oldest entries beyond the limits, of those that were handed out."""
        upto = min(self._stored, self.applied - 1)
        while self.anchor[0] < upto and self._beyond():
            if not self._older:
                self._let_go()
            slot, hash, size = self._older.popleft()
            self._bytes -= size
            self.anchor = (slot, hash)

    def _beyond(self) -> bool:
        return self.applied - self.anchor[0] > self.keep or self._bytes > self._keep_bytes

    @classmethod
    def load(cls, disk: Readable, keep: int = 1000, keep_bytes: int = _KEPT_BYTES) -> Log:
        """Read the log back and recompute its chain; an unwritten one is empty.

        Raises Corrupt when an entry is missing or the chain does not end where it was stored.
        """
        log = cls(keep, keep_bytes)
        place = _read_place(disk, _FIRST)
        log.restart(*place)
        log._restarted = False
        for slot, value in disk.scan("log"):
            kept = _unpack_kept(slot, value)
            if kept[0].slot != log.applied + 1:
                raise Corrupt(f"the log lacks slot {log.applied + 1}")
            log._stored = log.applied + 1  # so that memory never holds more than its limits
            log.append(*kept)
        if stored_end(disk) != (log.applied, log.hash):
            raise Corrupt("the log does not end where it was stored")
        return log


def stored_end(disk: Readable) -> tuple[int, bytes]:
    """Return the slot up to which what `disk` holds is applied, and the chain hash there."""
    return _read_place(disk, _LAST)


def recomputed(disk: Readable) -> Iterator[tuple[int, bytes]]:
    """Compute the chain anew from the entries that `disk` holds: the anchor first, then each slot.

    Raises Corrupt, in the end also if that is not the hash that was stored.
    """
    place = _read_place(disk, _FIRST)
    yield place
    slot, hash = place
    for key, value in disk.scan("log"):
        entry, _ = _unpack_kept(key, value)
        if entry.slot != slot + 1:
            raise Corrupt(f"the log lacks slot {slot + 1}")
        slot, hash = entry.slot, chain(hash, entry.slot, entry.value)
        yield slot, hash
    if stored_end(disk) != (slot, hash):
        raise Corrupt(f"the chain that was stored ends otherwise than slot {slot} does")


def stored_page(disk: Readable, slot: int, limit_bytes: int = PAGE_BYTES) -> tuple[Entry, ...]:
    """Read entries from `slot` on as `Log.page` does, of what `disk` holds; raises Corrupt."""
    entries: list[Entry] = []
    for key, value in disk.scan("log", slot - 1):
        entry, _ = _unpack_kept(key, value)
        limit_bytes -= len(entry.value)
        if entry.slot != slot + len(entries) or (limit_bytes < 0 and entries):
            break
        entries.append(entry)
    return tuple(entries)


def stored_blocks(disk: Readable, places: Sequence[Older]) -> list[Kept]:
    """Read the entries in these places, one after the other; raises Corrupt."""
    found = []
    rows = disk.scan("log", places[0].slot - 1) if places else iter(())
    for place, (slot, value) in zip(places, rows, strict=False):
        entry, revision = _unpack_kept(slot, value)
        if entry.slot != place.slot:
            break
        found.append(Kept(entry, revision, place.hash))
    if len(found) < len(places):
        raise Corrupt(f"the log lacks slot {places[len(found)].slot}")
    return found


def _pack_kept(kept: Kept) -> tuple[Key, bytes]:
    entry = kept.entry
    fields = (_FORMAT, *entry.ballot, entry.acceptors, kept.revision, entry.value)
    return entry.slot, encode(fields)


def _unpack_kept(slot: Any, value: bytes) -> tuple[Entry, int]:
    try:
        form, round, replica, acceptors, revision, batch = msgpack.unpackb(value, use_list=False)
    except (ValueError, TypeError) as error:
        raise Corrupt(f"the stored entry of slot {slot} is malformed") from error
    if form != _FORMAT:
        raise Corrupt(f"the stored entry of slot {slot} has format {form}")
    found = tuple(map(type, (round, replica, acceptors, revision, batch)))
    if found != (int, int, tuple, int, bytes):
        raise Corrupt(f"the stored entry of slot {slot} is malformed")
    return Entry(slot, (round, replica), acceptors, batch), revision


def _pack_place(place: tuple[int, bytes]) -> bytes:
    return encode((_FORMAT, *place))


def _read_place(disk: Readable, name: str) -> tuple[int, bytes]:
    value = disk.read("anchor", name)
    if value is None:
        return 0, CHAIN_START
    try:
        form, slot, hash = msgpack.unpackb(value, use_list=False)
    except (ValueError, TypeError) as error:
        raise Corrupt(f"the stored {name} place of the log is malformed") from error
    if form != _FORMAT:
        raise Corrupt(f"the stored {name} place of the log has format {form}")
    if type(slot) is not int or type(hash) is not bytes:
        raise Corrupt(f"the stored {name} place of the log is malformed")
    return slot, hash
