"""What can be done to a cluster, and to whom: a fault as planned, whoever will lead then.

Rule: who is hit depends on nothing but the fault, the leader and who is alive at that moment.
It does nothing itself.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from enum import StrEnum
from itertools import pairwise, permutations
from typing import NamedTuple

from kvrmi.cluster.quorum import spare

__all__ = ["SHAPES", "Aim", "Fault", "Kind", "Link", "links", "victims"]

Link = tuple[int, int]
"""Sender and receiver."""


class Kind(StrEnum):
    """What is done."""

    KILL = "kill"
    KILL_ALL = "kill all"
    STOP = "stop"
    ROLE = "fail role"
    CUT = "cut"
    HANG = "hang disk"
    WIPE = "wipe"
    DAMAGE = "damage"
    COORDINATOR = "kill coordinator"
    NAMES = "kill name server"


class Aim(StrEnum):
    """Who is hit first."""

    LEADER = "leader"
    ANY = "any"
    FOLLOWER = "follower"


class Fault(NamedTuple):
    """One fault as planned."""

    kind: Kind
    aim: Aim
    hits: int
    """How many replicas are hit."""
    order: tuple[int, ...]
    """All replicas, drawn: who is hit when the aim leaves a choice."""
    lasting: float = 0.0
    """Seconds until it is undone; where nothing has to be undone, 0."""
    detail: str = ""
    """The role, the shape of a cut, or which files are wiped or damaged."""
    side: str = "both"
    """Whose fault table holds a cut: the sender's, the receiver's, or both."""

    @property
    def name(self) -> str:
        """Name it shortly: figures are kept for each name."""
        if self.kind is Kind.CUT:
            return f"{self.kind} {self.detail}, {self.aim}"
        what = f"fail {self.detail}" if self.kind is Kind.ROLE else f"{self.kind}"
        return f"{what}, {self.aim}" if self.hits == 1 else what


def victims(fault: Fault, leader: int | None, alive: Collection[int]) -> tuple[int, ...]:
    """Choose whom a fault hits, of those alive; fewer than asked for when there are no more."""
    rest = [replica for replica in fault.order if replica in alive and replica != leader]
    leads = [leader] if leader is not None and leader in alive else []
    if fault.aim is Aim.LEADER:
        chosen = leads + rest
    elif fault.aim is Aim.FOLLOWER:
        chosen = rest
    else:
        chosen = [replica for replica in fault.order if replica in alive]
    return tuple(chosen[: fault.hits])


def _isolated(order: Sequence[int]) -> set[Link]:
    return _deaf(order) | _mute(order)


def _deaf(order: Sequence[int]) -> set[Link]:
    return {(other, order[0]) for other in order[1:]}


def _mute(order: Sequence[int]) -> set[Link]:
    return {(order[0], other) for other in order[1:]}


def _pair(order: Sequence[int]) -> set[Link]:
    return {(order[0], order[1]), (order[1], order[0])}


def _split(order: Sequence[int]) -> set[Link]:
    minority = set(order[: spare(len(order))])
    return {
        link for link in permutations(order, 2) if (link[0] in minority) != (link[1] in minority)
    }


def _star(order: Sequence[int]) -> set[Link]:
    """Quorum loss: all reach the second one only; the first, if it led, has no quorum."""
    return {link for link in permutations(order, 2) if order[1] not in link}


def _chain(order: Sequence[int]) -> set[Link]:
    """Each reaches its two neighbours only."""
    near = set(pairwise(order))
    return {link for link in permutations(order, 2) if link not in near and link[::-1] not in near}


_SHAPES = {
    "chain": _chain,
    "deaf": _deaf,
    "isolated": _isolated,
    "mute": _mute,
    "pair": _pair,
    "split": _split,
    "star": _star,
}

SHAPES = tuple(_SHAPES)
"""Shapes of a cut."""


def links(shape: str, order: Sequence[int]) -> frozenset[Link]:
    """List the links that a cut takes away; the first of `order` is hit first."""
    return frozenset(_SHAPES[shape](order))
