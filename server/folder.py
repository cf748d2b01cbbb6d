"""A replica's folder: who it belongs to, that only one process uses it, and what is in it.

Rules: a folder is formatted once, explicitly; a folder of another cluster or replica, or none, is
refused with one line that says why; the lock on it is held as long as the process lives.
Which files there are is declared by the roles: losing one that can be learned again is no loss, see
relearned.py; losing that of the role that votes is, and it says whose disk this is.
It knows nothing of what the roles store.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import secrets
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

from kvrmi.roles.declaration import Declaration, Disk
from kvrmi.storage.append import AppendStorage
from kvrmi.storage.conversion import convert
from kvrmi.storage.durable import astray, sync_folder
from kvrmi.storage.frozen import FrozenFile
from kvrmi.storage.interface import Corrupt, Put, Record, Storage, StorageFailed, Tables
from kvrmi.storage.sqlite import SqliteStorage

from . import pidlock
from .relearned import Relearned

_log = logging.getLogger("kvrmi.server.folder")

T = TypeVar("T")

File: TypeAlias = AppendStorage | SqliteStorage | Relearned

FORMAT = 1
PRIVATE = 0o077
"""The umask of programs that write what clients stored: for the eyes of their owner only."""
LOCK = "lock"
"""Held while the folder is in use; left behind, it says that a replica has run here."""
IDENTITY: dict[str, type[int] | type[str]] = {"identity": str}
"""The table of the voter's file that says whose disk it is."""


class FolderRefused(Exception):
    """A folder that must not be used; the text is for the person who started us."""


class Foreign(FolderRefused):
    """A folder of another replica or cluster; `whose` says of which, without advice."""

    def __init__(self, whose: str) -> None:
        """Advise as to a cluster file; who has none says what to do in its place."""
        super().__init__(f"{whose}: put the former cluster file back, or the folder where it was")
        self.whose = whose


class Identity(NamedTuple):
    """Whose disk this is.

    `members` are all replicas' disk ids, once known: nobody votes before. `founding`: never ran,
    so it may skip the hold after a start. `recovering`: made in the place of a lost disk, and its
    rejoin is not recorded yet.
    """

    cluster: str
    replica: int
    disk: str
    recovering: bool
    founding: bool
    members: dict[int, str]

    def pack(self) -> bytes:
        """One row's bytes."""
        return json.dumps({"format": FORMAT, **self._asdict()}).encode()

    @classmethod
    def unpack(cls, data: bytes) -> Identity:
        """Read it back. Raises FolderRefused for a format of another version."""
        row = json.loads(data)
        if row.pop("format") != FORMAT:
            raise FolderRefused("the folder was formatted by another version of this program")
        row["members"] = {int(replica): disk for replica, disk in row["members"].items()}
        return cls(**row)


class Folder:
    """An open folder: locked, with the storages of all files; close it."""

    def __init__(
        self,
        path: Path,
        lock: pidlock.PidLock,
        identity: Identity,
        storages: Mapping[str, File],
    ) -> None:
        """Use `open_folder`. `storages`: by the names of their files, the voter's first."""
        self.path = path
        self.identity = identity
        self.storages = storages
        self._voters = next(iter(storages.values()))
        self._lock = lock

    def load(self, file: str, read: Callable[[Storage], T]) -> T:
        """Give what `read` makes of a file; of an empty one, if it is damaged and relearned.

        Raises Corrupt, StorageFailed.
        """
        storage = self.storages[file]
        return storage.load(read) if isinstance(storage, Relearned) else read(storage)

    @property
    def notes(self) -> tuple[str, ...]:
        """One line for each time that a file was begun anew."""
        relearned = (one for one in self.storages.values() if isinstance(one, Relearned))
        return tuple(note for storage in relearned for note in storage.notes)

    def change(self, **changes: object) -> None:
        """Change the identity durably; while the role that votes does not use its disk.

        Raises StorageFailed.
        """
        self._voters.write([self._changed(**changes)])

    def _changed(self, **changes: object) -> Record:
        self.identity = Identity(**{**self.identity._asdict(), **changes})
        return Put("identity", "identity", self.identity.pack())

    def rejoined(self) -> Record:
        """Take note that this disk took the place of the lost one; what to record of it."""
        own = {self.identity.replica: self.identity.disk}
        return self._changed(recovering=False, members={**self.identity.members, **own})

    def astray(self) -> str | None:
        """Say what of it was deleted, moved, unmounted or replaced under this process; else None.

        It may wait for a disk that hangs. What cannot be looked at is not known to be gone.
        """
        with contextlib.suppress(OSError):
            lock = astray(self.path / LOCK, os.fstat(self._lock.descriptor))
            lost = (storage.astray() for storage in self.storages.values())
            return lock or next(filter(None, lost), None)
        return None

    def close(self) -> None:
        """Close all storages cleanly, the voter's last, and let another process have the folder."""
        for storage in reversed([*self.storages.values()]):
            storage.close()
        self._lock.close()


def refuse_within(folder: Path) -> None:
    """Refuse to put replicas' folders into one that is a replica's. Raises FolderRefused."""
    if (folder / LOCK).exists() or list(folder.glob("*.db")):
        raise FolderRefused(
            f"{folder} is a replica's own folder; nothing was done. Choose another one"
        )


