"""How the history is stored: blocks of changes, in chunks, each with an index entry of its own.

Rules: every row begins with a format version, and one that cannot be read is Corrupt; rows are
made by the thread that writes them. It converts and does not decide.
"""

from __future__ import annotations

from collections.abc import Collection
from struct import pack
from typing import Any, NamedTuple
from zlib import crc32

from msgspec import MsgspecError
from msgspec.msgpack import Decoder, encode

from ..storage.interface import Corrupt, Key

__all__ = [
    "Block",
    "Chunk",
    "StoredChunk",
    "marks",
    "pack_chunk",
    "pack_index",
    "unpack_chunk",
    "unpack_index",
]

_FORMAT = 1
_MARK = 4


class Block(NamedTuple):
    """What a slot's commands changed, in columns: they are made, and packed, at every PUT.

    `previous` is the chain's hash before it. `ids`: of the commands that made the revisions from
    `first` on. Of each change: its revision, its key, and what that held before, None for nothing.
    """

    slot: int
    ballot: tuple[int, int]
    acceptors: tuple[int, ...]
    previous: bytes
    first: int
    ids: tuple[tuple[Any, ...], ...]
    revisions: tuple[int, ...]
    keys: tuple[Any, ...]
    olds: tuple[Any, ...]


class StoredChunk(NamedTuple):
    """A chunk as it was when it was handed out to be stored."""

    chunk: Chunk
    blocks: tuple[Block, ...]
    upto: int


class Chunk:
    """Blocks that are stored together: those of the revisions beyond `after`, up to `upto`.

    `blocks` is None once the disk alone has them; `marks` then says which keys they may concern.
    """

    __slots__ = ("after", "blocks", "hint", "marks", "number", "size", "upto")

    def __init__(self, number: int, after: int) -> None:
        """Begin with no block."""
        self.number = number
        self.after = self.upto = after
        self.blocks: list[Block] | None = []
        self.hint = 0
        """About how many bytes it has, while it grows."""
        self.marks = b""
        self.size = 0
        """Bytes on the disk."""

    def add(self, block: Block, upto: int, size: int) -> None:
        """Add a block; `upto` is the revision after it, `size` about how many bytes it has."""
        if self.blocks is None:
            raise ValueError("the chunk does not grow any more")
        self.blocks.append(block)
        self.upto = upto
        self.hint += size

    def as_it_is(self) -> StoredChunk:
        """Take it for a row that is made later, while it may grow."""
        return StoredChunk(self, tuple(self.blocks or ()), self.upto)

    def may_concern(self, key: Key) -> bool:
        """Whether a change of `key` may be in it; for one whose blocks are on the disk alone."""
        return marks([key]) in self.marks


def marks(keys: Collection[Key]) -> bytes:
    """Distinguish keys, mostly, by four bytes each: all that an index has of them."""
    found = set(map(crc32, map(str.encode, map(str, keys))))
    return pack(f">{len(found)}I", *found)


def pack_chunk(stored: StoredChunk) -> tuple[Key, bytes]:
    """Make its row, and note in it how large that is and whose changes it has."""
    chunk, blocks, _ = stored
    data = encode((_FORMAT, blocks))
    chunk.size = len(data)
    keys: set[Key] = set()
    for block in blocks:
        keys.update(block.keys)
    chunk.marks = marks(keys)
    return chunk.number, data


def pack_index(stored: StoredChunk) -> tuple[Key, bytes]:
    """Make the row of its index, after that of the chunk."""
    chunk, _, upto = stored
    return chunk.number, encode((_FORMAT, chunk.after, upto, chunk.size, chunk.marks))


_Index = tuple[int, int, int, int, bytes]
_INDEX: Decoder[_Index] = Decoder(_Index)
_CHUNK: Decoder[tuple[int, tuple[Block, ...]]] = Decoder(tuple[int, tuple[Block, ...]])


def unpack_index(number: Any, data: bytes) -> Chunk:
    """Read an index entry back; raises Corrupt."""
    try:
        form, after, upto, size, marks = _INDEX.decode(data)
    except (MsgspecError, ValueError) as error:
        raise Corrupt(f"the index of chunk {number} of the history is malformed") from error
    if form != _FORMAT or len(marks) % _MARK or not 0 <= after < upto:
        raise Corrupt(f"the index of chunk {number} of the history is malformed")
    chunk = Chunk(number, after)
    chunk.upto, chunk.size, chunk.marks, chunk.blocks = upto, size, marks, None
    return chunk


def unpack_chunk(number: int, data: bytes | None) -> tuple[Block, ...]:
    """Read a chunk's blocks back; raises Corrupt, also for None, which is a chunk that is gone."""
    try:
        form, blocks = _CHUNK.decode(data or b"")
    except (MsgspecError, ValueError) as error:
        raise Corrupt(f"chunk {number} of the history is missing or malformed") from error
    if form != _FORMAT:
        raise Corrupt(f"chunk {number} of the history has format {form}")
    return blocks
