"""The folder of a Paxos replica that does not run: votes, learned state, and the tail between them.

Rules: nothing in the folder changes; what one file lacks does not hide what the other has. It
decides nothing about the data, and asks no cluster.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from kvrmi.paxos.stable import State, read_accepted
from kvrmi.paxos.tail import Tail, Votes, tail
from kvrmi.state.replicated import Replicated
from kvrmi.storage.frozen import FrozenFile

from ..engines.kinds import kind_of
from ..folder import FolderRefused, Identity
from .files import Files, identity, opened

__all__ = [
    "KIND",
    "Caught",
    "Learned",
    "Stopped",
    "Voted",
    "catch_up",
    "open_stopped",
    "read_stopped",
    "spans",
    "tail_of",
]

KIND = kind_of("paxos")
"""Whose folders these are."""


class Voted(NamedTuple):
    """What acceptor.db holds; `clean`: it was closed cleanly."""

    identity: Identity
    votes: Votes
    clean: bool


class Learned(NamedTuple):
    """What learner.db holds; `clean`: it was closed cleanly."""

    state: Replicated
    file: FrozenFile
    sessions: int
    clean: bool


class Stopped(NamedTuple):
    """A folder's contents; None for a file that is missing or damaged, which `damage` names."""

    path: Path
    voter: Voted | None
    learned: Learned | None
    damage: tuple[str, ...]


class Caught(NamedTuple):
    """The state that copies of one cluster give together: the furthest, with `tail` applied."""

    path: Path
    learned: Learned
    tail: Tail


def tail_of(copies: Sequence[Stopped]) -> Tail:
    """Read what was accepted in these copies after the last slot that one's learner.db holds."""
    learned = [copy.learned.state.applied for copy in copies if copy.learned is not None]
    votes = [copy.voter.votes for copy in copies if copy.voter is not None]
    return tail(votes, max(learned, default=0))


def catch_up(copies: Sequence[Stopped]) -> Caught:
    """Make the last state that these copies can give, in the memory of the furthest one.

    Raises FolderRefused for copies of different clusters, and where no learner.db can be read: the
    rows are nowhere else.
    """
    clusters = {copy.voter.identity.cluster for copy in copies if copy.voter is not None}
    if len(clusters) > 1:
        raise FolderRefused(f"these folders are of different clusters: {', '.join(clusters)}")
    learned = [(copy.path, copy.learned) for copy in copies if copy.learned is not None]
    if not learned:
        damage = (f"{copy.path}: {', '.join(copy.damage)}" for copy in copies)
        raise FolderRefused(f"there is no state to read: {'; '.join(damage)}")
    path, furthest = max(learned, key=lambda one: one[1].state.applied)
    found = tail_of(copies)
    for entry in found.entries:
        furthest.state.append(entry)
    return Caught(path, furthest, found)


@contextmanager
def open_stopped(folder: Path) -> Iterator[Stopped]:
    """Read a folder, and keep replicas out of it while the block runs.

    Raises FolderRefused for one that is none, that is in use, cannot be read or is of another
    engine.
    """
    with opened(folder) as files:
        if files.kind is not KIND:
            raise FolderRefused(
                f"{folder} is of engine {files.engine}, and recover makes a new cluster of what a "
                f"{KIND.declared.name} cluster left that lost its majority: kvrmi-server export "
                f"{folder} FILE takes all pairs out, and IMPORT puts them into any cluster"
            )
        yield read_stopped(files)


def read_stopped(files: Files) -> Stopped:
    """Read an opened folder. Raises FolderRefused."""
    voter, learned = files.part("acceptor.db", _voter), files.part("learner.db", _learned)
    if voter is not None and voter.identity.founding and not files.has("learner.db"):
        files.damage.clear()  # what never ran has learned nothing yet
    return Stopped(files.path, voter, learned, tuple(files.damage))


def _voter(file: FrozenFile) -> Voted:
    state = file.read("acceptor", "state")
    accepted = {int(slot): read_accepted(data) for slot, data in file.scan("accepted")}
    votes = Votes(State() if state is None else State.unpack(state), accepted)
    return Voted(identity(file), votes, file.clean)


def _learned(file: FrozenFile) -> Learned:
    sessions = sum(1 for _ in file.scan("sessions"))
    return Learned(Replicated.load(file, KIND.declared.machine), file, sessions, file.clean)


def spans(slots: Sequence[int]) -> str:
    """Write ascending slots briefly: slots 2 to 9, 12, 20 to 22."""
    runs: list[list[int]] = []
    for slot in slots:
        if runs and slot == runs[-1][1] + 1:
            runs[-1][1] = slot
        else:
            runs.append([slot, slot])
    texts = (f"{first} to {last}" if first < last else str(first) for first, last in runs)
    return ("slots " if len(slots) > 1 else "slot ") + ", ".join(texts)
