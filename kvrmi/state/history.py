"""What keys held before: for each change what it replaced, as far back as is kept.

It is an undo log. What a key held at a revision is what its first change after that replaced, or
what it holds now; so every revision that is kept can be answered for every key, however old its
value is. Rules: it reaches without a gap from `since` to the present, or begins anew; an answer is
found or refused, never guessed. Each replica keeps its own: it is no part of the replicated state,
nor of snapshots. In memory is an index of its chunks, and what the disk does not have yet.
It does not know what a command means.
"""

from __future__ import annotations

import contextlib
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from ..cluster.retention import Retention
from ..storage.interface import (
    Clear,
    Corrupt,
    Key,
    Packed,
    PutAll,
    Readable,
    Record,
    Snapshot,
    Tables,
    Trim,
)
from .chunks import Block, Chunk, pack_chunk, pack_index, unpack_chunk, unpack_index

__all__ = ["TABLES", "Found", "History", "Retention"]

_CHUNKS, _INDEX = "history", "history_index"
TABLES: Tables = {_CHUNKS: int, _INDEX: int}

_SMALL = 32 << 10
"""Bytes up to which the last chunk goes on growing, so that rare writes make no chunk each."""
_LARGE = 256 << 10
"""Bytes after which another chunk is begun: whoever looks for a key reads whole chunks."""


class Found(NamedTuple):
    """A change of the key that was asked for: what it replaced, and the block that it is from."""

    revision: int
    old: object
    block: Block

    @property
    def id(self) -> tuple[object, ...]:
        """Return the id of the command that made it."""
        return self.block.ids[self.revision - self.block.first]


