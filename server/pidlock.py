"""A lock file for things that must not run twice, and who holds it.

Rules: the lock is the kernel's (flock), so it ends with its holder whatever happens, and a file
left behind means nothing. Who holds it is the kernel's word as well: the pid in the file says only
where to look first, for between taking and signing it names the former owner. Looking shares the
lock for a moment, and whoever takes it waits for such moments: no look keeps an owner out.
A child that inherits the descriptor holds the lock for as long as it lives.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

_PROC = Path("/proc")
_LOOKS, _LOOK_SECONDS = 50, 0.002
_MARK = "FLOCK  ADVISORY  WRITE"
"""How the kernel shows a descriptor that holds such a lock; a shared one is no owner's."""


class PidLock:
    """A held lock; it is free again once every copy of its descriptor is closed."""

    def __init__(self, descriptor: int) -> None:
        """Use `take`."""
        self.descriptor = descriptor

    @classmethod
    def take(cls, path: Path) -> PidLock | None:
        """Take the lock, None if somebody else holds it. Raises OSError."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            for _ in range(_LOOKS):
                if _flock(descriptor, fcntl.LOCK_EX):
                    return cls(descriptor)
                if _owner(path) is not None:
                    break
                time.sleep(_LOOK_SECONDS)  # somebody only looks, which takes a moment
        except OSError:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def sign(self, pid: int) -> None:
        """Write down where to look for the holder, for people too; a full disk changes nothing."""
        with contextlib.suppress(OSError):
            os.truncate(self.descriptor, 0)
            os.pwrite(self.descriptor, f"{pid}\n".encode(), 0)

    def close(self) -> None:
        """Let go of this copy."""
        os.close(self.descriptor)


def holder(path: Path) -> int | None:
    """Pid of a process that holds the lock at `path` now; None if none can be seen.

    Other users' processes cannot be seen; to know that nobody holds it, take it.
    """
    try:
        with shared(path) as free:
            if free:
                return None  # without a look at every process
        return _owner(path)
    except OSError:
        return None


def holds(pid: int, path: Path) -> bool:
    """Whether process `pid` holds the lock at `path` now."""
    try:
        return _holds(pid, path.name, os.stat(path))
    except OSError:
        return False


def _flock(descriptor: int, how: int) -> bool:
    """Take a lock at once, or not; raises OSError."""
    try:
        fcntl.flock(descriptor, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _owner(path: Path) -> int | None:
    """Ask every process; raises OSError when there is no such file."""
    file = os.stat(path)
    return next((pid for pid in _candidates(path) if _holds(pid, path.name, file)), None)


def _candidates(path: Path) -> Iterator[int]:
    """Whoever signed, then everybody."""
    with contextlib.suppress(OSError, ValueError):
        yield int(path.read_bytes()[:32])
    yield from (int(one) for one in os.listdir(_PROC) if one.isdigit())


def _holds(pid: int, name: str, file: os.stat_result) -> bool:
    """Look through the process's descriptors; one that ended, or another user's, shows none."""
    here = _PROC / str(pid)
    try:
        numbers = os.listdir(here / "fd")
    except OSError:
        return False
    return any(_is_locked(here, number, name, file) for number in numbers)


def _is_locked(here: Path, number: str, name: str, file: os.stat_result) -> bool:
    link = here / "fd" / number
    try:
        # The name is compared first: to stat what lies on a dead network disk may hang.
        return (
            os.readlink(link).endswith(name)
            and os.path.samestat(os.stat(link), file)
            and _MARK in (here / "fdinfo" / number).read_text(encoding="ascii")
        )
    except OSError:
        return False  # closed meanwhile


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
        yield _flock(descriptor, fcntl.LOCK_SH)
    finally:
        os.close(descriptor)
