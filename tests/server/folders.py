"""Folders of replicas that stopped or crashed, made without running any."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

from kvrmi.operations.commands import encode_command
from kvrmi.paxos.ballot import Ballot
from kvrmi.paxos.declaration import PAXOS
from kvrmi.paxos.stable import State, accepted_row
from kvrmi.state.keyvalue import KeyValues
from kvrmi.state.log import Entry, pack_batch
from kvrmi.state.replicated import Replicated
from kvrmi.storage.append import AppendStorage
from kvrmi.storage.appendfile import mark_of
from kvrmi.storage.interface import Put, Record
from kvrmi.storage.sqlite import SqliteStorage
from server.folder import IDENTITY, Identity, format_folder

CLUSTER = "c" * 16
BALLOT = Ballot(3, 2)


def put(slot: int) -> bytes:
    """The batch of slot N: kN is put as vN, by session N."""
    command = encode_command("put", (f"k{slot}", f"v{slot}"), (f"client {slot}", 1))
    return pack_batch([command])


def folder(
    data: Path,
    replica: int,
    *,
    learned: int,
    accepted: Sequence[int],
    chosen: int,
    cluster: str = CLUSTER,
    clean: bool = True,
) -> Path:
    """Make a folder: `learned` slots in learner.db, these accepted at BALLOT in acceptor.db."""
    home = data / f"replica{replica}"
    disk = format_folder(home, PAXOS, cluster, replica, recovering=False)
    identity = Identity(
        cluster, replica, disk, False, False, {1: "a", 2: "b", 3: "c", replica: disk}
    )
    learned_state = Replicated(KeyValues)
    for slot in range(1, learned + 1):
        command = encode_command("put", (f"k{slot}", f"v{slot}"), (f"client {slot}", 1))
        learned_state.append(Entry(slot, BALLOT, (1, 2), pack_batch([command])))
    records = learned_state.take_records()
    state = State(promised=BALLOT, writes=9, chosen=chosen, chosen_at=BALLOT)
    votes: list[Record] = [
        Put("identity", "identity", identity.pack()), Put("acceptor", "state", state.pack()),
    ]  # fmt: skip
    votes += [accepted_row(slot, BALLOT, put(slot)) for slot in accepted]
    _vote(home / "acceptor.db", votes, clean)
    _learn(home / "learner.db", records, clean)
    return home


def _vote(path: Path, records: Sequence[Record], clean: bool) -> None:
    storage = AppendStorage(path, {**PAXOS.tables("acceptor.db"), **IDENTITY})
    storage.write(records)
    kept = {file: file.read_bytes() for file in (path, mark_of(path))}
    storage.close()
    if not clean:  # as after SIGKILL
        for file, data in kept.items():
            file.write_bytes(data)


def _learn(path: Path, records: Sequence[Record], clean: bool) -> None:
    storage = SqliteStorage(path, PAXOS.tables("learner.db"))
    storage.write(records)
    if not clean:  # as after SIGKILL: the last words are in the log beside the file
        kept = path.parent / "kept"
        kept.mkdir()
        files = [path, path.with_name(path.name + "-wal")]
        for file in files:
            shutil.copyfile(file, kept / file.name)
        storage.close()
        path.with_name(path.name + ".seal").unlink()
        for file in files:
            shutil.copyfile(kept / file.name, file)
        shutil.rmtree(kept)
        return
    storage.close()


def traces(home: Path) -> dict[str, tuple[bytes, int]]:
    """Everything in a folder: names, contents, times of change."""
    files = {file.name: (file.read_bytes(), file.stat().st_mtime_ns) for file in home.iterdir()}
    return {".": (b"", home.stat().st_mtime_ns)} | files