class History:
    """The changes from some revision on."""

    def __init__(
        self,
        retention: Retention = Retention(),  # noqa: B008
        open_snapshot: Callable[[], Snapshot] | None = None,
    ) -> None:
        """Begin at revision 0; `open_snapshot` opens what the disk holds."""
        self._retention = retention
        self._open_snapshot = open_snapshot
        self._begin(0)
        self._anew = False

    @property
    def keeps(self) -> bool:
        """Whether it keeps anything."""
        return self._retention.revisions > 0

    def fresh(self) -> History:
        """Make an empty one that keeps as much."""
        return History(self._retention, self._open_snapshot)

    def _begin(self, revision: int) -> None:
        self.revision = revision
        """The last one that it covers."""
        self._chunks: list[Chunk] = []
        self._unwritten: dict[int, Chunk] = {}
        """Chunks that grew since the last records, by number."""
        self._bytes = 0
        """Of those that are on the disk alone."""

    @property
    def since(self) -> int:
        """The oldest revision of which it knows what keys held."""
        return self._chunks[0].after if self._chunks else self.revision

    # --- what happens -----------------------------------------------------------------------------

    def restart(self, revision: int) -> None:
        """Forget all and begin at `revision`: the state there is another's."""
        self._begin(revision)
        self._anew = True

    def add(self, block: Block, revision: int, size: int) -> None:
        """Add what a slot changed; `revision` is that after it, `size` about how many bytes."""
        if revision == self.revision:
            return
        if self.keeps:
            chunk = self._growing()
            chunk.add(block, revision, size)
            self._unwritten[chunk.number] = chunk
        self.revision = revision

    def _growing(self) -> Chunk:
        last = self._chunks[-1] if self._chunks else None
        if last is not None and last.blocks is not None and last.hint < self._room(last):
            return last
        chunk = Chunk(last.number + 1 if last else 1, self.revision)
        self._chunks.append(chunk)
        return chunk

    def _room(self, last: Chunk) -> int:
        """Bytes at which it grows no more: one that was stored before is written again whole."""
        return _LARGE if last.number in self._unwritten else _SMALL

    # --- the disk ---------------------------------------------------------------------------------

    def take_records(self) -> tuple[Record, ...]:
        """Return what makes the stored history equal this one; all of it belongs into one write."""
        records: list[Record] = [Clear(table) for table in TABLES] if self._anew else []
        if self._unwritten:
            chunks = [chunk.as_it_is() for chunk in self._unwritten.values()]
            records.append(PutAll(_CHUNKS, Packed(chunks, pack_chunk)))
            records.append(PutAll(_INDEX, Packed(chunks, pack_index)))
        gone = self._drop()
        records += [Trim(table, gone) for table in TABLES if gone]
        self._unwritten = {}
        self._anew = False
        return tuple(records)

    def durable(self, slot: int) -> None:
        """Free what the disk has: all up to `slot`, save a chunk that may grow."""
        for chunk in reversed(self._chunks):
            if chunk.blocks is None:
                return
            grows = chunk is self._chunks[-1] and chunk.hint < _SMALL
            stored = chunk.number not in self._unwritten and chunk.blocks[-1].slot <= slot
            if stored and not grows:
                chunk.blocks = None
                self._bytes += chunk.size

    def _drop(self) -> int:
        """Drop the oldest chunks beyond what is to be kept; the number of the last, 0: none."""
        gone, revisions, most = 0, self._retention.revisions, self._retention.bytes
        while len(self._chunks) > 1 and (first := self._chunks[0]).blocks is None:
            if self.revision - first.upto < revisions and self._bytes - first.size < most:
                break
            gone = first.number
            self._bytes -= first.size
            del self._chunks[0]
        return gone

    def load(self, disk: Readable, revision: int) -> None:
        """Read the index back, of a state at `revision`; raises Corrupt.

        One that ends elsewhere was left by a program that kept none: it begins anew.
        """
        self._begin(revision)
        chunks = [unpack_index(number, data) for number, data in disk.scan(_INDEX)]
        for one, following in pairwise(chunks):
            if (one.number + 1, one.upto) != (following.number, following.after):
                raise Corrupt(f"the history has a gap after chunk {one.number}")
        if chunks and chunks[-1].upto == revision and self.keeps:
            self._chunks = chunks
            self._bytes = sum(chunk.size for chunk in chunks)
        elif chunks:
            self.restart(revision)

    # --- questions --------------------------------------------------------------------------------

    def before(self, key: Key, revision: int) -> Iterator[Found]:
        """Yield the changes of `key` up to `revision`, the newest first. Raises Corrupt."""
        end = bisect_left(self._chunks, revision, key=lambda chunk: chunk.after)
        for blocks in self._read(key, reversed(self._chunks[:end])):
            for block in reversed(blocks):
                for found in reversed(_of(key, block)):
                    if found.revision <= revision:
                        yield found

    def first_after(self, key: Key, revision: int) -> Found | None:
        """Return the first change of `key` after `revision`, None if there is none yet.

        Raises Corrupt.
        """
        begin = bisect_right(self._chunks, revision, key=lambda chunk: chunk.upto)
        changes = (
            found
            for blocks in self._read(key, self._chunks[begin:])
            for block in blocks
            for found in _of(key, block)
        )
        return next((found for found in changes if found.revision > revision), None)

    def _read(self, key: Key, chunks: Iterable[Chunk]) -> Iterator[Sequence[Block]]:
        """Give the blocks of those chunks that may concern `key`."""
        with contextlib.ExitStack() as stack:
            snapshot: Snapshot | None = None
            for chunk in chunks:
                if chunk.blocks is not None:
                    yield chunk.blocks
                elif chunk.may_concern(key):
                    if snapshot is None:
                        snapshot = stack.enter_context(contextlib.closing(self._snapshot()))
                    yield unpack_chunk(chunk.number, snapshot.read(_CHUNKS, chunk.number))

    def _snapshot(self) -> Snapshot:
        if self._open_snapshot is None:
            raise Corrupt("there is no disk to read the history from")
        return self._open_snapshot()


def _of(key: Key, block: Block) -> list[Found]:
    if key not in block.keys:
        return []
    changes = zip(block.revisions, block.keys, block.olds, strict=True)
    return [Found(revision, old, block) for revision, one, old in changes if one == key]
