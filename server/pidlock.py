"""A lock file that names its holder, for things that must not run twice.

Rules: the lock is the kernel's (flock), so it ends with its holder whatever happens, and a file
left behind means nothing; the pid inside is only read while the lock is held.
A child that inherits the descriptor holds the lock for as long as it lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


class PidLock:
    """A held lock; it is free again once every copy of its descriptor is closed."""

    def __init__(self, descriptor: int) -> None:
        """Use `take`."""
        self.descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> PidLock | None:
        """Take the lock, None if somebody else holds it. Raises OSError."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return None
        return cls(descriptor)

    def sign(self, pid: int) -> None:
        """Write down who holds it."""
        os.truncate(self.descriptor, 0)
        os.pwrite(self.descriptor, f"{pid}\n".encode(), 0)

    def close(self) -> None:
        """Let go of this copy."""
        os.close(self.descriptor)


def holder(path: Path) -> int | None:
    """Pid of who holds the lock at `path`, 0 if it is not written down; None if nobody does."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(descriptor, 32, 0).strip()
        return int(text) if text.isdigit() else 0
    finally:
        os.close(descriptor)
    return None


@contextlib.contextmanager
def shared(path: Path) -> Iterator[bool]:
    """Keep anybody from taking the lock at `path` while the block runs; False if somebody has.

    Others may do the same meanwhile. A lock file that is not there is not made. Raises OSError.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        yield True  # nobody ever ran here
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        free = True
    except BlockingIOError:
        free = False
    try:
        yield free
    finally:
        os.close(descriptor)
