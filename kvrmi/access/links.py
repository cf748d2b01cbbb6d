"""Links between replicas, cut and healed at both ends or not at all; one direction, or both.

Rules: what is found impossible halfway is undone; what cannot be undone either is reported as
unknown, with where to look. A replica without a process has no cuts: it starts without any.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from ..errors import (
    ConnectionFailed,
    InvalidRequest,
    KVError,
    UnknownOutcome,
    Unsupported,
    was_refused,
)

if TYPE_CHECKING:
    from ..cluster.status import ReplicaEntry
    from .admins import Admins

__all__ = ["Pair", "cut", "described", "heal", "named"]

Pair = tuple[int, int]
"""Ids of a sender and a receiver."""


def cut(admins: Admins, one: int, other: int, *, both: bool = True) -> bool:
    """Stop all messages from one replica to another, or `both` ways, at both of them.

    False: they were stopped already. Raises a KVError: nothing was cut.
    """
    if one == other:
        raise InvalidRequest(f"replica {one} has no link to itself")
    made: dict[int, list[Pair]] = {one: [], other: []}
    try:
        for replica, pairs in made.items():
            for pair in _ways(one, other, both):
                if admins.replica(replica, "cut", *pair):
                    pairs.append(pair)
    except Unsupported:
        raise  # the first one says so, with nothing to undo
    except KVError as error:
        _undo(admins, "heal", made, error)
        raise type(error)(f"{error}; nothing was cut") from error
    return any(made.values())


def heal(admins: Admins, ends: Pair | None, *, both: bool = True) -> list[Pair]:
    """End the cuts and delays from one replica to another, `both` ways, or all; those that were.

    Raises a KVError: no cut was ended.
    """
    if ends is not None and ends[0] == ends[1]:
        raise InvalidRequest(f"replica {ends[0]} has no link to itself")
    ways = None if ends is None else _ways(*ends, both)
    found = {replica: _entry(admins, replica) for replica in ends or admins.ids}
    entries = {replica: entry for replica, entry in found.items() if entry is not None}
    if not entries:
        raise ConnectionFailed("no replica answers; nothing was healed")
    there = {replica: _among(ways, entry["cuts"]) for replica, entry in entries.items()}
    slow = {replica: _among(ways, entry.get("delays") or ()) for replica, entry in entries.items()}
    for replica, pairs in slow.items():
        for pair in pairs:
            admins.replica(replica, "slow", *pair, 0)
    healed: dict[int, list[Pair]] = {}
    try:
        for replica, pairs in there.items():
            for pair in pairs:
                admins.replica(replica, "heal", *pair)
                healed.setdefault(replica, []).append(pair)
    except KVError as error:
        _undo(admins, "cut", healed, error)
        raise type(error)(f"{error}; nothing was healed") from error
    return sorted({pair for pairs in (*there.values(), *slow.values()) for pair in pairs})


def named(pairs: Iterable[Pair]) -> str:
    """Write cuts for people: 1-3 where nothing passes either way, 1>3 where only 1 to 3 is cut."""
    cuts = set(pairs)
    both = [f"{a}-{b}" for a, b in sorted(cuts) if a < b and (b, a) in cuts]
    return ", ".join(both + [f"{a}>{b}" for a, b in sorted(cuts) if (b, a) not in cuts])


def described(pairs: Iterable[Pair], ids: Iterable[int]) -> str:
    """Write cuts by their shape: "partition {2,3} | {1,4,5}", "5 is deaf", else "cut: 1-3".

    A partition: of all `ids`, nothing passes between the sides, and within them all links are left.
    """
    cuts, known = set(pairs), set(ids)
    for one in known if len(known) > 2 else ():
        if cuts == {(other, one) for other in known - {one}}:
            return f"{one} is deaf: no message reaches it"
        if cuts == {(one, other) for other in known - {one}}:
            return f"{one} is mute: none of its messages arrives"
    sides = _sides(cuts, known)
    across = {(one, other) for a in sides for b in sides if a is not b for one in a for other in b}
    if len(sides) < 2 or across != cuts:
        return f"cut: {named(cuts)}"
    shown = sorted((len(side), sorted(side)) for side in sides)
    return "partition " + " | ".join(f"{{{','.join(map(str, side))}}}" for _, side in shown)


def _sides(cuts: set[Pair], ids: set[int]) -> list[set[int]]:
    """Part ids into those that reach each other, over others too."""
    sides: list[set[int]] = []
    left = set(ids)
    while left:
        side, new = set[int](), {min(left)}
        while new:
            side |= new
            near = {b for a in new for b in ids if not cuts & {(a, b), (b, a)}}
            new = near - side
        sides.append(side)
        left -= side
    return sides


def _ways(one: int, other: int, both: bool) -> tuple[Pair, ...]:
    return ((one, other), (other, one)) if both else ((one, other),)


def _entry(admins: Admins, replica: int) -> ReplicaEntry | None:
    """Ask a replica for its entry, which says what is cut and slow; None: no process listens."""
    try:
        entry: ReplicaEntry = admins.replica(replica, "status")
    except ConnectionFailed as error:
        if was_refused(error):
            return None
        raise ConnectionFailed(f"{error}; nothing was healed") from error
    if entry["cuts"] is None:
        raise Unsupported(
            f"engine {entry['engine']} has no links between replicas; nothing was done"
        )
    return entry


def _among(ways: tuple[Pair, ...] | None, found: Iterable[Sequence[float]] | None) -> list[Pair]:
    """Take the pairs of what is cut or slow, those of `ways` or all."""
    pairs = [(int(one[0]), int(one[1])) for one in found or ()]
    return [pair for pair in pairs if ways is None or pair in ways]


def _undo(admins: Admins, method: str, done: dict[int, list[Pair]], cause: KVError) -> None:
    left = []
    for replica, pairs in done.items():
        for pair in pairs:
            with contextlib.suppress(KVError):
                admins.replica(replica, method, *pair)
                continue
            left.append(replica)
    if left:
        raise UnknownOutcome(
            f"{cause}; replica {left[0]} does not answer either, so half of it is done: "
            "STATUS shows the cuts"
        ) from cause
