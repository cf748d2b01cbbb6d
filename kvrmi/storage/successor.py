"""The file that follows one which fills up, made beside it by a thread of its own.

Rules: until it has all that the other has, synced, it has no name that counts; whatever fails on
the way, the other is as it was. Who writes the other adds each write to both and takes it over.
Its name is nobody else's: whoever waited too long for a disk harms no file that came after.
It does not know what a write holds.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress
from pathlib import Path

from .durable import created, write_all

__all__ = ["Successor"]

_PIECE = 1 << 20
"""Bytes of room that are written and synced at once: other syncs wait for the disk no longer."""


class Successor:
    """A file that is being made; one thread uses it, beside the one that makes it."""

    def __init__(self, path: Path, first: bytes, size: int) -> None:
        """Begin to make `path`: these bytes, the first of the file, and zeros up to `size`."""
        self.path = path
        self.size = size
        self._file = -1
        self._end = len(first)
        self._later: list[bytes] = []
        self._unwanted = False
        self._maker = threading.Thread(
            target=self._make, args=(first,), name="next file", daemon=True
        )
        self._maker.start()

    def add(self, write: bytes) -> None:
        """Note a write that the other file got since."""
        self._later.append(write)

    @property
    def finished(self) -> bool:
        """Whether nothing is left to wait for."""
        return not self._maker.is_alive()

    def finish(self) -> tuple[int, int] | None:
        """Wait for it, and have it hold all that the other holds, durably.

        Return its descriptor and where its writes end; None if it could not be made.
        Raises OSError.
        """
        self._maker.join()
        if self._file < 0:
            return None
        later = b"".join(self._later)
        write_all(self._file, later, self._end)
        os.fdatasync(self._file)
        return self._file, self._end + len(later)

    def give_up(self, seconds: float) -> None:
        """Let it be, and leave nothing behind; but wait no longer than that for the disk."""
        self._unwanted = True
        self._maker.join(seconds)
        if self.finished and self._file >= 0:
            self._drop(self._file)

    def _drop(self, file: int) -> None:
        os.close(file)
        self.path.unlink(missing_ok=True)

    def _make(self, first: bytes) -> None:
        with suppress(OSError):  # then there is none, and who needs it finds out
            file = created(self.path)
            try:
                self._fill(file, first)
            except OSError:
                self._drop(file)
                raise
            if self._unwanted:
                self._drop(file)
            else:
                self._file = file

    def _fill(self, file: int, first: bytes) -> None:
        for at in range(0, self.size, _PIECE):
            if self._unwanted:
                break
            piece = first[at : at + _PIECE].ljust(min(_PIECE, self.size - at), b"\0")
            write_all(file, piece, at)
            os.fdatasync(file)
