"""A descriptor that one thread waits for and any other makes ready.

Rule: it is closed when nobody refers to it any more, and not before: who is about to write to a
number that has been closed writes into whatever file was opened since. Needs Linux (eventfd).
"""

from __future__ import annotations

import contextlib
import os

__all__ = ["Wake"]


class Wake:
    """An eventfd."""

    def __init__(self) -> None:
        """Begin with one that is not ready."""
        self._descriptor = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)

    def fileno(self) -> int:
        """Return the descriptor; it stays open as long as this object is referred to."""
        return self._descriptor

    def set(self) -> None:
        """Make it ready to be read; from any thread, at any time."""
        with contextlib.suppress(BlockingIOError):  # it was never cleared: it is ready
            os.eventfd_write(self._descriptor, 1)

    def clear(self) -> None:
        """Make it not ready."""
        with contextlib.suppress(BlockingIOError):
            os.eventfd_read(self._descriptor)

    def __del__(self) -> None:
        """Close it."""
        os.close(self._descriptor)
