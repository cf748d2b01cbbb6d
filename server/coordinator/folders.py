"""The replicas' folders: which holds a disk, which has lost it, and which cannot be looked into.

Rules: no folder that a replica may have run on is deleted; what is in the way is renamed, and
named. A disk is lost when its folder is missing or lacks the voter's file (acceptor.db). Trouble of
the file system is no lost disk: an error, a link that leads nowhere, an empty folder that is no
mount point (what belongs there is not mounted), a data folder without its cluster file. Then
nothing is formatted.
It decides nothing about how many may be lost, and starts nothing.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from pathlib import Path

from kvrmi.cluster.config import Cluster
from kvrmi.storage.durable import sync_folder

from ..engines.kinds import kind_for
from ..folder import LOCK, format_folder

CONFIG = "cluster.toml"
_NAME = re.compile(r"replica[0-9]+")
_BARE = frozenset({"lost+found"})
"""What a new file system may hold of itself."""


class Unusable(OSError):
    """A folder that cannot be used as it is; the text says why and what to do."""


def of(data: Path, replica: int) -> Path:
    """Name the folder of a replica."""
    return data / f"replica{replica}"


def named(data: Path) -> list[Path]:
    """Find everything that has the name of a replica's folder, whichever replicas there are."""
    return [one for one in data.glob("replica*") if _NAME.fullmatch(one.name)]


def loss(cluster: Cluster, data: Path, replica: int) -> str | None:
    """Say why a replica's disk counts as lost; None while it is there. Raises Unusable."""
    try:
        founded = (data / CONFIG).exists()
    except OSError as error:
        raise Unusable(f"{data} cannot be read: {error.strerror}") from error
    if not founded:
        raise Unusable(f"{data} does not hold {CONFIG} any more: mount it, or put the file back")
    folder = of(data, replica)
    names = _names(folder)
    if names is None:
        return f"{folder} is missing"
    own = kind_for(cluster).declared.voters_file
    if own in names:
        return None
    if names - _BARE:
        return f"{folder / own} is missing"
    if folder.resolve().is_mount():
        return f"the file system at {folder} is empty"
    raise Unusable(
        f"{folder} is empty: mount the file system that belongs there, or, if that is lost, "
        "remove the empty folder, and the replica recovers in a new one"
    )


def renew(cluster: Cluster, data: Path, replica: int) -> Path | None:
    """Format a folder to recover in; what was there is put aside, and its new name returned.

    Raises Unusable, and FolderRefused when it cannot be formatted.
    """
    folder, declared = of(data, replica).resolve(), kind_for(cluster).declared
    aside = put_aside(folder) if is_filled(folder) else None
    if folder.is_mount():
        format_folder(folder, declared, cluster.id, replica, recovering=True)
        return aside
    # It appears when it is whole: an empty one would be taken for a bare mount point.
    new = folder.with_name(folder.name + ".new")
    shutil.rmtree(new, ignore_errors=True)
    format_folder(new, declared, cluster.id, replica, recovering=True)
    new.rename(folder)
    sync_folder(folder.parent)
    return aside


def is_filled(folder: Path) -> bool:
    """Whether there is anything in a folder, if there is one. Raises Unusable."""
    return bool((_names(folder) or set()) - _BARE)


def has_run(folder: Path) -> bool:
    """Whether a replica was ever started in a folder: it may have voted. Raises Unusable."""
    return LOCK in (_names(folder) or set())


def put_aside(folder: Path) -> Path:
    """Rename a folder to the first free name of its kind, durably. Raises Unusable."""
    folder = folder.resolve()
    names = (folder.with_name(f"{folder.name}.lost{number}") for number in range(1, 10_000))
    aside = next(name for name in names if not name.exists())
    try:
        folder.rename(aside)
        sync_folder(folder.parent)
    except OSError as error:
        if error.errno in (errno.EBUSY, errno.EXDEV):
            raise Unusable(
                f"{folder} is a mount point and cannot be renamed: mount the file system that "
                "belongs there, or, if that is lost, move what is in the folder elsewhere"
            ) from error
        raise Unusable(f"{folder} cannot be renamed: {error.strerror}") from error
    return aside


def _names(folder: Path) -> set[str] | None:
    """List a folder, None if there is none."""
    try:
        return set(os.listdir(folder))
    except FileNotFoundError:
        if folder.is_symlink():
            target = os.readlink(folder)
            raise Unusable(f"{folder} leads to {target}, which is not there: mount it") from None
        return None
    except OSError as error:
        raise Unusable(f"{folder} cannot be read: {error.strerror}") from error
