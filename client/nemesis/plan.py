"""Which fault comes when: drawn from a seed, before anything is started.

Rule: the same seed, replicas and time give the same plan, on any machine. Kinds come out of a bag
that is filled anew when it is empty, so that each has its share in a short run too.
It does not know whether a fault can be carried out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

from .faults import SHAPES, Aim, Fault, Kind

__all__ = ["Step", "draw"]

PAUSE = (3.0, 5.0)
_ROLES = ("acceptor", "learner", "proposer")
"""Seconds between two faults."""
FILES = ("acceptor", "learner", "all")
DATABASES = ("acceptor", "learner")


class Step(NamedTuple):
    """A fault and when it comes, in seconds after the beginning."""

    at: float
    fault: Fault


Make = Callable[[random.Random, tuple[int, ...]], Fault]


def draw(seed: int, ids: Sequence[int], seconds: float) -> tuple[Step, ...]:
    """Draw the faults of a run of so many seconds."""
    draws = random.Random(f"nemesis {seed}")
    steps: list[Step] = []
    bag: list[Make] = []
    at = 1.0
    while at < seconds:
        if not bag:
            bag = [make for make, share in _SHARES for _ in range(share)]
            draws.shuffle(bag)
        order = tuple(draws.sample(list(ids), len(ids)))
        steps.append(Step(at, bag.pop()(draws, order)))
        at += draws.uniform(*PAUSE)
    return tuple(steps)


def _kill_leader(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.KILL, Aim.LEADER, 1, order)


def _kill_one(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.KILL, Aim.ANY, 1, order)


def _kill_two(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.KILL, draws.choice((Aim.LEADER, Aim.ANY)), 2, order)


def _kill_all(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.KILL_ALL, Aim.ANY, len(order), order)


def _stop_leader(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.STOP, Aim.LEADER, 1, order, draws.uniform(0.2, 5.0))


def _stop_followers(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.STOP, Aim.FOLLOWER, draws.choice((1, 2)), order, draws.uniform(0.2, 5.0))


def _fail_role(draws: random.Random, order: tuple[int, ...]) -> Fault:
    aim = draws.choice((Aim.LEADER, Aim.ANY))
    lasting = draws.uniform(0.2, 3.0)
    return Fault(Kind.ROLE, aim, draws.choice((1, 1, 2)), order, lasting, draws.choice(_ROLES))


def _hang_disk(draws: random.Random, order: tuple[int, ...]) -> Fault:
    aim = draws.choice((Aim.LEADER, Aim.LEADER, Aim.ANY))
    return Fault(Kind.HANG, aim, draws.choice((1, 1, 2)), order, draws.uniform(1.0, 6.0))


def _cut(shape: str, draws: random.Random, order: tuple[int, ...]) -> Fault:
    aim = draws.choice((Aim.LEADER, Aim.LEADER, Aim.ANY))
    lasting = draws.uniform(1.0, 5.0)
    side = draws.choice(("both", "sender", "receiver"))
    return Fault(Kind.CUT, aim, len(order), order, lasting, shape, side)


def _lose(kind: Kind, files: str, draws: random.Random, order: tuple[int, ...]) -> Fault:
    aim = draws.choice((Aim.LEADER, Aim.ANY))
    return Fault(kind, aim, draws.choice((1, 1, 2)), order, 0.0, files)


def _kill_coordinator(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.COORDINATOR, Aim.ANY, 0, order, draws.uniform(0.2, 3.0))


def _kill_names(draws: random.Random, order: tuple[int, ...]) -> Fault:
    return Fault(Kind.NAMES, Aim.ANY, 0, order)


_SHARES: tuple[tuple[Make, int], ...] = (
    (_kill_leader, 7),
    (_kill_one, 3),
    (_kill_two, 6),
    (_kill_all, 1),
    (_stop_leader, 2),
    (_stop_followers, 1),
    (_fail_role, 2),
    (_hang_disk, 2),
    *((partial(_cut, shape), 1) for shape in SHAPES),
    *((partial(_lose, Kind.WIPE, files), 1) for files in FILES),
    *((partial(_lose, Kind.DAMAGE, database), 1) for database in DATABASES),
    (_kill_coordinator, 1),
    (_kill_names, 1),
)
"""What a full bag holds: 38 faults with 32 or more kills of replicas."""
