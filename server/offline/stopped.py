"""The folder of a replica that does not run, read as it is: what it holds, and what is damaged.

Rules: nothing in the folder changes; while it is read no replica can start there; what one file
lacks does not hide what the other has. It decides nothing about the data, and asks no cluster.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple, TypeVar

from kvrmi.cli import reason
from kvrmi.paxos.stable import State, read_accepted
from kvrmi.paxos.tail import Tail, Votes, tail
from kvrmi.roles.invariants import InvariantBroken
from kvrmi.state.replicated import Replicated
from kvrmi.storage.frozen import FrozenView
from kvrmi.storage.interface import Corrupt, StorageFailed, Tables, View

from .. import pidlock
from ..engines.kinds import ENGINES, kind_of
from ..folder import IDENTITY, FolderRefused, Identity

__all__ = [
    "KIND",
    "Caught",
    "Learned",
    "Stopped",
    "Voted",
    "catch_up",
    "open_stopped",
    "spans",
    "tail_of",
]

T = TypeVar("T")

KIND = kind_of("paxos")
"""Whose folders can be read."""

_UNREADABLE = (Corrupt, InvariantBroken, FolderRefused, ValueError)


class Voted(NamedTuple):
    """What acceptor.db holds; `clean`: it was closed cleanly."""

    identity: Identity
    votes: Votes
    clean: bool


class Learned(NamedTuple):
    """What learner.db holds; `clean`: it was closed cleanly."""

    state: Replicated
    view: View
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

    Raises FolderRefused for one that is none, that is in use or cannot be read.
    """
    with ExitStack() as stack:
        try:
            _refuse_other(folder)
            _keep_replicas_out(folder, stack)
            found = _read(folder, stack)
        except (OSError, StorageFailed) as error:
            why = reason(error) if isinstance(error, OSError) else error
            raise FolderRefused(f"{folder} cannot be read: {why}") from error
        yield found


def _refuse_other(folder: Path) -> None:
    if any((folder / name).exists() for name in KIND.declared.disks):
        return
    others = (
        name for name, kind in ENGINES.items() if (folder / kind.declared.voters_file).exists()
    )
    other = next(others, None)
    if other is None:
        raise FolderRefused(
            f"{folder} is not the folder of a replica: give one like .kvrmi/replica1"
        )
    raise FolderRefused(
        f"{folder} is of engine {other}, and folders can be read of engine {KIND.declared.name} "
        "alone; start it, then EXPORT writes all pairs, and IMPORT puts them into another cluster"
    )


def _keep_replicas_out(folder: Path, stack: ExitStack) -> None:
    if stack.enter_context(pidlock.shared(folder / "lock")):
        return
    owner = pidlock.holder(folder / "lock")
    raise FolderRefused(
        f"{folder} is in use by process {owner or 'unknown'}: stop that replica first, "
        "or ask the running cluster (STATUS, EXPORT)"
    )


def _read(folder: Path, stack: ExitStack) -> Stopped:
    damage: list[str] = []

    def part(name: str, tables: Tables, take: Callable[[FrozenView], T]) -> T | None:
        if not (folder / name).exists():
            damage.append(f"{name} is missing")
            return None
        try:
            view = FrozenView(folder / name, tables)
            stack.callback(view.close)
            return take(view)
        except _UNREADABLE as error:
            damage.append(f"{name} is damaged: {error}")
            return None

    voter = part("acceptor.db", {**KIND.declared.tables("acceptor.db"), **IDENTITY}, _voter)
    learned = part("learner.db", KIND.declared.tables("learner.db"), _learned)
    if voter is not None and voter.identity.founding and not (folder / "learner.db").exists():
        damage.clear()  # what never ran has learned nothing yet
    return Stopped(folder, voter, learned, tuple(damage))


def _voter(view: FrozenView) -> Voted:
    identity, state = view.read("identity", "identity"), view.read("acceptor", "state")
    if identity is None:
        raise Corrupt("it does not record which replica it belongs to")
    accepted = {int(slot): read_accepted(data) for slot, data in view.scan("accepted")}
    votes = Votes(State() if state is None else State.unpack(state), accepted)
    return Voted(Identity.unpack(identity), votes, view.clean)


def _learned(view: FrozenView) -> Learned:
    sessions = sum(1 for _ in view.scan("sessions"))
    return Learned(Replicated.load(view, KIND.machine), view, sessions, view.clean)


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
