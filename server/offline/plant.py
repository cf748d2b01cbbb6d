"""The state that stopped copies give, put into the fresh folders of another cluster.

Rules: rows, sessions, revision and slot go on where the copies end; who may vote does not, since
the new cluster's acceptors and disks are new; what was written is read back before it counts. No
acceptor's promise or accepted value leaves the old cluster: the new ones begin after the state.
What the copies are worth together is not decided here, but in stopped.py.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from kvrmi.paxos.stable import State
from kvrmi.state.replicated import Replicated
from kvrmi.state.stored import snapshot_tables
from kvrmi.storage.append import AppendStorage
from kvrmi.storage.durable import sync_folder
from kvrmi.storage.interface import Put, Record
from kvrmi.storage.sqlite import SqliteStorage

from ..folder import IDENTITY, FolderRefused
from .stopped import KIND, Learned

__all__ = ["ENGINE", "make_learner", "plant"]

ENGINE = KIND.declared.name
"""Whose folders these are."""
_VOTES = KIND.declared.voters_file

_CHUNK_BYTES = 4 << 20
"""Written at once: all rows at once would double the memory."""


def make_learner(path: Path, learned: Learned) -> None:
    """Write a learner.db of what `learned` holds, tail included. Raises as a storage does.

    The log begins anew: its VOTER commands name epochs that the new cluster's acceptors lack, and
    whoever lags behind its beginning takes a snapshot.
    """
    state = learned.state
    state.begin_another()
    storage = SqliteStorage(path, KIND.declared.tables("learner.db"))
    for chunk in _chunks(learned):
        storage.write(chunk)
    storage.write(state.take_records())
    found = Replicated.load(storage, KIND.declared.machine)
    storage.close()
    if (found.digest, found.revision) != (state.digest, state.revision):
        raise FolderRefused(f"{path} does not hold what was read: the disk cannot be trusted")


def plant(folder: Path, learner: Path, slot: int) -> None:
    """Put a copy of `learner` into a formatted folder, and an acceptor that begins after `slot`.

    To its acceptor everything up to `slot` is chosen and forgotten. Raises as a storage, OSError.
    """
    for file in learner.parent.glob(f"{learner.name}*"):
        shutil.copy(file, folder / file.name)
        _sync(folder / file.name)
    votes = AppendStorage(folder / _VOTES, {**KIND.declared.tables(_VOTES), **IDENTITY})
    votes.write([Put("acceptor", "state", State(truncated=slot, chosen=slot).pack())])
    votes.close()
    sync_folder(folder)


def _chunks(learned: Learned) -> Iterator[list[Record]]:
    """Yield the rows as they lie in the copy; what the tail changed comes after them."""
    chunk: list[Record] = []
    size = 0
    for table in snapshot_tables(learned.state.machine.tables):
        for key, value in learned.file.scan(table):
            chunk.append(Put(table, key, value))
            size += len(value)
            if size > _CHUNK_BYTES:
                yield chunk
                chunk, size = [], 0
    yield chunk


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
