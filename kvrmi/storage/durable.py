"""Names in a folder: made durable, and whether they still lead to what is open.

A power loss undoes no making, renaming or removing that was made durable.

Rule: what they name was synced before.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["astray", "sync_folder"]


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
