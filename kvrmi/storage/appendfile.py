"""The bytes of an append-only file: numbered, checksummed writes, and a mark of what was confirmed.

Rules: a write is confirmed after its sync and not before; the mark beside the file is moved after
that, so it is never ahead of the disk; a file appears under its name only when it is whole and
synced, and its first write is never a torn one. What cannot be a torn last write is damage.
It does not know what a write holds.
"""

from __future__ import annotations

import errno
import os
import secrets
import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

from .durable import astray, created, sync_folder, write_all
from .interface import Corrupt, StorageFailed
from .successor import Successor

__all__ = ["ROOM", "AppendFile", "Found", "examined", "is_appended", "mark_of", "read_back"]

ROOM = 1 << 20
"""Bytes that a file has at first beyond its first write, or more: as many as that one has."""
MOST_ROOM = 8 << 20
"""Each that is full is followed by one with twice the room, up to so much."""
_LATE = 4
"""When only this part of its room is left, the next file is begun."""
_GIVE_UP_SECONDS = 1.0
_NEXT = ".next"
_MAGIC = b"kvrmi\x00\r\n"
_HEADER = struct.Struct(">8s8sI")
"""Magic, the file's id, CRC-32 of both."""
_HEAD = struct.Struct(">IIQ")
"""Of a write: CRC-32, the payload's length, its number. Before it stands the file's marker."""
_MARKER = 4
"""Bytes of the file's id that begin each write: nobody who makes payloads knows them."""
_CELL = struct.Struct(">8sQBI")
_CELLS = 2
_SECTOR = 512
"""Cells of the mark lie so far apart: a disk writes a sector wholly or not at all."""


class Mark(NamedTuple):
    """Write `number` was confirmed; `closed`: the file ends with it."""

    number: int
    closed: bool


class Found(NamedTuple):
    """What a file holds: the payloads of its writes in order, the last of which has `number`.

    `confirmed`: the last of which that is certain; one more may be whole. `clean`: it was closed.
    """

    id: bytes
    number: int
    confirmed: int
    payloads: list[memoryview]
    clean: bool


def mark_of(path: Path) -> Path:
    """Where a file's mark is."""
    return path.with_name(path.name + ".mark")


def is_appended(path: Path) -> bool:
    """Whether it begins as a file of this kind. Raises OSError."""
    with path.open("rb") as file:
        return file.read(len(_MAGIC)) == _MAGIC


# --- reading --------------------------------------------------------------------------------------


def read_back(path: Path) -> Found | None:
    """Read and check a whole file; None where nothing was ever confirmed and there is none.

    Raises Corrupt when something that was confirmed is damaged or missing, and StorageFailed.
    """
    try:
        mark_bytes = _bytes_of(mark_of(path))
        data = _bytes_of(path)
    except OSError as error:
        raise StorageFailed(f"{path} cannot be read: {error.strerror or error}") from error
    if data is None:
        _nothing_lost(path, mark_bytes)
        return None
    return examined(path.name, data, mark_bytes)


def examined(name: str, data: bytes, mark_bytes: bytes | None) -> Found:
    """Give what the bytes of a file and of its mark hold. Raises Corrupt."""
    return _Reader(name, data).found(mark_bytes)


