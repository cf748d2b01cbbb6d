"""A gateway's folder: it says whose it is, and the pairs are in etcd."""

from __future__ import annotations

from .files import Files, identity
from .found import Found

__all__ = ["read"]


def read(files: Files) -> Found:
    """Read whose it is. Raises FolderRefused."""
    owner = files.part(files.kind.declared.voters_file, identity)
    rows = (("gateway", "it keeps nothing here: all pairs are in etcd"),)
    return Found(owner, {}, rows, None, ())
