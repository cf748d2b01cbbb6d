"""What replicas have in their logs, for people: blocks a line each, and whether the chains agree.

Rules: it changes nothing; every line is of one replica, or says which. It needs the cluster file
and the secret, as orders do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from kvrmi.access.admins import Admins
from kvrmi.access.showing import HASH, anchored, block_table
from kvrmi.cluster.status import ClusterStatus
from kvrmi.errors import ConnectionFailed, InvalidRequest, KVError, Unsupported

__all__ = ["DIFFERENT", "Report", "chain", "log", "who_answers"]

DIFFERENT = 1
"""Exit status where chains differ, or a log is damaged."""
LAST = 20
"""Blocks that LOG shows if nobody says how many."""
_COLUMNS = ("slot", "ballot", "by", "revision", "previous", "hash", "operations")
_SECONDS = 20.0
"""For what reads a whole log from its disk."""


class Report(NamedTuple):
    """An answer: lines for people, fields of JSON, the exit status."""

    lines: Sequence[str]
    fields: dict[str, object]
    status: int = 0


def who_answers(status: ClusterStatus) -> int:
    """Choose the replica to ask: the leader, else one that is up. Raises ConnectionFailed."""
    up = [entry["id"] for entry in status["replicas"] if entry["state"] == "up"]
    if not up:
        raise ConnectionFailed("no replica answers; nothing was done")
    leader = status["leader"]
    return leader if leader in up else up[0]


def log(admins: Admins, replica: int, first: int | None, most: int | None) -> Report:
    """Show blocks of a replica's log: from slot `first` on, else the last ones."""
    found = admins.replica(replica, "log", first, most or LAST)
    anchor, blocks = found["anchor"], found["blocks"]
    lines = list(block_table(blocks, *_COLUMNS)) if blocks else ["no blocks"]
    if blocks and anchor["slot"] and (first is None or first <= anchor["slot"]):
        lines.insert(0, anchored(anchor))
    lines.append(f"replica {replica} has applied slot {found['applied']}")
    return Report(lines, {"op": "log", "replica": replica, **found})


class _Chain(NamedTuple):
    """The chain of one replica: the hash of each slot, or why there is none."""

    replica: int
    links: dict[int, str]
    entries: int
    problem: str | None
    silent: bool = False


def chain(admins: Admins, replicas: Sequence[int]) -> Report:
    """Have replicas compute their chains anew from their disks, and compare them."""
    found = [_ask(admins, replica) for replica in replicas]
    answered = [one for one in found if not one.silent]
    if not answered:
        raise ConnectionFailed(f"{found[0].problem}; nothing was done")
    whole = [one for one in answered if one.problem is None]
    lines, slot = [_about(one) for one in found], _first_difference(whole)
    if slot is not None:
        lines.append(f"slot {slot} is the first in which they differ: {_sides(whole, slot)}")
    elif len(whole) > 1:
        lines.append(_agreed(whole))
    sound = slot is None and len(whole) == len(answered)
    fields: dict[str, object] = {
        "op": "chain",
        "value": sound,
        "differ": slot,
        "replicas": [_fields(one) for one in found],
    }
    return Report(lines, fields, 0 if sound else DIFFERENT)


def _ask(admins: Admins, replica: int) -> _Chain:
    try:
        found = admins.replica(replica, "chain", timeout=_SECONDS)
    except (InvalidRequest, Unsupported):
        raise  # there is no such replica; no other has one either
    except KVError as error:
        return _Chain(replica, {}, 0, str(error), silent=True)
    return _Chain(replica, dict(map(tuple, found["links"])), found["entries"], found["damage"])


def _about(one: _Chain) -> str:
    if one.silent:
        return f"replica {one.replica}: not verified: {one.problem}"
    if one.problem is not None:
        return f"replica {one.replica}: the log on its disk is damaged: {one.problem}"
    last = max(one.links)
    slots = f"slots {last - one.entries + 1} to {last}" if one.entries else "no slot"
    return f"replica {one.replica}: {slots} verified on its disk, slot {last} has {one.links[last]}"


def _fields(one: _Chain) -> dict[str, object]:
    last = max(one.links, default=None)
    return {
        "id": one.replica,
        "verified": one.problem is None,
        "problem": one.problem,
        "entries": one.entries,
        "slot": last,
        "hash": None if last is None else one.links[last],
    }


def _first_difference(chains: Sequence[_Chain]) -> int | None:
    """Find the first slot for which two replicas that still have it have different hashes."""
    hashes: dict[int, set[str]] = {}
    for one in chains:
        for slot, hash in one.links.items():
            hashes.setdefault(slot, set()).add(hash)
    return min((slot for slot, different in hashes.items() if len(different) > 1), default=None)


def _sides(chains: Sequence[_Chain], slot: int) -> str:
    sides: dict[str, list[int]] = {}
    for one in chains:
        if slot in one.links:
            sides.setdefault(one.links[slot], []).append(one.replica)
    said = (f"replicas {', '.join(map(str, ids))} {h[:HASH]}" for h, ids in sides.items())
    return "; ".join(said)


def _agreed(chains: Sequence[_Chain]) -> str:
    common = set.intersection(*(set(one.links) for one in chains))
    if not common:
        return "they have no slot in common, so nothing was compared"
    return f"all {len(chains)} agree up to slot {max(common)}, the last that all have on disk"
