"""Files and their names: made, written, durable, and whether a name still leads to what is open.

A power loss undoes no making, renaming or removing that was made durable.

Rule: what a name leads to was synced before the name was.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["astray", "created", "sync_folder", "write_all"]


def created(path: Path) -> int:
    """Create a file, open to be written; what has that name goes. Raises OSError."""
    # Never the same file: who was left waiting for a disk that hangs may still write to that.
    path.unlink(missing_ok=True)
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)


def write_all(file: int, data: bytes, at: int) -> None:
    """Write all of it there; a full disk takes a part first and refuses the next: OSError."""
    done = os.pwrite(file, data, at)
    while done < len(data):
        done += os.pwrite(file, memoryview(data)[done:], at + done)


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def astray(path: Path, opened: os.stat_result) -> str | None:
    """Say what became of an open file's name: gone, or another file's. None while it is its own.

    What is written to a file without its name is lost. Raises OSError if that cannot be seen.
    """
    try:
        there = os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        return f"{path} is gone"
    return None if os.path.samestat(there, opened) else f"{path} is another file now"
