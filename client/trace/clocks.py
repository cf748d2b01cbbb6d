"""Brings the clocks of several replicas into line, and says how far that can be wrong.

Rules: how far two clocks can be apart follows from the answers to our questions and from the order
of the messages (what was sent came later); replicas of one machine share a clock. Half of what is
left open is the error. All is arithmetic: it reads no clock.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Mapping, Sequence
from itertools import product
from math import inf
from typing import TypeAlias

from .rings import Ring

__all__ = ["Clocks", "Pair"]

Pair: TypeAlias = tuple[int, float, int, float]
"""A message: sender, when it left by the clock there; receiver, when it came by the clock there."""
_Bounds: TypeAlias = dict[tuple[Hashable, Hashable], float]
"""Of two clocks: by how much the first's offset can exceed the second's at most."""
_OURS = "ours"


class Clocks:
    """The clocks of all replicas."""

    def __init__(self, rings: Mapping[int, Ring], pairs: Iterable[Pair]) -> None:
        """Find out what the rings' answers and the messages between them leave open."""
        groups = _groups(rings.values())
        self._of = {ring.replica: name for name, members in groups.items() for ring in members}
        asked = {name: _room(members) for name, members in groups.items()}
        self._bounds = _tightest(asked, self._messages(pairs))
        first = next(iter(groups), _OURS)
        base = self._middle(first, _OURS)
        self._offsets = {name: base + self._middle(name, first) for name in groups}

    def offset(self, replica: int) -> float:
        """Return what is to be added to a replica's clock for ours, in seconds."""
        return self._offsets[self._of[replica]]

    def error(self, one: int, other: int) -> float:
        """Return by how many seconds the order of two replicas' events can be wrong."""
        first, second = self._of[one], self._of[other]
        return (self._bounds[first, second] + self._bounds[second, first]) / 2

    def _middle(self, one: Hashable, other: Hashable) -> float:
        return (self._bounds[one, other] - self._bounds[other, one]) / 2

    def _messages(self, pairs: Iterable[Pair]) -> _Bounds:
        """Return what messages leave open: each came after it left."""
        found: defaultdict[tuple[Hashable, Hashable], float] = defaultdict(lambda: inf)
        for sender, left, to, came in pairs:
            link = self._of[sender], self._of[to]
            found[link] = min(found[link], came - left)
        return {link: most for link, most in found.items() if link[0] != link[1]}


def _groups(rings: Iterable[Ring]) -> dict[Hashable, list[Ring]]:
    """Put together who shares a clock: replicas at one host, unless their clocks deny it."""
    hosts: defaultdict[Hashable, list[Ring]] = defaultdict(list)
    for ring in rings:
        hosts[ring.host].append(ring)
    groups: dict[Hashable, list[Ring]] = {}
    for host, members in hosts.items():
        low, high = _room(members)
        if low <= high:
            groups[host] = members
        else:  # an address that leads to several machines
            groups |= {ring.replica: [ring] for ring in members}
    return groups


def _room(rings: Sequence[Ring]) -> tuple[float, float]:
    """Return between which offsets a clock that these share must be."""
    low = max(ring.asked - ring.now for ring in rings)
    return low, min(ring.answered - ring.now for ring in rings)


def _tightest(asked: Mapping[Hashable, tuple[float, float]], messages: _Bounds) -> _Bounds:
    """Combine all bounds, by shortest paths; without messages that contradict the answers."""
    names: Sequence[Hashable] = [_OURS, *asked]
    bounds: _Bounds = {(one, other): inf for one, other in product(names, names)}
    for name, (low, high) in asked.items():
        bounds[name, _OURS], bounds[_OURS, name] = high, -low
    for name in names:
        bounds[name, name] = 0.0
    both = bounds | {link: min(most, bounds[link]) for link, most in messages.items()}
    for found in (both, bounds):
        for by, one, other in product(names, names, names):
            way = found[one, by] + found[by, other]
            found[one, other] = min(found[one, other], way)
        if all(found[name, name] >= 0.0 for name in asked):
            return found
    return bounds  # a clock jumped
