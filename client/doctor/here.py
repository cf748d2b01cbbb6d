"""What a cluster has on this machine: files, locks, space, and what stopped folders hold.

Rules: nothing is changed; a folder is read by `kvrmi-server inspect`, which keeps its replica out
meanwhile. It connects to nobody.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import programs
from .seen import File

__all__ = ["files_of", "inspect", "is_locked", "space"]

_SECONDS = 60.0
"""For the whole of one folder, which may be large."""


def files_of(data: Path) -> tuple[dict[str, File], dict[str, str]]:
    """Look at a data folder and the folders in it; what is there, and what cannot be looked at."""
    found: dict[str, File] = {}
    unreadable: dict[str, str] = {}
    for path in _paths(data, unreadable):
        name = str(path.relative_to(data))
        try:
            seen = path.stat()
        except OSError as error:
            unreadable[name] = error.strerror or str(error)
        else:
            mode, folder = stat.S_IMODE(seen.st_mode), stat.S_ISDIR(seen.st_mode)
            found[name] = File(mode, seen.st_uid, seen.st_size, folder)
    return found, unreadable


def _paths(data: Path, unreadable: dict[str, str]) -> Iterator[Path]:
    yield data
    for path in _within(data, data, unreadable):
        yield path
        if path.name.startswith("replica") and path.is_dir():
            yield from _within(path, data, unreadable)


def _within(folder: Path, data: Path, unreadable: dict[str, str]) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        unreadable[str(folder.relative_to(data))] = error.strerror or str(error)
        return []


def is_locked(folder: Path) -> bool:
    """Whether a process uses a replica's folder. Raises OSError where that cannot be seen."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False  # nobody ever ran here
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def space(folder: Path) -> tuple[int, int]:
    """Return the bytes of a folder's file system: free, in all. Raises OSError."""
    disk = os.statvfs(folder)
    return disk.f_bavail * disk.f_frsize, disk.f_blocks * disk.f_frsize


def inspect(folder: Path) -> dict[str, Any]:
    """Have a stopped replica's folder read. Raises ValueError where that is refused."""
    try:
        done = subprocess.run(
            programs.command("server", "inspect", str(folder), "--json"),
            env=programs.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise ValueError(f"it was not read within {_SECONDS:g} s") from None
    with contextlib.suppress(ValueError):
        found = json.loads(done.stdout)
        if isinstance(found, dict):
            return found
    raise ValueError(done.stderr.strip().rpartition("\n")[2] or "its inspection gave no result")