def _bytes_of(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _nothing_lost(path: Path, mark_bytes: bytes | None) -> None:
    """Pass a mark without its file only if the file's making was cut short."""
    if mark_bytes is None:
        return
    numbers = [number for _, number, _ in _cells(mark_bytes)]
    if not numbers or max(numbers):
        raise Corrupt(f"{path.name} is missing, and {mark_of(path).name} is there")


def _cells(data: bytes) -> list[tuple[bytes, int, bool]]:
    """Read those cells of a mark that are whole."""
    whole = []
    for cell in range(_CELLS):
        piece = data[cell * _SECTOR : cell * _SECTOR + _CELL.size]
        if len(piece) == _CELL.size:
            id, number, closed, check = _CELL.unpack(piece)
            if check == crc32(piece[:-4]):
                whole.append((id, number, bool(closed)))
    return whole


class _Reader:
    """Goes through the bytes of one file."""

    def __init__(self, name: str, data: bytes) -> None:
        """Check the header. Raises Corrupt."""
        self._name = name
        self._data = memoryview(data)
        self._bytes = data
        if len(data) < _HEADER.size:
            raise Corrupt(f"{name} is empty or of an unknown format")
        magic, self._id, check = _HEADER.unpack_from(data)
        if magic != _MAGIC or check != crc32(data[: _HEADER.size - 4]):
            raise Corrupt(f"{name} is damaged at its beginning, or of an unknown format")

    def found(self, mark_bytes: bytes | None) -> Found:
        """Give what it holds, if that is all that was confirmed. Raises Corrupt."""
        mark = self._mark(mark_bytes)
        payloads: list[memoryview] = []
        at, number = _HEADER.size, 0
        while one := self._write_at(at):
            if payloads and one[0] != number + 1:
                break
            number, payload = one
            payloads.append(payload)
            at += _size(payload)
        self._check_end(at, number, mark)
        return Found(self._id, number, mark.number, payloads, mark.closed)

    def _mark(self, mark_bytes: bytes | None) -> Mark:
        cells = _cells(mark_bytes or b"")
        if not cells or any(id != self._id for id, _, _ in cells):
            raise Corrupt(f"the mark of {self._name} is missing, damaged, or of another file")
        last = max(number for _, number, _ in cells)
        return Mark(last, any(closed for _, number, closed in cells if number == last))

    def _write_at(self, at: int) -> tuple[int, memoryview] | None:
        """Give number and payload of the write that begins there, if it is whole."""
        head = at + _MARKER
        begin = head + _HEAD.size
        if begin > len(self._data) or self._bytes[at:head] != self._id[:_MARKER]:
            return None
        check, length, number = _HEAD.unpack_from(self._data, head)
        payload = self._data[begin : begin + length]
        if len(payload) != length or check != _check(self._id, number, payload):
            return None
        return number, payload

    def _check_end(self, end: int, number: int, mark: Mark) -> None:
        """Distinguish a torn last write, which nobody confirmed, from damage. Raises Corrupt."""
        if end == _HEADER.size:
            raise Corrupt(f"the first write in {self._name} is damaged")
        if number < mark.number:
            raise Corrupt(
                f"{self._name} confirmed write {mark.number}, and is whole up to {number} only"
            )
        at = end
        while (at := self._bytes.find(self._id[:_MARKER], at)) >= 0:
            if self._write_at(at):
                raise Corrupt(f"{self._name} is damaged between write {number} and a later one")
            at += 1
        if mark.closed and (number != mark.number or end != len(self._data)):
            raise Corrupt(f"{self._name} is not what it was when it was closed")


def _size(payload: bytes | memoryview) -> int:
    return _MARKER + _HEAD.size + len(payload)


def _check(id: bytes, number: int, payload: bytes | memoryview) -> int:
    return crc32(payload, crc32(_HEAD.pack(0, len(payload), number), crc32(id)))


# --- writing --------------------------------------------------------------------------------------


class AppendFile:
    """A file to append to, with room for more. Every method raises OSError; then end its use."""

    def __init__(self, path: Path, found: Found | None, payload: bytes) -> None:
        """Go on after what was `found`, or begin a file that never was.

        `payload` stands for all so far.
        """
        self._path = path
        self.id = secrets.token_bytes(8) if found is None else found.id
        self.number = 0 if found is None else found.number
        self._file = -1
        self._end = 0
        self._size = 0
        self._late = 0
        """Where its writes end when it is time to begin the next file."""
        self._next: Successor | None = None
        self._abandoned = False
        self._room = ROOM
        self._cell = 0
        for left in path.parent.glob(f"{path.name}.*{_NEXT}"):
            left.unlink(missing_ok=True)
        # A write that nobody confirmed is not in the mark yet: its sync may have failed.
        self._mark = self._new_mark(0 if found is None else found.confirmed)
        try:
            self._renew(payload)
        except OSError:
            self.close(clean=False)
            raise

    def append(self, payload: bytes, everything: Callable[[], bytes]) -> None:
        """Add a write; it is durable on return. `everything` makes what stands for all before."""
        write = self._packed(self.number + 1, payload)
        self._make_room(len(write), everything)
        write_all(self._file, write, self._end)
        os.fdatasync(self._file)
        self.number += 1
        self._end += len(write)
        if self._next is not None:
            self._next.add(write)
        self._move_mark(self.number)

    def _make_room(self, size: int, everything: Callable[[], bytes]) -> None:
        """Have room for it: go on in the next file once that is ready, and begin it in time."""
        full = self._end + size > self._size
        if self._next is not None and (full or self._next.finished):
            self._take_over(self._next)
            full = self._end + size > self._size
        if full:
            self._renew(everything(), size)
        elif self._end > self._late:
            self._late = self._size  # once a file: if it cannot be made, it is tried when needed
            first = self._first(everything())
            path = self._path.with_name(f"{self._path.name}.{secrets.token_hex(4)}{_NEXT}")
            self._next = Successor(path, first, self._sized(first, 0))

    def _take_over(self, successor: Successor) -> None:
        """Go on in a file that was made beside this one."""
        self._next = None
        made = successor.finish()
        if self._abandoned:
            raise OSError(errno.ESTALE, "it was closed while the disk did nothing")
        if made is not None:
            _put_in_place(successor.path, self._path)
            self._use(*made, successor.size)

    def _renew(self, payload: bytes, coming: int = 0) -> None:
        """Put a new file in the place of the old one: one write that stands for all so far.

        It has room for what is `coming` next, and more. The room is written, not only reserved: a
        sync has less to do where nothing is allocated.
        """
        first = self._first(payload)
        size = self._sized(first, coming)
        new = _published(self._path, first.ljust(size, b"\0"))
        self._use(new, len(first), size)

    def _first(self, payload: bytes) -> bytes:
        """Pack header and first write."""
        header = _HEADER.pack(_MAGIC, self.id, crc32(_MAGIC + self.id))
        return header + self._packed(self.number, payload)

    def _sized(self, first: bytes, coming: int) -> int:
        """Say how large a file is to be that begins so; the next one gets twice the room."""
        room, self._room = self._room, min(2 * self._room, MOST_ROOM)
        return len(first) + max(room, coming, len(first))

    def _use(self, file: int, end: int, size: int) -> None:
        """Go on in a file that has taken the place of the old one."""
        self._close_file()
        self._file, self._end, self._size = file, end, size
        self._late = size - (size - end) // _LATE
        self._move_mark(self.number)
        os.fdatasync(self._mark)

    def abandon(self) -> None:
        """Let no other file take its place any more: its writer hangs, and who comes next may not.

        For any thread.
        """
        self._abandoned = True

    def close(self, *, clean: bool) -> None:
        """End its use; `clean`: cut it to what it holds, and mark it as closed, durably."""
        try:
            if self._next is not None:
                self._next.give_up(_GIVE_UP_SECONDS)
            if clean:
                os.ftruncate(self._file, self._end)
                os.fsync(self._file)
                self._move_mark(self.number, closed=True)
                os.fsync(self._mark)
        finally:
            self._close_file()
            os.close(self._mark)

    def astray(self) -> str | None:
        """Say which of both files lost its name; None while none has. Not while it is renewed."""
        lost = astray(self._path, os.fstat(self._file))
        return lost or astray(mark_of(self._path), os.fstat(self._mark))

    def _new_mark(self, number: int) -> int:
        """Put a mark in the place of the old one, so that no clean end is left to be believed."""
        cell = self._packed_cell(number, closed=False)
        return _published(mark_of(self._path), cell.ljust(_SECTOR, b"\0") + cell)

    def _close_file(self) -> None:
        if self._file >= 0:
            with suppress(OSError):  # all was synced
                os.close(self._file)
            self._file = -1

    def _packed(self, number: int, payload: bytes) -> bytes:
        head = _HEAD.pack(_check(self.id, number, payload), len(payload), number)
        return b"".join((self.id[:_MARKER], head, payload))

    def _move_mark(self, number: int, *, closed: bool = False) -> None:
        """Have the mark name write `number`, in the cell that is not the newest.

        No sync: after a process has died it is exact, after the machine has a little behind.
        """
        self._cell = (self._cell + 1) % _CELLS
        write_all(self._mark, self._packed_cell(number, closed=closed), self._cell * _SECTOR)

    def _packed_cell(self, number: int, *, closed: bool) -> bytes:
        cell = _CELL.pack(self.id, number, closed, 0)[:-4]
        return cell + crc32(cell).to_bytes(4, "big")


def _published(path: Path, data: bytes) -> int:
    """Have a file of these bytes appear at `path`, durably; the descriptor it is open with."""
    new = _new(path)
    file = created(new)
    try:
        write_all(file, data, 0)
        os.fsync(file)
        _put_in_place(new, path)
    except OSError:
        os.close(file)
        raise
    return file


def _put_in_place(new: Path, path: Path) -> None:
    """Have a synced file take the place of another, durably."""
    new.replace(path)
    sync_folder(path.parent)


def _new(path: Path) -> Path:
    """Name what is to take the place of a file."""
    return path.with_name(path.name + ".new")
