"""Which reader is for whose folder.

Rule: whoever shows a folder or takes its data out asks here, and names no engine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from . import gateway, paxos, single, twophase
from .files import Files
from .found import Found

__all__ = ["READERS", "contents"]

READERS: Mapping[str, Callable[[Files], Found]] = {
    "paxos": paxos.read,
    "2pc": twophase.read,
    "single": single.read,
    "etcd": gateway.read,
}
"""By engine; each notes damage in the files that it is given, and raises FolderRefused."""


def contents(files: Files) -> Found:
    """Read an opened folder. Raises FolderRefused."""
    return READERS[files.engine](files)
