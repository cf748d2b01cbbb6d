"""What operators can see of a replica's log: its blocks, and its chain computed anew from the disk.

Rules: nothing is changed; what may take long is done with no role's lock held. Values are
shortened: who wants them whole reads the store. It knows who has applied the log, and no Pyro.
"""

from __future__ import annotations

import contextlib
from collections import deque
from typing import Any, NamedTuple, Protocol

from kvrmi.operations.commands import decode_command
from kvrmi.operations.definition import Malformed
from kvrmi.operations.vocabulary import Vocabulary
from kvrmi.state.history import Found
from kvrmi.state.log import Blocks, Kept, Log, recomputed, stored_blocks, unpack_batch
from kvrmi.state.replicated import Replicated
from kvrmi.storage.interface import Corrupt, Snapshot, StorageFailed

from ..rolehost import RoleHost
from .served import CatchUpFailed

BLOCKS = 500
"""Most blocks in one answer."""
LINKS = 10_000
"""Most hashes in one answer, the newest."""
COMMANDS = 32
"""Most commands of a block that are shown."""
_SHOWN = 60
"""Characters, or bytes, of an argument."""
_ITEMS = 3
"""Items of an argument that is a list."""


class Applied(Protocol):
    """The role that has applied the log, and keeps it on a disk: of Multi-Paxos the learner."""

    @property
    def state(self) -> Replicated:
        """What came of it."""
        ...

    @property
    def log(self) -> Log:
        """Its end."""
        ...

    @property
    def applied(self) -> int:
        """Its last slot."""
        ...

    def snapshot(self) -> Snapshot:
        """Open a snapshot of what the disk holds; for one thread, which closes it."""
        ...


class _Found(NamedTuple):
    blocks: Blocks
    snapshot: Snapshot | None
    applied: int
    revision: int

    def kept(self) -> list[Kept]:
        """Read those that are not in memory. Raises Corrupt, StorageFailed."""
        if self.snapshot is None:
            return self.blocks.kept
        with contextlib.closing(self.snapshot):
            return [*stored_blocks(self.snapshot, self.blocks.older), *self.blocks.kept]


def blocks(host: RoleHost[Any], of: Vocabulary, first: int | None, most: int) -> dict[str, object]:
    """List at most so many blocks of the log from slot `first` on, None: the last ones.

    Commands are named as in the vocabulary `of`.
    `anchor` is the slot that they follow and the chain's hash there: it is not `first` - 1 where
    older blocks are not kept any more. Raises Fenced, and CatchUpFailed where the disk fails.
    """

    def find(it: Applied, _: float) -> _Found:
        start = it.applied + 1 - most if first is None else first
        found = it.log.blocks(start, most)
        return _Found(found, it.snapshot() if found.older else None, it.applied, it.state.revision)

    try:
        found = host.ask(find)
        blocks = found.kept()
    except (Corrupt, StorageFailed) as error:
        raise CatchUpFailed(f"the log on the disk cannot be read: {error}") from error
    before, anchor = found.blocks.before
    previous, listed = anchor, []
    for kept in blocks:
        listed.append(_block(kept, previous, of))
        previous = kept.hash
    return {
        "anchor": {"slot": before, "hash": anchor.hex()},
        "applied": found.applied,
        "revision": found.revision,
        "blocks": listed,
    }


def _block(kept: Kept, previous: bytes, of: Vocabulary) -> dict[str, object]:
    entry = kept.entry
    commands = unpack_batch(entry.value)
    return {
        "slot": entry.slot,
        "ballot": ballot_shown(entry.ballot),
        "acceptors": list(entry.acceptors),
        "revision": kept.revision,
        "previous": previous.hex(),
        "hash": kept.hash.hex(),
        "count": len(commands),
        "commands": [described(command, of) for command in commands[:COMMANDS]],
    }


def ballot_shown(ballot: tuple[int, int]) -> list[int] | None:
    """Show a ballot; None where nobody voted."""
    return list(ballot) if ballot[0] else None


def described(command: bytes, of: Vocabulary) -> dict[str, object]:
    """Take a command apart for people: operation, arguments, shortened, its id and size."""
    try:
        name, id, args = decode_command(command, of)
    except Malformed:
        return {"op": "malformed", "args": [], "id": [], "bytes": len(command)}
    return {
        "op": name,
        "args": [shortened(one) for one in args],
        "id": [part.hex() if isinstance(part, bytes) else part for part in id],
        "bytes": len(command),
    }


def shortened(argument: object) -> object:
    """Shorten an argument of a command or a question to what a line has room for."""
    if isinstance(argument, tuple):
        more = [f".. {len(argument)} in all"] * (len(argument) > _ITEMS)
        return [*map(shortened, argument[:_ITEMS]), *more]
    if isinstance(argument, bytes) and len(argument) > _SHOWN:
        return argument[:_SHOWN] + b".."
    if isinstance(argument, str) and len(argument) > _SHOWN:
        return argument[:_SHOWN] + ".."
    return argument


def why(host: RoleHost[Any], key: str) -> dict[str, object]:
    """Find the decision that gave a key its value; None where that is no longer on record.

    `since` is the oldest revision that is. Raises Fenced, and CatchUpFailed where the disk fails.
    """

    def find(it: Applied, _: float) -> dict[str, object]:
        state = it.state
        value = state.machine.held(key)
        found = next(state.history.before(key, state.revision), None)
        return {
            "there": value is not None,
            "value": shortened(value),
            "revision": state.revision,
            "since": state.history.since,
            "decision": None if found is None else _decision(found, it.log),
        }

    try:
        return host.ask(find)
    except (Corrupt, StorageFailed) as error:
        raise CatchUpFailed(f"the history on the disk cannot be read: {error}") from error


def _decision(found: Found, log: Log) -> dict[str, object]:
    block = found.block
    hash = log.hash_at(block.slot)
    return {
        "slot": block.slot,
        "ballot": ballot_shown(block.ballot),
        "acceptors": list(block.acceptors),
        "revision": found.revision,
        "id": [part.hex() if isinstance(part, bytes) else part for part in found.id],
        "previous": block.previous.hex(),
        "hash": None if hash is None else hash.hex(),
    }


def chain(host: RoleHost[Any]) -> dict[str, object]:
    """Compute the hash chain anew from all entries on its disk, after their anchor.

    `links` are the newest slots with their hashes, `entries` counts what was read; `damage` says
    what is wrong with the disk, or is None. Raises Fenced.
    """
    links: deque[tuple[int, bytes]] = deque(maxlen=LINKS)
    entries, damage = -1, None  # the anchor is none
    with contextlib.closing(host.ask(lambda it, _: it.snapshot())) as snapshot:
        try:
            for link in recomputed(snapshot):
                entries += 1
                links.append(link)
        except Corrupt as error:
            damage = str(error)
    return {
        "links": [[slot, hash.hex()] for slot, hash in links],
        "entries": entries,
        "damage": damage,
    }