def format_folder(
    folder: Path, declared: Declaration, cluster: str, replica: int, *, recovering: bool
) -> str:
    """Make `folder` replica `replica`'s of `cluster`, with these roles; returns the disk's id.

    `recovering`: the replica has voted before, on a disk that is lost.
    Raises FolderRefused when the folder is formatted already, holds what a replica left, or cannot
    be written.
    """
    own = declared.voters_file
    if (folder / own).exists():
        raise FolderRefused(
            f"{folder} is formatted already; nothing was done. Start without --format, or move "
            "the folder away to format anew"
        )
    if any((folder / name).exists() for name in (*declared.disks, LOCK)):
        raise FolderRefused(
            f"{folder} held a replica and has no {own} now; nothing was done. Move it away"
        )
    refuse_within(folder.parent)
    disk = secrets.token_hex(8)
    identity = Identity(cluster, replica, disk, recovering, not recovering, {})
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _close_to_others(folder)
        _make_file(folder, own, identity)
        sync_folder(folder.parent)
    except (OSError, StorageFailed) as error:
        raise FolderRefused(f"{folder} cannot be formatted: {error}") from error
    return disk


def _make_file(folder: Path, name: str, identity: Identity) -> None:
    """Have the voter's file appear when it says whose it is. Raises OSError and StorageFailed."""
    workshop = folder / "formatting"
    shutil.rmtree(workshop, ignore_errors=True)  # left by one that was killed
    workshop.mkdir()
    storage = AppendStorage(workshop / name, IDENTITY)
    storage.write([Put("identity", "identity", identity.pack())])
    storage.close()
    for file in sorted(workshop.iterdir(), reverse=True):  # its mark, and then the file itself
        file.rename(folder / file.name)
    workshop.rmdir()
    sync_folder(folder)


def open_folder(folder: Path, cluster: str, replica: int, declared: Declaration) -> Folder:
    """Lock and open a formatted folder, with the tables of the declared roles.

    Raises FolderRefused (not formatted, foreign, in use) and Corrupt (a file is damaged that cannot
    be learned again).
    """
    own = declared.voters_file
    if not (folder / own).exists():
        raise FolderRefused(f"{folder} is not formatted; start once with --format if it is new")
    with contextlib.ExitStack() as undo:
        lock = _lock(folder)
        _close_to_others(folder)  # it may be older than this rule
        undo.callback(lock.close)
        votes = _append(folder / own, {**declared.tables(own), **IDENTITY})
        undo.callback(votes.close)
        identity = _identity(votes, folder / own)
        check_owner(folder, identity, cluster, replica)
        storages: dict[str, File] = {own: votes}
        for name, disk in declared.disks.items():
            if name != own:
                storages[name] = _opened(folder / name, disk, declared.tables(name))
                undo.callback(storages[name].close)
        undo.pop_all()
        return Folder(folder, lock, identity, storages)


def _opened(path: Path, disk: Disk, tables: Tables) -> File:
    if disk.relearned:
        return Relearned(path, tables)
    return SqliteStorage(path, tables) if disk.behind else _append(path, tables)


def _append(path: Path, tables: Tables) -> AppendStorage:
    if convert(path, tables):
        _log.info("%s was SQLite's, and is an append-only file now", path.name)
    return AppendStorage(path, tables)


def check_owner(folder: Path, identity: Identity, cluster: str, replica: int) -> None:
    """Refuse, with Foreign, a folder that is not this replica's of this cluster."""
    if (identity.cluster, identity.replica) != (cluster, replica):
        raise Foreign(
            f"{folder} belongs to replica {identity.replica} of cluster {identity.cluster}, "
            f"not to replica {replica} of cluster {cluster}"
        )


def recorded(folder: Path, declared: Declaration) -> Identity | None:
    """Read whose a formatted folder is that no replica uses; None if that cannot be read now."""
    own = declared.voters_file
    tables = {**declared.tables(own), **IDENTITY}
    with contextlib.suppress(Corrupt, StorageFailed, FolderRefused, OSError):
        if not (folder / own).exists():
            return None
        with pidlock.shared(folder / LOCK) as free:
            if not free:
                return None
            with contextlib.closing(FrozenFile(folder / own, tables)) as file:
                row = file.read("identity", "identity")
            return None if row is None else Identity.unpack(row)
    return None


def _close_to_others(folder: Path) -> None:
    with contextlib.suppress(PermissionError):  # a file system without owners has none to protect
        folder.chmod(0o700)


def _lock(folder: Path) -> pidlock.PidLock:
    lock = pidlock.PidLock.take(folder / LOCK)
    if lock is None:
        owner = pidlock.holder(folder / LOCK)
        raise FolderRefused(f"{folder} is in use by process {owner or 'unknown'}")
    lock.sign(os.getpid())
    return lock


def _identity(storage: Storage, file: Path) -> Identity:
    row = storage.read("identity", "identity")
    if row is None:
        raise Corrupt(f"{file} does not record whose it is")
    return Identity.unpack(row)
